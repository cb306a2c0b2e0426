//! `docs/job-file.md` and the reader say the same of sections, keys, choices and defaults, in both directions; and every
//! job that the pages show is read.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::*;
use crate::expression::is_function;

const JOB_FILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/job-file.md"));
const COOKBOOK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cookbook.md"));

/// Files that terms on the pages read.
const FILES: [(&str, &str); 3] = [
    ("measurements.csv", "x,t,u_measured\n0,0,0\n"),
    ("start.csv", "x,t,u_start\n0,0,0\n"),
    ("k.csv", "x,y,k\n0,0,1\n0,1,1\n1,0,1\n1,1,1\n"),
];

const DATA: &str = r#"
[data]
file = "a.csv"
inputs = ["x", "t"]
outputs = ["u"]
derivatives = { du_dx = "a", d2u_dx2 = "b", d3u_dx3 = "d", d4u_dx4 = "f" }
"#;

const EQUATION: &str = r#"
[variables]
x = [0, 1]
y = [0, 1]
t = [0, 1]

[network]
outputs = ["u"]

[[term]]
name = "heat"
residual = "u_t = u_xx + u_yy"
points = {}
"#;

/// What the keys under a path need beside them: the path, what is set, and its value.
const BESIDE: [(&str, &str, &str); 23] = [
    ("coefficients.NAME", "coefficients.NAME.start", "0.1"),
    ("coefficients.NAME", "transforms.u", "\"NAME*net\""),
    ("plots.frames", "plots.what", "[\"animation\"]"),
    ("network.fourier", "network.fourier.count", "3"),
    ("network.frequency", "network.activation", "\"sin\""),
    ("optimizer.weight_decay", "optimizer.name", "\"adamw\""),
    ("optimizer.history", "optimizer.name", "\"lbfgs\""),
    ("optimizer.tolerance", "optimizer.name", "\"lbfgs\""),
    ("optimizer.damping", "optimizer.name", "\"gauss-newton\""),
    ("optimizer.memory", "optimizer.name", "\"gauss-newton\""),
    ("schedule.factor", "schedule.shape", "\"step\""),
    ("schedule.every", "schedule.shape", "\"step\""),
    ("schedule.patience", "schedule.shape", "\"plateau\""),
    ("training.refine", "training.resample_every", "7"),
    ("training.refine", "training.refine.candidates", "20000"),
    ("stage.refine", "stage.resample_every", "7"),
    ("stage.refine", "stage.refine.candidates", "20000"),
    ("term.points.refine", "term.points.resample_every", "7"),
    ("term.points.refine", "term.points.refine.candidates", "20000"),
    ("domain.shapes.NAME.angle", "domain.shapes.NAME.ellipse", "[0.5, 0.5]"),
    ("domain.shapes.NAME.angle", "domain.shapes.NAME.radii", "[0.2, 0.1]"),
    ("domain.shapes.NAME.centre", "domain.shapes.NAME.radius_of_angle", "\"0.4\""),
    ("term.points.causal", "term.points.causal", "{ input = \"t\" }"),
];

/// A row of the page: keys with the same type and default.
struct Row {
    keys: Vec<String>,
    kind: String,
    default: String,
}

/// The page's sections by path, `term.points` for a table within `[[term]]`, with the rows of each.
fn documented() -> BTreeMap<String, Vec<Row>> {
    let mut sections: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut paths: Vec<String> = vec![];
    for line in JOB_FILE.lines() {
        if let Some(heading) = line.strip_prefix("##") {
            paths = quoted(heading).iter().map(|path| path.trim_matches(['[', ']']).to_string()).collect();
            for path in &paths {
                assert!(sections.insert(path.clone(), vec![]).is_none(), "two sections are headed {path}");
            }
        }
        if paths.is_empty() || !line.starts_with("| `") {
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [keys, kind, default, meaning] = cells[..] else { panic!("four cells are needed: {line}") };
        assert!(!meaning.is_empty(), "{line}");
        for path in &paths {
            let row = Row { keys: quoted(keys), kind: kind.to_string(), default: default.to_string() };
            sections.get_mut(path).expect("its heading stands above").push(row);
        }
    }
    sections
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

fn read(job: &Table) -> Result<Job> {
    parse(&job.to_string())
}

/// The table at a path, made where it is not there; of a list the first.
fn table_at<'a>(job: &'a mut Table, path: &str) -> &'a mut Table {
    path.split('.').fold(job, |table, key| {
        let value = match table.entry(key).or_insert_with(|| Table::new().into()) {
            Value::Array(list) => &mut list[0],
            value => value,
        };
        value.as_table_mut().expect("a path leads through tables")
    })
}

fn set(job: &mut Table, path: &str, value: &str) {
    let (section, key) = path.rsplit_once('.').expect("a key stands in a section");
    let value: Table = format!("value = {value}").parse().unwrap_or_else(|error| panic!("{path} = {value}: {error}"));
    table_at(job, section).insert(key.to_string(), value["value"].clone());
}

/// A job in which `section` may have `key`.
fn job_for(section: &str, key: &str) -> Table {
    let path = format!("{section}.{key}");
    let text = match section.split('.').next() {
        Some("term" | "plots" | "domain") => EQUATION.to_string(),
        Some("stage") => format!("{EQUATION}[[stage]]\n"),
        _ if section == "training.refine" => EQUATION.to_string(),
        _ => DATA.to_string(),
    };
    let mut job: Table = text.parse().unwrap();
    table_at(&mut job, section);
    for (_, path, value) in BESIDE.iter().filter(|(of, ..)| path.strip_prefix(of).is_some_and(is_end)) {
        set(&mut job, path, value);
    }
    job
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

/// The same with the key.
fn with(section: &str, key: &str, value: &str) -> Table {
    let mut job = job_for(section, key);
    set(&mut job, &format!("{section}.{key}"), value);
    job
}

/// The names that a message lists.
fn listed(message: &str) -> Option<BTreeSet<String>> {
    let list = message.split_once("one of: ")?.1.lines().next()?;
    Some(list.split(", ").map(str::to_string).collect())
}

/// The names that the reader knows where the job says `?`.
fn known(job: &Table) -> BTreeSet<String> {
    let message = read(job).expect_err("nothing is called ?").to_string();
    listed(&message).unwrap_or_else(|| panic!("this lists no names: {message}\n{job}"))
}

#[test]
fn sections_and_keys_are_those_of_the_reader() {
    let sections = documented();
    let mut job: Table = DATA.parse().unwrap();
    job.insert("?".to_string(), Table::new().into());
    let top: BTreeSet<String> = sections.keys().filter(|path| !path.contains('.')).cloned().collect();
    assert_eq!(top, known(&job));
    let free: Vec<&str> = sections.iter().filter(|(_, rows)| rows.is_empty()).map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        free,
        ["coefficients", "definitions", "transforms", "variables", "windows"],
        "their keys are the user's"
    );
    let mut count = 0;
    for (section, rows) in sections.iter().filter(|(_, rows)| !rows.is_empty()) {
        let all: Vec<String> = rows.iter().flat_map(|row| row.keys.clone()).collect();
        let keys: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!(keys.len(), all.len(), "{section}: a key stands there twice");
        assert_eq!(keys, known(&with(section, "?", "0")), "{section}");
        for row in rows.iter().filter(|row| row.kind == "table") {
            let path = format!("{section}.{}", row.keys[0]);
            assert!(sections.contains_key(&path), "{path} has keys of its own");
        }
        count += keys.len();
    }
    assert!(count > 100, "{count}");
}

#[test]
fn choices_are_those_of_the_reader() {
    let inputs = BTreeSet::from(["x", "y", "t"].map(str::to_string));
    let mut count = 0;
    for (section, rows) in documented() {
        for Row { keys, kind, .. } in rows {
            let [key] = &keys[..] else { continue };
            if kind.starts_with("one of ") {
                let choices: BTreeSet<String> = quoted(&kind).into_iter().collect();
                assert_eq!(choices, known(&with(&section, key, "\"?\"")), "{section}.{key}");
                count += 1;
            } else if let Err(error) = read(&with(&section, key, "\"?\"")) {
                let choices = listed(&error.to_string()).unwrap_or_default();
                assert!(choices.is_subset(&inputs), "{section}.{key} has choices: {choices:?}");
            }
        }
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn defaults_are_those_of_the_reader() {
    let mut count = 0;
    for (section, rows) in documented() {
        for Row { keys, default, .. } in rows {
            let ([key], Some(rest)) = (&keys[..], default.strip_prefix('`')) else { continue };
            let (default, _) = rest.split_once('`').expect("a value between backticks");
            let without = read(&job_for(&section, key)).unwrap_or_else(|error| panic!("{section}.{key}: {error}"));
            let with = read(&with(&section, key, default)).unwrap_or_else(|error| panic!("{section}.{key}: {error}"));
            assert_eq!(with, without, "{section}.{key}");
            count += 1;
        }
    }
    assert!(count > 45, "{count}");
}

#[test]
fn functions_are_those_of_expressions() {
    let (_, list) = JOB_FILE.split_once("- functions: ").unwrap();
    let functions = quoted(list.split_once(';').unwrap().0);
    functions.iter().for_each(|name| assert!(is_function(name), "{name}"));
    assert_eq!(functions.len(), 26);
}

/// The blocks of TOML on a page, and what of a job each leaves out: `data`, `equation` or nothing.
fn blocks(page: &str) -> Vec<(String, String)> {
    let block = |text: &str| {
        let (info, rest) = text.split_once('\n')?;
        let (body, _) = rest.split_once("\n```")?;
        Some((info.trim().to_string(), body.to_string()))
    };
    page.split("```toml").skip(1).map(|text| block(text).expect("a block ends")).collect()
}

/// Adds the sections of another job that this one has not, and the outputs of its network.
fn complete(job: &mut Table, rest: &str) {
    let rest: Table = rest.parse().unwrap();
    if let (Some(own), Some(outputs)) = (job.get_mut("network"), rest.get("network")) {
        // Each of several networks says which are its own.
        if let Some(own) = own.as_table_mut() {
            own.entry("outputs").or_insert_with(|| outputs["outputs"].clone());
        }
    }
    for (key, value) in rest {
        job.entry(key).or_insert(value);
    }
}

#[test]
fn jobs_on_the_pages_are_read() {
    let folder = tempfile::tempdir().unwrap();
    FILES.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    let mut count = 0;
    for (rest, text) in [JOB_FILE, COOKBOOK].into_iter().flat_map(blocks) {
        let mut job: Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        match rest.as_str() {
            "" => {}
            "data" => complete(&mut job, DATA),
            "equation" => complete(&mut job, EQUATION),
            other => panic!("nothing completes {other:?}"),
        }
        if let Err(error) = Job::parse(&job.to_string(), folder.path().join("job.toml"), &Overrides::default()) {
            panic!("{error}\n{text}");
        }
        count += 1;
    }
    assert!(count > 15, "{count}");
}
