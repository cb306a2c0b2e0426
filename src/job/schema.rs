//! A JSON Schema of job files. Its keys, types and texts are those of `docs/job-file.md`, which tests compare with the
//! reader.

use serde_json::{Map, Value, json};

use super::keys;

const JOB_FILE: &str = include_str!("../../docs/job-file.md");

/// Sections whose keys are the user's, and what these hold.
const FREE: [(&str, &str); 5] = [
    ("variables", "interval"),
    ("windows", "windows"),
    ("coefficients", "number, or coefficients.NAME"),
    ("definitions", "text"),
    ("transforms", "text"),
];

/// The schema (draft 2020-12) of a job file.
pub fn schema() -> Value {
    let sections = sections(JOB_FILE);
    let mut properties = Map::new();
    for Section { path, text, .. } in sections.iter().filter(|section| !section.path.contains('.')) {
        let is_list = matches!(path.as_str(), "term" | "stage");
        let table = match FREE.iter().find(|(name, _)| name == path) {
            Some((_, kind)) => json!({ "type": "object", "additionalProperties": kind_of(kind, "", &sections) }),
            None => of_section(path, &sections),
        };
        let list = || json!({ "type": "array", "items": table });
        let mut property = match keys::EITHER.contains(&path.as_str()) {
            true => json!({ "anyOf": [table, list()] }),
            false if is_list => list(),
            false => table,
        };
        property["description"] = text.clone().into();
        properties.insert(path.clone(), property);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jetfit job",
        "description": "What is fitted, by which network, how it is trained and what is written.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

/// A section of the page, or a table within one.
struct Section {
    path: String,
    /// What stands between its heading and its rows.
    text: String,
    rows: Vec<Row>,
}

/// Keys with the same type.
struct Row {
    keys: Vec<String>,
    kind: String,
    default: String,
    meaning: String,
}

/// The page's sections with their rows; a heading may name several tables.
fn sections(page: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = vec![];
    let mut paths: Vec<String> = vec![];
    let overview = |path: &str| {
        let row =
            page.lines().find(|line| line.starts_with("| [`[") && quoted(line)[0].trim_matches(['[', ']']) == path)?;
        let text = row.trim_matches('|').split_once('|')?.1.trim();
        Some(format!("{}{}.", text[..1].to_uppercase(), &text[1..]))
    };
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("##") {
            paths = quoted(heading).iter().map(|path| path.trim_matches(['[', ']']).to_string()).collect();
            let new = |path: &String| Section { path: path.clone(), text: String::new(), rows: vec![] };
            sections.extend(paths.iter().map(new));
            continue;
        }
        let own = sections.iter_mut().filter(|section| paths.contains(&section.path));
        if line.starts_with("| `") {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [keys, kind, default, meaning] = cells[..] else { continue };
            let row = || Row {
                keys: quoted(keys),
                kind: kind.to_string(),
                default: default.to_string(),
                meaning: meaning.to_string(),
            };
            own.for_each(|section| section.rows.push(row()));
        } else if !line.starts_with('|') {
            own.filter(|section| section.rows.is_empty()).for_each(|section| {
                section.text = format!("{} {}", section.text, line).trim().to_string();
            });
        }
    }
    for section in &mut sections {
        let Some(first) = overview(&section.path) else { continue };
        section.text = format!("{first} {}", section.text).trim().to_string();
    }
    sections
}

/// A table with the keys of a section.
fn of_section(path: &str, sections: &[Section]) -> Value {
    let mut properties = Map::new();
    let mut required = vec![];
    for row in sections.iter().filter(|section| section.path == path).flat_map(|section| &section.rows) {
        for key in &row.keys {
            let mut property = kind_of(&row.kind, &format!("{path}.{key}"), sections);
            property["description"] = match row.default.as_str() {
                "required" => row.meaning.clone(),
                default => format!("{} Default: {default}.", row.meaning),
            }
            .into();
            properties.insert(key.clone(), property);
        }
        if row.default == "required" {
            required.extend(row.keys.iter().cloned());
        }
    }
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

/// What a type of the page means; several are separated by `, or `.
fn kind_of(kind: &str, path: &str, sections: &[Section]) -> Value {
    if let Some(section) = kind.strip_prefix("as in ") {
        let of = quoted(section).concat();
        let (of, key) = (of.trim_matches(['[', ']']), path.rsplit('.').next().unwrap_or(path));
        let mut rows = sections.iter().filter(|section| section.path == of).flat_map(|section| &section.rows);
        let row = rows.find(|row| row.keys.iter().any(|known| known == key));
        return row.map_or(json!({}), |row| kind_of(&row.kind, &format!("{of}.{key}"), sections));
    }
    let kinds: Vec<&str> = kind.split(", or ").collect();
    if kinds.len() > 1 {
        let any: Vec<Value> = kinds.iter().map(|kind| kind_of(kind, path, sections)).collect();
        return json!({ "anyOf": any });
    }
    if kind.starts_with("one of ") {
        return json!({ "enum": quoted(kind) });
    }
    if kind == "list of pairs of numbers" {
        return json!({ "type": "array", "items": { "type": "array", "items": { "type": "number" } } });
    }
    if let Some(list) = kind.strip_prefix("list of ") {
        let items = if list.contains("number") { kind_of(list, path, sections) } else { json!({ "type": "string" }) };
        return json!({ "type": "array", "items": items });
    }
    if let Some(table) = [path, kind].into_iter().find(|path| sections.iter().any(|section| section.path == *path)) {
        return of_section(table, sections);
    }
    if let Some(table) = kind.strip_prefix("table, ") {
        let value = table.split_once(" to ").map_or("", |(_, value)| value);
        if value == "shape" {
            return json!({ "type": "object", "additionalProperties": of_section("domain.shapes.NAME", sections) });
        }
        return json!({ "type": "object", "additionalProperties": kind_of(value, "", sections) });
    }
    match kind {
        "path" | "text" | "column" | "expression" | "name" => json!({ "type": "string" }),
        "true or false" => json!({ "type": "boolean" }),
        "interval" => {
            let items = json!({ "anyOf": [{ "type": "number" }, { "enum": ["log", "linear"] }] });
            json!({ "type": "array", "items": items, "minItems": 2, "maxItems": 3 })
        }
        "windows" => json!({ "type": ["array", "number", "string"] }),
        "`[from, to, count]`" => json!({ "type": "array" }),
        "0, 1, 2, 3 or 4" => json!({ "enum": [0, 1, 2, 3, 4] }),
        _ if kind.starts_with('`') => json!({ "const": quoted(kind).concat().trim_matches('"') }),
        _ if kind.contains("number") => number(kind),
        _ => json!({}),
    }
}

/// `number above 0, at most 1`, `whole number from 1 to 10000`. A whole number may be written as 2e4.
fn number(kind: &str) -> Value {
    let mut schema = json!({ "type": "number" });
    if kind.starts_with("whole") {
        schema["multipleOf"] = 1.into();
        schema["minimum"] = 0.into();
    }
    let bound = |words: &str| {
        let (_, rest) = kind.split_once(words)?;
        let digits = rest.split([' ', ',']).next()?;
        digits.parse::<f64>().ok()
    };
    for (words, key) in [
        ("above ", "exclusiveMinimum"),
        ("from ", "minimum"),
        ("to below ", "exclusiveMaximum"),
        (", below ", "exclusiveMaximum"),
        ("at most ", "maximum"),
        (" to ", "maximum"),
    ] {
        if let Some(bound) = bound(words) {
            schema[key] = bound.into();
        }
    }
    schema
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_string).collect()
}
