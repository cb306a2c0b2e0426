//! What jetfit reaches on tasks with a known answer: trains the jobs that ship and prints a Markdown table.
//! `benches/accuracy.sh` puts it into `benches/RESULTS.md`. Names on the command line choose some of the tasks.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use jetfit::job::{Job, Overrides};
use jetfit::run::results::{RelativeError, Summary};
use jetfit::run::{Mode, run};

/// A task of the table.
struct Task {
    name: &'static str,
    /// Under `examples/jobs/`.
    job: &'static str,
    /// What others have reached.
    reference: &'static str,
    /// What is measured, and what it is to reach.
    bars: &'static [(Measure, f64)],
}

enum Measure {
    /// The relative L2 error of an entry, on the grid of the predictions.
    Error(&'static str),
    /// The root mean square error over the deviation of u, of the task's function.
    OverDeviation,
    /// The relative error of exp of a coefficient.
    Exponential(&'static str, f64),
}

use Measure::{Error as Relative, Exponential, OverDeviation};

const TASKS: &[Task] = &[
    Task {
        name: "Poisson 2-D",
        job: "poisson_2d/precise",
        reference: "1.3e-8 in 19 s, natural gradient in JAX",
        bars: &[(Relative("u"), 1e-8)],
    },
    Task {
        name: "Poisson 1-D",
        job: "poisson_1d/precise",
        reference: "2e-4 to 1e-2 in 10 s, a Python library's defaults",
        bars: &[(Relative("u"), 1e-8)],
    },
    Task { name: "Diffusion", job: "diffusion/precise", reference: "3e-3", bars: &[(Relative("u"), 1e-7)] },
    Task {
        name: "Helmholtz",
        job: "helmholtz/precise",
        reference: "1.1e-2, hard boundary",
        bars: &[(Relative("u"), 1e-5)],
    },
    Task {
        name: "Convection",
        job: "convection/job",
        reference: "1.94e-3, Rathore et al. 2024",
        bars: &[(Relative("u"), 1e-4)],
    },
    Task {
        name: "Reaction",
        job: "reaction/job",
        reference: "9.92e-3, Rathore et al. 2024",
        bars: &[(Relative("u"), 1e-5)],
    },
    Task { name: "Wave", job: "wave/job", reference: "1.27e-2, Rathore et al. 2024", bars: &[(Relative("u"), 1e-4)] },
    Task {
        name: "Poisson 5-D",
        job: "poisson_5d/precise",
        reference: "4.67e-4, PINNacle",
        bars: &[(Relative("u"), 1e-6)],
    },
    Task { name: "Beam", job: "beam/job", reference: "", bars: &[(Relative("w"), 1e-8)] },
    Task {
        name: "Vibrating beam",
        job: "beam_vibration/job",
        reference: "1.9e-7, best published",
        bars: &[(Relative("w"), 1e-7)],
    },
    Task { name: "Clamped plate", job: "clamped_plate/job", reference: "", bars: &[(Relative("u"), 1e-7)] },
    Task { name: "KdV, soliton", job: "kdv/job", reference: "", bars: &[(Relative("u"), 1e-6)] },
    Task {
        name: "Burgers, inverse",
        job: "burgers_inverse/precise",
        reference: "",
        bars: &[(Exponential("log_nu", 0.01 / std::f64::consts::PI), 1e-2)],
    },
    Task {
        name: "Sine, values alone",
        job: "sine/precise",
        reference: "7.5e-3, 3.1e-2, 1.1e-1, Adam",
        bars: &[(Relative("y"), 1e-6), (Relative("dy_dx"), 1e-5), (Relative("d2y_dx2"), 1e-3)],
    },
    Task {
        name: "Styblinski–Tang, 20 samples, Hessian diagonal",
        job: "styblinski_tang/job",
        reference: "0.18",
        bars: &[(OverDeviation, 0.1)],
    },
    Task {
        name: "Styblinski–Tang, 100 samples, first derivatives",
        job: "styblinski_tang/precise",
        reference: "0.005",
        bars: &[(OverDeviation, 1e-3)],
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds --bench.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_chosen = |task: &&Task| chosen.is_empty() || chosen.iter().any(|name| task.job.contains(name));
    let mut out = std::io::stdout();
    writeln!(out, "| task | job | stages | seconds | reached | asked | reference |\n|---|---|---|---|---|---|---|")?;
    for task in TASKS.iter().filter(is_chosen) {
        let summary = train(task.job)?;
        let stages = summary.stages.iter().map(|stage| format!("{} {}", stage.optimizer, stage.steps));
        let (stages, seconds) = (stages.collect::<Vec<_>>().join(", "), summary.seconds);
        let reached = task.bars.iter().map(|(measure, bar)| {
            let reached = measure.of(&summary);
            let missed = if reached <= *bar { "" } else { " (missed)" };
            format!("{reached:.1e}{missed}")
        });
        let asked = task.bars.iter().map(|(_, bar)| format!("{bar:.0e}"));
        let (reached, asked) = (reached.collect::<Vec<_>>().join(", "), asked.collect::<Vec<_>>().join(", "));
        let Task { name, job, reference, .. } = task;
        writeln!(out, "| {name} | {job} | {stages} | {seconds:.1} | {reached} | {asked} | {reference} |")?;
        out.flush()?;
    }
    Ok(())
}

fn train(job: &str) -> Result<Summary, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = Some(root.join("target/accuracy").join(job));
    let overrides = Overrides { directory, ..Overrides::default() };
    let job = Job::read(root.join("examples/jobs").join(format!("{job}.toml")), &overrides)?;
    Ok(run(&job, Mode::Replace, &mut (), &false.into())?)
}

impl Measure {
    fn of(&self, summary: &Summary) -> f64 {
        let error = |list: &[RelativeError], name: &str| {
            list.iter().find(|error| error.name == name).map_or(f64::NAN, |error| error.value)
        };
        match self {
            Measure::Error(entry) => error(&summary.relative_errors, entry),
            Measure::OverDeviation => error(&summary.relative_errors, "u") * styblinski_tang_over_deviation(),
            Measure::Exponential(name, truth) => {
                let found = summary.coefficients.iter().find(|coefficient| coefficient.name == *name);
                found.map_or(f64::NAN, |found| (found.value.exp() / truth - 1.0).abs())
            }
        }
    }
}

/// The root mean square of the function over its deviation, on the 64 × 64 points of its jobs.
fn styblinski_tang_over_deviation() -> f64 {
    let of = |x: f64| (x.powi(4) - 16.0 * x * x + 5.0 * x) / 2.0;
    let axis: Vec<f64> = (0..64).map(|k| of(-5.0 + 10.0 * f64::from(k) / 63.0)).collect();
    let values: Vec<f64> = axis.iter().flat_map(|a| axis.iter().map(move |b| a + b)).collect();
    let mean = |f: &dyn Fn(f64) -> f64| values.iter().map(|u| f(*u)).sum::<f64>() / values.len() as f64;
    let (first, second) = (mean(&|u| u), mean(&|u| u * u));
    (second / (second - first * first)).sqrt()
}
