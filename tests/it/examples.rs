//! The equations that ship as examples, through the library; and a run of one that is stopped between two
//! refinements of its points.

use std::path::Path;

use crate::runs::train_with_stops;
use jetfit::job::{Job, Overrides};
use jetfit::run::results::Summary;
use jetfit::run::{Mode, run};

/// The job of an example, `NAME`, or another file of it, `NAME/FILE`.
fn job(name: &str, directory: &Path, steps: Option<u64>) -> Job {
    let name = if name.contains('/') { name.to_string() } else { format!("{name}/job") };
    let file = format!("{}/examples/jobs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let overrides =
        Overrides { directory: Some(directory.join("run")), device: Some("cpu".into()), steps, ..Overrides::default() };
    Job::read(file, &overrides).unwrap()
}

/// Trains an example and gives its report.
fn train(name: &str, steps: Option<u64>) -> Summary {
    let directory = tempfile::tempdir().unwrap();
    let job = job(name, directory.path(), steps);
    let summary = run(&job, Mode::New, &mut (), &false.into()).unwrap();
    for file in ["predictions.csv", "fit.png", "loss.png", "model.safetensors"] {
        assert!(job.output.join(file).is_file(), "{name}: {file}");
    }
    assert_eq!(job.output.join("map.png").is_file(), job.inputs.len() > 1, "{name}");
    summary
}

fn error(summary: &Summary, entry: &str) -> f64 {
    summary.relative_errors.iter().find(|error| error.name == entry).unwrap().value
}

#[test]
fn poisson_1d_reaches_its_bar() {
    // Measured: 1.5e-5.
    assert!(error(&train("poisson_1d", None), "u") < 1e-3);
}

#[test]
fn diffusion_reaches_its_bar() {
    // Measured: 4.2e-4.
    assert!(error(&train("diffusion", None), "u") < 1e-3);
}

#[test]
fn equations_keep_to_their_domains() {
    // A third of their steps; the bars are far above what was measured.
    for (name, steps, bar) in [("holes", 30, 1e-2), ("star", 20, 1e-2)] {
        let error = error(&train(name, Some(steps)), "u");
        assert!(error < bar, "{name}: {error:e}");
    }
}

#[test]
fn twenty_samples_with_hessians_reach_their_bar() {
    // Of the root mean square over the standard deviation, 1.0042 times this. Measured: 0.136, and no less
    // after all steps.
    assert!(error(&train("styblinski_tang", Some(1000)), "u") < 0.17);
}

#[test]
fn shorter_runs_of_the_others_come_near() {
    // Each with a third of its steps or less; the bars are about three times what was measured then.
    let cases = [
        ("poisson_2d", 3000, 1e-2),
        ("poisson_2d/hard", 1000, 3e-3),
        ("disc", 3000, 1.5e-2),
        ("system", 3000, 1e-2),
        ("poisson_5d", 300, 0.3),
        ("helmholtz", 1500, 0.1),
        ("styblinski_tang/hundred", 3000, 1e-2),
    ];
    for (name, steps, bar) in cases {
        let error = error(&train(name, Some(steps)), "u");
        assert!(error < bar, "{name}: {error:e}");
    }
}

#[test]
fn a_coefficient_moves_towards_the_truth() {
    let summary = train("burgers_inverse", Some(2000));
    let log_nu = &summary.coefficients[0];
    // It starts at -4; after all steps it is -5.71, where the truth is -5.75.
    assert!(log_nu.name == "log_nu" && log_nu.value < -5.0, "{log_nu:?}");
}

#[test]
fn a_refined_run_resumes_to_the_same_bits() {
    let trained = |stops: &[u64]| {
        let directory = tempfile::tempdir().unwrap();
        let mut job = job("burgers", directory.path(), Some(300));
        job.stages[0].report_every = 20;
        for term in &mut job.terms {
            if let jetfit::job::TermPoints::Sampled(points) = &mut term.points
                && points.resample_every > 0
            {
                (points.count, points.resample_every) = (200, 100);
            }
        }
        let summary = train_with_stops(&job, stops);
        assert_eq!(summary.steps, 300);
        std::fs::read(job.output.join("model.safetensors")).unwrap()
    };
    // Before, in the middle of and at the start of a round.
    assert!(trained(&[]) == trained(&[60, 140, 200]));
}
