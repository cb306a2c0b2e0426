//! Jets as rows of a CSV file, block by block: ten million points need no more memory than one block.

mod reference;
pub mod warnings;
mod within;

use std::io::Write;

use rayon::prelude::*;

use crate::backend::Backend;
use crate::data::{TableReader, csv_writer};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::expression::{self, Expression, Places, PointData};
use crate::jet::{Entry, JetLayout, Jets};
use crate::network::Model;
use crate::network::definitions::{self, Definitions};
use crate::predict::warnings::PredictionWatch;

pub use reference::Reference;
pub use within::Within;

/// Points that are evaluated and formatted at once.
pub(crate) const BLOCK_POINTS: usize = 1 << 16;

/// Rows that one thread formats at once.
const THREAD_ROWS: usize = 1 << 12;

/// The model's jets at points (D, B), with the transforms of its outputs applied.
///
/// # Errors
/// The device's.
pub fn jets(model: &Model, backend: &mut dyn Backend, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
    if model.transforms.are_identity() {
        return backend.evaluate(points, layout);
    }
    let outputs = model.outputs.len();
    let values = over_jets(model, backend, points, &model.transforms.jets(outputs, layout))?;
    Ok(Jets { layout: layout.clone(), outputs, values: values.concat() })
}

/// Expressions over the network's own jet, such as those of [`crate::network::definitions`], at points (D, B).
///
/// # Errors
/// The device's.
pub fn values(
    model: &Model,
    backend: &mut dyn Backend,
    points: &[Vec<f64>],
    expressions: &[Expression],
) -> Result<Vec<Vec<f64>>> {
    let mut expressions = expressions.to_vec();
    let places = expression::places(&mut expressions);
    let layout = expression::layout(&mut expressions, points.len());
    over_jets(model, backend, points, &(layout, places, expressions))
}

/// Expressions that read the network in a layout at places.
fn over_jets(
    model: &Model,
    backend: &mut dyn Backend,
    points: &[Vec<f64>],
    (layout, places, expressions): &(JetLayout, Places, Vec<Expression>),
) -> Result<Vec<Vec<f64>>> {
    let data = PointData { inputs: points, ..PointData::default() };
    let jets = backend.evaluate(&places.inputs(&data), layout)?;
    let coefficients = model.normalizer.coefficients_of(&backend.parameters()?[model.spec.weights()..]);
    Ok(expressions.par_iter().map(|expression| expression.evaluate(&data, &coefficients, Some(&jets))).collect())
}

/// An entry of an output or of a definition (counted after the outputs) at points (D, B).
///
/// # Errors
/// The device's; and an entry of a definition that does not exist.
pub fn entry(source: &mut dyn Source, points: &[Vec<f64>], entry: Entry) -> Result<Vec<f64>> {
    let model = source.model();
    if entry.output >= model.outputs.len() {
        let expression = definitions::entry("truth", &model.scope(true), entry)?;
        return Ok(source.values_with_spread(points, &[expression])?.0.remove(0));
    }
    let jets = source.jets(points, &JetLayout::selected(points.len(), [entry.derivative]))?;
    Ok(jets.entry(entry.output, entry.derivative).expect("a channel of the layout").to_vec())
}

/// A source of jets: a trained network, or an ensemble of them.
pub trait Source {
    /// Names and scaling.
    fn model(&self) -> &Model;

    /// The jets at points (D, B).
    ///
    /// # Errors
    /// The device's.
    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets>;

    /// The same with the standard deviation over the networks if there are several, entry by entry.
    ///
    /// # Errors
    /// The device's.
    fn jets_with_spread(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<(Jets, Option<Jets>)> {
        Ok((self.jets(points, layout)?, None))
    }

    /// Expressions over the network's own jets at points (D, B), with the standard deviation over the networks if
    /// there are several.
    ///
    /// # Errors
    /// The device's.
    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread>;
}

/// The values of expressions (E, B), and their standard deviations over several networks.
pub type Spread = (Vec<Vec<f64>>, Option<Vec<Vec<f64>>>);

/// One network on its device.
pub struct Trained<'a> {
    /// The network.
    pub model: &'a Model,
    /// Holds its parameters.
    pub backend: &'a mut dyn Backend,
}

impl Source for Trained<'_> {
    fn model(&self) -> &Model {
        self.model
    }

    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        jets(self.model, self.backend, points, layout)
    }

    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread> {
        Ok((values(self.model, self.backend, points, expressions)?, None))
    }
}

/// Writes predictions as CSV.
pub struct Predictions<'a, W: Write> {
    writer: W,
    /// How messages name the file.
    place: String,
    /// Written with the first rows, so that a mistake before them leaves nothing.
    header: Vec<u8>,
    layout: &'a JetLayout,
    definitions: &'a Definitions,
    /// Columns of each point that are written as they are, a comma behind each.
    kept: Vec<Vec<u8>>,
    watch: PredictionWatch,
    /// The set of points that have numbers; the cells of others are empty.
    domain: Option<&'a Domain>,
}

impl<'a, W: Write> Predictions<'a, W> {
    /// The columns are those that are kept of the points' table, which [`Predictions::stream`] reads, the inputs, then for each output its value and its derivatives, then those of `definitions`, and
    /// of an ensemble's `members` behind each its deviation over them, `u_spread`. The fewest digits are written that read
    /// back to the same f64.
    pub fn new(
        writer: W,
        place: &str,
        model: &Model,
        members: usize,
        (layout, definitions): (&'a JetLayout, &'a Definitions),
        keep: &[String],
    ) -> Self {
        let outputs = model.outputs.iter();
        let entries = outputs.flat_map(|output| layout.derivatives().map(|d| d.column(output, &model.inputs)));
        let entries = entries.chain(definitions.columns.iter().cloned());
        let entries = entries.flat_map(|entry| {
            let spread = (members > 1).then(|| format!("{entry}_spread"));
            [entry].into_iter().chain(spread)
        });
        let entries: Vec<String> = entries.collect();
        // Of what was measured and what is predicted each has its name.
        let own = |name: &String| if entries.contains(name) { format!("kept_{name}") } else { name.clone() };
        let kept: Vec<String> = keep.iter().map(own).collect();
        let header = csv_writer::header(kept.iter().chain(&model.inputs).chain(&entries));
        let watch = PredictionWatch::new(model, entries);
        Self { writer, place: place.to_string(), header, layout, definitions, kept: vec![], watch, domain: None }
    }

    /// The same with empty cells at points outside of a domain.
    pub fn within(self, domain: Option<&'a Domain>) -> Self {
        Self { domain, ..self }
    }

    /// The same with a warning that counts the points outside of a domain.
    pub fn watching(mut self, domain: Option<Domain>) -> Self {
        self.watch.domain = domain;
        self
    }

    /// Warnings about the points and numbers that were written.
    pub fn warnings(&self) -> Vec<String> {
        self.watch.warnings()
    }

    /// Evaluates all rows of `points`, whose inputs were selected in the model's order, and writes
    /// them. `progress` hears of every block, the bytes read and the rows written so far, and ends
    /// the work with an error of its own. Returns the number of rows, at least 1.
    ///
    /// # Errors
    /// What is wrong with the points, with the device, or with the file that is written.
    pub fn stream(
        &mut self,
        points: &mut TableReader<'_>,
        source: &mut dyn Source,
        mut progress: impl FnMut(u64, u64) -> Result<()>,
    ) -> Result<u64> {
        let mut written = 0;
        while let Some(columns) = points.next_block()? {
            let count = columns[0].len();
            self.kept = points.kept().to_vec();
            self.points(&columns, source, |now| progress(points.bytes(), written + now as u64))?;
            written += count as u64;
        }
        match written {
            0 => Err(points.error("there are no rows after the header", "add rows")),
            written => Ok(written),
        }
    }

    /// Evaluates points (D, B) block by block and writes them; `progress` receives the number of rows so far.
    pub fn points(
        &mut self,
        points: &[Vec<f64>],
        source: &mut dyn Source,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let count = points[0].len();
        for start in (0..count).step_by(BLOCK_POINTS) {
            let end = (start + BLOCK_POINTS).min(count);
            let block: Vec<Vec<f64>> = points.iter().map(|column| column[start..end].to_vec()).collect();
            let (jets, spread) = source.jets_with_spread(&block, self.layout)?;
            let (mut values, mut apart) = (split(jets), spread.map(split));
            if !self.definitions.expressions.is_empty() {
                let (more, spread) = source.values_with_spread(&block, &self.definitions.expressions)?;
                values.extend(more);
                apart.iter_mut().zip(spread).for_each(|(apart, spread)| apart.extend(spread));
            }
            self.rows(start, &block, &values, apart.as_deref())?;
            progress(end)?;
        }
        Ok(())
    }

    /// Writes entries (E, B) that were evaluated at `points` (D, B), of which the first is number `first` of those that
    /// columns are kept of.
    fn rows(
        &mut self,
        first: usize,
        points: &[Vec<f64>],
        entries: &[Vec<f64>],
        spread: Option<&[Vec<f64>]>,
    ) -> Result<()> {
        let count = points[0].len();
        let mut spreads = spread.map(|spread| spread.iter());
        let entries = entries.iter();
        let entries = entries.flat_map(|entry| [entry].into_iter().chain(spreads.as_mut().and_then(Iterator::next)));
        let entries: Vec<&[f64]> = entries.map(Vec::as_slice).collect();
        let are_in = self.domain.map(|domain| domain.contains(points));
        match &are_in {
            None => self.watch.look(points, &entries),
            Some(are_in) => {
                let pick =
                    |column: &[f64]| column.iter().zip(are_in).filter(|(_, is_in)| **is_in).map(|(x, _)| *x).collect();
                let points: Vec<Vec<f64>> = points.iter().map(|column| pick(column)).collect();
                let entries: Vec<Vec<f64>> = entries.iter().map(|column| pick(column)).collect();
                self.watch.look(&points, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
        }
        let starts: Vec<usize> = (0..count).step_by(THREAD_ROWS).collect();
        let format = |start: &usize| {
            let mut text = Vec::with_capacity(THREAD_ROWS * 16 * (points.len() + entries.len()));
            for row in *start..(*start + THREAD_ROWS).min(count) {
                text.extend(self.kept.get(first + row).into_iter().flatten());
                points.iter().for_each(|column| csv_writer::push(&mut text, column[row]));
                entries.iter().for_each(|entry| match are_in.as_ref().is_none_or(|are_in| are_in[row]) {
                    true => csv_writer::push(&mut text, entry[row]),
                    false => csv_writer::push_text(&mut text, b""),
                });
                csv_writer::end(&mut text);
            }
            text
        };
        let texts: Vec<Vec<u8>> = starts.par_iter().map(format).collect();
        let header = std::mem::take(&mut self.header);
        self.put(&header)?;
        texts.iter().try_for_each(|text| self.put(text))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|error| Error::io(&self.place, error))
    }
}

/// The entries of jets (E, B).
fn split(jets: Jets) -> Vec<Vec<f64>> {
    jets.values.chunks_exact(jets.points()).map(<[f64]>::to_vec).collect()
}
