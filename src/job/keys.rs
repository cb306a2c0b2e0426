//! The keys of every section: what readers accept and messages suggest.

use crate::error::nearest;

pub(super) const DATA: &[&str] = &[
    "file",
    "inputs",
    "outputs",
    "derivatives",
    "weights",
    "validation_fraction",
    "validation_file",
    "decimal",
    "thousands",
    "encoding",
];
pub(super) const NETWORK: &[&str] = &[
    "name",
    "inputs",
    "outputs",
    "hidden",
    "activation",
    "frequency",
    "steepness",
    "features",
    "fourier",
    "start",
    "scales",
];
pub(super) const LOSS: &[&str] =
    &["value", "first", "second", "third", "fourth", "curvature", "weights", "scales", "allow_rough"];
pub(super) const OPTIMIZER: &[&str] = &[
    "name",
    "learning_rate",
    "beta1",
    "beta2",
    "epsilon",
    "weight_decay",
    "clip_norm",
    "history",
    "tolerance",
    "damping",
    "memory",
];
pub(super) const SCHEDULE: &[&str] = &["shape", "warmup", "final_fraction", "factor", "every", "patience"];
pub(super) const BALANCE: &[&str] = &["every", "memory"];
pub(super) const TRAINING: &[&str] = &[
    "steps",
    "epochs",
    "batch_size",
    "report_every",
    "resample_every",
    "refine",
    "max_seconds",
    "checkpoint_every",
    "early_stopping",
    "seed",
    "ensemble",
    "bootstrap",
];
pub(super) const DEVICE: &[&str] = &["name", "precision", "threads", "fallback"];
pub(super) const PREDICTIONS: &[&str] = &["grid", "points", "order", "second", "definitions", "allow_rough"];
pub(super) const PLOTS: &[&str] = &["what", "format", "width", "at", "frames"];
pub(super) const TRUTH: &[&str] = &["file", "columns", "expressions"];
pub(super) const OUTPUT: &[&str] = &["directory", "tensorboard"];
pub(super) const TERM: &[&str] = &["name", "residual", "residuals", "points", "weight", "allow_rough"];
/// Those of `[optimizer]`, whose name stands under `optimizer`, of `[schedule]`, and of the length of `[training]`.
pub(super) const STAGE: &[&str] = &[
    "optimizer",
    "learning_rate",
    "beta1",
    "beta2",
    "epsilon",
    "weight_decay",
    "clip_norm",
    "history",
    "tolerance",
    "damping",
    "memory",
    "shape",
    "warmup",
    "final_fraction",
    "factor",
    "every",
    "patience",
    "steps",
    "epochs",
    "batch_size",
    "report_every",
    "resample_every",
    "refine",
];
pub(super) const POINTS: &[&str] =
    &["sampler", "count", "on", "region", "where", "resample_every", "refine", "causal", "file"];
pub(super) const COEFFICIENT: &[&str] = &["start", "min", "max", "log"];
pub(super) const FOURIER: &[&str] = &["count", "scale"];
pub(super) const DOMAIN: &[&str] = &["inputs", "region", "where", "shapes"];
pub(super) const SHAPE: &[&str] = &[
    "inputs",
    "ball",
    "radius",
    "ellipse",
    "radii",
    "angle",
    "box",
    "polygon",
    "radius_of_angle",
    "centre",
    "x",
    "y",
    "s",
    "stl",
    "where",
];
pub(super) const CAUSAL: &[&str] = &["input", "slices", "tolerance", "every", "backwards"];
pub(super) const REFINE: &[&str] = &["candidates", "exponent", "offset"];

/// Sections and their keys; those of `variables` and others are the user's.
pub(super) static SECTIONS: [(&str, &[&str]); 18] = [
    ("data", DATA),
    ("variables", &[]),
    ("windows", &[]),
    ("domain", DOMAIN),
    ("network", NETWORK),
    ("coefficients", &[]),
    ("definitions", &[]),
    ("transforms", &[]),
    ("loss", LOSS),
    ("optimizer", OPTIMIZER),
    ("schedule", SCHEDULE),
    ("balance", BALANCE),
    ("training", TRAINING),
    ("device", DEVICE),
    ("predictions", PREDICTIONS),
    ("truth", TRUTH),
    ("plots", PLOTS),
    ("output", OUTPUT),
];

/// Those that are lists of sections.
pub(super) static LISTS: [(&str, &[&str]); 2] = [("term", TERM), ("stage", STAGE)];

/// Sections that may be a list as well.
pub(super) const EITHER: [&str; 1] = ["network"];

/// Tables within sections.
static TABLES: [(&str, &[&str]); 4] = [
    ("network.fourier", FOURIER),
    ("training.refine", REFINE),
    ("term.points", POINTS),
    ("term.points.causal", CAUSAL),
];

/// Where a key stands that is not known where it was written: `training.steps`, of `steps` under `[network]`.
pub(super) fn elsewhere(key: &str) -> Option<String> {
    let (section, _) = all().find(|(_, keys)| keys.contains(&key))?;
    Some(format!("{section}.{key}"))
}

/// The same of a key that is near, in any section.
pub(super) fn near(key: &str) -> Option<String> {
    let near = nearest(key, all().flat_map(|(_, keys)| keys.iter().copied()))?;
    elsewhere(near).filter(|_| is_slip(key, near))
}

/// Whether a key is another but for a letter or two.
pub(super) fn is_slip(key: &str, other: &str) -> bool {
    const SIMILAR: f64 = 0.9;
    strsim::jaro_winkler(key, other) > SIMILAR
}

fn all() -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    SECTIONS.iter().chain(&LISTS).chain(&TABLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_the_section_that_has_it() {
        for (key, place) in [("steps", "training.steps"), ("slices", "term.points.causal.slices")] {
            assert_eq!(elsewhere(key).as_deref(), Some(place));
        }
        assert_eq!(near("learning_rat").as_deref(), Some("optimizer.learning_rate"));
        assert_eq!((elsewhere("step"), near("zzz")), (None, None));
    }
}
