//! The job of one window, which runs by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::csv_writer;
use crate::error::Result;
use crate::files;
use crate::jet::{Derivative, Entry, JetLayout};
use crate::job::{EquationTerm, Job, Picture, Points, Start, TermPoints};
use crate::network::Model;
use crate::points::{PointsSpec, Sampler, Variable, sample};
use crate::predict::{Source, Trained};
use crate::run::directory;
use crate::{device, job};

/// Points of the last window's end where the job has none at its own beginning.
const START_POINTS: usize = 1000;

/// Where a window begins.
pub struct Begin<'a> {
    /// Its number, from 0.
    pub window: usize,
    /// Its part of the time.
    pub interval: [f64; 2],
    /// The last window's network, and where it lies.
    pub before: Option<(&'a Path, &'a Model)>,
}

/// The job of a window, whose start is written beside its directory.
pub fn own_job(job: &Job, input: usize, begin: &Begin) -> Result<Job> {
    let mut own = Job { windows: None, output: job.output.join(directory::window(begin.window + 1)), ..job.clone() };
    let [low, high] = begin.interval;
    own.variables[input] = Variable { low, high, ..job.variables[input].clone() };
    own.domain = job.domain.as_ref().map(|domain| domain.over(&own.variables)).transpose()?;
    own.plots.what = vec![Picture::Loss];
    own.predictions.points = Points::Grid(job::grid_over(&own.variables));
    let Some((path, model)) = begin.before else { return Ok(own) };
    // A job with windows has one network.
    let before = Arc::new(model.clone());
    own.networks[0].start = Some(Start { file: Some(path.to_path_buf()), model: Arc::clone(&before), whole: before });
    let is_start = |term: &EquationTerm| starts(term, &job.variables[input]);
    let spec = job.terms.iter().filter(|term| is_start(term)).filter_map(sampled).max_by_key(|spec| spec.count);
    let weight = job.terms.iter().filter(|term| is_start(term)).map(|term| term.weight).fold(0.0, f64::max);
    let count = spec.map_or(START_POINTS, |spec| spec.count);
    let sampler = spec.map_or(Sampler::Sobol, |spec| spec.sampler);
    own.terms.retain(|term| !is_start(term));
    let entries = carried(job, input)?;
    let file = written(&own, input, (sampler, count), &entries, model, begin.window)?;
    let names = |entry: &Entry| column(*entry, job);
    own.terms.extend(entries.iter().map(|entry| EquationTerm {
        name: format!("{} goes on", entry.column(&job.inputs, &job.outputs)),
        residual: format!("{} = {}", text(*entry, job), names(entry)),
        weight: if weight > 0.0 { weight } else { 1.0 },
        allow_rough: true,
        points: TermPoints::File(file.clone()),
    }));
    Ok(own)
}

/// Whether a term holds at the beginning of the time alone.
fn starts(term: &EquationTerm, time: &Variable) -> bool {
    let Some(spec) = sampled(term) else { return false };
    let fixes = |part: &str| {
        part.split(',').filter_map(|equation| equation.split_once('=')).any(|(name, value)| {
            let value = value.trim();
            name.trim() == time.name && (value == "low" || value.parse::<f64>().is_ok_and(|value| value == time.low))
        })
    };
    !spec.on.is_empty() && spec.on.iter().all(|part| fixes(part))
}

fn sampled(term: &EquationTerm) -> Option<&PointsSpec> {
    match &term.points {
        TermPoints::Sampled(spec) => Some(spec),
        TermPoints::File(_) => None,
    }
}

/// What a window takes over from the last one: of each output the derivatives in time below the highest one that the
/// equations read, u for `u_t` and u, u_t for `u_tt`; nothing of an output without one.
fn carried(job: &Job, input: usize) -> Result<Vec<Entry>> {
    let mut orders = vec![0; job.outputs.len()];
    for term in job.terms.iter().filter(|term| !starts(term, &job.variables[input])) {
        for entry in job.equation(term, |key| term.place(key))?.residual.entries() {
            let by = entry.derivative.inputs().unwrap_or_default();
            let order = by.iter().filter(|by| **by == input).count();
            orders[entry.output] = orders[entry.output].max(order);
        }
    }
    let of = |(output, order): (usize, usize)| {
        let derivative = move |k: usize| Derivative::by(&vec![input; k]).expect("an order that a jet has");
        (0..order).map(move |k| Entry { output, derivative: derivative(k) })
    };
    Ok(orders.into_iter().enumerate().flat_map(of).collect())
}

/// An entry as the language writes it.
fn text(entry: Entry, job: &Job) -> String {
    let by = entry.derivative.inputs().unwrap_or_default();
    match by.is_empty() {
        true => job.outputs[entry.output].clone(),
        false => {
            let inputs: Vec<&str> = by.iter().map(|input| job.inputs[*input].as_str()).collect();
            format!("d({}, {})", job.outputs[entry.output], inputs.join(", "))
        }
    }
}

/// The column of an entry's value at the end of the last window.
fn column(entry: Entry, job: &Job) -> String {
    format!("before_{}", entry.column(&job.inputs, &job.outputs))
}

/// Writes the entries of the last window's network at the points where the window begins.
fn written(
    own: &Job,
    input: usize,
    (sampler, count): (Sampler, usize),
    entries: &[Entry],
    model: &Model,
    window: usize,
) -> Result<PathBuf> {
    let variable = &own.variables[input];
    let spec = PointsSpec { on: vec![format!("{} = low", variable.name)], ..PointsSpec::inside(sampler, count) };
    let region = own.region(&spec, "windows")?;
    let points = sample(&region, sampler, count, own.training.seed, window as u64).inputs;
    let device = job::Device { name: "cpu".to_string(), precision: model.precision, ..own.device.clone() };
    let mut backend = device::open(&device.name, device.precision, device.threads, model)?;
    let layout = JetLayout::selected(own.inputs.len(), entries.iter().map(|entry| entry.derivative));
    let jets = Trained { model, backend: backend.as_mut() }.jets(&points, &layout)?;
    let values = entries.iter().map(|entry| jets.entry(entry.output, entry.derivative).expect("it is selected"));
    let columns: Vec<&[f64]> = points.iter().map(Vec::as_slice).chain(values).collect();
    let names = own.inputs.iter().cloned().chain(entries.iter().map(|entry| column(*entry, own)));
    let file = own.output.with_file_name(format!("{}.csv", directory::window(window + 1)));
    files::write_atomically(&file, |writer| {
        let mut rows = csv_writer::header(names);
        for point in 0..points[0].len() {
            let start = rows.len();
            columns.iter().for_each(|column| csv_writer::push(&mut rows, column[point]));
            csv_writer::end(&mut rows[start..]);
        }
        writer.write_all(&rows).map_err(|error| crate::error::Error::io(&file, error))
    })?;
    Ok(file)
}
