//! Gauss–Newton: what it reaches on the examples, resuming, and what it refuses.

use std::path::Path;

use crate::runs::{Place, example, train_with_stops};
use crate::support::{random_loss, random_model};
use jetfit::backend::Batch;
use jetfit::cpu;
use jetfit::jet::{Activation, JetLayout};
use jetfit::job::{Job, Overrides, TermPoints};
use jetfit::numbers::Precision;
use jetfit::optimizer::{GaussNewton, GaussNewtonSettings, Iteration, Memory, Optimizer, Step};
use jetfit::run::results::Summary;
use jetfit::run::{Mode, run};

fn job(name: &str, directory: &Path, steps: Option<u64>, threads: usize) -> Job {
    let directory = Some(directory.join("run"));
    let overrides = Overrides { directory, steps, threads: Some(threads), ..Overrides::default() };
    Job::read(example(&format!("{name}.toml")), &overrides).unwrap()
}

fn error_of_u(summary: &Summary) -> f64 {
    summary.relative_errors.iter().find(|error| error.name == "u").unwrap().value
}

#[test]
fn equations_are_solved_to_many_digits() {
    // Measured: 4.5e-10 and 2.5e-9; after a quarter of the steps of diffusion 1e-6, and of poisson_5d 4.4e-6.
    for (name, steps, bar) in [
        ("poisson_1d/precise", None, 1e-8),
        ("poisson_2d/precise", None, 1e-8),
        ("diffusion/precise", Some(25), 1e-4),
        ("poisson_5d/precise", Some(50), 1e-4),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let summary = run(&job(name, directory.path(), steps, 0), Mode::New, &mut (), &false.into()).unwrap();
        assert!(error_of_u(&summary) < bar, "{name}: {:e}", error_of_u(&summary));
        assert!(summary.device.contains("f64"), "{}", summary.device);
    }
}

#[test]
fn waves_and_fronts_are_solved() {
    // Measured with so few points and steps: 8.7e-5, 2.2e-3, 7.3e-2 and 3.1e-2; where a wave is missed, about 1.
    for (name, count, steps, bar) in [
        ("helmholtz/precise", 700, 25, 2e-3),
        ("reaction/job", 1000, 30, 2e-2),
        ("wave/job", 700, 120, 0.3),
        ("convection/job", 1500, 60, 0.3),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut job = job(name, directory.path(), Some(steps), 0);
        let TermPoints::Sampled(points) = &mut job.terms[0].points else { panic!("{:?}", job.terms[0]) };
        points.count = count;
        let summary = run(&job, Mode::New, &mut (), &false.into()).unwrap();
        assert!(error_of_u(&summary) < bar, "{name}: {:e}", error_of_u(&summary));
    }
}

#[test]
fn a_stopped_run_resumes_to_the_same_bits_on_any_number_of_threads() {
    let trained = |threads: usize, stops: &[u64]| {
        let directory = tempfile::tempdir().unwrap();
        let mut job = job("poisson_1d/precise", directory.path(), Some(40), threads);
        job.stages[0].report_every = 5;
        assert_eq!(train_with_stops(&job, stops).steps, 40);
        std::fs::read(job.output.join("model.safetensors")).unwrap()
    };
    let whole = trained(1, &[]);
    assert!(whole == trained(3, &[]) && whole == trained(2, &[5, 30]));
}

#[test]
fn without_memory_it_goes_the_same_way_in_more_time() {
    let trained = |threads: usize, stops: &[u64]| {
        let directory = tempfile::tempdir().unwrap();
        let mut job = job("poisson_1d/precise", directory.path(), Some(60), threads);
        (job.stages[0].optimizer.memory, job.stages[0].report_every) = (0.0, 5);
        let summary = train_with_stops(&job, stops);
        (error_of_u(&summary), std::fs::read(job.output.join("model.safetensors")).unwrap())
    };
    // Measured: 7.9e-6; with the Jacobian 2.8e-7.
    let whole = trained(1, &[]);
    assert!(whole.0 < 1e-4, "{:e}", whole.0);
    assert!(whole == trained(3, &[]) && whole == trained(2, &[5, 30]));
}

#[test]
fn an_iteration_that_is_given_up_leaves_everything_as_it_was() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(1), 10, 29);
    let size = (10 * loss.terms.len(), model.parameters.len());
    let weights: Vec<f64> = loss.terms.iter().map(|term| term.weight).collect();
    for memory in [1e9, 0.0] {
        let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
        let batches = [Batch { set: cpu.load(&set, &loss).unwrap(), start: 0, count: 10 }];
        let settings = GaussNewtonSettings { damping: 1e-2, memory };
        let mut newton = GaussNewton::new(settings, size, 1, Memory::Nothing).unwrap();
        let step = |is_over: bool| Step {
            number: 1,
            of_stage: 1,
            batches: &batches,
            weights: &weights,
            is_changed: false,
            is_reported: true,
            is_over: if is_over { &|| true } else { &|| false },
        };
        assert_eq!(newton.iterate(&mut *cpu, &step(true)).unwrap(), Iteration::Interrupted);
        assert_eq!(cpu.parameters().unwrap(), model.parameters);
        // A checkpoint that is written now has nothing to hold.
        assert_eq!(newton.memory(&mut *cpu).unwrap(), Memory::Nothing);
        assert!(matches!(newton.iterate(&mut *cpu, &step(false)).unwrap(), Iteration::Moved(Some(_))));
        let Memory::GaussNewton(damping) = newton.memory(&mut *cpu).unwrap() else { panic!("nothing is remembered") };
        assert_eq!(damping.scales.len(), size.1);
    }
}

const NEWTON: &str = "[optimizer]\nname = \"gauss-newton\"\n";

#[test]
fn data_are_fitted_and_a_fit_that_cannot_improve_ends() {
    // The kernel form: fewer residuals than parameters, which goes through every point, noise and all.
    let place = Place::new(&format!("{NEWTON}[training]\nsteps = 300\n"));
    // With rows that judge, the best of its networks would be kept, which is none that goes through noise.
    let job = place.text("job.toml").replace("hidden = [9]", "hidden = [24, 24]");
    place.write("job.toml", job.replace("validation_fraction = 0.25", "validation_fraction = 0"));
    let report = place.report("job.toml", &[]);
    assert!(report["losses"]["training"].as_f64().unwrap() < 1e-12, "{report}");
    assert_eq!(report["stop"], "no_descent");
    assert!(place.text("run/metrics.csv").starts_with("step,seconds,damping,gradient_norm,loss"));
    let linear = Place::new(&format!("{NEWTON}[training]\nsteps = 5000\n"));
    let job = linear.text("job.toml").replace("hidden = [9]", "hidden = []");
    linear.write("job.toml", job);
    assert_eq!(linear.report("job.toml", &[])["stop"], "no_descent");
}

#[test]
fn what_makes_no_sense_with_it_is_refused() {
    for (more, part) in [
        (format!("{NEWTON}learning_rate = 1e-3\n"), "optimizer.learning_rate: this key has no effect here"),
        (format!("{NEWTON}[schedule]\nshape = \"constant\"\n"), "schedule: this section has no effect"),
        (format!("{NEWTON}[training]\nbatch_size = 7\n"), "training.batch_size: this key has no effect here"),
        (format!("{NEWTON}[device]\nname = \"gpu\"\n"), "gauss-newton runs only on the CPU"),
        ("[optimizer]\ndamping = 1\n".to_string(), "optimizer.damping: this key has no effect here"),
        (format!("{NEWTON}damping = 0\n"), "optimizer.damping"),
        (format!("{NEWTON}memory = -1\n"), "optimizer.memory"),
        ("[optimizer]\nmemory = 1\n".to_string(), "optimizer.memory: this key has no effect here"),
    ] {
        let place = Place::new(&more);
        let error = Job::read(place.path("job.toml"), &Overrides::default()).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains(part), "{error}\nlacks {part}");
    }
}
