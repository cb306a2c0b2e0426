//! Every name that an expression may use has one meaning.

use std::collections::HashMap;

use super::Job;
use super::section::Document;
use crate::error::{Error, Result};
use crate::expression::{CONSTANTS, NET, is_function, is_name, is_word};

/// Checks the names of inputs, outputs, coefficients and definitions of a job that has expressions. A
/// job of columns alone may name them as its file does.
pub(super) fn check(job: &Job, document: &Document) -> Result<()> {
    let sections = ["variables", "coefficients", "definitions", "transforms"];
    let truth = document.section("truth", super::keys::TRUTH)?;
    let speaks = sections.iter().any(|name| !document.entries(name).is_empty())
        || !document.list("term").is_empty()
        || job.networks.iter().any(|network| !network.features.is_empty())
        || truth.get("expressions").is_some();
    if !speaks {
        return Ok(());
    }
    let mut parts = HashMap::new();
    let scope = job.scope(vec![], true);
    for Name { name, part, key } in names(job) {
        let place = || document.key_place(&key);
        let wrong = |problem: String| Err(Error::input(place(), problem, "choose another name"));
        if !is_name(name) {
            let problem = format!("{name:?} is not a valid name in expressions");
            let help = "use letters, digits and underscores, not starting with a digit";
            return Err(Error::input(place(), problem, help));
        }
        if let Some(other) = parts.insert(name, part) {
            return wrong(format!("{name:?} is used twice, as {other} and as {part}"));
        }
        if name == NET && !job.transforms.is_empty() {
            return wrong(format!("{name:?} is reserved: it is the network's raw output in [transforms]"));
        }
        if is_word(name) {
            return wrong(format!("{name:?} is reserved: it joins conditions"));
        }
        if is_function(name) {
            return wrong(format!("{name:?} is reserved: it is a function in expressions"));
        }
        if CONSTANTS.iter().any(|(constant, _)| *constant == name) {
            return wrong(format!("{name:?} is reserved: it is a constant in expressions"));
        }
        // What is left are the names that others imply: u_x, n_x.
        if scope.implies(name) {
            let implied = if name.starts_with("n_") { "a component of the normal" } else { "a derivative" };
            return wrong(format!("{name:?} is reserved: it is {implied}"));
        }
    }
    Ok(())
}

/// A name, what it stands for, and the key that gives it.
struct Name<'a> {
    name: &'a str,
    part: &'static str,
    key: String,
}

fn names(job: &Job) -> impl Iterator<Item = Name<'_>> {
    let (inputs, outputs) = match &job.data {
        Some(_) => ("data.inputs", "data.outputs"),
        None => ("variables", "network.outputs"),
    };
    fn list<'a>(names: &'a [String], part: &'static str, key: &str) -> impl Iterator<Item = Name<'a>> {
        names.iter().map(move |name| Name { name, part, key: key.to_string() })
    }
    let entry = |name, part, section: &str| Name { name, part, key: format!("{section}.{name}") };
    list(&job.inputs, "an input", inputs)
        .chain(list(&job.outputs, "an output", outputs))
        .chain(job.coefficients.iter().map(move |(name, _)| entry(name, "a coefficient", "coefficients")))
        .chain(job.definitions.keys().map(move |name| entry(name, "a definition", "definitions")))
}
