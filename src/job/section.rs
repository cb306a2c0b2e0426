//! One section of a job's TOML, read key by key; its errors name the file, the line and the key.

use std::borrow::Cow;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::item::{Item, kind};
use super::keys;
use super::set::Setting;
use crate::error::{Error, Result, nearest, suggest};

/// 2⁵³: up to here every whole number is an f64 and an i64, so that nothing is rounded.
pub(super) const LARGEST_WHOLE: u64 = 1 << 53;

/// A parsed file.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    settings: &'a [Setting],
    table: DeTable<'a>,
}

impl<'a> Document<'a> {
    /// Parses `text`, which came from `file`, and puts the values of flags into it.
    pub fn parse(text: &'a str, file: &'a Path, settings: &'a [Setting]) -> Result<Self> {
        let [known, lists] =
            [keys::SECTIONS.map(|section| section.0).to_vec(), keys::LISTS.map(|list| list.0).to_vec()];
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let problem = format!("this is not valid TOML: {}", error.message());
            Error::input(format_args!("{}:{line}", file.display()), problem, "fix the syntax; see https://toml.io")
        })?;
        let mut table = table.into_inner();
        settings.iter().try_for_each(|setting| setting.apply(&mut table))?;
        let document = Self { file, text, settings, table };
        for (key, value) in &document.table {
            let place = document.place(key.span().start, key.get_ref());
            let is_list = lists.contains(&key.get_ref().as_ref());
            if !is_list && !known.contains(&key.get_ref().as_ref()) {
                let problem = format!("unknown section or top-level key {:?}", key.get_ref());
                let help = suggest(key.get_ref(), &[known, lists].concat());
                let help = match keys::elsewhere(key.get_ref()) {
                    Some(place) if !value.get_ref().is_table() => format!("it belongs to {place}; {help}"),
                    _ => help,
                };
                return Err(Error::input(place, problem, help));
            }
            if keys::EITHER.contains(&key.get_ref().as_ref()) && value.get_ref().is_array() {
                continue;
            }
            if is_list && !value.get_ref().is_array() {
                let help = format!("write it with double brackets: [[{}]]", key.get_ref());
                return Err(Error::input(place, "this section can appear several times", help));
            }
            if !is_list && !value.get_ref().is_table() {
                let help = format!("write it as a section: [{}]", key.get_ref());
                return Err(Error::input(place, format!("expected a section, found {}", kind(value.get_ref())), help));
            }
        }
        Ok(document)
    }

    /// The section `name`, which may hold the keys `known`; an absent one is empty.
    pub fn section(&'a self, name: &str, known: &'static [&'static str]) -> Result<Section<'a>> {
        let found = self.found(name);
        let table = found.and_then(|(_, value)| value.get_ref().as_table());
        let offset = found.map(|(key, _)| key.span().start);
        Section { document: self, title: format!("under [{name}]"), prefix: format!("{name}."), offset, table, known }
            .checked()
    }

    /// The keys of a section whose keys are the user's, and their values, in the file's order.
    pub fn entries(&'a self, name: &str) -> Vec<(String, Item<'a>)> {
        let table = self.found(name).and_then(|(_, value)| value.get_ref().as_table());
        let mut entries: Vec<_> = table.into_iter().flatten().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            (key.get_ref().to_string(), self.item(value, format!("{name}.{}", key.get_ref())))
        };
        entries.into_iter().map(entry).collect()
    }

    /// The sections of a list of them.
    pub fn list(&'a self, name: &str) -> Vec<Item<'a>> {
        let array = self.found(name).and_then(|(_, value)| value.get_ref().as_array());
        let item = |(k, value): (usize, &'a Spanned<DeValue<'a>>)| self.item(value, format!("{name} {}", k + 1));
        array.into_iter().flatten().enumerate().map(item).collect()
    }

    /// File, line if the file has it, and a section's name.
    pub fn section_place(&self, name: &str) -> String {
        match self.found(name) {
            Some((key, _)) => self.place(key.span().start, name),
            None => format!("{}: {name}", self.file.display()),
        }
    }

    /// The place of a key, `section.key`, or of a section.
    pub fn key_place(&self, name: &str) -> String {
        let key = name.split_once('.').and_then(|(section, key)| {
            let table = self.found(section)?.1.get_ref().as_table()?;
            table.keys().find(|known| known.get_ref() == key)
        });
        key.map_or_else(|| self.section_place(name), |key| self.place(key.span().start, name))
    }

    /// Whether the file has this section, or one of a list.
    pub fn has(&self, name: &str) -> bool {
        self.found(name).is_some()
    }

    fn found(&self, name: &str) -> Option<(&Spanned<Cow<'a, str>>, &Spanned<DeValue<'a>>)> {
        self.table.iter().find(|(key, _)| key.get_ref() == name)
    }

    pub fn item(&'a self, value: &'a Spanned<DeValue<'a>>, name: String) -> Item<'a> {
        Item { document: self, offset: value.span().start, name, value: value.get_ref() }
    }

    pub fn place(&self, offset: usize, key: &str) -> String {
        match Setting::at(self.settings, offset) {
            Some(flag) => flag,
            None => format!("{}:{}: {key}", self.file.display(), line_of(self.text, offset)),
        }
    }
}

/// One section, or a table within one.
pub(super) struct Section<'a> {
    pub document: &'a Document<'a>,
    /// Where a missing key is to be added, in words.
    pub title: String,
    /// What comes before the key in messages.
    pub prefix: String,
    pub offset: Option<usize>,
    pub table: Option<&'a DeTable<'a>>,
    pub known: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// Itself, if it has no unknown key.
    pub fn checked(self) -> Result<Self> {
        for key in self.table.into_iter().flat_map(|table| table.keys()) {
            let unknown = key.get_ref().as_ref();
            if !self.known.contains(&unknown) {
                let place = self.document.place(key.span().start, &format!("{}{unknown}", self.prefix));
                // A slip of the pen in this section goes before the same name in another, and that before what is
                // less near.
                let in_own = nearest(unknown, self.known.iter().copied());
                let place_of = match in_own.filter(|near| keys::is_slip(unknown, near)) {
                    Some(_) => None,
                    None => keys::elsewhere(unknown).or_else(|| keys::near(unknown).filter(|_| in_own.is_none())),
                };
                let help = match place_of {
                    Some(place) => format!("did you mean {place}? Known here: {}", self.known.join(", ")),
                    None => suggest(unknown, self.known),
                };
                return Err(Error::input(place, format!("unknown key {unknown:?}"), help));
            }
        }
        Ok(self)
    }

    /// Whether the file has it.
    pub fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// The name of a table in it, as the prefix of that table's keys.
    pub fn name_of(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &str) -> Option<Item<'a>> {
        debug_assert!(self.known.contains(&key), "{} has no key {key}", self.prefix);
        let (_, value) = self.table?.iter().find(|(k, _)| k.get_ref() == key)?;
        Some(self.document.item(value, format!("{}{key}", self.prefix)))
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
            let help = format!("add it {}, for example: {key} = {example}", self.title);
            Error::input(self.place(key), "this key is missing", help)
        };
        self.optional(key, read)?.ok_or_else(missing)
    }

    /// An error if `key` is there though it takes no part, because it needs `condition`.
    pub fn only_if(&self, key: &str, applies: bool, condition: &str) -> Result<()> {
        match self.get(key).filter(|_| !applies) {
            Some(item) => Err(item.error("this key has no effect here", format!("remove it: it needs {condition}"))),
            None => Ok(()),
        }
    }

    /// File, line of the key, or else of the section if that is there, and key.
    pub fn place(&self, key: &str) -> String {
        let name = format!("{}{key}", self.prefix);
        match (self.get(key), self.offset) {
            (Some(item), _) => item.place(),
            (None, Some(offset)) => self.document.place(offset, &name),
            (None, None) => format!("{}: {name}", self.document.file.display()),
        }
    }
}

/// The line (from 1) of a byte of `text`.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
