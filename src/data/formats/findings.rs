//! What only a whole file tells: how many cells of whole columns are empty, whether a point is a decimal point, and
//! whether a column has dates.

use super::dialect::may_be_thousands;
use super::rows::Shape;
use crate::error::{Error, Result};

/// Places of empty cells that a message names.
const SHOWN_PLACES: usize = 10;

/// What was seen of a file, or of a part of it. A place is a byte until [`Findings::at_lines`] makes it a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// Of each selected column.
    columns: Vec<Column>,
    /// Whether some number in the file has a point that cannot separate thousands.
    has_decimals: bool,
    /// Cells of whole columns without a number, and the first of them: place, column and text.
    missing: usize,
    first_missing: Vec<(u64, usize, String)>,
}

#[derive(Clone, Debug, Default)]
struct Column {
    has_numbers: bool,
    date: Option<(u64, String)>,
    /// The first number whose point may separate thousands.
    doubtful: Option<(u64, String)>,
}

impl Findings {
    /// Of so many selected columns, nothing yet.
    pub fn new(columns: usize) -> Self {
        Self { columns: vec![Column::default(); columns], ..Self::default() }
    }

    /// Sees a number; its text matters where points may separate thousands.
    pub fn number(&mut self, column: usize, text: &str, shape: &Shape, at: impl FnOnce() -> u64) {
        let known = &mut self.columns[column];
        known.has_numbers = true;
        if self.has_decimals || !shape.is_doubtful() || !text.contains('.') {
            return;
        }
        match may_be_thousands(text) {
            false => self.has_decimals = true,
            true if known.doubtful.is_none() => known.doubtful = Some((at(), text.to_string())),
            true => {}
        }
    }

    /// Sees a date.
    pub fn date(&mut self, column: usize, text: &str, at: impl FnOnce() -> u64) {
        self.columns[column].date.get_or_insert_with(|| (at(), text.to_string()));
    }

    /// Sees a cell without a number, in a column where every row needs one.
    pub fn missing(&mut self, column: usize, text: &str, at: impl FnOnce() -> u64) {
        self.missing += 1;
        if self.first_missing.len() < SHOWN_PLACES {
            self.first_missing.push((at(), column, text.to_string()));
        }
    }

    /// Whether a cell of a whole column has no number.
    pub fn has_missing(&self) -> bool {
        self.missing > 0
    }

    /// With what was seen of the part behind it.
    pub fn join(&mut self, later: Self) {
        for (column, later) in self.columns.iter_mut().zip(later.columns) {
            column.has_numbers |= later.has_numbers;
            column.date = column.date.take().or(later.date);
            column.doubtful = column.doubtful.take().or(later.doubtful);
        }
        self.has_decimals |= later.has_decimals;
        self.missing += later.missing;
        let room = SHOWN_PLACES - self.first_missing.len();
        self.first_missing.extend(later.first_missing.into_iter().take(room));
    }

    /// With lines for places.
    pub fn at_lines(mut self, line: impl Fn(u64) -> u64) -> Self {
        let in_columns = self.columns.iter_mut().flat_map(|column| [&mut column.date, &mut column.doubtful]);
        in_columns.flatten().for_each(|(at, _)| *at = line(*at));
        self.first_missing.iter_mut().for_each(|(at, ..)| *at = line(*at));
        self
    }

    /// That every cell of the whole columns has a number.
    ///
    /// # Errors
    /// [`Error::Input`] with their count and the first places.
    pub fn no_missing(&self, shape: &Shape) -> Result<()> {
        let Some((line, column, text)) = self.first_missing.first() else { return Ok(()) };
        let name = |column: &usize| &shape.names[shape.selected[*column]];
        let this =
            if text.is_empty() { "this cell is empty".to_string() } else { format!("{text} is not a finite number") };
        let problem = if self.missing == 1 {
            this
        } else {
            let places = self.first_missing.iter().map(|(line, column, _)| format!("{line} ({})", name(column)));
            let (places, count) = (places.collect::<Vec<_>>().join(", "), self.missing);
            let shown = if count > SHOWN_PLACES { format!("the first {SHOWN_PLACES} ") } else { String::new() };
            format!("{this}, and {} more cells have no number; {shown}in lines {places}", count - 1)
        };
        let place = format!("{}:{line}: column {:?}", shape.place, name(column));
        Err(Error::input(place, problem, "fill it in, or remove the row"))
    }

    /// That the file as a whole was read as it is meant.
    ///
    /// # Errors
    /// [`Error::Input`] for a column of dates and numbers, and for points that may be decimal points or separate
    /// thousands.
    pub fn are_clear(&self, shape: &Shape) -> Result<()> {
        for (k, column) in self.columns.iter().enumerate() {
            let place = |line: &u64| format!("{}:{line}: column {:?}", shape.place, shape.names[shape.selected[k]]);
            if let Some((line, text)) = column.date.as_ref().filter(|_| column.has_numbers) {
                let problem = format!("{text:?} is a date, and other cells of this column are numbers");
                return Err(Error::input(place(line), problem, "write all of them alike"));
            }
            if let Some((line, text)) = column.doubtful.as_ref().filter(|_| !self.has_decimals) {
                let whole = text.replace('.', "");
                let problem = format!(
                    "{text:?} may be {whole} or {text}: wherever a number has a point in the columns that are read, \
                     three digits follow"
                );
                let help = format!(
                    "set data.decimal = \".\" for {text}, or data.thousands = \".\" for {whole} (as flags: --decimal, \
                     --thousands)"
                );
                return Err(Error::input(place(line), problem, help));
            }
        }
        Ok(())
    }
}
