//! From the rows of a table to a field.

use std::collections::HashMap;
use std::path::Path;

use super::{Field, Interpolation};
use crate::data::{Dialect, TableReader};
use crate::error::{Error, Result, point};

/// Which columns of a table make a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldColumns {
    /// For each axis the name that its argument has, if it is one. A column of this name is its axis; the others take the
    /// first columns that are left.
    pub arguments: Vec<Option<String>>,
    /// The column of the values; without a name the only one that is left.
    pub value: Option<String>,
}

impl FieldColumns {
    /// The names of the axes among the columns of a table, and that of the values behind them.
    fn among(&self, reader: &TableReader<'_>) -> Result<Vec<String>> {
        let names = reader.names();
        let is_axis =
            |name: &&String| self.value.as_ref() != Some(*name) && !self.arguments.contains(&Some(name.to_string()));
        let mut free = names.iter().filter(is_axis).cloned();
        let mut columns = vec![];
        for argument in &self.arguments {
            let column = argument.clone().filter(|name| names.contains(name)).or_else(|| free.next());
            columns.push(column.ok_or_else(|| {
                let problem = format!("{} arguments need as many columns and one of values", self.arguments.len());
                reader.error(problem, format!("it has: {}", names.join(", ")))
            })?);
        }
        let value = match (&self.value, free.next(), free.next()) {
            (Some(value), ..) => value.clone(),
            (None, Some(value), None) => value,
            (None, None, _) => {
                let problem = format!("there is no column of values beside {}", columns.join(", "));
                return Err(reader.error(problem, "give fewer arguments, or add the column"));
            }
            (None, Some(value), Some(_)) => {
                let problem = format!("several columns are left beside {}", columns.join(", "));
                let help = format!("name that of the values: interp(\"FILE\", \"{value}\", {})", columns.join(", "));
                return Err(reader.error(problem, help));
            }
        };
        columns.push(value);
        Ok(columns)
    }
}

impl Field {
    /// Reads the rows of a table, in any order.
    ///
    /// # Errors
    /// Those of [`TableReader`]; [`Error::Input`] for columns that do not fit, and rows that are no full grid, with the
    /// node that is missing or there twice.
    pub fn read(file: &Path, dialect: &Dialect, columns: &FieldColumns, interpolation: Interpolation) -> Result<Self> {
        let mut reader = TableReader::open_as(file, dialect)?;
        let names = columns.among(&reader)?;
        reader.select(&names)?;
        let mut axes = reader.read_rows()?;
        let values = axes.pop().expect("a column of values");
        Self::of_rows(&file.display().to_string(), &names[..axes.len()], axes, &values, interpolation)
    }

    /// From columns of places (axes, rows) and the values there (rows).
    fn of_rows(
        place: &str,
        names: &[String],
        places: Vec<Vec<f64>>,
        values: &[f64],
        interpolation: Interpolation,
    ) -> Result<Self> {
        let axis = |column: &Vec<f64>| {
            let mut axis = column.clone();
            axis.sort_by(f64::total_cmp);
            // −0 and 0 are one place.
            axis.dedup_by(|a, b| a == b);
            axis
        };
        let axes: Vec<Vec<f64>> = places.iter().map(axis).collect();
        let sizes = || axes.iter().zip(names).map(|(axis, name)| format!("{} of {name}", axis.len()));
        if let Some(k) = axes.iter().position(|axis| axis.len() < 2) {
            let problem = format!("{} has the same value in every row", names[k]);
            return Err(Error::input(place, problem, "an axis of a grid needs two values or more"));
        }
        let digits =
            |row: usize| axes.iter().zip(&places).map(move |(axis, column)| axis.partition_point(|x| *x < column[row]));
        let mut nodes: HashMap<Vec<usize>, f64> = HashMap::new();
        for (row, value) in values.iter().enumerate() {
            if nodes.insert(digits(row).collect(), *value).is_some() {
                let here: Vec<f64> = places.iter().map(|column| column[row]).collect();
                let problem = format!("there are two rows at {}", point(names, &here));
                return Err(Error::input(place, problem, "keep one row for each node of the grid"));
            }
        }
        // Of scattered rows the full grid may be too large to count, but one of its first nodes is missing.
        let count = axes.iter().map(Vec::len).fold(1, usize::saturating_mul);
        let mut ordered = Vec::with_capacity(values.len());
        for node in 0..count {
            let mut rest = node;
            let mut digits: Vec<usize> =
                axes.iter().rev().map(|axis| (rest % axis.len(), rest /= axis.len()).0).collect();
            digits.reverse();
            let Some(value) = nodes.get(&digits) else {
                let here: Vec<f64> = axes.iter().zip(&digits).map(|(axis, k)| axis[*k]).collect();
                let problem = format!(
                    "the rows are no full grid: {} values need {count} rows, of {} there is none at {}",
                    sizes().collect::<Vec<_>>().join(" and "),
                    values.len(),
                    point(names, &here)
                );
                return Err(Error::input(place, problem, "give a row for every combination of the axes' values"));
            };
            ordered.push(*value);
        }
        Ok(Self::new(axes, ordered, interpolation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is read as a field of these arguments.
    fn read(text: &str, arguments: &[Option<&str>], value: Option<&str>) -> Result<Field> {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let arguments = arguments.iter().map(|name| name.map(str::to_string)).collect();
        let columns = FieldColumns { arguments, value: value.map(str::to_string) };
        Field::read(file.path(), &Dialect::default(), &columns, Interpolation::Linear)
    }

    #[test]
    fn rows_come_in_any_order_and_columns_by_name() {
        let rows = "y,k,x\n1,4,1\n0,1,0\n0,3,1\n1,2,0\n";
        for (arguments, corner) in
            [([Some("x"), Some("y")], 3.0), ([Some("y"), Some("x")], 2.0), ([Some("x"), None], 3.0)]
        {
            let field = read(rows, &arguments, None).unwrap();
            assert_eq!(field.value(&[0, 0], &[1.0, 0.0]), corner, "{arguments:?}");
        }
        let field = read("a,b,k,v\n0,0,1,10\n0,1,2,20\n1,0,3,30\n1,1,4,40\n", &[Some("x"), None], Some("v")).unwrap();
        assert_eq!(field.value(&[0, 0], &[1.0, 0.0]), 30.0);
    }

    #[test]
    fn what_is_no_grid_is_refused_with_its_node() {
        let xy = [Some("x"), Some("y")];
        for (rows, arguments, message) in [
            (
                "x,y,k\n0,0,1\n0,1,2\n1,0,3\n",
                &xy[..],
                "2 of x and 2 of y values need 4 rows, of 3 there is none at x = 1, y = 1",
            ),
            ("x,y,k\n0,0,1\n0,1,2\n1,0,3\n1,1,3\n1,1,4\n", &xy, "there are two rows at x = 1, y = 1"),
            ("x,y,k\n0,0,1\n0,1,2\n", &xy, "x has the same value in every row"),
            ("x,y\n0,0\n1,1\n", &xy, "there is no column of values beside x, y"),
            ("x\n0\n1\n", &xy, "2 arguments need as many columns"),
            ("x,k,v\n0,0,1\n1,1,3\n", &xy[..1], "several columns are left beside x"),
        ] {
            let error = read(rows, arguments, None).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(message), "{error}");
        }
        let scattered: String = (0..500).map(|k| format!("{},{},1\n", (k as f64).sin(), (k as f64).cos())).collect();
        let error = read(&format!("x,y,k\n{scattered}"), &xy, None).unwrap_err().to_string();
        assert!(error.contains("500 of x and"), "{error}");
    }
}
