//! Loops of a shader that are written out before it is compiled: those whose line ends with `// unrolled`.
//!
//! Compilers unroll short loops themselves, but not all of those over fragments of matrix units or around barriers;
//! and what such a loop indexes then lies in memory, not in registers; docs/tuning.md.

use std::collections::HashMap;

const MARK: &str = " // unrolled\n";

/// The text with its marked loops written out. They count up from 0 by 1 to a constant, a number, or a product of such;
/// the text's own `const NAME: u32 = 1u;` lines say what a constant is.
pub fn unroll(mut text: String) -> String {
    let constants: HashMap<String, u32> = text.lines().filter_map(constant).collect();
    // From the back, so that a loop within another is written out first.
    while let Some(mark) = text.rfind(MARK) {
        let start = text[..mark].rfind("for (var ").expect("a loop begins on the line of its mark");
        let end = mark + body(&text[mark..]);
        let (variable, count) = head(&text[start..mark], &constants);
        let body = &text[mark + MARK.len()..end];
        let turns: String = (0..count).map(|turn| format!("{{\n{}}}\n", with(body, variable, turn))).collect();
        text.replace_range(start..=end, &turns);
    }
    text
}

/// `const NAME: u32 = 1u;`
fn constant(line: &str) -> Option<(String, u32)> {
    let (name, value) = line.strip_prefix("const ")?.split_once(": u32 = ")?;
    Some((name.to_string(), value.strip_suffix("u;")?.parse().ok()?))
}

/// Of `for (var r = 0u; r < COUNT; r++) {`: the variable, and how many turns there are.
fn head<'a>(line: &'a str, constants: &HashMap<String, u32>) -> (&'a str, u32) {
    let variable = line["for (var ".len()..].split(' ').next().expect("a variable");
    let (_, bound) = line.split_once(" < ").expect("a bound");
    let factor = |factor: &str| match factor.strip_suffix('u').and_then(|number| number.parse().ok()) {
        Some(number) => number,
        None => *constants.get(factor).unwrap_or_else(|| panic!("{factor} is no constant of the header")),
    };
    (variable, bound.split(';').next().expect("a bound").split(" * ").map(factor).product())
}

/// Where the brace that is open at the start of the text closes.
fn body(text: &str) -> usize {
    let mut depth = 1;
    let closes = |(_, c): &(usize, char)| {
        depth += i32::from(*c == '{') - i32::from(*c == '}');
        depth == 0
    };
    text.char_indices().find(closes).expect("a loop ends").0
}

/// The text with a number in place of the variable.
fn with(text: &str, variable: &str, value: u32) -> String {
    let is_other = |c: char| !(c.is_alphanumeric() || c == '_');
    let word = |part: &str| match part.trim_end_matches(is_other) {
        word if word == variable => format!("{value}u{}", &part[word.len()..]),
        _ => part.to_string(),
    };
    text.split_inclusive(is_other).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_loops_are_written_out() {
        let text = "const ROWS: u32 = 2u;\n\
                    for (var r = 0u; r < ROWS; r++) { // unrolled\n\
                    for (var c = 0u; c < 1u * ROWS; c++) { // unrolled\n\
                    if r < c { sums[r][c] += row; }\n\
                    }\n\
                    }\n\
                    for (var k = 0u; k < ROWS; k++) {\n}\n";
        let written = unroll(text.to_string()).replace('\n', "");
        let turn = |r: u32, c: u32| format!("{{if {r}u < {c}u {{ sums[{r}u][{c}u] += row; }}}}");
        let row = |r: u32| format!("{{{}{}}}", turn(r, 0), turn(r, 1));
        let expected = format!("const ROWS: u32 = 2u;{}{}for (var k = 0u; k < ROWS; k++) {{}}", row(0), row(1));
        assert_eq!(written, expected);
    }
}
