//! The columns of inputs and outputs: their names, and the unit-wise steps at both ends of a network as their scaling.

use std::collections::BTreeSet;

use super::graph::{At, Graph, Step, of_unit};
use crate::error::{Error, Result};
use crate::jet::Scaling;

/// The names of columns, given or numbered.
pub fn names(flag: &str, given: &[String], letter: &str, count: usize) -> Result<Vec<String>> {
    if given.is_empty() {
        return Ok(match count {
            1 => vec![letter.to_string()],
            _ => (0..count).map(|index| format!("{letter}{index}")).collect(),
        });
    }
    let distinct: BTreeSet<_> = given.iter().filter(|name| !name.is_empty()).collect();
    if given.len() != count || distinct.len() != count {
        let problem = format!("{:?} are {} different names; the network has {count}", given, distinct.len());
        return Err(Error::input(flag, problem, "give one name for each, separated by commas"));
    }
    Ok(given.to_vec())
}

/// A scaling that the user gave, for this many columns.
pub fn checked(flags: &str, scaling: &Scaling, count: usize) -> Result<Scaling> {
    match scaling.problem(count) {
        None => Ok(scaling.clone()),
        Some(problem) => Err(Error::input(flags, problem, "give one number for each, separated by commas")),
    }
}

/// The unit-wise steps before all others as a scaling, and the step that comes after them. None of them where the
/// scaling would not be positive.
pub fn leading(graph: &Graph, way: &[At], width: usize) -> (usize, Scaling) {
    let mut scaling = Scaling::identity(width);
    let mut end = 1;
    while end < way.len() && !graph.point(way[end - 1]).is_added {
        let Scaling { mean, scale } = &mut scaling;
        match &graph.point(way[end]).step {
            Step::Standardise { mean: m, scale: s } => {
                for unit in 0..width {
                    mean[unit] += scale[unit] * of_unit(m, unit);
                    scale[unit] *= of_unit(s, unit);
                }
            }
            Step::Scale { factor, shift } => {
                for unit in 0..width {
                    scale[unit] /= of_unit(factor, unit);
                    mean[unit] -= scale[unit] * of_unit(shift, unit);
                }
            }
            _ => break,
        }
        end += 1;
    }
    match scaling.problem(width) {
        None => (end, scaling),
        Some(_) => (1, Scaling::identity(width)),
    }
}

/// The unit-wise steps behind all others as a scaling, and where they start. None of them where the scaling would not
/// be positive.
pub fn trailing(graph: &Graph, way: &[At], first: usize, width: usize) -> (usize, Scaling) {
    let is_unit_wise = |at: &At| matches!(graph.point(*at).step, Step::Standardise { .. } | Step::Scale { .. });
    let count = way[first..].iter().rev().take_while(|at| is_unit_wise(at) && !graph.point(**at).is_added).count();
    let mut start = way.len() - count;
    // A shift right behind an affine layer is its bias.
    let is_shift =
        |at: &At| matches!(&graph.point(*at).step, Step::Scale { factor, .. } if factor.iter().all(|x| *x == 1.0));
    if count > 0 && is_shift(&way[start]) && matches!(graph.point(way[start - 1]).step, Step::Affine(_)) {
        start += 1;
    }
    let mut scaling = Scaling::identity(width);
    let Scaling { mean, scale } = &mut scaling;
    for at in &way[start..] {
        for unit in 0..width {
            let (divisor, minus, factor, plus) = match &graph.point(*at).step {
                Step::Standardise { mean, scale } => (of_unit(scale, unit), of_unit(mean, unit), 1.0, 0.0),
                Step::Scale { factor, shift } => (1.0, 0.0, of_unit(factor, unit), of_unit(shift, unit)),
                _ => unreachable!("only unit-wise steps are counted"),
            };
            mean[unit] = (mean[unit] - minus) / divisor * factor + plus;
            scale[unit] = scale[unit] / divisor * factor;
        }
    }
    match scaling.problem(width) {
        None => (start, scaling),
        Some(_) => (way.len(), Scaling::identity(width)),
    }
}
