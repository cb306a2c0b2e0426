//! The derivative certificate: what a device says about a network's value and derivatives, against
//! jets in f64 on the CPU, and both against differences of values, which know nothing of jets. And the
//! terms of a job's loss with their gradients, the device against f64.

mod between;
mod differences;
mod judge;
mod terms;

use std::fmt;

use serde::Serialize;

pub use self::between::{BetweenFinding, between};
pub use self::terms::TermFinding;

use self::differences::{Differences, differences, evaluations};
use self::judge::Judge;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::jet::{Derivative, Entry, JetLayout, Jets, Seconds, Smoothness};
use crate::network::Model;
use crate::numbers::Precision;
use crate::problem::TermSet;
use crate::{cpu, predict};

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The device under test against jets in f64 on the CPU.
    DeviceWithReference,
    /// Jets in f64 on the CPU against extrapolated differences of values.
    ReferenceWithDifferences,
    /// The device under test against extrapolated differences of values.
    DeviceWithDifferences,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::DeviceWithReference => "device - cpu f64",
            Comparison::ReferenceWithDifferences => "cpu f64 - differences",
            Comparison::DeviceWithDifferences => "device - differences",
        })
    }
}

/// What to certify, and how strictly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strictness {
    /// The highest order of derivative, from 0 to 4; what the terms read above it is certified too.
    pub order: usize,
    /// Which derivatives of the orders from the second on: [`Seconds::Diagonal`] or [`Seconds::Full`].
    pub seconds: Seconds,
    /// The arithmetic of the device under test.
    pub precision: Precision,
    /// The normwise tolerance of the device in place of [`device_tolerance`].
    pub tolerance: Option<f64>,
    /// Threads of the CPU reference; 0 for all.
    pub threads: usize,
}

/// One comparison of one entry of the jet over all points.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its column in every file: `d2u_dx2`.
    pub entry: String,
    /// From 0 to 4.
    pub order: usize,
    /// The quantities that are compared.
    pub comparison: Comparison,
    /// The points that were compared.
    pub points: usize,
    /// The largest difference, relative to the entry's largest magnitude.
    pub worst: f64,
    /// The inputs at that point (D).
    pub worst_at: Vec<f64>,
    /// The root mean square of the difference, relative to that of the entry.
    pub normwise: f64,
    /// The tolerance of the normwise error; the worst error may be [`WORST_OVER_NORM`] times as large.
    pub tolerance: f64,
    /// The differences' own normwise error, as they estimate it.
    pub differences_error: Option<f64>,
    /// Whether both errors are within their tolerance.
    pub passed: bool,
    /// Whether the tolerance is exceeded only because the finite differences are inaccurate: where they are accurate
    /// the finding passes, and elsewhere it differs by no more than their error. It has then neither passed nor
    /// failed.
    pub unresolved: bool,
}

impl Finding {
    /// Why it is unresolved.
    fn why_open(&self) -> String {
        let Self { entry, comparison, differences_error, tolerance, .. } = self;
        let own = match differences_error {
            Some(error) if error.is_finite() => format!("is {error:.1e}"),
            _ => "has no bound".to_string(),
        };
        format!(
            "finite differences are too inaccurate to check {entry} ({comparison}): their error {own}, the tolerance \
             is {tolerance:.1e}"
        )
    }
}

/// Everything that was compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Certificate {
    /// The tested device.
    pub device: String,
    /// What the certificate covers.
    pub judges: Vec<&'static str>,
    /// What it does not cover.
    pub judges_not: &'static str,
    /// The points at which jets were compared.
    pub points: usize,
    /// The points among them, evenly thinned, at which values were differenced; 0 where no
    /// derivative was certified.
    pub differenced: usize,
    /// The findings, entry by entry.
    pub findings: Vec<Finding>,
    /// The findings, term by term.
    pub terms: Vec<TermFinding>,
    /// Whether each term also holds between its points.
    pub between: Vec<BetweenFinding>,
    /// Why some orders, and the terms that use them, were skipped, if any.
    pub skipped: Option<String>,
    /// The findings that finite differences could not decide, and why.
    pub unresolved: Vec<String>,
    /// Whether no finding failed.
    pub passed: bool,
}

/// What a certificate covers; the terms only if there are any.
const JUDGED_CLAIMS: [&str; 3] = [
    "that the derivatives on this device are those of the network",
    "the values and gradients of the terms on this device, at their points",
    "that the equations hold between their training points",
];
/// What it does not cover.
const UNJUDGED_CLAIMS: &str = "the data, or how close the network is to the truth";

/// A single point may be this much worse than the root mean square over all: a rounding error of
/// four deviations among ten thousand points, at a point of ill condition.
pub const WORST_OVER_NORM: f64 = 10.0;

/// The normwise tolerance of a device against jets in f64. In f32 random networks of 1 to 10 inputs
/// and up to 4 layers of 128 came to 2e-6 at most, in f64 to 1e-14; the terms of the examples that ship,
/// after 1 step and after 400, to 2e-6 of their parts. A wrong rule is wrong by more than 1e-3. Products of two f16 parts come
/// as near as f32, those of one, on a software GPU, to 1e-3.
pub fn device_tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 | Precision::F16x2 => 1e-5,
        Precision::F16 => 1e-2,
        Precision::F64 => 1e-12,
    }
}

/// The normwise tolerance of jets in f64 against differences of an order. The same networks came to
/// 1e-12 (first) and 1e-9 (second derivatives, where rounding is divided by h²) at most; third and fourth derivatives, differences of
/// second ones, of the examples that ship to 3e-13 and 4e-11. Across the
/// kinks of a network that is C1 differences are wrong by about their step, a millionth.
fn differences_tolerance(smoothness: Smoothness, order: usize) -> f64 {
    match (smoothness, order) {
        (Smoothness::Infinite, 1) => 1e-9,
        (Smoothness::Infinite, _) => 1e-7,
        _ => 1e-5,
    }
}

/// Points of a set at which a run's accuracy is measured: gradients in f64 take a moment there.
const ACCURACY_POINTS: usize = 1000;

/// Flops that the differences of one certificate may take: a few seconds of a CPU. Where all
/// points would take more, they are evenly thinned.
const DIFFERENCES_FLOPS: f64 = 5e10;

/// Certifies `device`, which holds `model`: its jets at `points` (D, B) in the user's units, and the terms
/// on `sets`, which may be none.
///
/// # Errors
/// Bad points, or a device that fails. A missed tolerance is no error here: see
/// [`Certificate::verdict`].
pub fn certify(
    model: &Model,
    points: &[Vec<f64>],
    sets: &[TermSet],
    device: &mut dyn Backend,
    strictness: &Strictness,
) -> Result<Certificate> {
    let count = points.first().map_or(0, Vec::len);
    if count == 0 || points.len() != model.inputs.len() {
        let problem =
            format!("got {count} points with {} inputs, expected inputs: {}", points.len(), model.inputs.len());
        return Err(Error::input("points", problem, "give at least one point, with a number for every input"));
    }
    let (layout, skipped) = certified(model, sets, strictness);
    let order = layout.order();
    let mut reference = cpu::open(model, Precision::F64, strictness.threads)?;
    let allowed = strictness.tolerance.unwrap_or(device_tolerance(strictness.precision));
    let terms = terms::certify(model, sets, device, &mut *reference, allowed)?;
    let device_jets = predict::jets(model, device, points, &layout)?;
    let reference_jets = predict::jets(model, &mut *reference, points, &layout)?;

    // A mean is no part of a derivative, and would cost the differences digits.
    let mut centred = model.clone();
    centred.normalizer.outputs.mean.fill(0.0);
    let mut values = cpu::open(&centred, Precision::F64, strictness.threads)?;
    let derivatives: Vec<_> = layout.derivatives().collect();
    let judged = thin(count, differences_points(model, &derivatives));
    let judged_points = at(points, &judged);
    let mut all: Vec<Option<Vec<Differences>>> = vec![];
    for derivative in &derivatives {
        all.push(match derivative {
            Derivative::Value => None,
            derivative => {
                let tolerance = differences_tolerance(model.spec.roughest().smoothness(), derivative.order());
                Some(differences(&mut *values, &centred, &judged_points, *derivative, tolerance)?)
            }
        });
    }

    let mut findings = vec![];
    for output in 0..model.outputs.len() {
        for (derivative, differences) in derivatives.iter().zip(&all) {
            let entry = Entry { output, derivative: *derivative };
            let judge = Judge { model, entry, points };
            let of = |jets: &Jets| jets.entry(output, *derivative).expect("a channel of the layout").to_vec();
            let (tested, exact) = (of(&device_jets), of(&reference_jets));
            findings.push(judge.finding(Comparison::DeviceWithReference, &tested, &exact, allowed));
            if let Some(differences) = differences {
                let judge = Judge { points: &judged_points, ..judge };
                let differences = &differences[output];
                let pick = |values: &[f64]| -> Vec<f64> { judged.iter().map(|k| values[*k]).collect() };
                let (tested, exact) = (pick(&tested), pick(&exact));
                let least = differences_tolerance(model.spec.roughest().smoothness(), derivative.order());
                let mut push = |comparison, jets: &[f64], allowed| {
                    findings.push(judge.finding_with(comparison, jets, differences, (allowed, least)));
                };
                push(Comparison::ReferenceWithDifferences, &exact, least);
                push(Comparison::DeviceWithDifferences, &tested, allowed + least);
            }
        }
    }
    let mut certificate = Certificate {
        device: device.device(),
        judges: JUDGED_CLAIMS[..if terms.is_empty() { 1 } else { 2 }].to_vec(),
        judges_not: UNJUDGED_CLAIMS,
        points: count,
        differenced: if order > 0 { judged.len() } else { 0 },
        unresolved: findings.iter().filter(|finding| finding.unresolved).map(Finding::why_open).collect(),
        findings,
        terms,
        between: vec![],
        skipped,
        passed: false,
    };
    certificate.passed = certificate.missed().1.is_empty();
    Ok(certificate)
}

/// How close the losses of a trained model and their gradients are to those in f64, for each term that [`certify`]
/// would compare, at up to 1000 points of each set.
///
/// # Errors
/// A device that fails.
pub fn accuracy(
    model: &Model,
    sets: &[TermSet],
    device: &mut dyn Backend,
    (precision, threads): (Precision, usize),
) -> Result<Vec<TermFinding>> {
    let mut sets = sets.to_vec();
    for TermSet { points, .. } in &mut sets {
        *points = points.select(&thin(points.points(), ACCURACY_POINTS));
    }
    let mut reference = cpu::open(model, Precision::F64, threads)?;
    terms::certify(model, &sets, device, &mut *reference, device_tolerance(precision))
}

impl Certificate {
    /// The number of findings, and a message for each that failed.
    pub fn missed(&self) -> (usize, Vec<String>) {
        let has_missed = |finding: &&Finding| !(finding.passed || finding.unresolved);
        let entries = self.findings.iter().filter(has_missed).map(ToString::to_string);
        let terms = self.terms.iter().filter(|finding| !finding.passed).map(ToString::to_string);
        (self.findings.len() + self.terms.len(), entries.chain(terms).collect())
    }

    /// The same with the findings on the terms between their points.
    pub fn with_between(mut self, between: Vec<BetweenFinding>) -> Self {
        self.judges.extend((!between.is_empty()).then_some(JUDGED_CLAIMS[2]));
        self.passed &= between.iter().all(|finding| finding.passed);
        self.between = between;
        self
    }

    /// An [`Error::Tolerance`] (exit code 3) where a tolerance was missed, or a term does not hold between its points.
    pub fn verdict(&self) -> Result<()> {
        let (all, missed) = self.missed();
        if let Some(finding) = self.between.iter().find(|finding| !finding.passed).filter(|_| missed.is_empty()) {
            return Err(Error::Tolerance(format!(
                "{finding}; the derivatives are right, but the equations are not solved there"
            )));
        }
        let Some(first) = missed.first() else { return Ok(()) };
        let count = missed.len();
        Err(Error::Tolerance(format!("{count} of {all} comparisons exceed their tolerance; the first is {first}")))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, comparison, normwise, worst, tolerance, .. } = self;
        write!(f, "{entry} ({comparison}): normwise {normwise:.1e}, worst {worst:.1e}, tolerance {tolerance:.1e}")
    }
}

/// What is certified: what is asked for, and what the terms read above the second order, as far as it exists and is
/// continuous; and why the rest is not.
fn certified(model: &Model, sets: &[TermSet], strictness: &Strictness) -> (JetLayout, Option<String>) {
    let inputs = model.inputs.len();
    let asked = strictness.seconds.layout(strictness.order, inputs);
    let entries = sets.iter().flat_map(|set| &set.loss.terms).flat_map(|term| term.residual.entries());
    let read = entries.map(|entry| entry.derivative).filter(|derivative| derivative.order() > 2);
    let wanted = JetLayout::selected(inputs, asked.derivatives().chain(read));
    let (order, skipped) = model.derivatives().smooth_order(&wanted);
    let known = wanted.derivatives().filter(|derivative| derivative.order() <= order);
    (JetLayout::selected(inputs, known), skipped.filter(|_| wanted.order() > order))
}

/// The number of points at which differences are affordable.
fn differences_points(model: &Model, derivatives: &[Derivative]) -> usize {
    let inputs = model.inputs.len();
    let evaluations: usize = derivatives.iter().filter(|d| d.order() > 0).map(|d| evaluations(*d, inputs)).sum();
    let flops = (evaluations * 2 * model.spec.multiply_adds()).max(1);
    (DIFFERENCES_FLOPS / flops as f64).max(100.0) as usize
}

/// At most `most` of the indices 0..count, evenly spaced.
pub fn thin(count: usize, most: usize) -> Vec<usize> {
    let kept = count.min(most.max(1));
    (0..kept).map(|k| k * count / kept).collect()
}

/// The points (D, ·) at these positions.
pub fn at(points: &[Vec<f64>], positions: &[usize]) -> Vec<Vec<f64>> {
    points.iter().map(|column| positions.iter().map(|k| column[*k]).collect()).collect()
}
