//! Tables for people: columns as wide as they must be, two spaces apart.

/// A heading and rows of as many cells. Columns whose cells are all numbers stand to the right.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let is_number = |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let right: Vec<bool> = (0..heading.len()).map(|c| rows.iter().all(|row| is_number(&row[c]))).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).zip(&right).map(|((cell, width), right)| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_string()
    };
    let rows = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(heading.to_vec())).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let rows = [vec!["u".to_string(), "1.0".to_string()], vec!["du_dx".to_string(), "-10".to_string()]];
        assert_eq!(table(&["entry", "value"], &rows), "  entry  value\n  u        1.0\n  du_dx    -10");
    }
}
