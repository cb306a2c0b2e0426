//! The way through the time: which window is next, and whether one is good enough.

use crate::job::Cut;

/// The narrowest window of `"auto"`, as a part of the whole time.
const NARROWEST: f64 = 1.0 / 256.0;
/// A window whose losses are this much below the tolerance is followed by one twice as long.
const EASY: f64 = 0.1;

/// Where the training of windows stands.
pub struct March<'a> {
    cut: &'a Cut,
    /// The whole time.
    all: [f64; 2],
    /// The window that is next, from 0.
    pub window: usize,
    from: f64,
    /// How long it is to be, of `"auto"`.
    length: f64,
}

impl<'a> March<'a> {
    /// At the beginning of a time.
    pub fn new(cut: &'a Cut, all: [f64; 2]) -> Self {
        Self { cut, all, window: 0, from: all[0], length: all[1] - all[0] }
    }

    /// Where the window that is next begins and ends; `None` at the end of all.
    pub fn next(&self) -> Option<[f64; 2]> {
        let [_, end] = self.all;
        if self.from >= end {
            return None;
        }
        match self.cut {
            Cut::At(edges) => Some([self.from, edges[self.window + 1]]),
            Cut::Auto(_) => {
                // No sliver is left for a window of its own.
                let to = self.from + self.length;
                Some([self.from, if end - to < 0.5 * self.narrowest() { end } else { to }])
            }
        }
    }

    /// How many windows there are, as far as is known.
    pub fn count(&self) -> usize {
        match self.cut {
            Cut::At(edges) => edges.len() - 1,
            Cut::Auto(_) => self.window + ((self.all[1] - self.from) / self.length).ceil().max(1.0) as usize,
        }
    }

    /// Goes on behind a window that ended with this validation loss, where it is good enough; else the next one is half
    /// as long.
    pub fn accepts(&mut self, to: f64, loss: f64) -> bool {
        let length = to - self.from;
        if let Cut::Auto(tolerance) = *self.cut {
            // A loss that is not a number is above every other.
            let is_good = loss <= tolerance;
            if !is_good && length > self.narrowest() {
                self.length = 0.5 * length;
                return false;
            }
            self.length = if loss <= EASY * tolerance { 2.0 * length } else { length };
        }
        (self.window, self.from) = (self.window + 1, to);
        true
    }

    /// Whether a loss is above the tolerance of `"auto"`.
    pub fn is_poor(&self, loss: f64) -> bool {
        matches!(*self.cut, Cut::Auto(tolerance) if loss.is_nan() || loss > tolerance)
    }

    fn narrowest(&self) -> f64 {
        NARROWEST * (self.all[1] - self.all[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_gone_through_in_order() {
        let cut = Cut::At(vec![0.0, 1.0, 4.0]);
        let mut march = March::new(&cut, [0.0, 4.0]);
        assert_eq!((march.next(), march.count()), (Some([0.0, 1.0]), 2));
        assert!(march.accepts(1.0, 1e9));
        assert_eq!(march.next(), Some([1.0, 4.0]));
        assert!(march.accepts(4.0, f64::NAN));
        assert_eq!(march.next(), None);
    }

    #[test]
    fn a_window_is_as_long_as_its_loss_allows() {
        let cut = Cut::Auto(1e-4);
        let mut march = March::new(&cut, [0.0, 8.0]);
        assert_eq!(march.next(), Some([0.0, 8.0]));
        assert!(!march.accepts(8.0, 1.0));
        assert!(!march.accepts(4.0, f64::NAN));
        assert_eq!((march.next(), march.window), (Some([0.0, 2.0]), 0));
        assert!(march.accepts(2.0, 5e-5));
        assert_eq!((march.next(), march.window), (Some([2.0, 4.0]), 1));
        assert!(march.accepts(4.0, 1e-6));
        assert_eq!((march.next(), march.window), (Some([4.0, 8.0]), 2));
        assert!(march.accepts(8.0, 1e-6));
        assert_eq!(march.next(), None);
    }

    #[test]
    fn the_narrowest_window_is_taken_as_it_is() {
        let cut = Cut::Auto(1e-4);
        let mut march = March::new(&cut, [0.0, 1.0]);
        let tries = (0..20).take_while(|_| {
            let [_, to] = march.next().unwrap();
            !march.accepts(to, 1.0)
        });
        assert_eq!(tries.count(), 8);
        assert_eq!((march.window, march.next()), (1, Some([1.0 / 256.0, 2.0 / 256.0])));
    }
}
