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
const POINTS: usize = 1000;

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
            "{name} is overfitted: its mean square is {judged:.1e} over the validation rows and {trained:.1e} over those \
             it was trained on; take fewer units or more rows, or set loss.curvature"
        ));
    }
    // Its scale is its deviation, but for a column that is constant.
    let is_constant = column.iter().all(|value| *value == column[0]);
    let left = judged.unwrap_or(trained);
    (left > 1.0 - LEAST_EXPLAINED && !is_constant).then(|| {
        format!(
            "{name} is fitted no better than by its mean: {left:.2} of its variance is left; train longer, look whether the \
             inputs tell it at all, or give the columns in other units (a logarithm, where they span decades)"
        )
    })
}

/// What is said of an equation: that it holds at its points alone, or nowhere.
fn of_equation(term: &Term, trained: f64, judged: Option<f64>, parts: Parts) -> Option<String> {
    let name = &term.name;
    if let Some(judged) = judged.filter(|judged| is_worse(*judged, trained)) {
        return Some(format!(
            "term {name:?} holds at its points and not between them: its mean square is {judged:.1e} at fresh points and \
             {trained:.1e} at its own; give it more points or resample_every (in the stage, too), or take fewer units"
        ));
    }
    let (left, size) = (judged.unwrap_or(trained).sqrt(), parts.size());
    let percent = 100.0 * left / size;
    let is_differential = term.residual.entries().iter().any(|entry| entry.derivative.order() > 0);
    let is_doubtful = size < LEAST_PARTS && left > LEAST_LEFT;
    if left > MOST_LEFT * size && is_doubtful && is_differential && parts.are_several() {
        return Some(format!(
            "term {name:?} is not solved: {percent:.0} % of what it adds up from is left, and that is {size:.0e} of what \
             was expected; state how large the outputs are under network.scales"
        ));
    }
    let percent = 100.0 * parts.relative();
    (parts.relative() > MOST_LEFT).then(|| {
        format!(
            "term {name:?} is not solved: {percent:.0} % of what it adds up from is left; train longer, weigh it more, or \
             look whether it contradicts the other terms"
        )
    })
}

/// What each equation of a sampled set adds up from, over its scale, where it is judged (T).
fn parts(problem: &Problem, index: usize, backend: &mut dyn Backend) -> Result<Vec<Parts>> {
    let set = &problem.sets[index];
    let points =
        problem.judging_points(index, u64::MAX).map_or_else(|| set.points.clone(), |points| points.into_owned());
    let points = points.select(&thin(points.points(), POINTS));
    let (places, residuals) = set.loss.placed();
    let coefficients = problem.coefficient_values(&backend.parameters()?);
    let jets = backend.evaluate(&places.inputs(&points.data()), &set.loss.layout(points.inputs.len()))?;
    let of_term = |residual| loss::parts(residual, &points, &coefficients, &jets, (&problem.normalizer, 0.0));
    Ok(residuals.iter().map(of_term).collect())
}
