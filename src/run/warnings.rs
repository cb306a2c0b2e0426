//! What a trained run says of itself where its answer may be wrong: a loss is no proof.

use crate::backend::Backend;
use crate::certificate::thin;
use crate::error::Result;
use crate::loss;
use crate::loss::{Parts, Term, is_worse};
use crate::problem::{Problem, TermSet};
use crate::trainer::Outcome;

/// The part of a column's variance that has to be explained.
const LEAST_EXPLAINED: f64 = 0.1;
/// The part of what an equation adds up from that may be left of it, and of what its scales let expect.
const MOST_LEFT: f64 = 0.03;
/// Parts that are smaller than this, relative to their scales, make these doubtful.
const LEAST_PARTS: f64 = 1e-3;
/// What is left of them, over their scale, is no fault below this.
const LEAST_LEFT: f64 = 1e-4;
/// Points of a set at which its parts are looked at.
const SAMPLE_POINTS: usize = 1000;

/// What should be said of a run that has ended, whose parameters the backend holds.
///
/// # Errors
/// The backend's.
pub fn of_run(problem: &Problem, outcome: &Outcome, backend: &mut dyn Backend) -> Result<Vec<String>> {
    let mut warnings = vec![];
    let mut results = outcome.training.iter().zip(&outcome.validation);
    for (index, set) in problem.sets.iter().enumerate() {
        let is_data = index == 0 && problem.data.is_some();
        let of_terms: Vec<_> = results.by_ref().take(set.loss.terms.len()).collect();
        if is_data {
            for (k, (trained, judged)) in of_terms.into_iter().enumerate() {
                warnings.extend(of_column(set, k, *trained, *judged));
            }
            continue;
        }
        let Some(source) = &set.source else { continue };
        let parts = parts(problem, index, backend)?;
        for ((term, (trained, judged)), parts) in set.loss.terms.iter().zip(of_terms).zip(parts) {
            // What is one entry alone, in the whole box, is no equation but a penalty.
            let is_penalty = source.is_inside() && !parts.are_several();
            if term.weight > 0.0 && !is_penalty {
                warnings.extend(of_equation(term, *trained, *judged, parts));
            }
        }
    }
    Ok(warnings)
}

/// What is said of a column of the data: that it is overfitted, or not fitted at all.
fn of_column(set: &TermSet, index: usize, trained: f64, judged: Option<f64>) -> Option<String> {
    let (term, column) = (&set.loss.terms[index], set.points.columns.get(index)?);
    if term.weight == 0.0 {
        return None;
    }
    let name = &term.name;
    if let Some(judged) = judged.filter(|judged| is_worse(*judged, trained)) {
        return Some(format!(
            "{name} is overfitted: its mean square is {judged:.1e} on the validation rows and {trained:.1e} on the \
             training rows; use fewer units or more rows, or set loss.curvature"
        ));
    }
    // Its scale is its deviation, but for a column that is constant.
    let is_constant = column.iter().all(|value| *value == column[0]);
    let left = judged.unwrap_or(trained);
    (left > 1.0 - LEAST_EXPLAINED && !is_constant).then(|| {
        format!(
            "{name} is fitted hardly better than by its mean: {left:.2} of its variance remains; train longer, check \
             that it depends on the inputs, or transform the columns (take the logarithm if they span decades)"
        )
    })
}

/// What is said of an equation: that it holds at its points alone, or nowhere.
fn of_equation(term: &Term, trained: f64, judged: Option<f64>, parts: Parts) -> Option<String> {
    let name = &term.name;
    if let Some(judged) = judged.filter(|judged| is_worse(*judged, trained)) {
        return Some(format!(
            "term {name:?} holds at its training points but not between them: its mean square is {judged:.1e} at new \
             points and {trained:.1e} at the training points; use more points, set resample_every (in the term or the \
             stage), or use fewer units"
        ));
    }
    let (left, size) = (judged.unwrap_or(trained).sqrt(), parts.size());
    let percent = 100.0 * left / size;
    let is_differential = term.residual.entries().iter().any(|entry| entry.derivative.order() > 0);
    let is_doubtful = size < LEAST_PARTS && left > LEAST_LEFT;
    if left > MOST_LEFT * size && is_doubtful && is_differential && parts.are_several() {
        return Some(format!(
            "term {name:?} is not solved: its residual is {percent:.0} % of the size of its parts, and the parts are \
             {size:.0e} of their expected size; set the size of the outputs in network.scales"
        ));
    }
    let percent = 100.0 * parts.relative();
    (parts.relative() > MOST_LEFT).then(|| {
        format!(
            "term {name:?} is not solved: its residual is {percent:.0} % of the size of its parts; train longer, \
             raise its weight, or check whether it contradicts the other terms"
        )
    })
}

/// What each equation of a sampled set adds up from, over its scale, where it is judged (T).
fn parts(problem: &Problem, index: usize, backend: &mut dyn Backend) -> Result<Vec<Parts>> {
    let set = &problem.sets[index];
    let points =
        problem.judging_points(index, u64::MAX).map_or_else(|| set.points.clone(), |points| points.into_owned());
    let points = points.select(&thin(points.points(), SAMPLE_POINTS));
    let (places, residuals) = set.loss.placed();
    let coefficients = problem.coefficient_values(&backend.parameters()?);
    let jets = backend.evaluate(&places.inputs(&points.data()), &set.loss.layout(points.inputs.len()))?;
    let of_term = |residual| loss::parts(residual, &points, &coefficients, &jets, (&problem.normalizer, 0.0));
    Ok(residuals.iter().map(of_term).collect())
}
