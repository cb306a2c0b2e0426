//! The jets of a model from those of its networks.

use super::{Expression, OwnJets, PointData};
use crate::jet::{Derivative, Entry, JetLayout, Jets, Normalizer, Wiring, is_single};

/// How jets in a layout come from the networks' own ones.
pub struct Assembly {
    wanted: JetLayout,
    /// The channels of each network's own jet.
    pub layouts: Vec<JetLayout>,
    /// The scaling of each network.
    pub normalizers: Vec<Normalizer>,
    wirings: Vec<Wiring>,
    /// Every entry (M C) over own ones; none for a network alone.
    entries: Vec<Expression>,
}

impl Assembly {
    /// For jets in a layout.
    pub fn new(wanted: &JetLayout, normalizer: &Normalizer, wirings: &[Wiring]) -> Self {
        let of = |layouts, normalizers, entries| Self {
            wanted: wanted.clone(),
            layouts,
            normalizers,
            wirings: wirings.to_vec(),
            entries,
        };
        if is_single(wirings) {
            return of(vec![wanted.clone()], vec![normalizer.clone()], vec![]);
        }
        let outputs = normalizer.outputs.mean.len();
        let derivatives: Vec<Derivative> = wanted.derivatives().collect();
        let entry = |output, derivative: &Derivative| {
            Expression::of_own(Entry { output, derivative: *derivative }, wanted.laplacian(), wirings)
        };
        let entries =
            (0..outputs).flat_map(|output| derivatives.iter().map(move |derivative| entry(output, derivative)));
        let mut entries: Vec<Expression> = entries.collect();
        let OwnJets { layouts, normalizers, .. } = OwnJets::over_own(&mut entries, normalizer, wirings);
        let layouts = layouts.into_iter().map(|layout| layout.expect("every output has a value")).collect();
        of(layouts, normalizers, entries)
    }

    /// The layout in which they come.
    pub fn wanted(&self) -> &JetLayout {
        &self.wanted
    }

    /// The rows (M C, …) of each network's own jets.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.wirings.iter().zip(&self.layouts).map(|(wiring, layout)| wiring.gives.len() * layout.channels())
    }

    /// The jets at `points` points, from every network's own standardised ones (M C, B), one behind the other.
    pub fn join(&self, points: usize, mut standardised: Vec<f64>) -> Jets {
        let mut own = vec![];
        for ((rows, layout), normalizer) in self.rows().zip(&self.layouts).zip(&self.normalizers) {
            let rest = standardised.split_off(rows * points);
            own.push(Jets::from_standardised(layout, normalizer, std::mem::replace(&mut standardised, rest)));
        }
        if self.entries.is_empty() {
            return own.remove(0);
        }
        let row = |entry: Entry, _| {
            let (network, output) = crate::jet::owner(&self.wirings, entry.output);
            own[network].entry(output, entry.derivative).expect("an entry that the jets carry")
        };
        let values = self.entries.iter().flat_map(|entry| PointData::default().over(entry, points, &row));
        let (values, outputs) = (values.collect(), self.wirings.iter().map(|wiring| wiring.gives.len()).sum());
        Jets { layout: self.wanted.clone(), outputs, values }
    }
}
