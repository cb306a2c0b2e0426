//! The lists and tables in a job: columns, jet entries, axes of a grid.

use std::collections::BTreeMap;

use super::item::Item;
use super::section::Section;
use crate::data::{Axis, Dialect};
use crate::error::{Error, Result};
use crate::jet::{Derivative, Entry, JetLayout};
use crate::points::Variable;

/// A list of at least one column name.
pub(super) fn columns(item: &Item) -> Result<Vec<String>> {
    let names = item.list()?.iter().map(Item::text).collect::<Result<Vec<_>>>()?;
    if names.is_empty() {
        return Err(item.error("this list is empty", "name at least one column"));
    }
    Ok(names)
}

/// Columns with the names that the job gives them: a list of columns, or a table of names and columns.
pub(super) fn named_columns(item: &Item) -> Result<Vec<(String, String)>> {
    if !item.value.is_table() {
        return Ok(columns(item)?.into_iter().map(|column| (column.clone(), column)).collect());
    }
    let mut entries: Vec<(String, Item)> = item.entries()?.into_iter().collect();
    if entries.is_empty() {
        return Err(item.error("this table is empty", "name at least one column"));
    }
    entries.sort_by_key(|(_, column)| column.offset);
    entries.into_iter().map(|(name, column)| Ok((name, column.text()?))).collect()
}

/// How the files of `[data]` write numbers and letters.
pub(super) fn dialect(section: &Section) -> Result<Dialect> {
    let decimal = section.optional("decimal", |item| item.one_of(&Dialect::DECIMALS))?;
    let thousands = section.optional("thousands", |item| item.separator(&Dialect::THOUSANDS))?;
    if decimal.is_some() && decimal == thousands {
        let place = section.place("thousands");
        return Err(Error::input(place, "this is the decimal mark too", "use another mark, or remove one of the keys"));
    }
    let encoding = section.optional("encoding", |item| {
        let label = item.text()?;
        Dialect::encoding(&label).ok_or_else(|| {
            let help =
                "use \"latin1\", \"windows-1252\", \"utf-8\", \"utf-16le\" or another name of the WHATWG standard";
            item.error(format!("unknown encoding {label:?}"), help)
        })
    })?;
    Ok(Dialect { decimal, thousands, encoding })
}

/// A table from the names of jet entries to columns, ordered as [`Entry::all`] orders them.
pub(super) fn entries(
    item: &Item,
    inputs: &[String],
    outputs: &[String],
    allowed: impl Fn(&Entry) -> bool,
) -> Result<Vec<(Entry, String)>> {
    let mut found = BTreeMap::new();
    for (name, column) in item.entries()? {
        let entry = Entry::named(&name, inputs, outputs).filter(&allowed).ok_or_else(|| {
            let of = |derivative| (0..outputs.len()).map(move |output| Entry { output, derivative });
            let pure = JetLayout::pure(inputs.len(), Derivative::MOST);
            let higher = pure.derivatives().filter(|derivative| derivative.order() > 2).flat_map(of);
            let all = Entry::all(inputs.len(), outputs.len(), 2).into_iter().chain(higher).filter(&allowed);
            let names: Vec<_> = all.map(|entry| entry.column(inputs, outputs)).collect();
            column.unknown_entry(&name, &names)
        })?;
        if found.insert(entry, column.text()?).is_some() {
            return Err(column.error("this entry appears twice", "keep one of them"));
        }
    }
    Ok(found.into_iter().collect())
}

/// `{ x = [from, to, count] }` for each input.
pub(super) fn axes(grid: &Item, inputs: &[String]) -> Result<Vec<Axis>> {
    let entries = grid.entries()?;
    if let Some((name, item)) = entries.iter().find(|(name, _)| !inputs.contains(name)) {
        return Err(item.unknown_entry(name, inputs));
    }
    let axis = |input: &String| {
        let item = entries.get(input).ok_or_else(|| {
            grid.error(format!("input {input:?} has no axis"), format!("add one: {input} = [from, to, count]"))
        })?;
        let list = item.list()?;
        let [from, to, count, scale @ ..] = &list[..] else {
            return Err(item.error("an axis needs three numbers", "write it as [from, to, count]"));
        };
        let is_logarithmic = match scale {
            [] => false,
            [scale] => scale.one_of(&[("log", true), ("linear", false)])?,
            _ => return Err(item.error("an axis has four parts at most", "write it as [from, to, count, \"log\"]")),
        };
        let (from, to) = (from.number()?, to.number()?);
        if is_logarithmic && (from * to).partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            let problem = format!("an axis of equal ratios cannot go from {from} to {to}");
            return Err(item.error(problem, "use ends of one sign, and not 0"));
        }
        Ok(Axis { from, to, count: count.count()? as usize, is_logarithmic })
    };
    let axes = inputs.iter().map(axis).collect::<Result<Vec<_>>>()?;
    // What a grid may hold in memory; a file of points is streamed and knows no limit.
    const MOST_POINTS: usize = 100_000_000;
    let points = axes.iter().try_fold(1usize, |product, axis| product.checked_mul(axis.count));
    match points.filter(|points| *points <= MOST_POINTS) {
        Some(_) => Ok(axes),
        None => Err(grid.error(
            format!("this grid has more than {MOST_POINTS} points"),
            "use fewer points, or put them into a file and use `jetfit predict`, which streams them",
        )),
    }
}

/// Axes of about 10⁴ points at most over a box: 1001, 101 by 101, 21 by 21 by 21, …
pub(crate) fn grid_over(variables: &[Variable]) -> Vec<Axis> {
    // 2¹³ is the most corners within 10⁴; further inputs stay in the middle.
    const MOST_AXES: usize = 13;
    let count = match variables.len().min(MOST_AXES) {
        1 => 1001,
        2 => 101,
        dimensions => (1e4f64.powf(1.0 / dimensions as f64) + 1e-9) as usize,
    };
    let axis = |(k, Variable { low, high, is_logarithmic, .. }): (usize, &Variable)| match low / 2.0 + high / 2.0 {
        middle if k >= MOST_AXES => Axis { from: middle, to: middle, count: 1, is_logarithmic: false },
        _ => Axis { from: *low, to: *high, count, is_logarithmic: *is_logarithmic },
    };
    variables.iter().enumerate().map(axis).collect()
}
