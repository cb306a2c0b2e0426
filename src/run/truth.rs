//! What is known to be true, for errors and pictures: columns of a file, or expressions at the points of
//! the predictions. Where it is not known it is NaN: in gaps of the file, where an expression has no finite
//! value, and where no term says what the network should be.

use crate::data::Gaps;
use crate::error::Result;
use crate::expression::{Expression, PointData};
use crate::jet::{Derivative, Entry};
use crate::job::{EquationTerm, Job, TermPoints, Truth, TruthSource};
use crate::network::definitions::{self, quantities};
use crate::predict::Reference;

/// True numbers at some points.
pub struct Truths {
    points: Vec<Vec<f64>>,
    entries: Vec<Entry>,
    columns: Vec<Vec<f64>>,
    /// The derivatives of true values that go through a jump, so that they are not compared.
    pub left_out: Vec<String>,
}

impl Truths {
    /// Reads the file, or evaluates the expressions at `points` (D, B). A value that is an expression
    /// brings its derivatives along, up to those that the job predicts.
    ///
    /// # Errors
    /// Those of the file or of an expression.
    pub fn read(job: &Job, truth: &Truth, points: &[Vec<f64>]) -> Result<Self> {
        let mut truths = match &truth.source {
            TruthSource::File { file, columns } => {
                let mut reader = job.table(file)?;
                let names = columns.iter().map(|(_, column)| column);
                let inputs = job.input_columns(&reader);
                let all: Vec<&String> = inputs.iter().chain(names).collect();
                reader.select_with_gaps(&all, Gaps::NotFinite, inputs.len())?;
                let mut points = reader.read_rows()?;
                let columns_read = points.split_off(job.inputs.len());
                let entries = columns.iter().map(|(entry, _)| *entry).collect();
                Self { points, entries, columns: columns_read, left_out: vec![] }
            }
            TruthSource::Expressions(given) => Self::expressions(job, given, points)?,
        };
        let known = inside(job, &truths.points)?;
        for column in &mut truths.columns {
            for (value, known) in column.iter_mut().zip(&known) {
                if !(*known && value.is_finite()) {
                    *value = f64::NAN;
                }
            }
        }
        Ok(truths)
    }

    fn expressions(job: &Job, given: &[(Entry, String)], points: &[Vec<f64>]) -> Result<Self> {
        let (scope, own) = (job.truth_scope(), job.prediction_scope());
        let names = quantities(&own);
        let mut read = vec![];
        for (entry, text) in given {
            let place = format!("truth.expressions.{}", entry.column(&job.inputs, &names));
            read.push((*entry, Expression::value(place, text, &scope)?));
        }
        let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
        let mut left_out = vec![];
        let values: Vec<_> = read.iter().filter(|(entry, _)| entry.derivative == Derivative::Value).cloned().collect();
        for (value, expression) in values {
            for derivative in layout.derivatives() {
                let entry = Entry { derivative, ..value };
                let is_own = entry.output < job.outputs.len() || definitions::entry("truth", &own, entry).is_ok();
                if read.iter().any(|(known, _)| *known == entry) || !is_own {
                    continue;
                }
                if expression.loses(derivative, layout.laplacian()) {
                    left_out.push(entry.column(&job.inputs, &names));
                } else if let Ok(derived) = expression.clone().derived(derivative, layout.laplacian()) {
                    read.push((entry, derived));
                }
            }
        }
        let data = PointData { inputs: points, columns: &[], normals: &[] };
        let columns = read.iter().map(|(_, expression)| expression.evaluate(&data, &[], None)).collect();
        let entries = read.iter().map(|(entry, _)| *entry).collect();
        Ok(Self { points: points.to_vec(), entries, columns, left_out })
    }

    /// The truth as plots and errors read it.
    pub fn reference(&self) -> Reference<'_> {
        Reference { points: &self.points, entries: &self.entries, columns: &self.columns }
    }
}

/// Which of the points (D, B) lie where the job's equations hold: in the domain, and in the part of some term on an inside. In
/// a job with data, which speak of other points too, or without terms on an inside, all of the domain counts.
fn inside(job: &Job, points: &[Vec<f64>]) -> Result<Vec<bool>> {
    let all = vec![true; points[0].len()];
    let Some(domain) = &job.domain else { return Ok(all) };
    let part = |term: &EquationTerm| match &term.points {
        TermPoints::Sampled(spec) if spec.on.is_empty() => Some(spec.part(&term.place("points"), domain)),
        _ => None,
    };
    let parts = job.terms.iter().filter(|_| job.data.is_none()).filter_map(part).collect::<Result<Vec<_>>>()?;
    if parts.is_empty() {
        return Ok(if domain.is_box() { all } else { domain.contains(points) });
    }
    let mut known = vec![false; all.len()];
    for part in parts {
        known.iter_mut().zip(part.holds(points)).for_each(|(known, holds)| *known |= holds);
    }
    Ok(known)
}
