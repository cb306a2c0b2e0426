//! The residuals at the points of a step, looked at one by one on the host: are they finite, and how large are they?
//!
//! Training sees sums alone. A residual that is infinite or NaN makes the whole loss so, and then nothing tells which term
//! it was, where, and why.

use super::{Adapted, Problem, TermSet};
use crate::backend::Backend;
use crate::data::PointSet;
use crate::error::{Error, Result, number, point};
use crate::expression::{Expression, Leaf};
use crate::job::{Equation, Job, TermPoints};
use crate::numbers::Precision;

/// Points that are looked at together.
const BLOCK_POINTS: usize = 1 << 14;

/// The result of evaluating all terms once.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// Each term's mean square (T), up to the first fault.
    pub losses: Vec<f64>,
    /// The first residual, or derivative of one, that is not finite.
    pub fault: Option<Fault>,
    /// The largest residual, and a description of where it is.
    pub largest: (f64, String),
}

/// A residual that makes the loss infinite or NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The name of its term.
    pub term: String,
    /// Which part has which value, where, and at how many points.
    pub problem: String,
    /// How the user can fix it.
    pub help: String,
    /// Whether it is finite but overflows the arithmetic.
    pub is_too_large: bool,
}

impl Fault {
    /// The error of a job that cannot start.
    pub fn into_error(self) -> Error {
        Error::input(format_args!("term {:?}: residual", self.term), self.problem, self.help)
    }
}

impl Problem {
    /// Evaluates all terms at their points with the network on `backend`, until one is not finite in the job's
    /// arithmetic.
    ///
    /// # Errors
    /// The backend's.
    pub fn survey(&self, job: &Job, adapted: &Adapted, backend: &mut dyn Backend) -> Result<Survey> {
        let mut survey = Survey { losses: vec![], fault: None, largest: (0.0, "no point".to_string()) };
        for (index, set) in self.sets.iter().enumerate() {
            let points = self.points_at(index, adapted);
            let mut seen = Seen { sums: vec![0.0; set.loss.terms.len()], first: None, count: 0 };
            for start in (0..points.points()).step_by(BLOCK_POINTS) {
                let end = (start + BLOCK_POINTS).min(points.points());
                let block = points.select(&(start..end).collect::<Vec<_>>());
                self.look(job, set, &block, backend, &mut seen, &mut survey.largest)?;
            }
            let count = points.points() as f64;
            survey.losses.extend(seen.sums.iter().map(|sum| sum / count));
            if let Some((term, row)) = seen.first {
                survey.fault = Some(self.fault(job, set, &row, backend, (term, seen.count, points.points()))?);
                break;
            }
        }
        Ok(survey)
    }

    /// Adds a block's squares to the sums of the terms, and counts what is not finite.
    fn look(
        &self,
        job: &Job,
        set: &TermSet,
        block: &PointSet,
        backend: &mut dyn Backend,
        seen: &mut Seen,
        largest: &mut (f64, String),
    ) -> Result<()> {
        let data = block.data();
        let (places, residuals) = set.loss.placed();
        let jets = backend.evaluate(&places.inputs(&data), &set.loss.layout(block.inputs.len()))?;
        let coefficients = self.coefficient_values(&backend.parameters()?);
        let most = largest_number(job.device.precision).sqrt();
        for (term, residual) in residuals.iter().enumerate() {
            let values = residual.evaluate(&data, &coefficients, Some(&jets));
            let slopes: Vec<Vec<f64>> = trained(residual)
                .map(|leaf| residual.clone().partial(leaf).evaluate(&data, &coefficients, Some(&jets)))
                .collect();
            let weight = |row: usize| block.weights.as_ref().map_or(1.0, |weights| weights[row]);
            for (row, r) in values.iter().enumerate() {
                seen.sums[term] += weight(row) * r * r;
                // What is NaN is not below.
                let is_fine = r.abs() <= most && slopes.iter().all(|slope| slope[row].is_finite());
                if !is_fine && seen.first.as_ref().is_none_or(|(first, _)| *first == term) {
                    seen.count += 1;
                    seen.first.get_or_insert_with(|| (term, block.select(&[row])));
                }
                if r.abs() > largest.0 {
                    let inputs: Vec<f64> = block.inputs.iter().map(|input| input[row]).collect();
                    let name = &set.loss.terms[term].name;
                    *largest = (r.abs(), format!("term {name:?} at {}", point(&job.inputs, &inputs)));
                }
            }
        }
        Ok(())
    }

    /// What is wrong at one point of a set, in one of its terms.
    fn fault(
        &self,
        job: &Job,
        set: &TermSet,
        row: &PointSet,
        backend: &mut dyn Backend,
        (term, count, all): (usize, usize, usize),
    ) -> Result<Fault> {
        let data = row.data();
        let (places, residuals) = set.loss.placed();
        let jets = backend.evaluate(&places.inputs(&data), &set.loss.layout(row.inputs.len()))?;
        let coefficients = self.coefficient_values(&backend.parameters()?);
        let (name, residual) = (&set.loss.terms[term].name, &residuals[term]);
        let scope = job.scope(self.columns_of(job, name)?, !row.normals.is_empty());
        let inputs: Vec<f64> = row.inputs.iter().map(|input| input[0]).collect();
        let place = format!("{} ({count} of {all} points)", point(&job.inputs, &inputs));
        let slopes = trained(residual).map(|leaf| (Some(leaf), residual.clone().partial(leaf)));
        for (by, expression) in [(None, residual.clone())].into_iter().chain(slopes) {
            let Some(culprit) = expression.culprit(&data, &coefficients, Some(&jets), &scope) else { continue };
            let of = by.map_or(String::new(), |leaf| {
                format!(
                    " in its derivative with respect to {}, which training needs,",
                    Expression::leaf_name(leaf, &scope)
                )
            });
            let problem = format!("{}{of} is {} at {place}", culprit.text, culprit.value);
            return Ok(Fault { term: name.clone(), problem, help: culprit.help, is_too_large: false });
        }
        let r = residual.evaluate(&data, &coefficients, Some(&jets))[0];
        let precision = job.device.precision.stored();
        let problem = format!("it is {} at {place}, and its square overflows {precision}", number(r));
        let help = match precision {
            Precision::F64 => "rescale the equation to other units",
            _ => "rescale the equation to other units, or set device.precision = \"f64\"",
        };
        Ok(Fault { term: name.clone(), problem, help: help.to_string(), is_too_large: true })
    }

    /// The names of the columns that a term's points have, in their order.
    ///
    /// # Errors
    /// Those of a file that has changed since it was read.
    pub fn columns_of(&self, job: &Job, term: &str) -> Result<Vec<String>> {
        match job.terms.iter().find(|known| known.name == term) {
            Some(known) if matches!(known.points, TermPoints::File(_)) => {
                let Equation { columns, .. } = job.equation(known, |key| known.place(key))?;
                Ok(columns)
            }
            Some(_) => Ok(vec![]),
            None => {
                let targets = job.data.iter().flat_map(|data| data.targets()).map(|(_, column)| column.to_string());
                let targets: Vec<String> = targets.collect();
                let masked = |(target, name): (usize, &String)| {
                    self.data.as_ref()?.mask(target).map(|_| format!("whether {name} was measured"))
                };
                let masks: Vec<String> = targets.iter().enumerate().filter_map(masked).collect();
                Ok([targets, masks].concat())
            }
        }
    }
}

/// What was seen of one set.
struct Seen {
    /// The sum of each term's weighted squares (T).
    sums: Vec<f64>,
    /// The first term that is not finite somewhere, and the first such point.
    first: Option<(usize, PointSet)>,
    /// At how many points that term is not.
    count: usize,
}

/// What training moves in a residual.
fn trained(residual: &Expression) -> impl Iterator<Item = Leaf> {
    residual.leaves().into_iter().filter(|leaf| matches!(leaf, Leaf::Entry(..) | Leaf::Coefficient(_)))
}

fn largest_number(precision: Precision) -> f64 {
    if precision.stored() == Precision::F64 { f64::MAX } else { f32::MAX.into() }
}
