//! Whether an equation holds between the points that it was trained on: a network that is exact at a hundred points may be
//! anything elsewhere.

use std::fmt;

use serde::Serialize;

use crate::backend::Backend;
use crate::error::Result;
use crate::loss::is_worse;
use crate::problem::Problem;

/// The round of fresh points that neither training nor its report has seen.
const FRESH_ROUND: u64 = u64::MAX - 1;

/// One term at its own points and at others of the same region.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BetweenFinding {
    /// Its name in every report.
    pub term: String,
    /// The mean square of its residual at its own points, over its scale.
    pub own: f64,
    /// The same at as many fresh points, or at those of a file.
    pub fresh: f64,
    /// Whether the latter is at most ten times the former, or small.
    pub passed: bool,
}

impl fmt::Display for BetweenFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { term, own, fresh, .. } = self;
        write!(
            f,
            "term {term:?} does not hold between its training points: mean square {fresh:.1e} there, {own:.1e} \
                   at the training points"
        )
    }
}

/// Judges every sampled term of a problem on a device that holds its trained network: at fresh points of its own region,
/// or, where they are given, the terms of the whole box at these points (D, B).
///
/// # Errors
/// Those of the device.
pub fn between(
    problem: &Problem,
    points: Option<&[Vec<f64>]>,
    device: &mut dyn Backend,
) -> Result<Vec<BetweenFinding>> {
    let mut findings = vec![];
    for (index, set) in problem.sets.iter().enumerate() {
        let Some(source) = &set.source else { continue };
        let Some(mut fresh) = problem.judging_points(index, FRESH_ROUND) else { continue };
        if let Some(points) = points.filter(|_| source.is_inside()) {
            fresh.to_mut().inputs = points.to_vec();
        }
        let own = device.load(&set.points, &set.loss)?;
        let own = device.losses(own)?;
        let there = device.load(&fresh, &set.loss)?;
        let there = device.losses(there)?;
        for ((term, own), fresh) in set.loss.terms.iter().zip(own).zip(there) {
            findings.push(BetweenFinding {
                term: term.name.clone(),
                own,
                fresh,
                passed: term.weight == 0.0 || !is_worse(fresh, own),
            });
        }
    }
    Ok(findings)
}
