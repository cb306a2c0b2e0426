//! `--set section.key=VALUE`: what flags put into a job before it is read.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::error::{Error, Result, suggest};

/// One flag.
pub(super) struct Setting {
    /// As it was written.
    flag: String,
    /// The section, the key, and the keys of tables within.
    path: Vec<String>,
    /// `v = VALUE`, behind as many spaces as there are bytes before its place.
    text: String,
    start: usize,
}

impl Setting {
    /// Reads flags. The places of their values are counted on from byte `start`, that after the job's text.
    ///
    /// # Errors
    /// [`Error::Input`] for a flag that is no `section.key=VALUE`.
    pub fn read(flags: &[String], mut start: usize) -> Result<Vec<Self>> {
        let mut settings = vec![];
        for flag in flags {
            let wrong = |problem: &str| {
                let help = "write section.key=VALUE, for example: --set training.steps=5000";
                Error::input(format!("--set {flag}"), problem, help)
            };
            let (path, value) = split(flag).ok_or_else(|| wrong("there is no = between the key and its value"))?;
            if path.len() < 2 || path.iter().any(String::is_empty) {
                return Err(wrong("a section and a key are needed"));
            }
            let text = text(value, start);
            let next = start + text.len();
            settings.push(Self { flag: flag.clone(), path, text, start });
            start = next;
        }
        Ok(settings)
    }

    /// The flag whose value a byte lies in.
    pub fn at(settings: &[Self], offset: usize) -> Option<String> {
        let setting = settings.iter().rev().find(|setting| setting.start <= offset)?;
        Some(format!("--set {}", setting.flag))
    }

    /// Puts the value into a job's table, in the place of what is there.
    ///
    /// # Errors
    /// [`Error::Input`] for a path that leads through something else than sections and tables.
    pub fn apply<'a>(&'a self, table: &mut DeTable<'a>) -> Result<()> {
        let mut parsed = DeTable::parse(&self.text).expect("it was parsed before").into_inner();
        let value = parsed.remove("v").expect("its only key");
        self.put(table, &self.path, value)
    }

    fn put<'a>(&'a self, table: &mut DeTable<'a>, path: &'a [String], value: Spanned<DeValue<'a>>) -> Result<()> {
        let Some((first, rest)) = path.split_first() else { return Ok(()) };
        let place = self.start..self.start;
        if rest.is_empty() {
            if let Some(known) = table.get_mut(first.as_str()) {
                *known = value;
            } else {
                table.insert(Spanned::new(place, Cow::Borrowed(first.as_str())), value);
            }
            return Ok(());
        }
        if !table.contains_key(first.as_str()) {
            let empty = Spanned::new(place.clone(), DeValue::Table(DeTable::new()));
            table.insert(Spanned::new(place, Cow::Borrowed(first.as_str())), empty);
        }
        match table.get_mut(first.as_str()).expect("it is there").get_mut() {
            DeValue::Table(table) => self.put(table, rest, value),
            DeValue::Array(list) => self.put_into_list(list, first, rest, value),
            _ => Err(self.error(format!("{first:?} is no table"), format!("use --set …{first}=VALUE"))),
        }
    }

    /// A section of a list: by its number, from 1, or by its name.
    fn put_into_list<'a>(
        &'a self,
        list: &mut DeArray<'a>,
        name: &str,
        path: &'a [String],
        value: Spanned<DeValue<'a>>,
    ) -> Result<()> {
        let Some((which, rest)) = path.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            let help = format!("name one of them by its number or its name: --set {name}.1.{}=VALUE", path.join("."));
            return Err(self.error(format!("there may be several [[{name}]]"), help));
        };
        let names: Vec<String> = list.iter().map(|section| title(section.get_ref())).collect();
        let number = which.parse().ok().and_then(|number: usize| number.checked_sub(1));
        let position = names.iter().position(|name| name == which).or(number).filter(|k| *k < names.len());
        let section = position.and_then(|position| match list.get_mut(position)?.get_mut() {
            DeValue::Table(table) => Some(table),
            _ => None,
        });
        match section {
            Some(table) => self.put(table, rest, value),
            None => {
                let known: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                let help = if known.is_empty() {
                    format!("use a number from 1 to {}", names.len())
                } else {
                    format!("{}, or a number from 1 to {}", suggest(which, &known), names.len())
                };
                Err(self.error(format!("there is no {name} {which:?}"), help))
            }
        }
    }

    fn error(&self, problem: String, help: String) -> Error {
        Error::input(format!("--set {}", self.flag), problem, help)
    }
}

/// The name of a section of a list, where it has one.
fn title(section: &DeValue) -> String {
    let name = section.as_table().and_then(|table| table.get("name")).and_then(|name| name.get_ref().as_str());
    name.unwrap_or_default().to_string()
}

/// The path before the first `=`, and the value behind it. A part of the path may stand in quotes.
fn split(flag: &str) -> Option<(Vec<String>, &str)> {
    let (mut path, mut part, mut is_quoted) = (vec![], String::new(), false);
    for (at, c) in flag.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => path.push(std::mem::take(&mut part)),
            '=' if !is_quoted => {
                path.push(part);
                return Some((path.iter().map(|part| part.trim().to_string()).collect(), &flag[at + 1..]));
            }
            c => part.push(c),
        }
    }
    None
}

/// `v = VALUE` at its place: what is no value in TOML is a string.
fn text(value: &str, start: usize) -> String {
    let text = format!("{}v = {}\n", " ".repeat(start), value.trim());
    let is_value = DeTable::parse(&text).is_ok_and(|table| table.get_ref().len() == 1);
    let string = || toml::Value::String(value.to_string());
    if is_value { text } else { format!("{}v = {}\n", " ".repeat(start), string()) }
}
