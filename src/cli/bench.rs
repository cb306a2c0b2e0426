//! `jetfit bench`: what derivatives cost against the batch size, on a device.

use std::path::{Path, PathBuf};

use crate::backend::KernelTime;
use crate::bench::{self, Clock, Mode, Report, Row, Settings};
use crate::error::{Error, Result};
use crate::jet::{Activation, Derivative, Seconds};
use crate::network::{Model, NetworkSpec, model_path};
use crate::numbers::Precision;
use crate::{device, files, gpu};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::predict::{precision, seconds};
use super::progress::Progress;
use super::table::table;
use super::{Display, Format, picture, print};

/// Measure the cost of derivatives at different batch sizes
///
/// Prints one row per batch size and order. Order 0 is timed alternately with the others, so cost
/// ratios are reliable on a busy machine. GFLOP/s count the multiplications of forward mode,
/// 2 · channels · batch · Σ(in·out), times three for a training step. Adjoint mode needs fewer, so
/// this figure can exceed the peak rate of the machine.
#[derive(Args)]
#[command(after_help = "Example:
  jetfit bench --inputs 2 --hidden 64,64,64,64 --batch 256,1024,4096 --order 0,1,2 --plot bench.png
  jetfit bench runs/curve --mode evaluate
  jetfit bench --tune --device gpu --inputs 2 --hidden 64,64,64,64 --batch 4096")]
pub struct Arguments {
    /// Take the shape from a model file or a run directory: its layers behind its features, if it has any
    #[arg(value_name = "MODEL", conflicts_with_all = ["inputs", "outputs", "hidden", "activation"])]
    model: Option<PathBuf>,

    /// Number of inputs
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    inputs: u32,

    /// Number of outputs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    outputs: u32,

    /// Widths of the hidden layers
    #[arg(long, value_name = "WIDTHS", default_value = "64,64,64,64", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..))]
    hidden: Vec<u32>,

    /// Activation of the hidden layers
    #[arg(long, default_value = "tanh", value_parser = activation())]
    activation: Activation,

    /// Batch sizes, in points
    #[arg(long, value_name = "COUNTS", default_value = "256,1024,4096", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..))]
    batch: Vec<u32>,

    /// Orders of derivatives, each from 0 to 4
    #[arg(long, alias = "orders", value_name = "ORDERS", default_value = "0,1,2", value_delimiter = ',',
          value_parser = clap::value_parser!(u8).range(0..=Derivative::MOST as i64))]
    order: Vec<u8>,

    /// Derivatives from the second order on: by one input each, those of the Laplacian (its gradient, the biharmonic), or
    /// all including mixed ones
    #[arg(long, default_value = Seconds::Diagonal.name(), value_parser = seconds())]
    second: Seconds,

    /// Time a training step, or evaluation only
    #[arg(long, value_enum, default_value_t = What::Train)]
    mode: What,

    /// Device: auto, cpu, gpu, or part of an adapter's name
    #[arg(long, default_value = "auto")]
    device: String,

    /// Floating-point format: f64 runs on the CPU, f16x2 and f16 on the matrix units of a GPU
    #[arg(long, default_value = "f32", value_parser = precision())]
    precision: Precision,

    /// CPU threads; 0 uses all processors
    #[arg(long, default_value_t = 0)]
    threads: usize,

    /// Time the GPU's tile sizes for the largest batch and order, and save the fastest for later runs in
    /// the user's cache directory, or in JETFIT_CACHE_DIR if that is set
    #[arg(long, conflicts_with_all = ["out", "plot", "mode", "export"])]
    tune: bool,

    /// Time each GPU kernel of a training step at the largest batch and order
    #[arg(long, conflicts_with_all = ["out", "plot", "mode", "export", "tune"])]
    profile: bool,

    /// Clock: GPU timestamps where available, or wall time on the host
    #[arg(long, value_enum, default_value_t = ClockChoice::Device)]
    clock: ClockChoice,

    /// Timings per batch size and order
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,

    /// Write the results to a CSV file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Plot time and cost ratio against the batch size, as PNG and SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Export the largest problem of the highest order and its f64 result as safetensors, without timing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "plot"])]
    export: Option<PathBuf>,

    #[command(flatten)]
    display: Display,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Train,
    Evaluate,
}

#[derive(Clone, Copy, ValueEnum)]
enum ClockChoice {
    Device,
    Host,
}

fn activation() -> impl TypedValueParser<Value = Activation> {
    PossibleValuesParser::new(Activation::ALL.map(Activation::name)).try_map(|name| name.parse::<Activation>())
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    super::start_threads(arguments.threads)?;
    let wide = |numbers: &[u32]| numbers.iter().map(|n| *n as usize).collect::<Vec<_>>();
    let spec = match &arguments.model {
        Some(path) => NetworkSpec::of_one(Model::read(model_path(path)?)?.only_network(path.display())?.clone()),
        None => NetworkSpec::uniform(
            arguments.inputs as usize,
            &wide(&arguments.hidden),
            arguments.activation,
            arguments.outputs as usize,
        ),
    };
    let mut orders: Vec<_> = arguments.order.iter().map(|order| usize::from(*order)).collect();
    orders.sort_unstable();
    orders.dedup();
    spec.roughest().supports(*orders.last().unwrap_or(&0), "--order 2")?;
    let mode = match arguments.mode {
        What::Train => Mode::Train,
        What::Evaluate => Mode::Evaluate,
    };
    let repeats = arguments.repeats as usize;
    let clock = match arguments.clock {
        ClockChoice::Device => Clock::Device,
        ClockChoice::Host => Clock::Host,
    };
    let settings =
        Settings { batches: wide(&arguments.batch), orders, seconds: arguments.second, mode, repeats, clock };
    let model = bench::network(spec, arguments.precision);
    let files = [&arguments.out, &arguments.plot, &arguments.export];
    files.into_iter().flatten().try_for_each(|path| files::check_place(path))?;
    arguments.plot.iter().try_for_each(|path| picture::check(path))?;
    if let Some(path) = &arguments.export {
        let (layout, batch) = settings.largest(model.inputs.len());
        return bench::export(&model, &layout, batch, path);
    }
    if arguments.tune {
        return tune(&arguments, &model, &settings);
    }
    if arguments.profile {
        return profile(&arguments, &model, &settings);
    }
    tuning_warning();
    if let Some(warning) = gpu::unused_f16(&model.spec, arguments.precision) {
        super::warn(&warning);
    }
    let rows = (settings.batches.len() * settings.orders.len()) as u64;
    let mut progress = Progress::new("bench", rows, arguments.display.quiet);
    let mut done = 0;
    let report = bench::bench(
        &model,
        &settings,
        &mut |model| device::open(&arguments.device, arguments.precision, arguments.threads, model),
        &mut |row| {
            done += 1;
            progress.at(done, || format!("batch {}, order {}", row.batch, row.order));
        },
    )?;
    drop(progress);
    let widths = [&[model.inputs.len()], model.spec.widths().as_slice(), &[model.outputs.len()]].concat();
    let widths = widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
    let mut activations: Vec<_> = model.spec.networks[0].hidden.iter().map(|layer| layer.activation.name()).collect();
    activations.dedup();
    let (activations, precision) = (activations.join("-"), arguments.precision);
    let subject = format!("{mode}, {activations} {widths}, {precision} on {}", report.device);
    // Shown first: a file that cannot be written must not cost the measurement.
    print(&match arguments.display.format {
        Format::Json => json!(report).to_string(),
        Format::Human => for_people(&report, &subject, repeats),
    })?;
    if let Some(path) = &arguments.out {
        write_csv(&report.rows, path)?;
    }
    if let Some(path) = &arguments.plot {
        picture::write(&report, &settings, subject, path)?;
    }
    Ok(())
}

/// What each kernel of a GPU's training step takes.
fn profile(arguments: &Arguments, model: &Model, settings: &Settings) -> Result<()> {
    tuning_warning();
    let backend = device::open(&arguments.device, arguments.precision, arguments.threads, model)?;
    let name = backend.device();
    let kernels = bench::profile(model, settings, backend)?;
    let total = kernels.iter().map(|kernel| kernel.seconds).sum::<f64>();
    let row = |kernel: &KernelTime| {
        let [x, y, z] = kernel.workgroups;
        vec![
            kernel.kernel.clone(),
            format!("{x} {y} {z}"),
            format!("{:.1}", 1e6 * kernel.seconds),
            format!("{:.1}", 100.0 * kernel.seconds / total),
        ]
    };
    print(&match arguments.display.format {
        Format::Json => json!({ "device": name, "kernels": kernels }).to_string(),
        Format::Human => format!(
            "kernels of one training step on {name}, each timed alone; sum: {:.1} µs\n\n{}",
            1e6 * total,
            table(&["kernel", "workgroups", "least µs", "%"], &kernels.iter().map(row).collect::<Vec<_>>())
        ),
    })
}

/// Measures the tiles of a GPU and remembers the fastest.
fn tune(arguments: &Arguments, model: &Model, settings: &Settings) -> Result<()> {
    let device = match arguments.device.as_str() {
        "cpu" => {
            let problem = "only GPU tiles can be tuned";
            return Err(Error::input("--tune", problem, "choose a GPU, for example --device gpu"));
        }
        "auto" => "gpu",
        name => name,
    };
    if arguments.precision != Precision::F32 {
        return Err(Error::input("--precision", "only f32 tiles can be tuned", "use --precision f32"));
    }
    tuning_warning();
    let (layout, batch) = settings.largest(model.inputs.len());
    let (set, loss) = bench::random_problem(model, &layout, batch);
    let mut progress = None;
    let (timed, best) = gpu::tune(device, model, (&set, &loss), settings.repeats, &mut |(done, of), timed| {
        progress
            .get_or_insert_with(|| Progress::new("tune", of, arguments.display.quiet))
            .at(done, || format!("{}: {:.3} ms", timed.tiles, 1e3 * timed.seconds));
    })?;
    drop(progress);
    let row = |timed: &gpu::Timed| vec![format!("{:.3}", 1e3 * timed.seconds), timed.tiles.to_string()];
    let rows: Vec<_> = timed.iter().map(row).collect();
    let text = match arguments.display.format {
        Format::Json => json!({ "best": best, "timed": timed }).to_string(),
        Format::Human => format!(
            "training step: batch {batch}, {} channels, width {}, on {}\n\n{}",
            best.channels,
            best.width,
            best.adapter,
            table(&["least ms", "tiles"], &rows)
        ),
    };
    // Shown first: a file that cannot be written must not cost the measurement.
    print(&text)?;
    let file = gpu::remember(best)?;
    if arguments.display.format == Format::Human {
        print(&format!("\nSaved the fastest tiles in {}.", file.display()))?;
    }
    Ok(())
}

/// Says so where what was tuned before cannot be read.
fn tuning_warning() {
    if let Some(warning) = gpu::tuned().1 {
        super::warn(&warning);
    }
}

fn write_csv(rows: &[Row], path: &Path) -> Result<()> {
    files::write_atomically(path, |writer| {
        let mut writer = csv::Writer::from_writer(writer);
        let failed = |error: csv::Error| Error::io(path, error.into());
        rows.iter().try_for_each(|row| writer.serialize(row).map_err(failed))?;
        writer.flush().map_err(|error| Error::io(path, error))
    })
}

fn for_people(report: &Report, subject: &str, repeats: usize) -> String {
    let row = |row: &Row| {
        vec![
            row.batch.to_string(),
            row.order.to_string(),
            format!("{:.3}", 1e3 * row.seconds_median),
            format!("{:.3}", 1e3 * row.seconds_min),
            format!("{:.2e}", row.points_per_second),
            format!("{:.1}", row.gflops),
            format!("{:.2}", row.cost_ratio),
            format!("{:.2}", row.working_bytes as f64 / f64::from(1 << 20)),
        ]
    };
    let heading = ["batch", "order", "median ms", "least ms", "points/s", "GFLOP/s", "cost ratio", "MiB"];
    let rows: Vec<_> = report.rows.iter().map(row).collect();
    let error =
        report.gradient_error.map(|error| format!("\n  relative error of the gradient against f64: {error:.1e}"));
    let clock = format!("  {} clock, median of {repeats} timings{}", report.clock, error.unwrap_or_default());
    format!("{subject}\n{clock}\n\n{}", table(&heading, &rows))
}
