//! The schema against the reader and against jobs that are there.

use std::path::Path;

use serde_json::Value;

use crate::job::{keys, schema};

/// What of a value contradicts a schema: types, keys, choices and bounds; empty where nothing does.
fn faults(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(any) = schema["anyOf"].as_array() {
        let all: Vec<Vec<String>> = any.iter().map(|schema| faults(schema, value, place)).collect();
        return if all.iter().any(Vec::is_empty) { vec![] } else { all.concat() };
    }
    let fault = |what: &str| vec![format!("{place}: {what}, found {value}")];
    if let Some(choices) = schema["enum"].as_array() {
        return if choices.contains(value) { vec![] } else { fault("no choice") };
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        return fault("not the one choice");
    }
    match schema["type"].as_str() {
        Some("string") if !value.is_string() => fault("no string"),
        Some("boolean") if !value.is_boolean() => fault("no boolean"),
        Some("number") => {
            let Some(x) = value.as_f64() else { return fault("no number") };
            let bound = |key: &str| schema[key].as_f64();
            let is_within = bound("minimum").is_none_or(|least| x >= least)
                && bound("exclusiveMinimum").is_none_or(|least| x > least)
                && bound("maximum").is_none_or(|most| x <= most)
                && bound("exclusiveMaximum").is_none_or(|most| x < most)
                && bound("multipleOf").is_none_or(|step| (x / step).fract() == 0.0);
            if is_within { vec![] } else { fault("out of range") }
        }
        Some("array") => {
            let Some(items) = value.as_array() else { return fault("no array") };
            items.iter().flat_map(|item| faults(&schema["items"], item, place)).collect()
        }
        Some("object") => {
            let Some(table) = value.as_object() else { return fault("no table") };
            let required = schema["required"].as_array().into_iter().flatten();
            let missing = required.filter(|key| !table.contains_key(key.as_str().unwrap()));
            let mut all: Vec<String> = missing.map(|key| format!("{place}.{key} is missing")).collect();
            for (key, value) in table {
                let place = format!("{place}.{key}");
                match (&schema["properties"][key], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(false)) => all.push(format!("{place} is unknown")),
                    (Value::Null, others) => all.extend(faults(others, value, &place)),
                    (own, _) => all.extend(faults(own, value, &place)),
                }
            }
            all
        }
        _ => vec![],
    }
}

fn faults_of(job: &str) -> Vec<String> {
    let job: toml::Table = job.parse().unwrap();
    faults(&schema(), &serde_json::to_value(job).unwrap(), "job")
}

#[test]
fn keys_are_those_of_the_reader() {
    let schema = schema();
    let sections = keys::SECTIONS.iter().map(|(name, keys)| (name, keys, &schema["properties"][name]));
    let lists = keys::LISTS.iter().map(|(name, keys)| (name, keys, &schema["properties"][name]["items"]));
    for (name, keys, section) in sections.chain(lists) {
        // One that may be a list is a table first.
        let section = if section["anyOf"].is_array() { &section["anyOf"][0] } else { section };
        assert_eq!(section["type"], "object", "{name}");
        assert!(schema["properties"][name]["description"].as_str().unwrap().len() > 10, "{name}");
        let properties = section["properties"].as_object();
        let mut found: Vec<&str> = properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let mut known = keys.to_vec();
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known, "{name}");
        for (key, property) in properties.into_iter().flatten() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{name}.{key}");
            assert!(property.as_object().unwrap().len() > 1, "{name}.{key} has no type");
        }
    }
}

/// All job files below a folder.
fn jobs(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            jobs(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "toml") {
            found.push(std::fs::read_to_string(entry).unwrap());
        }
    }
}

#[test]
fn jobs_that_are_there_are_valid_and_wrong_ones_are_not() {
    let mut found = vec![];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    jobs(&root.join("examples/jobs"), &mut found);
    jobs(&root.join("tests/cases"), &mut found);
    assert!(found.len() > 20, "{}", found.len());
    // One case has a name of other letters than UTF-8's.
    found.iter().for_each(|job| assert_eq!(faults_of(job), Vec::<String>::new(), "{job}"));
    let data = "[data]\nfile = \"a\"\ninputs = [\"x\"]\noutputs = { y = \"y [m]\" }\n";
    assert_eq!(faults_of(data), Vec::<String>::new());
    for (wrong, part) in [
        ("[training]\nsteps = 0\n", "job.training.steps: out of range"),
        ("[training]\nsteps = 1.5\n", "job.training.steps: out of range"),
        ("[training]\nstep = 5\n", "job.training.step is unknown"),
        ("[network]\nhidden = 5\n", "job.network.hidden: no array"),
        ("[network]\nhidden = [\"5\"]\n", "no number"),
        ("[[network]]\nhidden = 5\n", "job.network.hidden: no array"),
        ("[optimizer]\nname = \"adamm\"\n", "job.optimizer.name: no choice"),
        ("[optimizer]\nbeta1 = 1\n", "job.optimizer.beta1: out of range"),
        ("[loss]\ncurvature = \"yes\"\n", "job.loss.curvature"),
        ("[predictions]\norder = 5\n", "no choice"),
        ("[[term]]\nname = \"a\"\nresidual = \"u = 1\"\n", "points"),
        ("[[stage]]\noptimizer = 5\n", "no choice"),
        ("[variables]\nx = 5\n", "job.variables.x: no array"),
        ("[nothing]\n", "job.nothing is unknown"),
    ] {
        let faults = faults_of(&format!("{data}{wrong}")).join("\n");
        assert!(faults.contains(part), "{wrong}: {faults}");
    }
}
