//! One value of a job's TOML, read as what it should be; its errors name the file, the line and the key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::section::{Document, LARGEST_WHOLE, Section};
use crate::error::{Error, Result, nearest, suggest};

/// One value and its place.
pub(super) struct Item<'a> {
    pub document: &'a Document<'a>,
    pub offset: usize,
    pub name: String,
    pub value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    /// File, line and key.
    pub fn place(&self) -> String {
        self.document.place(self.offset, &self.name)
    }

    /// Something wrong with this value.
    pub fn error(&self, problem: impl Into<String>, help: impl Into<String>) -> Error {
        Error::input(self.place(), problem, help)
    }

    fn expected(&self, what: &str) -> Error {
        let help = self.mended(what).map_or_else(|| format!("use {what}"), |mended| format!("write {mended}"));
        self.error(format!("expected {what}, found {}", kind(self.value)), help)
    }

    /// The same value as TOML writes what was expected, where only its quotes or brackets are wrong.
    fn mended(&self, what: &str) -> Option<String> {
        let bare = match self.value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_string(),
            DeValue::Float(number) => number.as_str().to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            _ => return None,
        };
        let is_text = self.value.is_str();
        let is_number = bare.parse::<f64>().is_ok_and(f64::is_finite);
        match what {
            "a string" if !is_text => Some(format!("it in quotes: \"{bare}\"")),
            "true or false" if is_text && matches!(bare.as_str(), "true" | "false") => {
                Some(format!("it without quotes: {bare}"))
            }
            "an array" if is_text => Some(format!("it in brackets: [{bare:?}]")),
            "an array" => Some(format!("it in brackets: [{bare}]")),
            _ if what.contains("number") && is_text && is_number => Some(format!("it without quotes: {bare}")),
            _ => None,
        }
    }

    /// A string that is not empty.
    pub fn text(&self) -> Result<String> {
        let text = self.value.as_str().ok_or_else(|| self.expected("a string"))?;
        if text.trim().is_empty() {
            return Err(self.error("this is an empty string", "give it a value, or remove the key"));
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
            return Err(self.error(format!("{number} is out of range"), format!("use {what}")));
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
            0 => Err(self.error("0 is out of range", "use a whole number of at least 1")),
            count => Ok(count),
        }
    }

    /// A whole number from 1 to `most`.
    pub fn count_up_to(&self, most: u64) -> Result<u64> {
        match self.count()? {
            count if count > most => {
                Err(self.error(format!("{count} is out of range"), format!("use a whole number from 1 to {most}")))
            }
            count => Ok(count),
        }
    }

    /// One of some names.
    pub fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T> {
        let name = self.text()?;
        choices.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice).ok_or_else(|| {
            let known: Vec<_> = choices.iter().map(|(known, _)| *known).collect();
            self.error(format!("unknown value {name:?}"), suggest(&name, &known))
        })
    }

    /// One of some marks between digits, of which a space is one.
    pub fn separator(&self, choices: &[(&str, char)]) -> Result<char> {
        let text = self.value.as_str().ok_or_else(|| self.expected("a string"))?;
        choices.iter().find(|(known, _)| *known == text).map(|(_, mark)| *mark).ok_or_else(|| {
            let known: Vec<_> = choices.iter().map(|(known, _)| format!("{known:?}")).collect();
            self.error(format!("unknown separator {text:?}"), format!("use one of {}", known.join(", ")))
        })
    }

    /// The items of an array.
    pub fn list(&self) -> Result<Vec<Item<'a>>> {
        let array = self.value.as_array().ok_or_else(|| self.expected("an array"))?;
        let item = |value| self.document.item(value, self.name.clone());
        Ok(array.iter().map(item).collect())
    }

    /// The entries of a table.
    pub fn entries(&self) -> Result<BTreeMap<String, Item<'a>>> {
        let table = self.value.as_table().ok_or_else(|| self.expected("a table, { name = value }"))?;
        let entry = |(key, value): (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let key = key.get_ref();
            (key.to_string(), self.document.item(value, format!("{}.{key}", self.name)))
        };
        Ok(table.iter().map(entry).collect())
    }

    /// Itself as a section that may hold the keys `known`; `prefix` comes before them in messages.
    pub fn section(&self, prefix: String, known: &'static [&'static str]) -> Result<Section<'a>> {
        let table = self.value.as_table().ok_or_else(|| self.expected("a table, { name = value }"))?;
        let title = format!("to {}", prefix.trim_end_matches([':', '.', ' ']));
        Section { document: self.document, title, prefix, offset: Some(self.offset), table: Some(table), known }
            .checked()
    }

    /// The entries of a table of numbers.
    pub fn numbers(&self, read: impl Fn(&Item<'a>) -> Result<f64>) -> Result<BTreeMap<String, f64>> {
        self.entries()?.into_iter().map(|(name, item)| Ok((name, read(&item)?))).collect()
    }

    /// An error for an entry that is none of `known`; long lists are cut.
    pub fn unknown_entry(&self, name: &str, known: &[String]) -> Error {
        const SHOWN_NAMES: usize = 12;
        let mut list = known.iter().take(SHOWN_NAMES).cloned().collect::<Vec<_>>().join(", ");
        if known.len() > SHOWN_NAMES {
            list.push_str(", …");
        }
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}? Known: {list}"),
            None => format!("use one of: {list}"),
        };
        self.error(format!("unknown name {name:?}"), help)
    }
}

/// What a value is, for messages.
pub(super) fn kind(value: &DeValue) -> String {
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
