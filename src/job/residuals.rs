//! The equations of a `[[term]]`: one, a list, or a table of them.

use super::item::Item;
use super::section::Section;
use crate::error::Result;

/// One of the equations of a term.
pub(super) struct Residual {
    /// What is told of it beside the term's name; `None` where it is the only one.
    pub name: Option<String>,
    /// Its text.
    pub text: String,
    /// File, line and key.
    pub place: String,
}

impl Residual {
    /// The name of its term.
    pub fn title(&self, term: &str) -> String {
        self.name.as_ref().map_or_else(|| term.to_string(), |name| format!("{term}.{name}"))
    }
}

/// The equations of a term: a list is numbered from 1, and a table has its own names, in the file's order.
pub(super) fn residuals(section: &Section) -> Result<Vec<Residual>> {
    let of = |name: Option<String>, item: &Item| Ok(Residual { name, text: item.text()?, place: item.place() });
    let Some(several) = section.get("residuals") else {
        let one = section.required("residual", "\"u_xx + u_yy = 0\"", |item| of(None, item))?;
        return Ok(vec![one]);
    };
    section.only_if("residual", false, "a term without residuals, the list of its equations")?;
    let named: Vec<(String, Item)> = match several.list() {
        Ok(list) => list.into_iter().enumerate().map(|(k, item)| ((k + 1).to_string(), item)).collect(),
        Err(_) => {
            let mut entries: Vec<_> = several.entries()?.into_iter().collect();
            entries.sort_by_key(|(_, item)| item.offset);
            entries
        }
    };
    if named.is_empty() {
        return Err(several.error("there is no equation", "write residuals = [\"u_x = v\", \"v_x = -u\"]"));
    }
    named.iter().map(|(name, item)| of(Some(name.clone()), item)).collect()
}

/// The texts of a term's equations, whatever else is wrong with it.
pub(super) fn texts(term: &Item) -> Vec<String> {
    let entries = term.entries().unwrap_or_default();
    let items = ["residual", "residuals"].into_iter().filter_map(|key| entries.get(key));
    let parts = |item: &Item| match (item.list(), item.entries()) {
        (Ok(list), _) => list.iter().filter_map(|item| item.text().ok()).collect(),
        (_, Ok(entries)) => entries.values().filter_map(|item| item.text().ok()).collect(),
        _ => item.text().into_iter().collect::<Vec<_>>(),
    };
    items.flat_map(parts).collect()
}
