//! How large the numbers of a job are, so that no answer depends on units.
//!
//! Each output, coefficient and equation has a scale. Where no data tells them, they follow from the equations: their
//! residuals are evaluated at some of their points for a network whose standardised jets are random numbers of size 1,
//! as those of a network are at its start. So `d(p, t) = -c*p` with p in thousands and t in hours is trained as the same
//! equation with p in units and t in seconds.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::TermSet;
use crate::data::PointSet;
use crate::expression::{Expression, Leaf};
use crate::jet::{
    CoefficientMap, CoefficientRange, Entry, JetLayout, Jets, Normalizer, Wiring, mean_and_deviation, owner,
};
use crate::loss::Loss;

/// Points of a set at which residuals are evaluated.
const SAMPLE_POINTS: usize = 1024;
/// The fewest numbers that a size is found from: a set of fewer points is taken several times, as one random jet may
/// happen to solve an equation.
const LEAST_POINTS: usize = 256;
/// The part of the points, with the largest residuals, that does not count: a quotient whose denominator comes near 0 has
/// no mean square.
const OUTLIER_SHARE: f64 = 0.01;
/// Values that are smaller than this part of what the equations say are 0 but for rounding.
const ROUNDING_ERROR: f64 = 1e-9;
/// Decimal digits up and down among which an output's scale is looked for.
const MOST_DECADES: f64 = 60.0;

/// What the scales follow from: equations at points.
pub(super) struct Equations {
    trials: Vec<Trial>,
    /// Start values (K), in the user's units.
    coefficients: Vec<f64>,
}

/// One equation at some of its points.
struct Trial {
    points: PointSet,
    residual: Expression,
    layout: JetLayout,
    /// Standardised jets (M, C, places · B).
    jets: Vec<f64>,
}

impl Equations {
    /// Those of some terms, each given by its set and its number there, over the outputs of networks.
    pub fn new(sets: &[TermSet], terms: &[(usize, usize)], networks: &[Wiring], coefficients: Vec<f64>) -> Self {
        let outputs: usize = networks.iter().map(|network| network.gives.len()).sum();
        let trial = |&(set, term): &(usize, usize)| {
            let points = &sets[set].points;
            let kept = points.points().min(SAMPLE_POINTS);
            let spread = (0..kept).map(|k| k * points.points() / kept);
            let turns = LEAST_POINTS.div_ceil(kept.max(1));
            let points = points.select(&spread.cycle().take(kept * turns).collect::<Vec<_>>());
            let loss = Loss { terms: vec![sets[set].loss.terms[term].clone()] };
            let (places, mut residuals) = loss.placed();
            let layout = loss.layout(points.inputs.len());
            let mut random = ChaCha8Rng::seed_from_u64(term as u64);
            random.set_stream(set as u64);
            let count = outputs * layout.channels() * places.count() * points.points();
            let mut jets: Vec<f64> = StandardNormal.sample_iter(random).take(count).collect();
            // What a network does not read is no part of an equation.
            let rows = (0..outputs).flat_map(|output| layout.derivatives().map(move |derivative| (output, derivative)));
            for ((output, derivative), row) in rows.zip(jets.chunks_exact_mut(places.count() * points.points())) {
                let network = &networks[owner(networks, output).0];
                if !network.is_fed() && network.own_derivative(derivative).is_none() {
                    row.fill(0.0);
                }
            }
            Trial { points, residual: residuals.remove(0), layout, jets }
        };
        Self { trials: terms.iter().map(trial).collect(), coefficients }
    }

    /// Means and scales of the outputs (M), but for those that `are_fixed`: from the values that equations give them, such
    /// as `u = sin(pi*x)` or `T = 293`; else so large that no part of an equation exceeds those that are known. A scale
    /// that is `stated` stays.
    pub fn scale_outputs(&self, normalizer: &mut Normalizer, are_fixed: &[bool], stated: &[Option<f64>]) {
        let mut known = are_fixed.to_vec();
        let open: Vec<usize> = (0..known.len()).filter(|output| !known[*output]).collect();
        for &output in &open {
            let values = self.values_of(output);
            normalizer.outputs.mean[output] = values.map_or(0.0, |(mean, _)| mean);
            let scale = stated[output].or(values.map(|(_, scale)| scale).filter(|scale| *scale > 0.0));
            if let Some(scale) = scale {
                normalizer.outputs.scale[output] = scale;
                known[output] = true;
            }
        }
        let others = |known: &[bool], output: usize| -> Vec<bool> {
            known.iter().enumerate().map(|(k, known)| *known && k != output).collect()
        };
        // sin(pi) is 1e-16, and means 0.
        for &output in open.iter().filter(|output| known[**output] && stated[**output].is_none()) {
            let balanced = self.balanced(output, normalizer, &others(&known, output)).unwrap_or(0.0);
            if normalizer.outputs.scale[output] < ROUNDING_ERROR * balanced {
                normalizer.outputs.scale[output] = balanced;
            }
        }
        // One after another, as each makes parts of equations known to the next.
        while let Some((output, scale)) = open
            .iter()
            .filter(|output| !known[**output])
            .find_map(|output| Some((*output, self.balanced(*output, normalizer, &known)?)))
        {
            normalizer.outputs.scale[output] = scale;
            known[output] = true;
        }
        // What is constant wherever it is known, and in no equation with anything else, has its own size.
        for &output in open.iter().filter(|output| !known[**output]) {
            let mean = normalizer.outputs.mean[output].abs();
            normalizer.outputs.scale[output] = if mean > 0.0 { mean } else { 1.0 };
        }
    }

    /// Mean and deviation of the values that equations give an output; every equation counts alike.
    fn values_of(&self, output: usize) -> Option<(f64, f64)> {
        let values: Vec<(f64, f64)> =
            self.trials.iter().filter_map(|trial| Some(mean_and_deviation(&trial.values_of(output)?))).collect();
        let means: Vec<f64> = values.iter().map(|(mean, _)| *mean).collect();
        let (mean, between) = mean_and_deviation(&means);
        let within = values.iter().map(|(_, deviation)| deviation * deviation).sum::<f64>() / values.len() as f64;
        let deviation = (between * between + within).sqrt();
        (!values.is_empty()).then_some((mean, if deviation > f64::EPSILON * mean.abs() { deviation } else { 0.0 }))
    }

    /// The scale at which what an equation reads of an output is as large as its other parts, the largest over all
    /// equations; those outputs that are not known are their mean.
    fn balanced(&self, output: usize, normalizer: &Normalizer, known: &[bool]) -> Option<f64> {
        let of_trial = |trial: &Trial| {
            let mut normalizer = normalizer.clone();
            let is_silent = |other: usize| !known[other];
            let others = trial.residuals(&normalizer, &self.coefficients, is_silent);
            let bound = size(&others)?;
            let mut own = |exponent: f64| {
                normalizer.outputs.scale[output] = 10f64.powf(exponent);
                let is_silent = |other: usize| other != output && !known[other];
                let all = trial.residuals(&normalizer, &self.coefficients, is_silent);
                typical(&all.iter().zip(&others).map(|(all, others)| all - others).collect::<Vec<_>>())
            };
            // A part that is 0 whatever its scale reads another output as a factor, which is not known yet.
            own(0.0).filter(|own| *own > 0.0)?;
            let (mut low, mut high) = (-MOST_DECADES, MOST_DECADES);
            while high - low > 1e-3 {
                let middle = 0.5 * (low + high);
                match own(middle) {
                    Some(own) if own <= bound => low = middle,
                    _ => high = middle,
                }
            }
            Some(10f64.powf(low))
        };
        let reads = |trial: &&Trial| trial.residual.entries().iter().any(|entry| entry.output == output);
        self.trials.iter().filter(reads).filter_map(of_trial).reduce(f64::max)
    }

    /// Scales of the coefficients (K), powers of two. One that enters an equation as a factor has the size at which its
    /// part is as large as the others, or that of its start value where this is larger; any other its start value's.
    pub fn scale_coefficients(&self, normalizer: &mut Normalizer, ranges: &[Option<CoefficientRange>]) {
        let scale = |index: usize| {
            let start = self.coefficients[index];
            let natural = self.trials.iter().filter_map(|trial| trial.natural(index, normalizer, &self.coefficients));
            let natural = natural.reduce(|a, b| (a.0.min(b.0), a.1 && b.1));
            let scale = match natural {
                Some((natural, true)) => natural.max(start.abs()),
                Some((natural, false)) if start == 0.0 => natural,
                _ => start.abs(),
            };
            let scale = if scale.is_normal() { 2f64.powi(scale.log2().round() as i32) } else { 1.0 };
            CoefficientMap::new(scale, ranges[index])
        };
        normalizer.coefficients = (0..self.coefficients.len()).map(scale).collect();
    }

    /// The size of each equation's residual before its parts cancel, in the order in which they were given: that of the
    /// middle of its points, as a factor such as a time over ten decades would let a few of them stand for all.
    pub fn sizes(&self, normalizer: &Normalizer) -> Vec<f64> {
        let of_trial = |trial: &Trial| {
            let residuals = trial.residuals(normalizer, &self.coefficients, |_| false);
            middle(&residuals).or(size(&residuals)).unwrap_or(1.0)
        };
        self.trials.iter().map(of_trial).collect()
    }
}

impl Trial {
    /// The residual's values where the network's outputs have these scales and some of them are their mean everywhere (B).
    fn residuals(&self, normalizer: &Normalizer, coefficients: &[f64], is_silent: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut jets = self.jets.clone();
        let outputs = normalizer.outputs.mean.len();
        let of_output = jets.len() / outputs;
        for output in (0..outputs).filter(|output| is_silent(*output)) {
            jets[output * of_output..][..of_output].fill(0.0);
        }
        let jets = Jets::from_standardised(&self.layout, normalizer, jets);
        self.residual.evaluate(&self.points.data(), coefficients, Some(&jets))
    }

    /// The size that coefficient `index` has where its part is as large as the others, and whether it is a factor; `None`
    /// where it is not read.
    fn natural(&self, index: usize, normalizer: &Normalizer, coefficients: &[f64]) -> Option<(f64, bool)> {
        if !self.residual.coefficients().contains(&index) {
            return None;
        }
        let slope = self.residual.clone().partial(Leaf::Coefficient(index));
        let is_factor = !slope.coefficients().contains(&index);
        let jets = Jets::from_standardised(&self.layout, normalizer, self.jets.clone());
        let of = |expression: &Expression| expression.evaluate(&self.points.data(), coefficients, Some(&jets));
        let (all, slopes) = (of(&self.residual), of(&slope));
        let others: Vec<f64> = all.iter().zip(&slopes).map(|(r, slope)| r - coefficients[index] * slope).collect();
        Some((size(&others)? / size(&slopes)?, is_factor))
    }

    /// The values that an equation gives an output, as `2*u = 1 + x` does (B): its residual is a multiple of the output,
    /// less what is known.
    fn values_of(&self, output: usize) -> Option<Vec<f64>> {
        let residual = &self.residual;
        let leaf = residual.leaves().into_iter().find(|leaf| matches!(leaf, Leaf::Entry(..)))?;
        let slope = residual.clone().partial(leaf);
        let is_multiple = slope.entries().is_empty() && residual.coefficients().is_empty();
        if residual.entries() != [Entry::value(output)] || !is_multiple {
            return None;
        }
        let outputs = self.jets.len() / (self.layout.channels() * self.points.points());
        let zeros = Jets { layout: self.layout.clone(), outputs, values: vec![0.0; self.jets.len()] };
        let of = |expression: &Expression| expression.evaluate(&self.points.data(), &[], Some(&zeros));
        let values = of(residual).into_iter().zip(of(&slope)).map(|(rest, slope)| -rest / slope);
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        (!values.is_empty()).then_some(values)
    }
}

/// The root mean square of the finite numbers, but for the largest of them; `None` where there are none.
fn typical(values: &[f64]) -> Option<f64> {
    let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).filter(|size| size.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.truncate((sizes.len() as f64 * (1.0 - OUTLIER_SHARE)).ceil() as usize);
    // Over the largest, so that no square overflows.
    let largest = sizes.last().copied().filter(|largest| *largest > 0.0);
    let square = |largest: f64| sizes.iter().map(|size| (size / largest).powi(2)).sum::<f64>() / sizes.len() as f64;
    (!sizes.is_empty()).then(|| largest.map_or(0.0, |largest| largest * square(largest).sqrt()))
}

/// The same where it is above 0.
fn size(values: &[f64]) -> Option<f64> {
    typical(values).filter(|size| *size > 0.0)
}

/// The deviation of normal numbers with the median size of these, of which a 0 is no size: an equation for a part of the
/// points, `if(y < 1, …, 0)`, has them.
fn middle(values: &[f64]) -> Option<f64> {
    const NORMAL_MEDIAN: f64 = 0.6745;
    let mut sizes: Vec<f64> =
        values.iter().map(|value| value.abs()).filter(|size| size.is_finite() && *size > 0.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).map(|median| median / NORMAL_MEDIAN)
}
