//! Numbers, tables, indices and functions as C writes them.

use super::super::recipe::Unary;
use super::super::tensors::Tensor;

/// Columns of a line.
const WIDTH: usize = 100;

/// A number in the code: the fewest digits that read back as the same.
pub fn literal(number: f64, is_f64: bool) -> String {
    let digits = digits(number, is_f64);
    if number < 0.0 { format!("({digits})") } else { digits }
}

fn digits(number: f64, is_f64: bool) -> String {
    match number {
        number if number.is_nan() => "NAN".to_string(),
        number if number.is_infinite() => if number > 0.0 { "INFINITY" } else { "-INFINITY" }.to_string(),
        number if is_f64 => format!("{number:?}"),
        number => format!("{:?}f", number as f32),
    }
}

/// A table of the file's: a matrix (in, out) in one row, of others the extents above 1.
pub fn table(tensor: &Tensor, is_f64: bool) -> String {
    let Tensor { name, rows, units, numbers, .. } = tensor;
    let (extents, numbers) = match tensor.is_matrix() {
        true => (vec![rows * units], tensor.transposed()),
        false => ([*rows, *units].into_iter().filter(|extent| *extent > 1).collect(), numbers.clone()),
    };
    let brackets: String = extents.iter().map(|extent| format!("[{extent}]")).collect();
    let words: Vec<String> = numbers.iter().map(|number| digits(*number, is_f64)).collect();
    let numbers = match extents.as_slice() {
        [] => words[0].clone(),
        [_, width] => {
            let row = |row: &[String]| format!("    {{{}}},\n", wrapped(row, "     "));
            format!("{{\n{}}}", words.chunks(*width).map(row).collect::<String>())
        }
        _ => format!("{{\n    {}\n}}", wrapped(&words, "    ")),
    };
    format!("static const {} {name}{brackets} = {numbers};\n\n", number(is_f64))
}

/// Words in lines, the first of which is begun.
fn wrapped(words: &[String], indent: &str) -> String {
    let (mut text, mut column) = (String::new(), indent.len());
    for (index, word) in words.iter().enumerate() {
        let comma = if index + 1 < words.len() { "," } else { "" };
        if index > 0 {
            let is_full = column + word.len() + 2 > WIDTH;
            text.push_str(if is_full { "\n" } else { " " });
            text.push_str(if is_full { indent } else { "" });
            column = if is_full { indent.len() } else { column + 1 };
        }
        text.push_str(&format!("{word}{comma}"));
        column += word.len() + comma.len();
    }
    text
}

/// The type of numbers.
pub fn number(is_f64: bool) -> &'static str {
    if is_f64 { "double" } else { "float" }
}

/// The table that [`part`] reads, if it reads one.
pub fn part_table(name: &str, indices: &[usize]) -> String {
    if is_run(indices) { String::new() } else { index_table(name, indices) }
}

/// Which rows or units of another a block is made of.
pub fn index_table(name: &str, indices: &[usize]) -> String {
    let list: Vec<String> = indices.iter().map(usize::to_string).collect();
    format!("    static const int {name}_of[{}] = {{{}}};\n", indices.len(), list.join(", "))
}

/// The index of a row among those of the block that it is taken from.
pub fn part(name: &str, indices: &[usize], row: &str) -> String {
    match row.parse::<usize>() {
        _ if indices.len() == 1 => indices[0].to_string(),
        Ok(row) => indices[row].to_string(),
        Err(_) if is_run(indices) => shifted(row, indices[0]),
        Err(_) => format!("{name}_of[{row}]"),
    }
}

fn is_run(indices: &[usize]) -> bool {
    indices.iter().copied().eq(indices[0]..indices[0] + indices.len())
}

/// An index further on.
pub fn shifted(index: &str, by: usize) -> String {
    match index.parse::<usize>() {
        Ok(index) => (index + by).to_string(),
        Err(_) if by == 0 => index.to_string(),
        Err(_) => format!("{index} + {by}"),
    }
}

/// The function of math.h.
pub fn function(unary: Unary) -> &'static str {
    match unary {
        Unary::Abs => "fabs",
        Unary::Negate | Unary::Sigmoid => unreachable!("a sign, and written out for C"),
        other => other.name(),
    }
}
