//! Intervals that hold a set along one input.

/// From a number to another, both included; empty where the first is above the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    pub const EVERYTHING: Bounds = Bounds { low: f64::NEG_INFINITY, high: f64::INFINITY };
    pub const NOTHING: Bounds = Bounds { low: f64::INFINITY, high: f64::NEG_INFINITY };

    /// Those of numbers.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let wider = |bounds: Bounds, x: f64| Bounds { low: bounds.low.min(x), high: bounds.high.max(x) };
        numbers.into_iter().fold(Self::NOTHING, wider)
    }

    /// What lies in both.
    pub fn both(self, other: Self) -> Self {
        Bounds { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// What holds either.
    pub fn either(self, other: Self) -> Self {
        Bounds { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    pub fn width(self) -> f64 {
        self.high - self.low
    }
}
