//! One section of a job's TOML, read key by key; its errors name the file, the line and the key.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result, nearest, suggest};

/// 2⁵³: up to here every whole number is an f64 and an i64, so that nothing is rounded.
pub(super) const LARGEST_WHOLE: u64 = 1 << 53;

/// A parsed file.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    table: DeTable<'a>,
}

impl<'a> Document<'a> {
    /// Parses `text`, which came from `file` and may hold the sections `known`.
    pub fn parse(text: &'a str, file: &'a Path, known: &[&str]) -> Result<Self> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let problem = format!("this is not TOML: {}", error.message());
            Error::input(format_args!("{}:{line}", file.display()), problem, "mend the syntax; see https://toml.io")
        })?;
        let document = Self { file, text, table: table.into_inner() };
        for (key, value) in &document.table {
            let place = document.place(key.span().start, key.get_ref());
            if !known.contains(&key.get_ref().as_ref()) {
                let problem = format!("there is no section or top-level key {:?}", key.get_ref());
                return Err(Error::input(place, problem, suggest(key.get_ref(), known)));
            }
            if !value.get_ref().is_table() {
                let mend = format!("write it as a section: [{}]", key.get_ref());
                return Err(Error::input(place, format!("expected a section, found {}", kind(value.get_ref())), mend));
            }
        }
        Ok(document)
    }

    /// The section `name`, which may hold the keys `known`; an absent one is empty.
    pub fn section(&'a self, name: &'static str, known: &'static [&'static str]) -> Result<Section<'a>> {
        let table = self.table.iter().find(|(key, _)| key.get_ref() == name).and_then(|(_, v)| v.get_ref().as_table());
        for key in table.into_iter().flat_map(|table| table.keys()) {
            let unknown = key.get_ref().as_ref();
            if !known.contains(&unknown) {
                let place = self.place(key.span().start, &format!("{name}.{unknown}"));
                return Err(Error::input(place, format!("unknown key {unknown:?}"), suggest(unknown, known)));
            }
        }
        Ok(Section { document: self, name, table, known })
    }

    fn place(&self, offset: usize, key: &str) -> String {
        format!("{}:{}: {key}", self.file.display(), line_of(self.text, offset))
    }
}

/// One section.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    name: &'static str,
    table: Option<&'a DeTable<'a>>,
    known: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// Whether the file has it.
    pub fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &str) -> Option<Item<'a>> {
        debug_assert!(self.known.contains(&key), "{key} is no key of {}", self.name);
        let (_, value) = self.table?.iter().find(|(k, _)| k.get_ref() == key)?;
        let name = format!("{}.{key}", self.name);
        Some(Item { document: self.document, offset: value.span().start, name, value: value.get_ref() })
    }

    /// `key` as `read` reads it, or None.
    pub fn optional<T>(&self, key: &str, read: impl FnOnce(&Item<'a>) -> Result<T>) -> Result<Option<T>> {
        self.get(key).map(|item| read(&item)).transpose()
    }

    /// `key` as `read` reads it, or its default.
    pub fn read<T>(&self, key: &str, default: T, read: impl FnOnce(&Item<'a>) -> Result<T>) -> Result<T> {
        Ok(self.optional(key, read)?.unwrap_or(default))
    }

    /// `key` as `read` reads it; an error with the example if it is absent.
    pub fn required<T>(&self, key: &str, example: &str, read: impl FnOnce(&Item<'a>) -> Result<T>) -> Result<T> {
        let missing = || {
            let mend = format!("add it under [{}], for example: {key} = {example}", self.name);
            Error::input(self.place(key), "this key is missing", mend)
        };
        self.optional(key, read)?.ok_or_else(missing)
    }

    /// An error if `key` is there though it takes no part, because it needs `condition`.
    pub fn only_if(&self, key: &str, applies: bool, condition: &str) -> Result<()> {
        match self.get(key).filter(|_| !applies) {
            Some(item) => Err(item.error("this key has no effect here", format!("remove it; it needs {condition}"))),
            None => Ok(()),
        }
    }

    /// File, line if the key is there, and key.
    pub fn place(&self, key: &str) -> String {
        match self.get(key) {
            Some(item) => item.place(),
            None => format!("{}: {}.{key}", self.document.file.display(), self.name),
        }
    }
}

/// One value and its place.
pub(super) struct Item<'a> {
    document: &'a Document<'a>,
    offset: usize,
    name: String,
    value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    /// File, line and key.
    pub fn place(&self) -> String {
        self.document.place(self.offset, &self.name)
    }

    /// Something wrong with this value.
    pub fn error(&self, problem: impl Into<String>, mend: impl Into<String>) -> Error {
        Error::input(self.place(), problem, mend)
    }

    fn expected(&self, what: &str) -> Error {
        self.error(format!("expected {what}, found {}", kind(self.value)), format!("give it {what}"))
    }

    /// A string that is not empty.
    pub fn text(&self) -> Result<String> {
        let text = self.value.as_str().ok_or_else(|| self.expected("a string"))?;
        if text.trim().is_empty() {
            return Err(self.error("this is an empty string", "name something, or remove the key"));
        }
        Ok(text.to_string())
    }

    /// true or false.
    pub fn flag(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// A finite number.
    pub fn number(&self) -> Result<f64> {
        let number = match self.value {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|i| i as f64),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite()).ok_or_else(|| self.expected("a finite number"))
    }

    /// A finite number that obeys `rule`, which reads `what`.
    pub fn number_that(&self, what: &str, rule: impl Fn(f64) -> bool) -> Result<f64> {
        let number = self.number()?;
        if !rule(number) {
            return Err(self.error(format!("{number} is out of range"), format!("give it {what}")));
        }
        Ok(number)
    }

    /// A number above 0.
    pub fn positive(&self) -> Result<f64> {
        self.number_that("a number above 0", |number| number > 0.0)
    }

    /// A number of at least 0.
    pub fn not_negative(&self) -> Result<f64> {
        self.number_that("a number of at least 0", |number| number >= 0.0)
    }

    /// A number above 0 and below 1.
    pub fn fraction(&self) -> Result<f64> {
        self.number_that("a number above 0 and below 1", |number| number > 0.0 && number < 1.0)
    }

    /// A number above 0 and at most 1.
    pub fn share(&self) -> Result<f64> {
        self.number_that("a number above 0 and at most 1", |number| number > 0.0 && number <= 1.0)
    }

    /// A whole number of at least 0; `2e4` is one too.
    pub fn whole(&self) -> Result<u64> {
        let rule = |number: f64| number >= 0.0 && number.fract() == 0.0 && number <= LARGEST_WHOLE as f64;
        Ok(self.number_that("a whole number of at least 0", rule)? as u64)
    }

    /// A whole number of at least 1.
    pub fn count(&self) -> Result<u64> {
        match self.whole()? {
            0 => Err(self.error("0 is out of range", "give it a whole number of at least 1")),
            count => Ok(count),
        }
    }

    /// One of some names.
    pub fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T> {
        let name = self.text()?;
        choices.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice).ok_or_else(|| {
            let known: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
            self.error(format!("{name:?} is none of the choices"), suggest(&name, &known))
        })
    }

    /// The items of an array.
    pub fn list(&self) -> Result<Vec<Item<'a>>> {
        let array = self.value.as_array().ok_or_else(|| self.expected("an array"))?;
        let item = |value: &'a toml::Spanned<DeValue<'a>>| Item {
            document: self.document,
            offset: value.span().start,
            name: self.name.clone(),
            value: value.get_ref(),
        };
        Ok(array.iter().map(item).collect())
    }

    /// The entries of a table.
    pub fn entries(&self) -> Result<BTreeMap<String, Item<'a>>> {
        let table = self.value.as_table().ok_or_else(|| self.expected("a table, { name = value }"))?;
        let entry = |(key, value): (&'a toml::Spanned<_>, &'a toml::Spanned<DeValue<'a>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            let name = format!("{}.{key}", self.name);
            let item = Item { document: self.document, offset: value.span().start, name, value: value.get_ref() };
            (key.to_string(), item)
        };
        Ok(table.iter().map(entry).collect())
    }

    /// The entries of a table of numbers.
    pub fn numbers(&self, read: impl Fn(&Item<'a>) -> Result<f64>) -> Result<BTreeMap<String, f64>> {
        self.entries()?.into_iter().map(|(name, item)| Ok((name, read(&item)?))).collect()
    }

    /// An error for an entry that is none of `known`; long lists are cut.
    pub fn unknown_entry(&self, name: &str, known: &[String]) -> Error {
        const SHOWN: usize = 12;
        let mut list = known.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if known.len() > SHOWN {
            list.push_str(", …");
        }
        let hint = nearest(name, known.iter().map(String::as_str)).map(|n| format!("did you mean {n:?}? "));
        self.error(format!("there is no {name:?} here"), format!("{}Known: {list}", hint.unwrap_or_default()))
    }
}

/// The line (from 1) of a byte of `text`.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// What a value is, for messages.
fn kind(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(integer) => format!("the number {integer}"),
        DeValue::Float(float) => format!("the number {float}"),
        DeValue::Boolean(flag) => format!("{flag}"),
        DeValue::Datetime(_) => "a date".to_string(),
        DeValue::Array(_) => "an array".to_string(),
        DeValue::Table(_) => "a table".to_string(),
    }
}
