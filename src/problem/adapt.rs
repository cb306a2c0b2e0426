//! What of the loss follows the network as it is trained: points that are drawn anew, causal weights, and the
//! balance of the terms. All of it is a function of the state, so that a resumed run goes the same way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::source::point_set;
use super::{Problem, TermSet};
use crate::backend::Backend;
use crate::data::PointSet;
use crate::error::Result;
use crate::loss::Loss;
use crate::points::Resampling;

/// The parts of the loss that adapt during training; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Adapted {
    /// The points of the sets that were resampled, by set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rounds: BTreeMap<usize, Round>,
    /// The causal weights of the slices of time, by set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub causal: BTreeMap<usize, Vec<f64>>,
    /// What balancing multiplies the terms' weights by (T); empty before it has begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub balance: Vec<f64>,
}

/// The points of a set since it was last resampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// How many times it was resampled.
    pub number: u64,
    /// What refinement chose from, and its choice: indices into that many candidates of the round. `None` where the
    /// points are drawn as they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refined: Option<(usize, Vec<usize>)>,
}

/// A step that begins.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Which, from 1.
    pub step: u64,
    /// Steps before its stage.
    pub first: u64,
    /// The stage's own, in place of what the sets' points say.
    pub resampling: Option<Resampling>,
    /// Whether weights may follow the network.
    pub reweighs: bool,
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

    /// The same over the values where the terms are judged, and where they are trained for those that are not, by the
    /// weights of the job: one measure for the whole run.
    pub fn validation_loss(&self, training: &[f64], validation: &[Option<f64>]) -> f64 {
        let values: Vec<f64> =
            validation.iter().zip(training).map(|(judged, trained)| judged.unwrap_or(*trained)).collect();
        self.total(&values, &Adapted::default())
    }

    /// Lets a set follow the network before a step: new points where they are resampled, causal weights where these are
    /// due. Gives whether the set has changed.
    ///
    /// # Errors
    /// The backend's.
    pub fn adapt(&self, set: usize, now: Now, backend: &mut dyn Backend, adapted: &mut Adapted) -> Result<bool> {
        let Some(source) = &self.sets[set].source else { return Ok(false) };
        let resampling = source.resampling(now.resampling);
        let since = now.step - 1 - now.resampling.map_or(0, |_| now.first);
        let resamples = resampling.every > 0 && now.step > 1 && since.is_multiple_of(resampling.every);
        if resamples {
            let number = 1 + adapted.rounds.get(&set).map_or(0, |round| round.number);
            let chosen = resampling.refine.map(|refine| {
                let candidates = point_set(source.candidates(refine.candidates, self.seed, set, number));
                let squares = self.squares(set, &candidates, backend, adapted)?;
                let size: Vec<f64> = squares.into_iter().map(f64::sqrt).collect();
                Ok((refine.candidates, refine.draw(&size, source.spec.count, self.seed, number)))
            });
            adapted.rounds.insert(set, Round { number, refined: chosen.transpose()? });
        }
        let causal = source.causal.as_ref().filter(|causal| now.reweighs && causal.is_due(now.step));
        if let Some(causal) = causal {
            let points = self.points_at(set, adapted);
            let squares = self.squares(set, &points, backend, adapted)?;
            adapted.causal.insert(set, causal.weights(&points.inputs, &squares));
        }
        Ok(resamples || causal.is_some())
    }

    /// The points of a set as they are now.
    pub fn points_at(&self, set: usize, adapted: &Adapted) -> Cow<'_, PointSet> {
        let TermSet { points, source, .. } = &self.sets[set];
        let Some(source) = source else { return Cow::Borrowed(points) };
        let mut points = match adapted.rounds.get(&set) {
            None => Cow::Borrowed(points),
            Some(Round { number, refined: Some((candidates, chosen)) }) => {
                Cow::Owned(point_set(source.candidates(*candidates, self.seed, set, *number).select(chosen)))
            }
            Some(Round { number, refined: None }) => Cow::Owned(source.draw(self.seed, set, *number)),
        };
        if let (Some(causal), Some(weights)) = (&source.causal, adapted.causal.get(&set)) {
            let points = points.to_mut();
            points.weights = Some(causal.of_points(&points.inputs, weights));
        }
        points
    }

    /// Points that judge what a set has learned: the validation rows of the data; as many fresh points as a sampled set
    /// has, others in each `round`. `None` where there are none.
    pub fn judging_points(&self, set: usize, round: u64) -> Option<Cow<'_, PointSet>> {
        match &self.sets[set].source {
            Some(source) => source.has_others().then(|| Cow::Owned(source.fresh(self.seed, set, round))),
            None => self.validation().filter(|_| set == 0).map(Cow::Borrowed),
        }
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
        let coefficients = &self.coefficient_values(&backend.parameters()?);
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
