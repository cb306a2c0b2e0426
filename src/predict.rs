//! Jets as rows of a CSV file, block by block: ten million points need no more memory than one block.

use std::io::{Read, Write};

use rayon::prelude::*;

use crate::backend::Backend;
use crate::data::{TableReader, rows};
use crate::error::{Error, Result};
use crate::expression::PointData;
use crate::jet::{JetLayout, Jets};
use crate::network::Model;
use crate::predict_warnings::PredictionWatch;

/// Points that are evaluated and formatted at once.
const BLOCK: usize = 1 << 16;

/// Rows that one thread formats at once.
const ROWS: usize = 1 << 12;

/// The model's jets at points (D, B): those of its network, behind the transforms of its outputs.
///
/// # Errors
/// The device's.
pub fn jets(model: &Model, backend: &mut dyn Backend, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
    if model.transforms.are_identity() {
        return backend.evaluate(points, layout);
    }
    let outputs = model.spec.outputs;
    let (own, places, expressions) = model.transforms.jets(outputs, layout);
    let data = PointData { inputs: points, ..PointData::default() };
    let jets = backend.evaluate(&places.inputs(&data), &own)?;
    let coefficients = model.normalizer.coefficients_of(&backend.parameters()?[model.spec.weights()..]);
    let values: Vec<Vec<f64>> =
        expressions.par_iter().map(|expression| expression.evaluate(&data, &coefficients, Some(&jets))).collect();
    Ok(Jets { layout: layout.clone(), outputs, values: values.concat() })
}

/// What jets come from: a trained network, or an ensemble of them.
pub trait Source {
    /// Names and scaling.
    fn model(&self) -> &Model;

    /// The jets at points (D, B).
    ///
    /// # Errors
    /// The device's.
    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets>;

    /// The same, with how far the networks are apart where there are several: the deviation over them, entry by
    /// entry.
    ///
    /// # Errors
    /// The device's.
    fn jets_with_spread(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<(Jets, Option<Jets>)> {
        Ok((self.jets(points, layout)?, None))
    }
}

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
}

/// Where predictions go, and in which form.
pub struct Predictions<'a, W: Write> {
    writer: W,
    /// How messages name the file.
    place: String,
    /// Written with the first rows, so that a mistake before them leaves nothing.
    header: Vec<u8>,
    layout: &'a JetLayout,
    watch: PredictionWatch,
}

impl<'a, W: Write> Predictions<'a, W> {
    /// The columns are the inputs, then for each output its value and its derivatives, and of an ensemble's
    /// `members` behind each its deviation over them, `u_spread`. The fewest digits are written that read back to the
    /// same f64.
    pub fn new(writer: W, place: &str, model: &Model, members: usize, layout: &'a JetLayout) -> Self {
        let outputs = model.outputs.iter();
        let entries = outputs.flat_map(|output| layout.derivatives().map(|d| d.column(output, &model.inputs)));
        let entries = entries.flat_map(|entry| {
            let spread = (members > 1).then(|| format!("{entry}_spread"));
            [entry].into_iter().chain(spread)
        });
        let entries: Vec<String> = entries.collect();
        let header = rows::header(model.inputs.iter().chain(&entries));
        let watch = PredictionWatch::new(model, entries);
        Self { writer, place: place.to_string(), header, layout, watch }
    }

    /// What is to be said of the points and numbers that were written.
    pub fn warnings(&self) -> Vec<String> {
        self.watch.warnings()
    }

    /// Evaluates all rows of `points`, whose inputs were selected in the model's order, and writes
    /// them. `progress` hears of every block, the bytes read and the rows written so far, and ends
    /// the work with an error of its own. Returns the number of rows, at least 1.
    ///
    /// # Errors
    /// What is wrong with the points, with the device, or with the file that is written.
    pub fn stream<R: Read>(
        &mut self,
        points: &mut TableReader<R>,
        source: &mut dyn Source,
        mut progress: impl FnMut(u64, u64) -> Result<()>,
    ) -> Result<u64> {
        let mut written = 0;
        while let Some(columns) = points.next_block()? {
            let count = columns[0].len();
            self.points(&columns, source, |now| progress(points.bytes(), written + now as u64))?;
            written += count as u64;
        }
        match written {
            0 => Err(points.error("there are no rows below the header", "give it rows")),
            written => Ok(written),
        }
    }

    /// Evaluates points (D, B) block by block and writes them; `progress` hears the rows so far.
    pub fn points(
        &mut self,
        points: &[Vec<f64>],
        source: &mut dyn Source,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let count = points[0].len();
        for start in (0..count).step_by(BLOCK) {
            let end = (start + BLOCK).min(count);
            let block: Vec<Vec<f64>> = points.iter().map(|column| column[start..end].to_vec()).collect();
            let (jets, spread) = source.jets_with_spread(&block, self.layout)?;
            self.rows(&block, &jets, spread.as_ref())?;
            progress(end)?;
        }
        Ok(())
    }

    /// Writes jets that were evaluated at `points` (D, B).
    fn rows(&mut self, points: &[Vec<f64>], jets: &Jets, spread: Option<&Jets>) -> Result<()> {
        let count = jets.points();
        let mut spreads = spread.map(|spread| spread.values.chunks_exact(count));
        let entries = jets.values.chunks_exact(count);
        let entries = entries.flat_map(|entry| [entry].into_iter().chain(spreads.as_mut().and_then(Iterator::next)));
        let entries: Vec<&[f64]> = entries.collect();
        self.watch.look(points, &entries);
        let starts: Vec<usize> = (0..count).step_by(ROWS).collect();
        let format = |start: &usize| {
            let mut text = Vec::with_capacity(ROWS * 16 * (points.len() + entries.len()));
            for row in *start..(*start + ROWS).min(count) {
                points.iter().for_each(|column| rows::push(&mut text, column[row]));
                entries.iter().for_each(|entry| rows::push(&mut text, entry[row]));
                rows::end(&mut text);
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
