//! How a coefficient follows from the number p that is trained in its place: a multiple of p, or a smooth function of all p
//! whose values stay between bounds. So every optimizer moves p freely, and no step has to be cut.
//!
//! With one bound a it is a + scale (p + √(p² + 4))/2 (squareplus, Barron 2021), which is about scale · p far from the
//! bound; with two it is a + (b − a)/(1 + exp(−p)). Over decades all this holds of the logarithm.

use serde::{Deserialize, Serialize};

/// The largest |p| that is given for a value: beyond it the value is the bound itself in f64.
const LARGEST_LOGIT: f64 = 40.0;
/// The smallest distance from one bound, over the scale.
const LEAST_DISTANCE: f64 = 1e-12;
/// The part of the room between two bounds, or of the start's distance from one, that is no distance any more.
const NEAR_SHARE: f64 = 1e-3;

/// Where a coefficient may lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoefficientRange {
    /// The lower bound, which is never reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Whether its logarithm is trained, so that it is above 0.
    #[serde(default)]
    pub is_logarithmic: bool,
}

impl CoefficientRange {
    /// What is wrong with a range and a start in it, and how to mend it.
    pub fn problem(&self, start: f64) -> Option<(String, &'static str)> {
        let CoefficientRange { low, high, is_logarithmic } = *self;
        if is_logarithmic && low.is_some_and(|low| low <= 0.0) {
            return Some((
                "a logarithm has no bound at or below 0".to_string(),
                "remove min: log alone keeps it above 0",
            ));
        }
        if is_logarithmic && start <= 0.0 {
            return Some((format!("the start {start} has no logarithm"), "start above 0, or remove log"));
        }
        if let (Some(low), Some(high)) = (low, high)
            && low >= high
        {
            return Some((format!("there is nothing between min = {low} and max = {high}"), "set min below max"));
        }
        let is_inside = low.is_none_or(|low| start > low) && high.is_none_or(|high| start < high);
        (!is_inside).then(|| (format!("the start {start} is not between the bounds"), "start above min and below max"))
    }

    /// A value where the bounds are apart by lengths.
    fn coordinate(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.ln() } else { value }
    }

    /// The bounds, likewise.
    pub fn coordinates(&self) -> (Option<f64>, Option<f64>) {
        (self.low.map(|low| self.coordinate(low)), self.high.map(|high| self.coordinate(high)))
    }

    /// The bound at which a value has ended that began at `start`: its name, and what it is.
    pub fn reached(&self, value: f64, start: f64) -> Option<(&'static str, f64)> {
        let distance = |bound: f64, value: f64| (self.coordinate(value) - self.coordinate(bound)).abs();
        let bounds = [("min", self.low), ("max", self.high)];
        let bounds = bounds.into_iter().filter_map(|(name, bound)| Some((name, bound?)));
        let room = |bound: f64| match (self.low, self.high) {
            (Some(low), Some(high)) => distance(low, high),
            _ => distance(bound, start),
        };
        bounds.into_iter().find(|(_, bound)| distance(*bound, value) < NEAR_SHARE * room(*bound))
    }
}

/// A coefficient as a function of the number that is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CoefficientMap {
    /// scale · p, with a power of two, so that nothing is rounded.
    Scaled(f64),
    /// Between bounds.
    Within {
        /// What one unit of p is far from the bounds.
        scale: f64,
        /// The bounds.
        range: CoefficientRange,
    },
}

impl CoefficientMap {
    /// For a coefficient whose size is about `scale`.
    pub fn new(scale: f64, range: Option<CoefficientRange>) -> Self {
        match range {
            None => CoefficientMap::Scaled(scale),
            // A unit of a logarithm is a factor e.
            Some(range) => CoefficientMap::Within { scale: if range.is_logarithmic { 1.0 } else { scale }, range },
        }
    }

    /// The coefficient, in the user's units.
    pub fn value(&self, p: f64) -> f64 {
        match self {
            CoefficientMap::Scaled(scale) => scale * p,
            CoefficientMap::Within { scale, range } => {
                let coordinate = match range.coordinates() {
                    (None, None) => scale * p,
                    (Some(low), None) => low + scale * above(p),
                    (None, Some(high)) => high - scale * above(-p),
                    (Some(low), Some(high)) => low + (high - low) / (1.0 + (-p).exp()),
                };
                if range.is_logarithmic { coordinate.exp() } else { coordinate }
            }
        }
    }

    /// The p of a value; of a bound itself one that is finite.
    pub fn trained(&self, value: f64) -> f64 {
        match self {
            CoefficientMap::Scaled(scale) => value / scale,
            CoefficientMap::Within { scale, range } => {
                let value = range.coordinate(value);
                let of_distance = |distance: f64| {
                    let q = (distance / scale).max(LEAST_DISTANCE);
                    q - 1.0 / q
                };
                match range.coordinates() {
                    (None, None) => value / scale,
                    (Some(low), None) => of_distance(value - low),
                    (None, Some(high)) => -of_distance(high - value),
                    (Some(low), Some(high)) => {
                        ((value - low) / (high - value)).ln().clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
                    }
                }
            }
        }
    }

    /// How the coefficient moves with p: its slope.
    pub fn slope(&self, p: f64) -> f64 {
        match self {
            CoefficientMap::Scaled(scale) => *scale,
            CoefficientMap::Within { scale, range } => {
                let slope = match range.coordinates() {
                    (None, None) => *scale,
                    (Some(_), None) => scale * above(p) / (p * p + 4.0).sqrt(),
                    (None, Some(_)) => scale * above(-p) / (p * p + 4.0).sqrt(),
                    (Some(low), Some(high)) => (high - low) / (2.0 + p.exp() + (-p).exp()),
                };
                if range.is_logarithmic { slope * self.value(p) } else { slope }
            }
        }
    }
}

/// (p + √(p² + 4))/2, without cancellation.
fn above(p: f64) -> f64 {
    let root = (p * p + 4.0).sqrt();
    if p < 0.0 { 2.0 / (root - p) } else { 0.5 * (root + p) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of range, and a start in it.
    pub fn ranges() -> Vec<(CoefficientRange, f64)> {
        let range = |low, high, is_logarithmic| CoefficientRange { low, high, is_logarithmic };
        vec![
            (range(None, None, true), 0.01),
            (range(Some(0.0), None, false), 0.3),
            (range(Some(-2.0), None, false), 1e3),
            (range(Some(1e-3), None, true), 0.1),
            (range(None, Some(5.0), false), -7.0),
            (range(None, Some(5.0), true), 0.02),
            (range(Some(0.0), Some(1.0), false), 0.1),
            (range(Some(1e-4), Some(1e2), true), 3e-4),
        ]
    }

    #[test]
    fn values_return_and_slopes_are_those_of_differences() {
        for (range, start) in ranges() {
            assert_eq!(range.problem(start), None);
            for scale in [1.0, 0.25] {
                let map = CoefficientMap::new(scale, Some(range));
                assert!((map.value(map.trained(start)) / start - 1.0).abs() < 1e-12, "{range:?}");
                let mut before = f64::NEG_INFINITY;
                for p in [-30.0, -3.0, -0.1, 0.0, 0.7, 5.0, 25.0] {
                    let value = map.value(p);
                    assert!(value > before && range.low.is_none_or(|low| value >= low), "{range:?} at {p}: {value}");
                    assert!(range.high.is_none_or(|high| value <= high), "{range:?} at {p}: {value}");
                    let step = 1e-5;
                    let difference = (map.value(p + step) - map.value(p - step)) / (2.0 * step);
                    // Rounding over the step, and the square of the step.
                    let slack = 1e-9 * difference.abs() + 1e-10 * value.abs().max(1.0);
                    assert!((map.slope(p) - difference).abs() < slack, "{range:?} at {p}: {difference}");
                    before = value;
                }
            }
        }
    }

    #[test]
    fn starts_outside_are_refused_and_ends_at_a_bound_are_seen() {
        let range = |low, high, is_logarithmic| CoefficientRange { low, high, is_logarithmic };
        for (range, start, part) in [
            (range(Some(0.0), Some(1.0), false), 1.0, "not between the bounds"),
            (range(Some(0.0), None, false), 0.0, "not between the bounds"),
            (range(None, Some(1.0), false), 2.0, "not between the bounds"),
            (range(Some(1.0), Some(1.0), false), 1.0, "nothing between"),
            (range(Some(0.0), None, true), 1.0, "no bound at or below 0"),
            (range(None, None, true), -1.0, "has no logarithm"),
        ] {
            assert!(range.problem(start).is_some_and(|(problem, _)| problem.contains(part)), "{range:?} {start}");
        }
        let within = range(Some(0.0), Some(10.0), false);
        assert_eq!(within.reached(9.995, 1.0), Some(("max", 10.0)));
        assert_eq!(within.reached(0.5, 1.0), None);
        assert_eq!(range(Some(0.0), None, false).reached(1e-5, 0.1), Some(("min", 0.0)));
        assert_eq!(range(Some(1e-6), Some(1.0), true).reached(1e-3, 0.1), None);
    }

    #[test]
    fn bounds_themselves_are_read_back() {
        for (range, start) in ranges() {
            let map = CoefficientMap::new(1.0, Some(range));
            for bound in range.low.into_iter().chain(range.high) {
                let p = map.trained(bound);
                assert!(
                    p.is_finite() && (map.value(p) - bound).abs() <= 1e-11 * bound.abs().max(1.0),
                    "{range:?} {start}"
                );
            }
        }
    }

    #[test]
    fn a_scale_alone_is_a_number_in_files() {
        let maps = [CoefficientMap::Scaled(0.25), CoefficientMap::new(1.0, Some(ranges()[6].0))];
        let text = serde_json::to_string(&maps).unwrap();
        assert_eq!(text, r#"[0.25,{"scale":1.0,"range":{"low":0.0,"high":1.0,"is_logarithmic":false}}]"#);
        assert_eq!(serde_json::from_str::<[CoefficientMap; 2]>(&text).unwrap(), maps);
    }
}
