//! What is known to be true, for errors and pictures: columns of a file, or expressions at the points of
//! the predictions.

use crate::data::TableReader;
use crate::entry::Entry;
use crate::error::Result;
use crate::expression::{Expression, PointData};
use crate::jet::Derivative;
use crate::job::{Job, Truth, TruthSource};
use crate::plot::Known;

/// True numbers at some points.
pub struct Truths {
    points: Vec<Vec<f64>>,
    entries: Vec<Entry>,
    columns: Vec<Vec<f64>>,
}

impl Truths {
    /// Reads the file, or evaluates the expressions at `points` (D, B). A value that is an expression
    /// brings its derivatives along, up to those that the job predicts.
    ///
    /// # Errors
    /// Those of the file or of an expression.
    pub fn read(job: &Job, truth: &Truth, points: &[Vec<f64>]) -> Result<Self> {
        match &truth.source {
            TruthSource::File { file, columns } => {
                let mut reader = TableReader::open(file)?;
                let names = columns.iter().map(|(_, column)| column);
                reader.select(&job.inputs.iter().chain(names).collect::<Vec<_>>())?;
                let mut points = reader.read_rows()?;
                let values = points.split_off(job.inputs.len());
                Ok(Self { points, entries: columns.iter().map(|(entry, _)| *entry).collect(), columns: values })
            }
            TruthSource::Expressions(given) => {
                let texts = with_derivatives(job, given);
                let data = PointData { inputs: points, columns: &[], normals: &[] };
                let scope = job.truth_scope();
                let value = |(entry, text): &(Entry, String)| {
                    let place = format!("truth.expressions.{}", entry.column(&job.inputs, &job.outputs));
                    Ok(Expression::value(place, text, &scope)?.evaluate(&data, &[], None))
                };
                let columns = texts.iter().map(value).collect::<Result<_>>()?;
                Ok(Self { points: points.to_vec(), entries: texts.iter().map(|(entry, _)| *entry).collect(), columns })
            }
        }
    }

    /// As the pictures read it.
    pub fn known(&self) -> Known<'_> {
        Known { points: &self.points, entries: &self.entries, columns: &self.columns }
    }
}

/// The expressions that are given, and the derivatives of the values among them.
fn with_derivatives(job: &Job, given: &[(Entry, String)]) -> Vec<(Entry, String)> {
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let by = |text: &str, inputs: &[usize]| {
        let names: Vec<&str> = inputs.iter().map(|input| job.inputs[*input].as_str()).collect();
        format!("d({text}, {})", names.join(", "))
    };
    let mut texts = given.to_vec();
    for (value, text) in given.iter().filter(|(entry, _)| entry.derivative == Derivative::Value) {
        for derivative in layout.derivatives() {
            let entry = Entry { derivative, ..*value };
            if texts.iter().any(|(known, _)| *known == entry) {
                continue;
            }
            let derived = match derivative {
                Derivative::Value => continue,
                Derivative::First(i) => by(text, &[i]),
                Derivative::Second(i, j) => by(text, &[i, j]),
                Derivative::Laplacian => {
                    (0..job.inputs.len()).map(|i| by(text, &[i, i])).collect::<Vec<_>>().join(" + ")
                }
            };
            texts.push((entry, derived));
        }
    }
    texts
}
