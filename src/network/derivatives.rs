//! Which derivatives the outputs of a network have: those that neither its activation rules out, nor a
//! feature before it or a transform behind it that jumps on the way.

use crate::error::{Error, Result};
use crate::expression::PointFunctions;
use crate::jet::{Derivative, Entry, JetLayout, Wiring, owner};
use crate::network::{Model, NetworkSpec, Transforms};

/// The outputs of a network, with everything that decides which derivatives they have.
#[derive(Clone, Debug)]
pub struct Outputs<'a> {
    /// The inputs' names (D).
    pub inputs: &'a [String],
    /// The outputs' names (M).
    pub outputs: &'a [String],
    /// The networks' shapes.
    pub spec: &'a NetworkSpec,
    /// The features of each network, if there are any.
    pub features: Vec<Option<&'a PointFunctions>>,
    /// The transforms of the outputs.
    pub transforms: &'a Transforms,
}

impl Model {
    /// Its outputs, with everything that decides which derivatives they have.
    pub fn derivatives(&self) -> Outputs<'_> {
        Outputs {
            inputs: &self.inputs,
            outputs: &self.outputs,
            spec: &self.spec,
            features: self.transforms.features.iter().map(|of| of.as_ref().map(|of| of.functions())).collect(),
            transforms: &self.transforms,
        }
    }
}

impl Outputs<'_> {
    /// Every output's jet in a layout.
    pub fn jets(&self, layout: &JetLayout) -> Vec<Entry> {
        let of_output = |output| layout.derivatives().map(move |derivative| Entry { output, derivative });
        (0..self.outputs.len()).flat_map(of_output).collect()
    }

    /// An error if one of the entries does not exist; `laplacian` has the cᵢ of a Laplacian. `place` is the key or
    /// flag that requests them.
    pub fn supports(&self, entries: &[Entry], laplacian: &[f64], place: &str) -> Result<()> {
        for output in 0..self.outputs.len() {
            let own = entries.iter().filter(|entry| entry.output == output);
            let order = own.map(|entry| entry.derivative.order()).max().unwrap_or(0);
            self.spec.giving(output).roughest().supports(order, place)?;
        }
        let Some((entry, jump)) = self.lost(entries, laplacian).next() else { return Ok(()) };
        let name = entry.column(self.inputs, self.outputs);
        let problem = format!(
            "{name} crosses a jump in {jump} (if, heaviside, sign, floor, ceil and mod jump, and so do the first \
             derivatives of abs, min, max and interp); at a jump the derivative is an impulse that no point can sample"
        );
        let help = "use smooth functions (interp_cubic for interp), request a lower order, or set allow_rough to ignore the impulses";
        Err(Error::input(place, problem, help))
    }

    /// The warning for entries that [`Self::supports`] refuses but the user allows.
    pub fn rough_warning(&self, entries: &[Entry], laplacian: &[f64]) -> String {
        match self.lost(entries, laplacian).next() {
            Some((entry, jump)) => format!(
                "{} and all other derivatives across a jump of {jump} are valid only between the jumps: the impulses \
                 at the jumps are ignored",
                entry.column(self.inputs, self.outputs)
            ),
            None => self.spec.roughest().rough_warning(),
        }
    }

    /// The entries that cross a jump, and what jumps.
    fn lost<'a>(&'a self, entries: &'a [Entry], laplacian: &'a [f64]) -> impl Iterator<Item = (Entry, String)> + 'a {
        let jump = |entry: &Entry| {
            if self.features_lose(*entry, laplacian) {
                return Some((*entry, "a feature of the network".to_string()));
            }
            let is_lost = self.transforms.loses(*entry, laplacian);
            is_lost.then(|| (*entry, format!("the transform of {}", self.outputs[entry.output])))
        };
        entries.iter().filter_map(jump)
    }

    /// Whether a feature of the network that gives an entry jumps on its way, or of one that feeds it.
    fn features_lose(&self, entry: Entry, laplacian: &[f64]) -> bool {
        self.of_features(entry, &|features, derivative, wiring| {
            let own = if laplacian.is_empty() { vec![] } else { wiring.own(laplacian) };
            features.loses(derivative, &own)
        })
    }

    fn of_features(&self, entry: Entry, is: &dyn Fn(&PointFunctions, Derivative, &Wiring) -> bool) -> bool {
        if self.features.is_empty() {
            return false;
        }
        let wirings = self.spec.wirings(self.inputs.len());
        let (network, _) = owner(&wirings, entry.output);
        let wiring = &wirings[network];
        let own = wiring.own_derivative(entry.derivative);
        let is_own = own.zip(self.features[network]).is_some_and(|(own, features)| is(features, own, wiring));
        is_own || wiring.fed().any(|(_, output)| self.of_features(Entry { output, ..entry }, is))
    }

    /// The features of every network, as [`crate::expression::Scope::features`] has them.
    pub fn own_features(&self) -> Vec<Option<PointFunctions>> {
        match self.features.is_empty() {
            true => vec![None; self.spec.networks.len()],
            false => self.features.iter().map(|features| features.cloned()).collect(),
        }
    }

    /// The highest order up to which all second derivatives and those of a layout exist and are continuous, and why higher
    /// ones do not.
    pub fn smooth_order(&self, layout: &JetLayout) -> (usize, Option<String>) {
        let own = self.spec.roughest().smoothness().order();
        let higher = layout.derivatives().filter(|derivative| derivative.order() > 2);
        let known = JetLayout::full(self.inputs.len());
        let derivatives: Vec<Derivative> = known.derivatives().chain(higher).collect();
        let of_output = |output| derivatives.iter().map(move |derivative| Entry { output, derivative: *derivative });
        let entries: Vec<Entry> = (0..self.outputs.len()).flat_map(of_output).collect();
        for order in 1..=own {
            for entry in entries.iter().filter(|entry| entry.derivative.order() == order) {
                let jump = match self.of_features(*entry, &|features, derivative, _| features.jump(derivative)) {
                    true => Some("a feature of the network".to_string()),
                    false => {
                        self.transforms.jump(*entry).then(|| format!("the transform of {}", self.outputs[entry.output]))
                    }
                };
                if let Some(jump) = jump {
                    let name = entry.column(self.inputs, self.outputs);
                    let left = [
                        "values are",
                        "values and first derivatives are",
                        "derivatives up to the second are",
                        "derivatives up to the third are",
                    ][order - 1];
                    return (order - 1, Some(format!("{jump} makes {name} jump: only {left} certified")));
                }
            }
        }
        let activation = self.spec.roughest();
        let because = |what: &str| Some(format!("{activation} is {}: {what}", activation.smoothness()));
        let why = match own {
            0 => because("its derivatives jump or do not exist at the kinks of every unit; only values are certified"),
            1 => because(
                "its second derivative jumps at the kinks of every unit; only values and first derivatives are \
                 certified",
            ),
            _ => None,
        };
        (own, why)
    }
}
