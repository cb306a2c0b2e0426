//! What a job needs of the machine's memory, estimated before it starts: where that is not there, a sentence is better
//! than an end without one after hours.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::data::Table;
use crate::error::{Error, Result};
use crate::job::{Job, OptimizerKind, Points, TermPoints};
use crate::numbers::Precision;
use crate::optimizer::{Evidence, GaussNewton};
use crate::problem::Problem;
use crate::{cpu, device, predict, threads};

/// A gigabyte of messages: 2³⁰ bytes, as those of `optimizer.memory`.
const GB_BYTES: f64 = (1u64 << 30) as f64;
/// What a process holds before it has a job: code, libraries, stacks.
const PROCESS_BYTES: f64 = 24e6;
const F64_BYTES: f64 = 8.0;

/// One of the things that a job keeps in memory.
struct Part {
    /// The key that makes it large.
    key: &'static str,
    what: String,
    bytes: f64,
    help: &'static str,
}

/// That a job fits into the memory that there is: by what it says alone, and once its `problem` is read by the number of
/// its rows as well.
///
/// # Errors
/// [`Error::Input`] that names the key which takes the most.
pub fn check(job: &Job, problem: Option<&Problem>) -> Result<()> {
    let parts = parts(job, problem);
    let needed = estimate(&parts);
    let Some(limit) = available().filter(|limit| needed > limit.bytes) else { return Ok(()) };
    let most = parts.iter().max_by(|a, b| a.bytes.total_cmp(&b.bytes)).expect("a job has parts");
    let gb = |bytes: f64| format!("{:.2} GB", bytes / GB_BYTES);
    let problem = format!(
        "the job needs about {} of memory, {} of it for {}, but {} {}",
        gb(needed),
        gb(most.bytes),
        most.what,
        gb(limit.bytes),
        limit.what
    );
    Err(Error::input(most.key, problem, most.help))
}

/// Bytes that a job takes at its peak, about, once its problem is read.
pub fn needed(job: &Job, problem: &Problem) -> f64 {
    estimate(&parts(job, Some(problem)))
}

/// Bytes that a job takes at its peak, about.
fn estimate(parts: &[Part]) -> f64 {
    PROCESS_BYTES + parts.iter().map(|part| part.bytes).sum::<f64>()
}

/// A set of points, as far as memory goes.
struct Size {
    points: f64,
    /// Columns that are kept as they are read or drawn.
    columns: f64,
    terms: usize,
    channels: usize,
    places: usize,
    is_drawn: bool,
    is_judged: bool,
}

fn parts(job: &Job, problem: Option<&Problem>) -> Vec<Part> {
    let spec = job.network_spec();
    let parameters = spec.parameters();
    let sizes = problem.map_or_else(|| stated(job), |problem| read(job, problem));
    // Where no adapter can be asked for, opening one says why.
    let is_cpu = device::is_cpu(&job.device.name, job.device.precision).unwrap_or(true);
    let number = if job.device.precision.stored() == Precision::F64 { F64_BYTES } else { 4.0 };
    let threads = if job.device.threads == 0 { threads::available() } else { job.device.threads } as f64;
    let rows: f64 = sizes.iter().map(|size| size.points * size.terms as f64).sum();
    let residuals = rows as usize;

    // Points and columns in f64, and what a backend makes of them, once more where they judge; those that are drawn pass
    // through as many numbers again.
    let inputs = job.inputs.len() as f64;
    let read = spec.networks.iter().map(|network| network.inputs).sum::<usize>() as f64;
    let of_points = |size: &Size| {
        let own = F64_BYTES * size.columns;
        let loaded = (number * size.places as f64).mul_add(read, number * (size.columns - inputs).max(0.0));
        let drawn = if size.is_drawn { 4.0 * F64_BYTES * inputs } else { 2.0 * F64_BYTES * size.columns };
        let judging = if size.is_judged { loaded } else { 0.0 };
        size.points * (own + loaded + judging + drawn)
    };
    let points: f64 = sizes.iter().map(of_points).sum();
    let is_sampled = sizes.iter().any(|size| size.is_drawn);
    let mut parts = vec![Part {
        key: if is_sampled { "points.count" } else { "data.file" },
        what: format!("{rows} residuals at the points of the terms"),
        bytes: points,
        help: if is_sampled {
            "use fewer points, and set resample_every to draw new ones during training"
        } else {
            "use fewer rows"
        },
    }];

    // Parameters, gradient and moments of the device; and what a checkpoint copies of them, twice in f64 and as its file.
    let workers = cpu::set::most_workers(parameters * number as usize).min(1 + residuals / 64) as f64;
    let device = if is_cpu { (5.0 + workers) * number } else { 0.0 };
    parts.push(Part {
        key: "network.hidden",
        what: format!("{parameters} parameters with their gradients and moments"),
        bytes: parameters as f64 * (device + 9.0 * F64_BYTES + 6.0 * number),
        help: "use fewer or narrower layers",
    });
    if is_cpu {
        let tile = |size: &Size| {
            let sets = if size.is_judged { 2.0 } else { 1.0 };
            sets * threads * cpu::tile_bytes(&spec, job.device.precision, size.channels, size.places)
        };
        parts.push(Part {
            key: "device.threads",
            what: format!("the working memory of {threads} threads"),
            bytes: sizes.iter().map(tile).sum(),
            help: "use fewer threads, or narrower layers",
        });
    }
    parts.extend(job.stages.iter().filter_map(|stage| {
        let optimizer = stage.optimizer;
        let (key, what, bytes, help) = match optimizer.kind {
            OptimizerKind::Adam | OptimizerKind::AdamW => return None,
            OptimizerKind::Lbfgs => {
                let vectors = 2.0 * optimizer.lbfgs.history.min(stage.steps(residuals) as usize) as f64;
                let what = format!("the {vectors} vectors of the L-BFGS history");
                // Those of the device, and what a checkpoint and its file copy of them.
                ("optimizer.history", what, 6.0 * vectors * F64_BYTES * parameters as f64, "use a shorter history")
            }
            OptimizerKind::GaussNewton => {
                let bytes = GaussNewton::bytes(residuals, parameters, optimizer.memory * GB_BYTES);
                let what =
                    format!("the Jacobian ({residuals} residuals × {parameters} parameters) and its linear system");
                (
                    "optimizer.memory",
                    what,
                    bytes,
                    "lower this limit: above it, Gauss–Newton does not store the Jacobian",
                )
            }
            OptimizerKind::Evidence => {
                let bytes = Evidence::bytes(residuals, parameters, sizes.first().map_or(1, |size| size.terms));
                let what =
                    format!("the Jacobian ({residuals} residuals × {parameters} parameters) and its linear system");
                ("network.hidden", what, bytes, "use a smaller network or fewer rows, or use adam")
            }
        };
        Some(Part { key, what, bytes, help })
    }));
    parts.push(predictions(job, problem));
    parts
}

/// The points of the predictions, and a block of their numbers and texts.
fn predictions(job: &Job, problem: Option<&Problem>) -> Part {
    let count = match &job.predictions.points {
        Points::Grid(axes) => axes.iter().map(|axis| axis.count as f64).product(),
        Points::Data => problem.and_then(|problem| problem.data.as_ref()).map_or(0.0, |data| match data.inputs.len() {
            1 | 2 => 1e4,
            _ => data.training.points() as f64,
        }),
        Points::File(_) => 0.0,
    };
    let inputs = job.inputs.len() as f64;
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let quantities = job.outputs.len() + job.predictions.definitions.len();
    let entries = (quantities * layout.channels()) as f64;
    let block = (predict::BLOCK_POINTS as f64).min(count);
    Part {
        key: "predictions.grid",
        what: format!("{count} prediction points"),
        bytes: 2.0 * count * inputs * F64_BYTES + block * (inputs + entries) * (2.0 * F64_BYTES + 20.0),
        help: "use fewer points, or put them into a file and use `jetfit predict`, which streams them",
    }
}

/// The sets of a job whose files are not read yet.
fn stated(job: &Job) -> Vec<Size> {
    let sampled = job.terms.iter().filter_map(|term| match &term.points {
        TermPoints::Sampled(spec) => Some(spec),
        TermPoints::File(_) => None,
    });
    let mut specs = vec![];
    sampled.for_each(|spec| {
        if !specs.contains(&spec) {
            specs.push(spec);
        }
    });
    let inputs = job.inputs.len() as f64;
    let size = |points, columns, is_drawn| Size {
        points,
        columns,
        terms: 1,
        channels: 1,
        places: 1,
        is_drawn,
        is_judged: is_drawn,
    };
    let drawn = specs.into_iter().map(|spec| size(spec.count as f64, inputs, true));
    let data = job.data.as_ref().map(|data| {
        let targets = data.targets().count();
        let columns = inputs + targets as f64 + f64::from(u8::from(data.weights.is_some()));
        Size { terms: targets, is_judged: true, ..size(rows_of(&data.table), columns, false) }
    });
    let files = job.terms.iter().filter_map(|term| match &term.points {
        TermPoints::File(file) => Some(size(rows(file), inputs, false)),
        TermPoints::Sampled(_) => None,
    });
    data.into_iter().chain(drawn).chain(files).collect()
}

/// The rows of a table; those of a file about.
fn rows_of(table: &Table) -> f64 {
    match (table.file(), table.rows()) {
        (Some(file), _) => rows(file),
        (None, count) => count.unwrap_or(0) as f64,
    }
}

/// The rows of a file, about: its first ones are as long as the others. What cannot be read is told where it is.
fn rows(file: &Path) -> f64 {
    let start = File::open(file).and_then(|file| {
        let mut start = vec![];
        let length = file.metadata()?.len();
        file.take(1 << 20).read_to_end(&mut start)?;
        Ok((start, length))
    });
    start.map_or(0.0, |(start, length)| {
        let lines = start.iter().filter(|byte| **byte == b'\n').count();
        lines as f64 * length as f64 / start.len().max(1) as f64
    })
}

fn read(job: &Job, problem: &Problem) -> Vec<Size> {
    let size = |(index, set): (usize, &crate::problem::TermSet)| {
        let points = &set.points;
        let columns = points.inputs.len() + points.columns.len() + points.normals.len();
        Size {
            points: points.points() as f64,
            columns: (columns + usize::from(points.weights.is_some())) as f64,
            terms: set.loss.terms.len(),
            channels: set.loss.layout(job.inputs.len()).channels(),
            places: set.loss.placed().0.count(),
            is_drawn: set.source.is_some(),
            is_judged: problem.is_judged(index),
        }
    };
    problem.sets.iter().enumerate().map(size).collect()
}

/// What bounds the memory of this process.
struct Limit {
    bytes: f64,
    what: &'static str,
}

/// The least of what the machine has free, what the process's group may take, and what its own limits leave; `None`
/// where none can be told.
fn available() -> Option<Limit> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let machine = system.available_memory() + system.free_swap();
    // Where the system tells nothing, a group cannot be asked for either.
    let group = (system.total_memory() > 0).then(|| system.cgroup_limits()).flatten();
    // What it holds of files it gives up when asked: its own free memory does not count that.
    let group = group.map(|group| group.total_memory.saturating_sub(group.rss) + group.free_swap);
    let limits = [
        (machine > 0).then_some((machine, "are free on this machine")),
        group.map(|bytes| (bytes, "are left of the memory limit of its control group")),
        left_of_limits(&mut system).map(|bytes| (bytes, "are left of the memory limit of this process (ulimit)")),
    ];
    let least = limits.into_iter().flatten().min_by_key(|(bytes, _)| *bytes);
    least.map(|(bytes, what)| Limit { bytes: bytes as f64, what })
}

#[cfg(unix)]
fn left_of_limits(system: &mut sysinfo::System) -> Option<u64> {
    use rlimit::{INFINITY, Resource};
    let soft = |resource: Resource| resource.get_soft().ok().filter(|bytes| *bytes != INFINITY);
    let most = [soft(Resource::AS), soft(Resource::DATA)].into_iter().flatten().min()?;
    let own = sysinfo::get_current_pid().ok()?;
    let (which, what) =
        (sysinfo::ProcessesToUpdate::Some(&[own]), sysinfo::ProcessRefreshKind::nothing().with_memory());
    system.refresh_processes_specifics(which, false, what);
    let left = most.saturating_sub(system.process(own)?.virtual_memory());
    // What is only reserved, such as the heaps of threads, counts here too.
    Some(left - left / 5)
}

#[cfg(not(unix))]
fn left_of_limits(_: &mut sysinfo::System) -> Option<u64> {
    None
}
