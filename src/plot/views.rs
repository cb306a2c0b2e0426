//! From a model and what is known about it to the rows and panels of its pictures.

use super::axis::short;
use super::{Band, FitPanel, FitRow, MapAxis, MapRow, ParityPanel, Series};
use crate::data::PointSet;
use crate::domain::Domain;
use crate::error::Result;
use crate::jet::{Derivative, Entry, JetLayout, Jets};
use crate::network::Model;
use crate::predict::{Reference, Source};

/// Points of a drawn curve: its second derivative bends more often than the value.
const CURVE_POINTS: usize = 801;
/// A measured point is drawn on a slice if its other inputs are this near, in standard deviations.
pub const NEAR_DEVIATIONS: f64 = 0.1;
/// More inputs than this are not listed one by one.
const MOST_NAMED: usize = 2;

/// Which slices of a function are shown.
#[derive(Clone, Copy, Debug)]
pub struct FitView<'a> {
    /// The highest order of derivative.
    pub order: usize,
    /// Where the slices go through (D).
    pub centre: &'a [f64],
    /// Whether an input's axis has its decades alike (D); its numbers are then above 0.
    pub logarithmic: &'a [bool],
}

/// A row for each output and input: the slice along that input through the centre, or through the nearest
/// points of the truth, with derivatives up to `order` and the measurements in `data`.
///
/// # Errors
/// Those of the device.
pub fn fit_rows(
    source: &mut dyn Source,
    data: &[Reference],
    truth: Option<&Reference>,
    view: &FitView,
) -> Result<Vec<FitRow>> {
    let FitView { order, centre, logarithmic } = *view;
    let model = &source.model().clone();
    let inputs = model.inputs.len();
    let slices: Vec<Slice> = (0..inputs).map(|input| Slice::new(model, truth, input, centre)).collect();
    let mut rows = vec![];
    for output in 0..model.outputs.len() {
        for (input, slice) in slices.iter().enumerate() {
            let derivatives: Vec<Derivative> =
                (0..=order).filter_map(|order| Derivative::by(&vec![input; order])).collect();
            let seen = data
                .iter()
                .flat_map(|data| &data.points[input])
                .chain(truth.iter().flat_map(|truth| &truth.points[input]));
            let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
            let is_logarithmic = logarithmic[input] && low > 0.0;
            let at = |k: usize| match (k as f64 / (CURVE_POINTS - 1) as f64, is_logarithmic) {
                (part, true) => low * (high / low).powf(part),
                (part, false) => low + (high - low) * part,
            };
            let x: Vec<f64> = (0..CURVE_POINTS).map(at).collect();
            let fixed = |d: usize| vec![slice.centre[d]; CURVE_POINTS];
            let points: Vec<_> = (0..inputs).map(|d| if d == input { x.clone() } else { fixed(d) }).collect();
            let layout = JetLayout::selected(inputs, derivatives.iter().copied());
            let (jets, spread) = source.jets_with_spread(&points, &layout)?;
            let mut panels = vec![];
            for derivative in &derivatives {
                let entry = Entry { output, derivative: *derivative };
                let curve = jets.entry(output, *derivative).expect("a channel of the layout");
                let spread = spread.as_ref().and_then(|spread| spread.entry(output, *derivative));
                panels.push(FitPanel {
                    fit: Series::new(x.clone(), curve),
                    band: spread.map(|spread| Band::around(&x, curve, spread)),
                    truth: truth.and_then(|truth| slice.truth(truth, entry)),
                    data: slice.data(model, data, entry),
                    error: error(source, truth, entry)?,
                });
            }
            rows.push(FitRow {
                output: model.outputs[output].clone(),
                input: model.inputs[input].clone(),
                is_logarithmic,
                labels: None,
                slice: (inputs > 1).then(|| slice.place(model)),
                panels,
            });
        }
    }
    Ok(rows)
}

/// A line through the inputs' space along one input.
struct Slice {
    input: usize,
    /// Where all inputs stand; that of `input` does not count (D).
    centre: Vec<f64>,
    /// The rows of the truth that lie on it, ascending in `input`.
    rows: Vec<usize>,
}

impl Slice {
    /// Through the centre, or through the nearest row of the truth if others lie on the line, too, as
    /// they do on a grid.
    fn new(model: &Model, truth: Option<&Reference>, input: usize, centre: &[f64]) -> Self {
        let scale = &model.normalizer.inputs.scale;
        let mut slice = Self { input, centre: centre.to_vec(), rows: vec![] };
        let Some(truth) = truth else { return slice };
        let at = |d: usize, row: usize| truth.points[d][row];
        let distance = |row: usize| slice.others().map(|d| ((at(d, row) - centre[d]) / scale[d]).powi(2)).sum::<f64>();
        let count = truth.points[input].len();
        let nearest = (0..count).min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        let Some(nearest) = nearest else { return slice };
        let is_on_line = |row: &usize| slice.others().all(|d| at(d, *row) == at(d, nearest));
        let mut rows: Vec<usize> = (0..count).filter(is_on_line).collect();
        if rows.len() > 1 {
            rows.sort_by(|a, b| at(input, *a).total_cmp(&at(input, *b)));
            slice.centre = truth.points.iter().map(|column| column[nearest]).collect();
            slice.rows = rows;
        }
        slice
    }

    fn others(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.centre.len()).filter(|d| *d != self.input)
    }

    /// `gap = 2.5e-3`, or that all others are at their centre where there are many.
    fn place(&self, model: &Model) -> String {
        if self.others().count() > MOST_NAMED {
            return "the centre of the other inputs".to_string();
        }
        let named = |d: usize| format!("{} = {}", model.inputs[d], short(self.centre[d]));
        self.others().map(named).collect::<Vec<_>>().join(", ")
    }

    /// The known values of an entry on the line.
    fn truth(&self, known: &Reference, entry: Entry) -> Option<Series> {
        let column = known.column(entry)?;
        let (x, y): (Vec<f64>, Vec<f64>) = self
            .rows
            .iter()
            .map(|row| (known.points[self.input][*row], column[*row]))
            .filter(|(_, y)| y.is_finite())
            .unzip();
        (!x.is_empty()).then_some(Series { x, y })
    }

    /// The measured values of an entry at points near the line.
    fn data(&self, model: &Model, data: &[Reference], entry: Entry) -> Option<Series> {
        let scale = &model.normalizer.inputs.scale;
        let (mut x, mut y) = (vec![], vec![]);
        for known in data {
            let Some(column) = known.column(entry) else { continue };
            let away = |d: usize, row: usize| ((known.points[d][row] - self.centre[d]) / scale[d]).abs();
            let is_measured = |row: &usize| !column[*row].is_nan();
            let is_near = |row: &usize| self.others().all(|d| away(d, *row) <= NEAR_DEVIATIONS);
            for row in (0..column.len()).filter(is_measured).filter(is_near) {
                x.push(known.points[self.input][row]);
                y.push(column[row]);
            }
        }
        (!x.is_empty()).then_some(Series { x, y })
    }
}

/// A row for each output over `points` (2, B) that are a grid: two inputs, each ascending, the last
/// one running fastest. `None` where they are not. The truth is shown where its points are these
/// points; its error counts wherever they are. What lies outside a domain is blank.
///
/// # Errors
/// Those of the device.
pub fn map_rows(
    source: &mut dyn Source,
    points: &[Vec<f64>],
    truth: Option<&Reference>,
    domain: Option<&Domain>,
) -> Result<Option<Vec<MapRow>>> {
    let model = &source.model().clone();
    let Some([x, y]) = grid_axes(points) else { return Ok(None) };
    let axis = |input: usize, values: &[f64]| MapAxis { name: model.inputs[input].clone(), values: values.to_vec() };
    let jets = source.jets(points, &JetLayout::value(model.inputs.len()))?;
    let shown = truth.filter(|truth| truth.points == points);
    let mut rows = vec![];
    for output in 0..model.outputs.len() {
        let entry = Entry::value(output);
        rows.push(MapRow {
            output: model.outputs[output].clone(),
            x: axis(0, &x),
            y: axis(1, &y),
            fit: jets.entry(output, Derivative::Value).expect("the value").to_vec(),
            truth: shown.and_then(|truth| truth.column(entry)).map(<[f64]>::to_vec),
            error: error(source, truth, entry)?,
            at: None,
            slices: vec![],
            level: domain.map(|domain| domain.depths(points)),
            range: None,
        });
    }
    Ok(Some(rows))
}

/// The two axes whose product `points` are, the second running fastest.
fn grid_axes(points: &[Vec<f64>]) -> Option<[Vec<f64>; 2]> {
    let [first, second] = points else { return None };
    let fast = first.iter().take_while(|v| **v == first[0]).count();
    // One point is no picture.
    if first.len() < 2 || !first.len().is_multiple_of(fast) {
        return None;
    }
    let x: Vec<f64> = first.iter().step_by(fast).copied().collect();
    let y = second[..fast].to_vec();
    let is_ascending = |axis: &[f64]| axis.windows(2).all(|pair| pair[0] < pair[1]);
    let mut rows = first.chunks(fast).zip(second.chunks(fast)).zip(&x);
    let is_grid = rows.all(|((first, second), x)| first.iter().all(|v| v == x) && second == y);
    (is_grid && is_ascending(&x) && is_ascending(&y)).then_some([x, y])
}

/// A panel for each of the first `outputs` outputs, whose measured values are the first targets of each set.
///
/// # Errors
/// Those of the device.
pub fn parity_panels(
    source: &mut dyn Source,
    outputs: usize,
    training: &PointSet,
    validation: Option<&PointSet>,
) -> Result<Vec<ParityPanel>> {
    let model = &source.model().clone();
    let layout = JetLayout::value(model.inputs.len());
    let predicted = source.jets(&training.inputs, &layout)?;
    let held_out = validation.map(|set| source.jets(&set.inputs, &layout)).transpose()?;
    let panel = |output: usize| {
        let value = |jets: &Jets| jets.entry(output, Derivative::Value).expect("the value").to_vec();
        let validation = validation.zip(held_out.as_ref());
        ParityPanel {
            output: model.outputs[output].clone(),
            training: measured(&training.columns[output], value(&predicted)),
            validation: validation.map(|(set, jets)| measured(&set.columns[output], value(jets))),
        }
    };
    Ok((0..outputs).map(panel).collect())
}

/// What is predicted over what was measured.
fn measured(known: &[f64], predicted: Vec<f64>) -> Series {
    let pairs = known.iter().copied().zip(predicted).filter(|(known, _)| !known.is_nan());
    let (x, y) = pairs.unzip();
    Series { x, y }
}

/// The relative error of an entry, where it is known.
fn error(source: &mut dyn Source, truth: Option<&Reference>, entry: Entry) -> Result<Option<f64>> {
    let error = truth.map(|truth| truth.relative_error(source, entry)).transpose()?.flatten();
    Ok(error.map(|(error, _)| error))
}
