//! The terms of a loss as WGSL: their printed programs, and how the fixed kernels of `residual.wgsl`
//! call them.

use std::fmt::Write;

use crate::expression::{Leaf, Residual, Slot};

/// Terms whose cotangents one thread computes, or more where they share a row of the jets: a thread that went through
/// 100 would wait for memory 100 times.
const TOGETHER: usize = 8;

/// The rows of the jets that terms read, (M, C, places, B) of each network.
pub struct JetRows {
    /// At how many places they read the networks.
    pub places: usize,
    /// M and C of each network; 0 where nothing of it is read.
    pub networks: Vec<(usize, usize)>,
}

/// A row of the jets: the position of its network among those that are read, and which row of that one's.
type Row = (usize, usize);

impl JetRows {
    /// The rows of each network that is read.
    fn counts(&self) -> Vec<usize> {
        let read = self.networks.iter().filter(|(outputs, _)| *outputs > 0);
        read.map(|(outputs, channels)| outputs * channels * self.places).collect()
    }

    /// Those of the first.
    pub fn of_first(&self) -> usize {
        self.counts()[0]
    }

    /// The row that a slot reads.
    fn of(&self, slot: &Slot) -> Row {
        let position = self.networks[..slot.network].iter().filter(|(outputs, _)| *outputs > 0).count();
        let channels = self.networks[slot.network].1;
        (position, (slot.output * channels + slot.channel) * self.places + slot.place)
    }

    fn all(&self) -> impl Iterator<Item = Row> {
        self.counts().into_iter().enumerate().flat_map(|(position, rows)| (0..rows).map(move |row| (position, row)))
    }
}

/// The bindings of a network's jets and of their cotangents, by its position among those that are read.
pub fn bindings(position: usize) -> (u32, u32) {
    match position as u32 {
        0 => (1, 4),
        position => (5 + 2 * position, 6 + 2 * position),
    }
}

/// How a network's buffers and functions are named.
fn named(what: &str, position: usize) -> String {
    if position == 0 { what.to_string() } else { format!("{what}_of_{position}") }
}

/// The buffers of the networks behind the first, and what reads and clears them.
fn others(rows: &JetRows) -> String {
    let (mut text, mut clear) = (String::new(), String::new());
    for (position, count) in rows.counts().into_iter().enumerate().skip(1) {
        let (jets, bar) = bindings(position);
        let [of_jets, of_bar, jet] = ["jets", "bar", "jet"].map(|what| named(what, position));
        text += &format!(
            "@group(0) @binding({jets}) var<storage, read> {of_jets}: array<f32>;
@group(0) @binding({bar}) var<storage, read_write> {of_bar}: array<f32>;

fn {jet}(row: u32, point: u32) -> f32 {{
    return {of_jets}[row * shape.points + point];
}}

"
        );
        line(&mut clear, format_args!("for (var row = 0u; row < {count}u; row++) {{"));
        line(&mut clear, format_args!("    {of_bar}[row * shape.points + point] = 0.0;"));
        line(&mut clear, format_args!("}}"));
    }
    format!("{text}fn clear_others(point: u32) {{\n{clear}}}\n")
}

/// The terms in groups that share no row of the jets: a thread computes the cotangents of one group at one point.
pub fn groups(jets: &JetRows, terms: &[Residual]) -> Vec<Vec<usize>> {
    // Terms that share a row, directly or by way of others, and their rows.
    let mut sharing: Vec<(Vec<usize>, Vec<Row>)> = vec![];
    for (index, term) in terms.iter().enumerate() {
        let mut rows: Vec<_> = term.slots().iter().map(|slot| jets.of(slot)).collect();
        let own = rows.clone();
        let mut joined = vec![];
        for (terms, others) in sharing.extract_if(.., |(_, rows)| rows.iter().any(|row| own.contains(row))) {
            joined.extend(terms);
            rows.extend(others);
        }
        joined.push(index);
        sharing.push((joined, rows));
    }
    let mut groups: Vec<Vec<usize>> = vec![];
    for (terms, _) in sharing {
        match groups.last_mut().filter(|group| group.len() + terms.len() <= TOGETHER) {
            Some(group) => group.extend(terms),
            None => groups.push(terms),
        }
    }
    groups
}

/// Three functions over one point: `residuals` gives r of each term, `cotangents` keeps the squares of a group of
/// terms and writes ∂loss/∂jet to `bar`, `coefficient_slopes` gives ∂loss/∂c of each coefficient.
///
/// The residuals' columns begin at row `input_rows` of the batch.
pub fn source(jets: &JetRows, coefficients: usize, input_rows: usize, terms: &[Residual]) -> String {
    let mut programs = others(jets);
    let (mut values, mut calls, mut slopes) = (vec![], vec![], String::new());
    let mut column = input_rows;
    for (index, residual) in terms.iter().enumerate() {
        let program = residual.program();
        let read = |leaf: &Leaf| match *leaf {
            Leaf::Slot(slot) => {
                let (position, row) = jets.of(&residual.slots()[slot]);
                format!("{}({row}u, point)", named("jet", position))
            }
            Leaf::Hoisted(hoisted) => format!("known({}u, point)", column + hoisted),
            Leaf::Coefficient(coefficient) => format!("coefficient({coefficient}u)"),
            _ => unreachable!("a compiled residual reads slots, columns and coefficients"),
        };
        let arguments = program.reads().iter().map(read).collect::<Vec<_>>().join(", ");
        programs += &program.wgsl(&format!("value_{index}"), 1);
        programs += &program.wgsl(&format!("term_{index}"), program.outputs());
        values.push(format!("value_{index}({arguments})[0]"));
        calls.push(format!("term_{index}({arguments})"));
        if !residual.coefficients().is_empty() {
            slopes += &format!("    {{\n        let t = {};\n        let s = {};\n", calls[index], share(index, "t"));
            for (k, coefficient) in residual.coefficients().iter().enumerate() {
                let place = 1 + residual.slots().len() + k;
                line(&mut slopes, format_args!("    slopes[{coefficient}] += s * t[{place}];"));
            }
            slopes += "    }\n";
        }
        column += residual.hoisted();
    }
    let groups = groups(jets, terms);
    let mut cotangents = String::new();
    let mut cases = String::new();
    for (index, group) in groups.iter().enumerate() {
        let written = |slot: &Slot| jets.of(slot);
        let mut own: Vec<Row> = group.iter().flat_map(|term| terms[*term].slots().iter().map(written)).collect();
        if index == 0 {
            // The rows that no term reads, too.
            let read = |row: &Row| terms.iter().flat_map(Residual::slots).any(|slot| written(slot) == *row);
            own.extend(jets.all().filter(|row| !read(row)));
        }
        own.sort_unstable();
        own.dedup();
        cotangents += &of_group(index, group, &own, &calls, |term| terms[term].slots().iter().map(written).collect());
        line(&mut cases, format_args!("    case {index}u: {{ cotangents_{index}(point, weight); }}"));
    }
    let (count, coefficients) = (terms.len(), coefficients.max(1));
    format!(
        "{programs}
fn residuals(point: u32) -> array<f32, {count}> {{
    return array<f32, {count}>({});
}}
{cotangents}
fn cotangents(group: u32, point: u32, weight: f32) {{
    switch group {{
{cases}        default: {{}}
    }}
}}

fn coefficient_slopes(point: u32, weight: f32) -> array<f32, {coefficients}> {{
    var slopes = array<f32, {coefficients}>();
{slopes}    return slopes;
}}
",
        values.join(", ")
    )
}

/// What a group's terms do at a point. First everything is read and computed, then written: a GPU waits for each read
/// that follows a write.
fn of_group(
    index: usize,
    group: &[usize],
    rows: &[Row],
    calls: &[String],
    rows_of: impl Fn(usize) -> Vec<Row>,
) -> String {
    let (mut computed, mut kept) = (String::new(), String::new());
    let sum = |(position, row): Row| format!("{}_{row}", named("bar", position));
    for (position, row) in rows.iter().copied() {
        let (bar, sum) = (named("bar", position), sum((position, row)));
        line(&mut computed, format_args!("var {sum} = 0.0;"));
        line(&mut kept, format_args!("{bar}[{row}u * shape.points + point] = {sum};"));
    }
    for term in group {
        let t = format!("t_{term}");
        line(&mut computed, format_args!("let {t} = {};", calls[*term]));
        line(&mut computed, format_args!("let s_{term} = {};", share(*term, &t)));
        for (slot, row) in rows_of(*term).into_iter().enumerate() {
            line(&mut computed, format_args!("{} += s_{term} * {t}[{}];", sum(row), 1 + slot));
        }
        line(&mut kept, format_args!("keep_square({term}u, point, weight, {t}[0]);"));
    }
    format!("\nfn cotangents_{index}(point: u32, weight: f32) {{\n{computed}{kept}}}\n")
}

/// 2 weight w r / B of a term whose program gave `t`.
fn share(term: usize, t: &str) -> String {
    format!("2.0 * weights[{term}] * (weight * now.per_point) * {t}[0]")
}

fn line(text: &mut String, statement: std::fmt::Arguments<'_>) {
    writeln!(text, "    {statement}").expect("writing to a string");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{Expression, Scope};
    use crate::jet::{JetLayout, Normalizer};

    #[test]
    fn groups_share_no_row() {
        let inputs: Vec<String> = (0..12).map(|i| format!("x{i}")).collect();
        let scope = Scope { inputs: inputs.clone(), outputs: vec!["u".into()], ..Scope::default() };
        let layout = JetLayout::gradient(12);
        let normalizer = Normalizer::identity(12, 1);
        let jets = JetRows { places: 1, networks: vec![(1, layout.channels())] };
        let groups_of = |residuals: &[String]| {
            let term =
                |text: &String| Expression::residual("test", text, &scope).unwrap().compile(&layout, &normalizer);
            groups(&jets, &residuals.iter().map(term).collect::<Vec<_>>())
        };
        let first = |input: &String| format!("d(u, {input})");
        let mut residuals: Vec<_> = inputs.iter().map(first).collect();
        assert_eq!(groups_of(&residuals), [(0..8).collect::<Vec<_>>(), (8..12).collect()]);
        // One that reads three of them brings their terms together.
        residuals.push("d(u, x0)*d(u, x5) = d(u, x11)".into());
        let found = groups_of(&residuals);
        assert!(found.iter().any(|group| [0, 5, 11, 12].iter().all(|term| group.contains(term))), "{found:?}");
        let mut all = found.concat();
        all.sort_unstable();
        assert_eq!(all, (0..13).collect::<Vec<_>>());
    }
}
