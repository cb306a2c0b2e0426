//! The terms of a loss on a device against the CPU in f64: each one's mean square, and its gradient by
//! all parameters.
//!
//! After a training residuals are small: they are differences of parts that are not, and have the
//! rounding errors of those. So errors are measured against the parts, see [`loss::parts`]; an entry that is nearly 0
//! has the rounding errors of one that is not.

use std::fmt;

use serde::Serialize;

use super::judge::{LEAST_SIZE, distance};
use crate::backend::{Backend, Batch, Gradient, SetId};
use crate::data::PointSet;
use crate::error::Result;
use crate::jet::Smoothness;
use crate::loss::{self, Loss, Term};
use crate::network::Model;
use crate::problem::TermSet;

/// One term, compared over all its points.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TermFinding {
    /// Its name in every report.
    pub term: String,
    /// The points that were compared.
    pub points: usize,
    /// The root mean square of its residual, in f64.
    pub residual: f64,
    /// The root mean square of the size of the residual's parts, before they cancel.
    pub parts: f64,
    /// The difference of the residual's root mean squares, relative to that of its parts. No difference
    /// of the residuals themselves is smaller in root mean square.
    pub value: f64,
    /// The norm of the difference of the gradients of the mean square, relative to what the gradient
    /// would be were every residual as large as its parts; `None` where the network's smoothness leaves
    /// it with jumps.
    pub gradient: Option<f64>,
    /// The tolerance of both.
    pub tolerance: f64,
    /// Whether both are within the tolerance.
    pub passed: bool,
}

impl fmt::Display for TermFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { term, value, tolerance, .. } = self;
        write!(f, "term {term:?}: value {value:.1e}, ")?;
        self.gradient.map_or(Ok(()), |gradient| write!(f, "gradient {gradient:.1e}, "))?;
        write!(f, "tolerance {tolerance:.1e}")
    }
}

/// Compares every term of the sets that reads derivatives of the network's own value alone that are
/// continuous. Both backends hold `model`.
pub fn certify(
    model: &Model,
    sets: &[TermSet],
    device: &mut dyn Backend,
    reference: &mut dyn Backend,
    tolerance: f64,
) -> Result<Vec<TermFinding>> {
    let coefficients = &model.coefficient_values();
    // Features are the host's on both, and what jumps in a residual jumps on both.
    let smoothness = model.spec.roughest().smoothness();
    let (mut on_device, mut on_reference) = (Slot::default(), Slot::default());
    let mut findings = vec![];
    for TermSet { points, loss, .. } in sets {
        let (places, residuals) = loss.placed();
        let jets = reference.evaluate(&places.inputs(&points.data()), &loss.layout(model.inputs.len()))?;
        for (index, (term, residual)) in loss.terms.iter().zip(&residuals).enumerate() {
            let reads = residual.entries().iter().map(|entry| entry.derivative.order()).max().unwrap_or(0);
            if reads > smoothness.order() {
                continue;
            }
            // With the other terms in the shader and the layout, as training has them.
            let own = alone(loss, index);
            let tested = on_device.gradient(device, points, &own)?;
            let exact = on_reference.gradient(reference, points, &own)?;
            let parts = loss::parts(residual, points, coefficients, &jets, (&model.normalizer, LEAST_SIZE));
            let values = residual.evaluate(&points.data(), coefficients, Some(&jets));
            let more = parts.sum.iter().zip(values).map(|(parts, value)| parts - value).collect();
            let (enlarged, loss) = enlarged(term, points, more);
            let natural = on_reference.gradient(reference, &enlarged, &loss)?;

            let (residual, parts) = (exact.losses[index].sqrt(), natural.losses[0].sqrt());
            // Beside infinite parts every difference would be 0.
            let is_finite = residual.is_finite() && parts.is_finite() && natural.gradient.iter().all(|g| g.is_finite());
            let value = ratio(distance(tested.losses[index].sqrt(), residual), parts);
            let apart: Vec<f64> = tested.gradient.iter().zip(&exact.gradient).map(|(a, b)| distance(*a, *b)).collect();
            // The gradient by a weight has one derivative of the activation more.
            let is_continuous = reads < smoothness.order() || smoothness == Smoothness::Infinite;
            let gradient = is_continuous.then(|| ratio(norm(&apart), norm(&natural.gradient)));
            findings.push(TermFinding {
                term: term.name.clone(),
                points: points.points(),
                residual,
                parts,
                value,
                gradient,
                tolerance,
                passed: is_finite && value <= tolerance && gradient.is_none_or(|gradient| gradient <= tolerance),
            });
        }
    }
    Ok(findings)
}

/// Where a backend holds the set that is compared: one at a time, whatever their number.
#[derive(Default)]
struct Slot(Option<SetId>);

impl Slot {
    fn gradient(&mut self, backend: &mut dyn Backend, points: &PointSet, loss: &Loss) -> Result<Gradient> {
        let set = match self.0 {
            Some(set) => backend.refill(set, points, loss).map(|()| set)?,
            None => *self.0.insert(backend.load(points, loss)?),
        };
        backend.gradient(&[Batch { set, start: 0, count: points.points() }])
    }
}

/// The loss with one term's weight 1 and the others' 0.
fn alone(loss: &Loss, index: usize) -> Loss {
    let mut loss = loss.clone();
    loss.terms.iter_mut().enumerate().for_each(|(k, term)| term.weight = if k == index { 1.0 } else { 0.0 });
    loss
}

/// A loss whose residual is larger by `more` (B) at each point, and has the same derivatives.
fn enlarged(term: &Term, points: &PointSet, more: Vec<f64>) -> (PointSet, Loss) {
    let mut points = points.clone();
    points.columns.push(more.into_iter().map(|more| -more).collect());
    let residual = term.residual.clone().misfit(Some(points.columns.len() - 1), 1.0);
    (points, Loss { terms: vec![Term { residual, weight: 1.0, ..term.clone() }] })
}

/// a/b, and 0 where a is.
fn ratio(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a / b }
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}
