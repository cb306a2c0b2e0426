//! `jetfit predict`: a trained network's value and derivatives at the points of a CSV file.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use crate::data::TableReader;
use crate::error::{Error, Result};
use crate::jet::{Derivative, JetLayout, Seconds};
use crate::network::Model;
use crate::network::definitions::Definitions;
use crate::numbers::Precision;
use crate::predict::{Predictions, Source};
use crate::run::networks::Networks;
use crate::{files, job};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::dialect::DialectFlags;
use super::progress::Progress;
use super::signals::Signals;
use super::{Display, Format};

/// Evaluate a trained network and its derivatives at the points of a CSV file
///
/// Points are streamed, so memory use does not grow with the number of rows. The result has the
/// columns of the inputs, then the value and derivatives of each output, all in your units, with the
/// rows in the order of the points.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit predict runs/sine --points points.csv --out jets.csv
  jetfit predict model.safetensors --points points.csv --order 1 | head
  jetfit predict runs/heat --points points.csv --second laplacian --precision f64 --out jets.csv")]
pub struct Arguments {
    /// A model.safetensors file or a run directory
    #[arg(value_name = "MODEL|RUN_DIR")]
    model: PathBuf,

    /// Table with a column for each input of the model: CSV, .csv.gz, .npy, .npz; - is CSV on stdin
    #[arg(long, value_name = "FILE")]
    points: PathBuf,

    #[command(flatten)]
    dialect: DialectFlags,

    /// Output file; - is stdout [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Highest order of derivatives: 0 to 4
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=Derivative::MOST as i64))]
    order: u8,

    /// Derivatives from the second order on: by one input each, those of the Laplacian (its gradient, the biharmonic), or
    /// all including mixed ones
    #[arg(long, default_value = Seconds::Diagonal.name(), value_parser = seconds())]
    second: Seconds,

    /// Also output these definitions of the job, with the derivatives that exist
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    definitions: Vec<String>,

    /// Device: auto, cpu, gpu, or part of an adapter's name
    #[arg(long, default_value = "auto")]
    device: String,

    /// Floating-point format; f64 runs on the CPU [default: the model's]
    #[arg(long, value_parser = precision())]
    precision: Option<Precision>,

    /// CPU threads; 0 uses all processors
    #[arg(long, default_value_t = 0)]
    threads: usize,

    /// Stop if the GPU fails, instead of continuing on the CPU
    #[arg(long)]
    no_fallback: bool,

    /// Columns of the points that are written on as they are, numbers or texts, before the others; one that is named as a
    /// predicted one becomes kept_NAME
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    keep: Vec<String>,

    /// Output derivatives even where they do not exist: second derivatives of relu, leaky_relu and elu,
    /// and derivatives across a jump of a transform or a feature
    #[arg(long)]
    allow_rough: bool,

    /// Also warn about minor problems, such as a model without a checksum
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    display: Display,
}

pub fn seconds() -> impl TypedValueParser<Value = Seconds> {
    let named = |name: String| Seconds::ALL.into_iter().find(|seconds| seconds.name() == name);
    PossibleValuesParser::new(Seconds::ALL.map(Seconds::name)).try_map(move |name| named(name).ok_or("unknown value"))
}

pub fn precision() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(Precision::ALL.map(Precision::name)).try_map(|name| name.parse::<Precision>())
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { points, out, threads, display, .. } = &arguments;
    if let Some(out) = out.as_deref().filter(|out| !files::is_stdio(out)) {
        files::check_place(out)?;
    }
    super::start_threads(*threads)?;
    let device = job::Device {
        name: arguments.device.clone(),
        precision: arguments.precision.unwrap_or(Precision::F32),
        threads: *threads,
        fallback: !arguments.no_fallback,
    };
    let networks = Networks::open(&arguments.model, &device, arguments.precision)?;
    if arguments.verbose {
        super::name_unverified(&arguments.model)?;
    }
    let model = networks.model().clone();
    let order = usize::from(arguments.order);
    let inputs = model.inputs.len();
    arguments.second.affordable(order, inputs, &format!("--order {order}"))?;
    let layout = arguments.second.layout(order, inputs);
    let (outputs, laplacian) = (model.derivatives(), layout.laplacian());
    let entries = outputs.jets(&layout);
    if let Err(error) = outputs.supports(&entries, laplacian, &format!("--order {order}")) {
        if !arguments.allow_rough {
            return Err(error);
        }
        super::warn(&outputs.rough_warning(&entries, laplacian));
    }
    let mut reader = arguments.dialect.open(points, &arguments.model, &model.inputs)?;
    // The inputs are written anyway.
    let keep: Vec<String> = arguments.keep.iter().filter(|name| !model.inputs.contains(name)).cloned().collect();
    reader.keep(&keep)?;
    // Only of plain text is it known how much is left.
    let is_plain = reader.is_plain();
    let length = std::fs::metadata(points).ok().filter(|_| is_plain).map_or(0, |metadata| metadata.len());
    let progress = Progress::new("predict", length, display.quiet);
    let scope = model.scope(arguments.allow_rough);
    let definitions = &Definitions::read("--definitions", &scope, &arguments.definitions, &layout)?;
    let place = out.as_ref().map_or("stdout".to_string(), |out| out.display().to_string());
    let signals = Signals::listen(move || not_written(&place))?;
    let (model, layout) = (&model, &layout);
    let keep = &keep;
    let mut work = Work { model, layout, definitions, keep, reader, networks, progress, signals, warnings: vec![] };
    let Some(out) = out.as_deref().filter(|out| !files::is_stdio(out)) else {
        work.write(&mut std::io::stdout(), "stdout")?;
        work.warn();
        return Ok(());
    };
    if std::fs::canonicalize(out).is_ok_and(|out| std::fs::canonicalize(points).is_ok_and(|points| points == out)) {
        let problem = "the output would overwrite the file of the points";
        return Err(Error::input(format_args!("--out {}", out.display()), problem, "choose another file"));
    }
    let start = Instant::now();
    let rows = files::write_atomically(out, |writer| work.write(writer, &out.display().to_string()))?;
    let seconds = start.elapsed().as_secs_f64();
    let (file, device) = (out.display().to_string(), work.networks.device());
    work.warn();
    let warnings = std::mem::take(&mut work.warnings);
    drop(work);
    super::print(&match display.format {
        Format::Json => {
            let result = json!({
                "file": file, "rows": rows, "seconds": seconds, "device": device, "warnings": warnings
            });
            result.to_string()
        }
        Format::Human => format!("{file}: {rows} rows in {seconds:.2} s on {device}"),
    })
}

/// What a signal leaves.
fn not_written(place: &str) -> String {
    format!("{place} was not written")
}

/// Everything that the evaluation needs.
struct Work<'a> {
    model: &'a Model,
    layout: &'a JetLayout,
    definitions: &'a Definitions,
    keep: &'a [String],
    reader: TableReader<'static>,
    networks: Networks,
    progress: Progress,
    signals: Signals,
    /// What is to be said of what was written.
    warnings: Vec<String>,
}

impl Work<'_> {
    fn write(&mut self, writer: &mut dyn Write, place: &str) -> Result<u64> {
        let members = self.networks.count();
        let what = (self.layout, self.definitions);
        let mut predictions = Predictions::new(writer, place, self.model, members, what, self.keep);
        let rows = predictions.stream(&mut self.reader, &mut self.networks, |bytes, rows| {
            self.progress.at(bytes, || format!("{rows} rows"));
            // The temporary file goes before the process does.
            match self.signals.is_set() {
                true => Err(self.signals.error(not_written(place))),
                false => Ok(()),
            }
        })?;
        self.warnings = predictions.warnings();
        self.warnings.extend_from_slice(self.networks.warnings());
        Ok(rows)
    }

    fn warn(&self) {
        self.warnings.iter().for_each(|warning| match &self.progress {
            Progress::Bar(bar) => bar.suspend(|| super::warn(warning)),
            _ => super::warn(warning),
        });
    }
}
