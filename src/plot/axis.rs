//! An axis that a person can read: round ticks, as many as fit, with no more digits than they need.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// A linear or logarithmic axis with its ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Each tick's value and label, ascending.
    ticks: Vec<(f64, String)>,
    /// What labels are counted from, as text, where the numbers themselves would be too long: 1756200000000.
    origin: Option<String>,
}

/// A spread that is below this part of its numbers is rounding, not a curve, and is drawn flat.
const FLAT_SPREAD: f64 = 1e-13;

/// Numbers whose labels would need more digits than this are counted from an origin.
const MOST_DIGITS: i32 = 6;

impl Axis {
    /// A linear axis that holds all finite `values`, with a margin, and labels of at most
    /// `characters` in all (so that they never touch).
    pub fn linear<'a>(values: impl IntoIterator<Item = &'a f64>, characters: usize) -> Self {
        let (low, high) = extent(values.into_iter().copied()).unwrap_or((0.0, 1.0));
        let largest = low.abs().max(high.abs());
        let margin = match high - low {
            spread if spread > FLAT_SPREAD * largest => 0.05 * spread,
            _ if largest > 0.0 => 0.1 * largest,
            _ => 1.0,
        };
        Self::between(low - margin, high + margin, characters)
    }

    /// A linear axis from the least to the greatest of the finite `values`, without a margin unless
    /// they are equal but for rounding.
    pub fn snug(values: &[f64], characters: usize) -> Self {
        match extent(values.iter().copied()) {
            Some((low, high)) if high - low > FLAT_SPREAD * low.abs().max(high.abs()) => {
                Self::between(low, high, characters)
            }
            _ => Self::linear(values, characters),
        }
    }

    /// A linear axis from `low` to `high`, finite and ascending.
    pub fn between(low: f64, high: f64, characters: usize) -> Self {
        let origin = origin(low, high);
        let linear_ticks = |low: f64, high: f64, count: usize| -> Vec<(f64, String)> {
            let start = origin.as_ref().map_or(0.0, |origin| origin.0);
            let ticks = linear_ticks(low - start, high - start, count);
            ticks.into_iter().map(|(value, label)| (start + value, label)).collect()
        };
        let ticks = (2..=8).rev().map(|count| linear_ticks(low, high, count));
        let fits = |ticks: &Vec<(f64, String)>| {
            ticks.iter().map(|(_, label)| label.chars().count() + 2).sum::<usize>() <= characters
        };
        let ticks = ticks.clone().find(fits).unwrap_or_else(|| linear_ticks(low, high, 2));
        Self { low, high, logarithmic: false, ticks, origin: origin.map(|origin| origin.1) }
    }

    /// A logarithmic axis that holds all positive finite `values`, with a margin; ticks at powers
    /// of ten, or between them where there are few.
    pub fn logarithmic<'a>(values: impl IntoIterator<Item = &'a f64>) -> Self {
        let (low, high) = extent(values.into_iter().copied().filter(|v| *v > 0.0)).unwrap_or((1.0, 10.0));
        let margin = (0.05 * (high / low).log10()).max(0.1);
        let (low, high) = (low.log10() - margin, high.log10() + margin);
        let every = ((high - low) / 7.0).ceil() as i32;
        let decades = (low.floor() as i32..=high.ceil() as i32).filter(|d| d.rem_euclid(every) == 0);
        let mantissas: &[i32] = if high - low > 3.0 { &[1] } else { &[1, 2, 5] };
        let tick = |decade: i32, m: i32| (f64::from(m) * 10f64.powi(decade), power_of_ten(m, decade));
        let ticks = decades.flat_map(|decade| mantissas.iter().map(move |m| tick(decade, *m)));
        let ticks = ticks.filter(|(v, _)| (low..=high).contains(&v.log10())).collect();
        Self { low: 10f64.powf(low), high: 10f64.powf(high), logarithmic: true, ticks, origin: None }
    }

    /// A logarithmic axis with a tick at each of `values`, as they are.
    pub fn logarithmic_at(values: &[f64]) -> Self {
        Self { ticks: values.iter().map(|v| (*v, v.to_string())).collect(), ..Self::logarithmic(values) }
    }

    /// The characters of the widest label: how much room the axis needs beside it.
    pub fn widest_label(&self) -> usize {
        self.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0)
    }

    /// What its labels say of a quantity of this name: `stamp_ms − 1756200000000`.
    pub fn named(&self, name: &str) -> String {
        match &self.origin {
            Some(origin) if origin.starts_with('−') => format!("{name} + {}", origin.trim_start_matches('−')),
            Some(origin) => format!("{name} − {origin}"),
            None => name.to_string(),
        }
    }

    /// Each tick's value and label, ascending.
    pub fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    /// Where `value` stands between the axis's ends, 0 and 1.
    pub fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        start + (self.place(*value).clamp(0.0, 1.0) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|(tick, _)| tick == value).map_or(String::new(), |(_, label)| label.clone())
    }
}

/// The least and the greatest finite value.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |extent, v| {
        let (low, high) = extent.unwrap_or((v, v));
        Some((f64::min(low, v), f64::max(high, v)))
    })
}

/// A round number near the middle, with its text, where a spread is so small beside its numbers that their labels would be
/// too long.
fn origin(low: f64, high: f64) -> Option<(f64, String)> {
    let (spread, largest) = (high - low, low.abs().max(high.abs()));
    let decade = spread.log10().ceil() as i32;
    if !spread.is_finite() || (largest.log10().floor() as i32) - decade < MOST_DIGITS - 2 {
        return None;
    }
    let middle = low + 0.5 * spread;
    // By a whole power on either side of the point, so that the text has no digits of rounding.
    let round = match decade {
        0.. => (middle / 10f64.powi(decade)).round() * 10f64.powi(decade),
        _ => (middle * 10f64.powi(-decade)).round() / 10f64.powi(-decade),
    };
    // 10³⁰⁸ is the last power.
    round.is_finite().then(|| (round, crate::error::number(round).replace('-', "−")))
}

/// At most `count + 1` round numbers in low..=high, a step of 1, 2 or 5 times a power of ten apart.
fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let raw = (high - low) / count as f64;
    let decade = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * decade).find(|s| *s >= raw * 0.999).unwrap_or(raw);
    let values = ((low / step).ceil() as i64..=(high / step).floor() as i64).map(|k| k as f64 * step);
    let largest = low.abs().max(high.abs());
    values.map(|v| (v, label(v, step, largest))).collect()
}

/// `value` with the digits that tell it from its neighbours a `step` away; with a power of ten
/// where the axis's `largest` value is far from 1.
fn label(value: f64, step: f64, largest: f64) -> String {
    let digits = |exponent: i32| (exponent - (step * 1.001).log10().floor() as i32).max(0) as usize;
    let text = if value.abs() < step / 2.0 {
        "0".to_string()
    } else if (1e-2..1e5).contains(&largest) {
        format!("{value:.*}", digits(0))
    } else {
        let exponent = largest.log10().floor() as i32;
        format!("{:.*}×10{}", digits(exponent), value / 10f64.powi(exponent), superscript(exponent))
    };
    text.replace('-', "−")
}

fn power_of_ten(mantissa: i32, exponent: i32) -> String {
    let factor = if mantissa == 1 { String::new() } else { format!("{mantissa}×") };
    format!("{factor}10{}", superscript(exponent))
}

/// `3.1×10⁻³`: a number in a caption, two digits.
pub(super) fn scientific(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if (0.1..10.0).contains(&value.abs()) {
        return format!("{value:.2}").replace('-', "−");
    }
    let text = format!("{value:.1e}");
    let (mantissa, exponent) = text.split_once('e').expect("a float in scientific form");
    format!("{mantissa}×10{}", superscript(exponent.parse().expect("its exponent"))).replace('-', "−")
}

/// A number in running text: three digits, with a power of ten where it is far from 1.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 || (1e-2..1e5).contains(&value.abs()) {
        let decade = if value == 0.0 { 2 } else { value.abs().log10().floor() as i32 };
        return format!("{value:.*}", (2 - decade).max(0) as usize).replace('-', "−");
    }
    scientific(value)
}

fn superscript(number: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32('⁰' as u32 + c as u32 - '0' as u32).unwrap_or(c),
    };
    number.to_string().chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_say_no_more_than_they_need() {
        assert_eq!(labels(&Axis::linear(&[-10.0, 10.0], 60)), ["−10", "−5", "0", "5", "10"]);
        assert_eq!(labels(&Axis::linear(&[0.0, 1.0], 60)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::linear(&[0.0, 3e-3], 60)), ["0", "1×10⁻³", "2×10⁻³", "3×10⁻³"]);
        assert_eq!(labels(&Axis::linear(&[0.0, 4e7], 60)), ["0", "1×10⁷", "2×10⁷", "3×10⁷", "4×10⁷"]);
        assert_eq!(labels(&Axis::linear(&[0.0, 1.0], 14)), ["0", "0.5", "1.0"]);
    }

    #[test]
    fn a_small_spread_on_large_numbers_has_distinct_labels() {
        let stamps = Axis::linear(&[1756200000000.0, 1756200002000.0], 44);
        assert_eq!(labels(&stamps), ["0", "500", "1000", "1500", "2000"]);
        assert_eq!(stamps.named("ms"), "ms − 1756200000000");
        assert!(stamps.ticks.iter().zip(1..).all(|(tick, k)| tick.0 == 1756200000000.0 + 500.0 * f64::from(k - 1)));
        let pressure = Axis::linear(&[101324.99, 101325.01], usize::MAX);
        assert_eq!(labels(&pressure), ["−0.010", "−0.005", "0", "0.005", "0.010"]);
        assert_eq!(pressure.named("p"), "p − 101325");
        assert_eq!(Axis::linear(&[-101324.99, -101325.01], usize::MAX).named("p"), "p + 101325");
        for (offset, spread) in [(1.0, 1e-7), (1.0, 1e-10), (3e5, 1e-3), (-7e11, 0.5), (1e300, 1e292), (2e-30, 1e-38)] {
            let axis = Axis::linear(&[offset, offset + spread], usize::MAX);
            let mut texts = labels(&axis);
            let count = texts.len();
            texts.dedup();
            assert!(count >= 3 && texts.len() == count, "{offset} {spread}: {axis:?}");
            assert!(texts.iter().all(|text| text.chars().count() <= 12), "{offset} {spread}: {axis:?}");
        }
        assert_eq!(Axis::linear(&[100.0, 101.0], 60).named("T"), "T");
    }

    #[test]
    fn degenerate_values_still_make_an_axis() {
        let cases: [&[f64]; 6] = [&[], &[0.0], &[5.0; 3], &[f64::NAN, 2.0], &[1e300, -1e300], &[1e9, 1e9 + 1e-3]];
        for values in cases {
            let axis = Axis::linear(values, 60);
            assert!(axis.low < axis.high && axis.ticks.len() >= 2, "{values:?}: {axis:?}");
            assert!(axis.low.is_finite() && axis.high.is_finite(), "{values:?}: {axis:?}");
        }
    }

    #[test]
    fn numbers_in_text_have_three_digits_or_a_power_of_ten() {
        let texts = [0.0, 5000.0, -0.0123, 2.5, 2.5e-3, -3e7].map(short);
        assert_eq!(texts, ["0", "5000", "−0.0123", "2.50", "2.5×10⁻³", "−3.0×10⁷"]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_or_between_them() {
        assert_eq!(labels(&Axis::logarithmic(&[2e-4, 0.5])), ["10⁻³", "10⁻²", "10⁻¹"]);
        assert_eq!(labels(&Axis::logarithmic(&[1.0, 10.0])), ["10⁰", "2×10⁰", "5×10⁰", "10¹"]);
        assert!(Axis::logarithmic(&[1e-12, 1e12]).ticks.len() <= 8);
        assert_eq!(labels(&Axis::logarithmic_at(&[256.0, 1024.0])), ["256", "1024"]);
    }
}
