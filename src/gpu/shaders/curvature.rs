//! What curves in a jet above order 2, as WGSL: the products of each entry, written out. A loop over tables would
//! read them at places that the compiler does not know, and then they and the jet lie in memory.
//!
//! With `z` the channels that travel forward and `s[m]` the derivatives σ⁽ᵐ⁾ at z_0, entry e has
//! `r_e = Σ coefficient · s[m] · Π z_f`.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::gpu::shaders::header::Literal;
use crate::pass::{Rule, Summand};

/// An entry's summands by the number of their factors.
type Orders<'a> = BTreeMap<usize, Vec<&'a Summand>>;

/// What a layer's kernels read of a rule.
pub struct Curvature<'a> {
    entries: Vec<Orders<'a>>,
    travels: &'a [Option<usize>],
}

impl<'a> Curvature<'a> {
    /// Of a hidden layer. Of the first one, whose z curves nowhere, products of tangents alone are left.
    pub fn new(rule: &'a Rule, is_first: bool) -> Self {
        let is_read = |summand: &&Summand| !is_first || summand.factors.iter().all(|factor| *factor <= rule.tangents());
        let orders = |summands: &'a Vec<Summand>| {
            let mut orders = Orders::new();
            for summand in summands.iter().filter(is_read) {
                orders.entry(summand.factors.len()).or_default().push(summand);
            }
            orders
        };
        Self { entries: rule.curved.iter().map(orders).collect(), travels: &rule.travels }
    }

    /// `curvature` gives every r_e of a jet, and `curvature_backward` the cotangents of z from those of r. `in_channels` brings r
    /// into the channels in which entries travel themselves, and `travelling` has of these channels what r has.
    pub fn source(&self) -> String {
        let (mut forward, mut backward) = (String::new(), String::new());
        for (e, orders) in self.entries.iter().enumerate() {
            line(&mut forward, &format!("r[{e}] = {};", sum(orders)));
            backward += &entry_backward(e, orders);
        }
        let (mut in_channels, mut travelling) = (String::new(), String::new());
        for (e, channel) in self.travels.iter().enumerate().filter_map(|(e, channel)| Some((e, (*channel)?))) {
            line(&mut in_channels, &format!("jet[{channel}] = r[{e}];"));
            line(&mut travelling, &format!("r[{e}] = jet[{channel}];"));
        }
        let function = |head: &str, kind: &str, name: &str, body: &str| {
            format!("fn {head} -> {kind} {{\n    var {name}: {kind};\n{body}    return {name};\n}}\n")
        };
        [
            function("curvature(z: Jet, s: Slopes)", "Curvature", "r", &forward),
            function("curvature_backward(z: Jet, s: Slopes, w: Curvature)", "Jet", "bar", &backward),
            function("in_channels(r: Curvature)", "Jet", "jet", &in_channels),
            function("travelling(jet: Jet)", "Curvature", "r", &travelling),
        ]
        .join("\n")
    }

    /// `curvature_of` gives those of a lot of `size` entries.
    pub fn lots(&self, size: usize) -> String {
        let mut cases = String::new();
        for (lot, entries) in self.entries.chunks(size).enumerate() {
            let sums = entries.iter().enumerate().map(|(i, orders)| format!("r[{i}] = {};", sum(orders)));
            line(&mut cases, &format!("case {lot}u: {{ {} }}", sums.collect::<Vec<_>>().join(" ")));
        }
        format!(
            "fn curvature_of(lot: u32, z: Jet, s: Slopes) -> array<Number, {size}> {{\n    var r: array<Number, {size}>;\n    \
             switch lot {{\n{cases}    default: {{}}\n    }}\n    return r;\n}}\n"
        )
    }
}

/// r of an entry.
fn sum(orders: &Orders) -> String {
    let of_order = |(m, summands): (&usize, &Vec<&Summand>)| format!("s[{m}] * ({})", products(summands));
    orders.iter().map(of_order).collect::<Vec<_>>().join(" + ")
}

/// Σ coefficient · Π z_f.
fn products(summands: &[&Summand]) -> String {
    summands.iter().map(|s| product(s.coefficient, &s.factors)).collect::<Vec<_>>().join(" + ")
}

fn product(coefficient: f64, factors: &[usize]) -> String {
    let coefficient = coefficient as f32;
    let factors = factors.iter().map(|factor| format!("z[{factor}]"));
    let leading = (coefficient != 1.0).then(|| coefficient.literal());
    leading.into_iter().chain(factors).collect::<Vec<_>>().join(" * ")
}

/// What w_e gives to each channel of z: to z_0 by σ⁽ᵐ⁺¹⁾, to a factor with the product of the others.
fn entry_backward(e: usize, orders: &Orders) -> String {
    let mut text = String::new();
    for (m, summands) in orders {
        line(&mut text, &format!("bar[0] += w[{e}] * s[{}] * ({});", m + 1, products(summands)));
    }
    // By factor and by m, the summands of its partial derivative.
    let mut partials: BTreeMap<(usize, usize), Vec<Summand>> = BTreeMap::new();
    for (m, summand) in orders.iter().flat_map(|(m, summands)| summands.iter().map(move |summand| (*m, summand))) {
        for alike in summand.factors.chunk_by(|a, b| a == b) {
            let mut factors = summand.factors.clone();
            factors.remove(factors.iter().position(|factor| *factor == alike[0]).expect("a factor"));
            let coefficient = alike.len() as f64 * summand.coefficient;
            partials.entry((alike[0], m)).or_default().push(Summand { coefficient, factors });
        }
    }
    for ((factor, m), summands) in &partials {
        let summands: Vec<&Summand> = summands.iter().collect();
        line(&mut text, &format!("bar[{factor}] += w[{e}] * s[{m}] * ({});", products(&summands)));
    }
    text
}

fn line(text: &mut String, statement: &str) {
    writeln!(text, "    {statement}").expect("writing to a string");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::{JetLayout, Normalizer};

    #[test]
    fn products_are_written_out() {
        // u, u', u'', u''': (u'')_σ = σ'' u'², (u''')_σ = 3 σ'' u' u'' + σ''' u'³.
        let layout = JetLayout::pure(1, 3);
        let rule = Rule::new(&layout, &layout, &Normalizer::identity(1, 1));
        let text = Curvature::new(&rule, false).source();
        for line in [
            "r[0] = s[2] * (z[1] * z[1]);",
            "r[1] = s[2] * (3.0f * z[1] * z[2]) + s[3] * (z[1] * z[1] * z[1]);",
            "bar[0] += w[1] * s[3] * (3.0f * z[1] * z[2]);",
            "bar[1] += w[1] * s[3] * (3.0f * z[1] * z[1]);",
            "bar[2] += w[1] * s[2] * (3.0f * z[1]);",
            "r[1] = jet[3];",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        // z of the first layer is linear in the inputs.
        let first = Curvature::new(&rule, true).source();
        assert!(first.contains("r[1] = s[3] * (z[1] * z[1] * z[1]);"), "{first}");
        assert!(Curvature::new(&rule, false).lots(1).contains("case 1u: { r[0] = s[2] * (3.0f"));
    }
}
