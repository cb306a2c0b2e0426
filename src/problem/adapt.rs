//! What of the loss follows the network as it is trained: points that are drawn anew, causal weights, and the
//! balance of the terms. All of it is a function of the state, so that a resumed run goes the same way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Problem, TermSet, point_set};
use crate::backend::Backend;
use crate::data::PointSet;
use crate::error::Result;
use crate::loss::Loss;

/// What of the loss follows the network as it is trained; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Adapted {
    /// The points that refinement has chosen, by set: indices into the candidates of the round.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refined: BTreeMap<usize, Vec<usize>>,
    /// The causal weights of the slices of time, by set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub causal: BTreeMap<usize, Vec<f64>>,
    /// What balancing multiplies the terms' weights by (T); empty before it has begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub balance: Vec<f64>,
}

impl Problem {
    /// The weight of every term, set by set (T).
    pub fn weights(&self, adapted: &Adapted) -> Vec<f64> {
        let factors = adapted.balance.iter().copied().chain(std::iter::repeat(1.0));
        self.terms().zip(factors).map(|(term, factor)| term.weight * factor).collect()
    }

    /// Σ weight · value over the terms' values (T).
    pub fn total(&self, values: &[f64], adapted: &Adapted) -> f64 {
        self.weights(adapted).iter().zip(values).map(|(weight, value)| weight * value).sum()
    }

    /// The same over the values of the data's terms on the validation rows, by the weights of the job: one measure
    /// for the whole run.
    pub fn judged(&self, values: &[f64]) -> f64 {
        self.total(values, &Adapted::default())
    }

    /// Lets a set follow the network before step `step` (from 1): new points where they are resampled, causal weights
    /// where these are due and `reweighs`. Gives whether the set has changed.
    ///
    /// # Errors
    /// The backend's.
    pub fn adapt(
        &self,
        set: usize,
        step: u64,
        reweighs: bool,
        backend: &mut dyn Backend,
        adapted: &mut Adapted,
    ) -> Result<bool> {
        let Some(source) = &self.sets[set].source else { return Ok(false) };
        let every = source.spec.resample_every;
        let resamples = every > 0 && step > 1 && (step - 1).is_multiple_of(every);
        if let Some(refine) = source.spec.refine.filter(|_| resamples) {
            let round = (step - 1) / every;
            let candidates = point_set(source.candidates(self.seed, set, round));
            let size: Vec<f64> = self.squares(set, &candidates, backend, adapted)?.into_iter().map(f64::sqrt).collect();
            adapted.refined.insert(set, refine.draw(&size, source.spec.count, self.seed, round));
        }
        let causal = source.causal.as_ref().filter(|causal| reweighs && causal.is_due(step));
        if let Some(causal) = causal {
            let points = self.points_at(set, step, adapted);
            let squares = self.squares(set, &points, backend, adapted)?;
            adapted.causal.insert(set, causal.weights(&points.inputs, &squares));
        }
        Ok(resamples || causal.is_some())
    }

    /// The points of a set in step `step`.
    pub fn points_at(&self, set: usize, step: u64, adapted: &Adapted) -> Cow<'_, PointSet> {
        let TermSet { points, source, .. } = &self.sets[set];
        let Some(source) = source else { return Cow::Borrowed(points) };
        let round = step.saturating_sub(1).checked_div(source.spec.resample_every).unwrap_or(0);
        let mut points = match adapted.refined.get(&set) {
            _ if round == 0 => Cow::Borrowed(points),
            Some(chosen) => Cow::Owned(point_set(source.candidates(self.seed, set, round).select(chosen))),
            None => Cow::Owned(source.draw(self.seed, set, round)),
        };
        if let (Some(causal), Some(weights)) = (&source.causal, adapted.causal.get(&set)) {
            let points = points.to_mut();
            points.weights = Some(causal.of_points(&points.inputs, weights));
        }
        points
    }

    /// The loss on a set, with the terms' weights as they are balanced.
    pub fn loss(&self, set: usize, adapted: &Adapted) -> Loss {
        let mut loss = self.sets[set].loss.clone();
        let first: usize = self.sets[..set].iter().map(|set| set.loss.terms.len()).sum();
        let weights = self.weights(adapted);
        loss.terms.iter_mut().zip(&weights[first..]).for_each(|(term, weight)| term.weight = *weight);
        loss
    }

    /// The weighted squares of the residuals of a set's terms at points (B), by the network as it is now.
    fn squares(&self, set: usize, points: &PointSet, backend: &mut dyn Backend, adapted: &Adapted) -> Result<Vec<f64>> {
        let loss = self.loss(set, adapted);
        let parameters = backend.parameters()?;
        let coefficients = &parameters[parameters.len() - self.coefficients..];
        let data = points.data();
        let (places, residuals) = loss.placed();
        let jets = backend.evaluate(&places.inputs(&data), &loss.layout(points.inputs.len()))?;
        let mut squares = vec![0.0; points.points()];
        for (term, residual) in loss.terms.iter().zip(residuals) {
            let r = residual.evaluate(&data, coefficients, Some(&jets));
            squares.iter_mut().zip(r).for_each(|(square, r)| *square += term.weight * r * r);
        }
        Ok(squares)
    }

    /// The sets with causal weights, named after their first terms, and the weight of the last slice of each.
    pub fn causal<'a>(&'a self, adapted: &'a Adapted) -> impl Iterator<Item = (&'a str, f64)> {
        let causal = self
            .sets
            .iter()
            .enumerate()
            .filter(|(_, set)| set.source.as_ref().is_some_and(|source| source.causal.is_some()));
        causal.map(|(index, set)| {
            let last = adapted.causal.get(&index).and_then(|weights| weights.last());
            (&set.loss.terms[0].name[..], last.copied().unwrap_or(1.0))
        })
    }
}
