//! A line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6).
//!
//! Where two losses differ by no more than rounding, their difference says nothing: there a trial passes by its
//! slope alone (the approximate Wolfe conditions of Hager & Zhang 2005).

use crate::error::Result;

/// The loss along a direction, at one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// How far along the direction.
    pub length: f64,
    /// The loss there.
    pub loss: f64,
    /// Its slope along the direction.
    pub slope: f64,
}

/// The part of the promised decrease that a step must bring.
const DECREASE: f64 = 1e-4;
/// The part of the slope at the start that may be left.
const CURVATURE: f64 = 0.9;
/// What a length is multiplied by until the minimum is behind it.
const GROWTH: f64 = 2.5;
/// Trials in one search.
const MOST_TRIALS: usize = 30;
/// A new trial keeps this part of the bracket from its ends.
const MARGIN: f64 = 0.1;

/// Searches from `start`, whose slope is negative, by way of the length `first`. `at` gives the loss and its slope at a
/// length; the last that it was asked for is the one that is returned. `rounding` is the relative error of a loss.
///
/// `None` where no trial lowered the loss.
///
/// # Errors
/// Those of `at`.
pub fn strong_wolfe(
    start: Trial,
    first: f64,
    rounding: f64,
    mut at: impl FnMut(f64) -> Result<Trial>,
) -> Result<Option<Trial>> {
    let noise = rounding * start.loss.abs();
    // Not finite means too far.
    let descends = |trial: &Trial| {
        let decreases = trial.loss <= start.loss + DECREASE * trial.length * start.slope;
        let by_slope = (trial.loss - start.loss).abs() <= noise && trial.slope <= (2.0 * DECREASE - 1.0) * start.slope;
        decreases || by_slope
    };
    let is_flat = |trial: &Trial| trial.slope.abs() <= -CURVATURE * start.slope;
    let mut low = start;
    let mut high: Option<Trial> = None;
    let mut length = first;
    let mut last = start;
    for _ in 0..MOST_TRIALS {
        last = at(length)?;
        if !descends(&last) || (last.loss > low.loss + noise && low.length > 0.0) {
            high = Some(last);
        } else if is_flat(&last) {
            return Ok(Some(last));
        } else {
            let is_behind = match high {
                Some(high) => last.slope * (high.length - low.length) >= 0.0,
                None => last.slope >= 0.0,
            };
            if is_behind {
                high = Some(low);
            }
            low = last;
        }
        length = match high {
            None => low.length * GROWTH,
            Some(high) if high.length == low.length => break,
            Some(high) => between(low, high),
        };
    }
    // The best so far will do, if there is one.
    if low.length == 0.0 || low.loss > start.loss {
        return Ok(None);
    }
    Ok(Some(if last == low { last } else { at(low.length)? }))
}

/// The minimum of the cubic through two trials, or of the parabola where that is all that is known, kept away from
/// the ends of the bracket.
fn between(low: Trial, high: Trial) -> f64 {
    let width = high.length - low.length;
    let secant = (high.loss - low.loss) / width;
    let cubic = {
        let d = low.slope + high.slope - 3.0 * secant;
        let root = (d * d - low.slope * high.slope).sqrt().copysign(width);
        high.length - width * (high.slope + root - d) / (high.slope - low.slope + 2.0 * root)
    };
    let parabola = low.length - 0.5 * low.slope * width / (secant - low.slope);
    let (left, right) = (low.length + MARGIN * width, high.length - MARGIN * width);
    let (least, most) = (left.min(right), left.max(right));
    let guess = [cubic, parabola].into_iter().find(|guess| guess.is_finite());
    guess.map_or(low.length + 0.5 * width, |guess| guess.clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along a function of one number; the accepted trial and how many it took.
    fn search(f: impl Fn(f64) -> (f64, f64), first: f64) -> (Option<Trial>, usize) {
        let mut count = 0;
        let mut at = |length: f64| {
            count += 1;
            let (loss, slope) = f(length);
            Ok(Trial { length, loss, slope })
        };
        let start = at(0.0).unwrap();
        let found = strong_wolfe(start, first, 1e-15, &mut at).unwrap();
        (found, count - 1)
    }

    #[test]
    fn both_conditions_hold_whatever_the_first_length() {
        // The functions of Moré & Thuente (1994): a pole, a kink, a long flat valley.
        let functions: [fn(f64) -> (f64, f64); 3] = [
            |a| (-a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0).powi(2)),
            |a| ((a + 0.004).powi(5) - 2.0 * (a + 0.004).powi(4), (a + 0.004).powi(3) * (5.0 * a + 0.02 - 8.0)),
            |a| ((a - 3.0).powi(2) + 1.0, 2.0 * (a - 3.0)),
        ];
        for f in functions {
            let (loss, slope) = f(0.0);
            for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
                let (found, count) = search(f, first);
                let found = found.unwrap();
                assert!(found.loss <= loss + DECREASE * found.length * slope, "{first}: {found:?}");
                assert!(found.slope.abs() <= CURVATURE * slope.abs() && count < 20, "{first}: {found:?}, {count}");
            }
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_means_too_far() {
        let f = |a: f64| if a < 1.0 { ((a - 0.5).powi(2), 2.0 * (a - 0.5)) } else { (f64::NAN, f64::NAN) };
        let (found, _) = search(f, 8.0);
        assert!(found.unwrap().length < 1.0);
    }

    #[test]
    fn a_slope_that_does_not_fit_the_loss_ends_the_search() {
        let (found, count) = search(|a| (1.0 + a, -1.0), 1.0);
        assert!(found.is_none() && count == MOST_TRIALS);
    }
}
