//! Every name that an expression may use has one meaning.

use super::Job;
use super::section::Document;
use crate::error::{Error, Result};
use crate::expression::{CONSTANTS, NET, is_function, is_name};

/// Checks the names of inputs, outputs, coefficients and definitions of a job that has expressions. A
/// job of columns alone may name them as its file does.
pub(super) fn check(job: &Job, document: &Document) -> Result<()> {
    let sections = ["variables", "coefficients", "definitions", "transforms"];
    let truth = document.section("truth", super::read_equations::TRUTH_KEYS)?;
    let speaks = sections.iter().any(|name| !document.entries(name).is_empty())
        || !document.list("term").is_empty()
        || !job.network.features.is_empty()
        || truth.get("expressions").is_some();
    if !speaks {
        return Ok(());
    }
    let names = names(job, document);
    for (k, Name { name, part, place }) in names.iter().enumerate() {
        let wrong = |problem: String| Err(Error::input(place, problem, "give it another name"));
        if !is_name(name) {
            let problem = format!("{name:?} is no name that an expression can use");
            let mend = "use letters, digits and underscores, and no digit first";
            return Err(Error::input(place, problem, mend));
        }
        if let Some(other) = names[..k].iter().find(|other| other.name == *name) {
            return wrong(format!("{name:?} has two meanings: {} and {part}", other.part));
        }
        if *name == NET && !job.transforms.is_empty() {
            return wrong(format!("{name:?} is the network's own value in [transforms]"));
        }
        if is_function(name) {
            return wrong(format!("{name:?} is a function of the expressions"));
        }
        if CONSTANTS.iter().any(|(constant, _)| constant == name) {
            return wrong(format!("{name:?} is a constant of the expressions"));
        }
        // What is left are the names that others imply: u_x, n_x.
        let mut others = job.scope(vec![], true);
        others.outputs.retain(|other| other != name);
        others.inputs.retain(|other| other != name);
        others.coefficients.retain(|other| other != name);
        others.definitions.remove(*name);
        if others.has(name) {
            let implied = if name.starts_with("n_") { "a component of the normal" } else { "a derivative" };
            return wrong(format!("{name:?} is {implied}"));
        }
    }
    Ok(())
}

/// A name, what it stands for, and where it does.
struct Name<'a> {
    name: &'a str,
    part: &'static str,
    place: String,
}

fn names<'a>(job: &'a Job, document: &Document) -> Vec<Name<'a>> {
    let (inputs, outputs) = match &job.data {
        Some(_) => ("data.inputs", "data.outputs"),
        None => ("variables", "network.outputs"),
    };
    let list = |names: &'a [String], part, key: &'static str| {
        let place = document.key_place(key);
        names.iter().map(move |name| Name { name, part, place: place.clone() })
    };
    let entry = |name: &'a String, part, section: &str| Name {
        name,
        part,
        place: document.key_place(&format!("{section}.{name}")),
    };
    list(&job.inputs, "an input", inputs)
        .chain(list(&job.outputs, "an output", outputs))
        .chain(job.coefficients.iter().map(|(name, _)| entry(name, "a coefficient", "coefficients")))
        .chain(job.definitions.keys().map(|name| entry(name, "a definition", "definitions")))
        .collect()
}
