//! `jetfit check`: the certificate of a trained network on a device: its derivatives, and its job's terms.

use std::path::{Path, PathBuf};

use crate::certificate::{
    BetweenFinding, Certificate, Finding, Strictness, TermFinding, WORST_OVER_NORM, at, between, certify, thin,
};
use crate::device;
use crate::error::{Error, Result, point};
use crate::jet::{Derivative, Seconds};
use crate::job::{Job, Overrides};
use crate::network::{Model, model_path};
use crate::numbers::Precision;
use crate::problem::{Problem, TermSet};
use crate::run::directory::RunDir;
use crate::run::domain_of;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::dialect::DialectFlags;
use super::predict::precision;
use super::table::table;
use super::{Format, print};

/// Check the derivatives of a trained network, and the terms of its loss, on a device
///
/// Compares the derivatives on the device with derivatives in f64 on the CPU, and both with
/// extrapolated finite differences of values as an independent check. For a run directory, it also
/// compares the value and gradient of each loss term at its points with the CPU in f64, and checks
/// that equations hold between their training points. Exits with code 3 if a tolerance is missed.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit check runs/sine
  jetfit check runs/beam --order 4
  jetfit check model.safetensors --points points.csv --second full --format json")]
pub struct Arguments {
    /// A model.safetensors file or a run directory
    #[arg(value_name = "MODEL|RUN_DIR")]
    model: PathBuf,

    /// Table with a column for each input; only derivatives are then checked [default: the run's
    /// validation rows and the points of its terms]
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,

    #[command(flatten)]
    dialect: DialectFlags,

    /// Maximum points per set; larger sets are sampled evenly
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = at_least_1())]
    max_points: usize,

    /// Highest order of derivatives, 0 to 4; those that the run's terms read are checked too [default: 2, or that of the
    /// run's predictions if it is higher]
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=Derivative::MOST as i64))]
    order: Option<u8>,

    /// Derivatives from the second order on: one per input, or all including mixed ones
    #[arg(long, default_value = "diagonal", value_parser = diagonal_or_full())]
    second: Seconds,

    /// Device: auto, cpu, gpu, or part of an adapter's name
    #[arg(long, default_value = "auto")]
    device: String,

    /// Floating-point format; f64 runs on the CPU [default: the model's]
    #[arg(long, value_parser = precision())]
    precision: Option<Precision>,

    /// CPU threads; 0 uses all processors
    #[arg(long, default_value_t = 0)]
    threads: usize,

    /// Normwise tolerance against f64 [default: 1e-5 in f32, 1e-12 in f64]
    #[arg(long, value_parser = positive)]
    tolerance: Option<f64>,

    /// Also warn about minor problems, such as a model without a checksum
    #[arg(long, short)]
    verbose: bool,

    /// Output format on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn at_least_1() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u32).range(1..).map(|count| count as usize)
}

fn diagonal_or_full() -> impl TypedValueParser<Value = Seconds> {
    let full = |name: String| if name == "full" { Seconds::Full } else { Seconds::Diagonal };
    PossibleValuesParser::new(["diagonal", "full"]).map(full)
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a positive number, for example 1e-5".to_string()),
    }
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    super::start_threads(arguments.threads)?;
    let model = Model::read(model_path(&arguments.model)?)?;
    if arguments.verbose {
        super::name_unverified(&arguments.model)?;
    }
    let posed = arguments.model.is_dir().then(|| problem_of(&model, &arguments.model)).transpose()?;
    let (problem, predicted) = posed.map_or((None, 0), |(problem, order)| (Some(problem), order));
    let Subject { points, mut source, mut sets } = match &arguments.points {
        Some(file) => from_file(&arguments, &model, file)?,
        None => from_run(problem.as_ref(), &arguments.model)?,
    };
    for TermSet { points, .. } in &mut sets {
        *points = points.select(&thin(points.points(), arguments.max_points));
    }
    let count = points[0].len();
    let kept = thin(count, arguments.max_points);
    if kept.len() < count {
        source = format!("{} of {count} {source}, evenly spaced", kept.len());
    } else {
        source = format!("{count} {source}");
    }
    let precision = arguments.precision.unwrap_or(model.precision);
    let strictness = Strictness {
        order: arguments.order.map_or(predicted.max(2), usize::from),
        seconds: arguments.second,
        precision,
        tolerance: arguments.tolerance,
        threads: arguments.threads,
    };
    let mut backend = device::open(&arguments.device, precision, arguments.threads, &model)?;
    let points = at(&points, &kept);
    let own = arguments.points.is_some().then_some(&points[..]);
    let between = problem.map_or(Ok(vec![]), |problem| between(&problem, own, backend.as_mut()))?;
    let certificate = certify(&model, &points, &sets, backend.as_mut(), &strictness)?.with_between(between);
    print(&match arguments.format {
        Format::Json => {
            let mut value = json!(certificate);
            value["model"] = json!(arguments.model.display().to_string());
            value["source"] = json!(source);
            value.to_string()
        }
        Format::Human => for_people(&certificate, &model, &arguments.model, &source),
    })?;
    certificate.verdict()
}

/// What is certified.
struct Subject {
    /// Where jets are (D, B).
    points: Vec<Vec<f64>>,
    /// What these points are.
    source: String,
    /// The job's points with the terms on them.
    sets: Vec<TermSet>,
}

/// All points of a file.
fn from_file(arguments: &Arguments, model: &Model, file: &Path) -> Result<Subject> {
    let mut reader = arguments.dialect.open(file, &arguments.model, &model.inputs)?;
    let (mut points, mut source) = (reader.read_rows()?, format!("rows of {}", file.display()));
    if let Some(domain) = domain_of(&arguments.model)? {
        let are_in = domain.contains(&points);
        let kept: Vec<usize> = (0..are_in.len()).filter(|row| are_in[*row]).collect();
        if kept.is_empty() {
            return Err(Error::input(
                file.display(),
                "all points lie outside the domain of the run",
                "give points in it",
            ));
        }
        if kept.len() < are_in.len() {
            source = format!("{source} ({} outside the domain are left out)", are_in.len() - kept.len());
        }
        points = at(&points, &kept);
    }
    Ok(Subject { points, source, sets: vec![] })
}

/// What the job of a run poses, and the order of its predictions.
fn problem_of(model: &Model, path: &Path) -> Result<(Problem, usize)> {
    let job = Job::read(RunDir::open(path)?.job(), &Overrides::default())?;
    let coefficients = job.coefficients.iter().map(|(name, _)| name);
    if (&job.inputs, &job.outputs) != (&model.inputs, &model.outputs) || !coefficients.eq(&model.coefficients) {
        let problem = "the run's job.toml and model have different inputs, outputs or coefficients";
        return Err(Error::input(path.display(), problem, "restore job.toml, or train again"));
    }
    Ok((Problem::read(&job)?, job.predictions.order))
}

/// The rows that judged the run, or those it was trained on where none did; and all its terms.
fn from_run(problem: Option<&Problem>, path: &Path) -> Result<Subject> {
    let Some(problem) = problem else {
        let problem = "a model file alone has no points to check it at";
        return Err(Error::input(path.display(), problem, "add --points FILE, or give the directory of a run"));
    };
    let TermSet { points, loss, .. } = &problem.sets[0];
    let (points, source) = match (problem.validation(), &problem.data) {
        (Some(set), _) => (set, "validation rows of the run".to_string()),
        (None, Some(_)) => (points, "training rows of the run (it has no validation rows)".to_string()),
        (None, None) => (points, format!("points of the run's term {:?}", loss.terms[0].name)),
    };
    Ok(Subject { points: points.inputs.clone(), source, sets: problem.sets.clone() })
}

fn for_people(certificate: &Certificate, model: &Model, path: &Path, source: &str) -> String {
    let row = |finding: &Finding| {
        vec![
            finding.entry.clone(),
            finding.comparison.to_string(),
            format!("{:.1e}", finding.normwise),
            format!("{:.1e}", finding.worst),
            format!("{:.0e}", finding.tolerance),
            if finding.unresolved { "open".to_string() } else { verdict(finding.passed) },
            point(&model.inputs, &finding.worst_at),
        ]
    };
    let rows: Vec<_> = certificate.findings.iter().map(row).collect();
    let heading = ["entry", "difference", "normwise", "worst", "tolerance", "", "worst at"];
    let mut lines = vec![
        format!("Derivative certificate of {}", path.display()),
        format!("  device: {}", certificate.device),
        format!("  points: {source}"),
    ];
    lines.extend(certificate.judges.iter().map(|what| format!("  checks {what}")));
    lines.push(format!("  does not check {}", certificate.judges_not));
    if (1..certificate.points).contains(&certificate.differenced) {
        lines.push(format!("  differences: at {} of these points, evenly spaced", certificate.differenced));
    }
    lines.extend(certificate.skipped.iter().map(|reason| format!("  skipped: {reason}")));
    lines.extend([String::new(), table(&heading, &rows), String::new()]);
    lines.push(format!(
        "  normwise: relative RMS error; worst: largest error relative to the largest value, may be {WORST_OVER_NORM} \
         times the tolerance"
    ));
    if !certificate.terms.is_empty() {
        lines.extend([String::new(), terms(&certificate.terms), String::new()]);
        lines.push(
            "  device - cpu f64, RMS, relative to the parts: the sum of the sizes of a residual's parts before they \
             cancel"
                .to_string(),
        );
    }
    if !certificate.between.is_empty() {
        lines.extend([String::new(), between_points(&certificate.between), String::new()]);
        lines.push(
            "  mean square of each term, divided by its scale, at its training points and at new points between them"
                .to_string(),
        );
    }
    let (all, missed) = certificate.missed();
    lines.extend(certificate.unresolved.iter().map(|why| format!("  {why}")));
    let open = certificate.unresolved.len();
    lines.push(match (missed.len(), open) {
        (0, 0) if certificate.between.iter().any(|finding| !finding.passed) => {
            format!(
                "  the derivatives passed all {all} comparisons, but the equations do not hold between their points:"
            )
        }
        (0, 0) => format!("  passed: all {all} comparisons"),
        (0, open) => format!("  passed: {} of {all} comparisons; {open} could not be decided", all - open),
        (missed, _) => format!("  failed: {missed} of {all} comparisons"),
    });
    lines.extend(
        certificate.between.iter().filter(|finding| !finding.passed).map(|finding| format!("  failed: {finding}")),
    );
    lines.join("\n")
}

/// A row for each.
pub fn terms(findings: &[TermFinding]) -> String {
    let row = |finding: &TermFinding| {
        vec![
            finding.term.clone(),
            finding.points.to_string(),
            format!("{:.1e}", finding.residual),
            format!("{:.1e}", finding.parts),
            format!("{:.1e}", finding.value),
            finding.gradient.map_or("-".to_string(), |gradient| format!("{gradient:.1e}")),
            format!("{:.0e}", finding.tolerance),
            verdict(finding.passed),
        ]
    };
    let rows: Vec<_> = findings.iter().map(row).collect();
    table(&["term", "points", "residual", "parts", "difference", "gradient", "tolerance", ""], &rows)
}

fn between_points(findings: &[BetweenFinding]) -> String {
    let row = |finding: &BetweenFinding| {
        let numbers = [finding.own, finding.fresh].map(|square| format!("{square:.1e}"));
        [vec![finding.term.clone()], numbers.into(), vec![verdict(finding.passed)]].concat()
    };
    table(&["term", "at its points", "between them", ""], &findings.iter().map(row).collect::<Vec<_>>())
}

fn verdict(passed: bool) -> String {
    if passed { "ok" } else { "MISSED" }.to_string()
}
