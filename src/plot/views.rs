//! From a model and what is known about it to the rows and panels of its pictures.

use super::axis::short;
use super::{FitPanel, FitRow, ParityPanel, Series};
use crate::backend::Backend;
use crate::data::PointSet;
use crate::entry::Entry;
use crate::error::Result;
use crate::jet::{Derivative, JetLayout, Jets};
use crate::network::Model;

/// Numbers that are known at some points: measured, or true.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// (D, B)
    pub points: &'a [Vec<f64>],
    /// What each column is (T).
    pub entries: &'a [Entry],
    /// (T, B)
    pub columns: &'a [Vec<f64>],
}

impl Known<'_> {
    fn column(&self, entry: Entry) -> Option<&[f64]> {
        let position = self.entries.iter().position(|known| *known == entry)?;
        Some(&self.columns[position])
    }

    /// ‖ours − known‖/‖known‖ of an entry over all points; `None` where it is not known, or 0 everywhere.
    ///
    /// # Errors
    /// Those of the device.
    pub fn relative_error(&self, backend: &mut dyn Backend, entry: Entry) -> Result<Option<f64>> {
        let Some(column) = self.column(entry) else { return Ok(None) };
        let jets = backend.evaluate(self.points, &JetLayout::selected(self.points.len(), [entry.derivative]))?;
        let ours = jets.entry(entry.output, entry.derivative).expect("a channel of the layout");
        let square: f64 = ours.iter().zip(column).map(|(a, b)| (a - b).powi(2)).sum();
        let size: f64 = column.iter().map(|b| b * b).sum();
        Ok((size > 0.0).then(|| (square / size).sqrt()))
    }
}

/// Points of a drawn curve: its second derivative bends more often than the value.
const CURVE_POINTS: usize = 801;
/// A measured point is drawn beside a slice where its other inputs are this near, in deviations.
pub const NEAR: f64 = 0.1;
/// More inputs than this are not listed one by one.
const MOST_NAMED: usize = 2;

/// A row for each output and input: the slice along that input through the centre of the data, the
/// other inputs at their mean, with derivatives up to `order`.
///
/// # Errors
/// Those of the device.
pub fn fit_rows(
    model: &Model,
    backend: &mut dyn Backend,
    data: &Known,
    truth: Option<&Known>,
    order: usize,
) -> Result<Vec<FitRow>> {
    let inputs = model.spec.inputs;
    let mut rows = vec![];
    for output in 0..model.spec.outputs {
        for input in 0..inputs {
            let derivatives =
                &[Derivative::Value, Derivative::First(input), Derivative::Second(input, input)][..=order.min(2)];
            let seen = data.points[input].iter().chain(truth.iter().flat_map(|truth| &truth.points[input]));
            let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
            let at = |k: usize| low + (high - low) * k as f64 / (CURVE_POINTS - 1) as f64;
            let x: Vec<f64> = (0..CURVE_POINTS).map(at).collect();
            let mean = |d: usize| vec![model.normalizer.inputs.mean[d]; CURVE_POINTS];
            let points: Vec<_> = (0..inputs).map(|d| if d == input { x.clone() } else { mean(d) }).collect();
            let layout = JetLayout::selected(inputs, derivatives.iter().copied());
            let jets = backend.evaluate(&points, &layout)?;
            let mut panels = vec![];
            for derivative in derivatives {
                let entry = Entry { output, derivative: *derivative };
                let curve = jets.entry(output, *derivative).expect("a channel of the layout");
                panels.push(FitPanel {
                    fit: Series::new(x.clone(), curve),
                    truth: truth.filter(|_| inputs == 1).and_then(|truth| ascending(truth, entry)),
                    data: near_slice(model, data, entry, input),
                    error: truth.map(|truth| truth.relative_error(backend, entry)).transpose()?.flatten(),
                });
            }
            rows.push(FitRow {
                output: model.outputs[output].clone(),
                input: model.inputs[input].clone(),
                slice: (inputs > 1).then(|| place_of_slice(model, input)),
                panels,
            });
        }
    }
    Ok(rows)
}

/// `gap = 2.5e-3`, or that all others are at their mean where there are many.
fn place_of_slice(model: &Model, input: usize) -> String {
    let others: Vec<usize> = (0..model.spec.inputs).filter(|d| *d != input).collect();
    if others.len() > MOST_NAMED {
        return "the mean of the other inputs".to_string();
    }
    let named = |d: &usize| format!("{} = {}", model.inputs[*d], short(model.normalizer.inputs.mean[*d]));
    others.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The known values of an entry over the one input, in its order.
fn ascending(known: &Known, entry: Entry) -> Option<Series> {
    let mut pairs: Vec<_> = known.points[0].iter().copied().zip(known.column(entry)?.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    Some(Series { x, y })
}

/// The measured values of an entry at points whose other inputs are near their mean.
fn near_slice(model: &Model, data: &Known, entry: Entry, input: usize) -> Option<Series> {
    let column = data.column(entry)?;
    let scaling = &model.normalizer.inputs;
    let others: Vec<usize> = (0..model.spec.inputs).filter(|d| *d != input).collect();
    let is_near = |row: &usize| others.iter().all(|d| scaling.standardise(*d, data.points[*d][*row]).abs() <= NEAR);
    let (x, y): (Vec<f64>, Vec<f64>) =
        (0..column.len()).filter(is_near).map(|row| (data.points[input][row], column[row])).unzip();
    (!x.is_empty()).then_some(Series { x, y })
}

/// A panel for each output. The first M targets of each set are the measured values of the outputs.
///
/// # Errors
/// Those of the device.
pub fn parity_panels(
    model: &Model,
    backend: &mut dyn Backend,
    training: &PointSet,
    validation: Option<&PointSet>,
) -> Result<Vec<ParityPanel>> {
    let layout = JetLayout::value(model.spec.inputs);
    let predicted = backend.evaluate(&training.inputs, &layout)?;
    let held_out = validation.map(|set| backend.evaluate(&set.inputs, &layout)).transpose()?;
    let panel = |output: usize| {
        let value = |jets: &Jets| jets.entry(output, Derivative::Value).expect("the value").to_vec();
        let validation = validation.zip(held_out.as_ref());
        ParityPanel {
            output: model.outputs[output].clone(),
            training: Series::new(training.targets[output].clone(), value(&predicted)),
            validation: validation.map(|(set, jets)| Series::new(set.targets[output].clone(), value(jets))),
        }
    };
    Ok((0..model.spec.outputs).map(panel).collect())
}
