//! The short header of constants that a shader begins with.

use std::fmt::Write;

use crate::gpu::device::kernel::Source;
use crate::gpu::device::matrix_units::{ABS_MAX_WORKGROUPS, F16Tile, PAD};
use crate::gpu::shaders::unroll::unroll;
use crate::gpu::tuning::tiles::Tile;
use crate::jet::{JetLayout, Normalizer};
use crate::pass::{Channels, Product, Rule};

/// A header of constants that grows line by line.
#[derive(Default)]
pub struct Header(String);

impl Header {
    pub fn threads(threads: u32) -> Self {
        Header::default().number("THREADS", threads as usize)
    }

    /// What `shaders/shared/matrix_units.wgsl` goes by.
    pub fn matrix_units(tile: F16Tile) -> Self {
        let size = tile.of.size;
        let fragment =
            |name: &str, scalar: &str, role: &str| format!("alias {name} = coop_mat{size}x{size}<{scalar}, {role}>;\n");
        let extensions = "enable f16;\nenable wgpu_cooperative_matrix;\n".to_string();
        let fragments = [("Left", "f16", "A"), ("Right", "f16", "B"), ("Sums", "f32", "C")];
        let text =
            fragments.into_iter().fold(extensions, |text, (name, scalar, role)| text + &fragment(name, scalar, role));
        Header(text)
            .number("SIZE", size as usize)
            .number("SLICE", tile.slice() as usize)
            .number("SUBGROUPS", tile.subgroups() as usize)
            .number("ACROSS", tile.across as usize)
            .number("BLOCK_ROWS", tile.block_rows as usize)
            .number("BLOCK_COLUMNS", tile.block_columns as usize)
            .number("THREADS", tile.threads() as usize)
            .number("PAD", PAD as usize)
            .number("PARTS", tile.of.parts as usize)
            .number("LARGEST", ABS_MAX_WORKGROUPS as usize)
    }

    pub fn alias(mut self, name: &str, kind: &str) -> Self {
        writeln!(self.0, "alias {name} = {kind};").expect("writing to a string");
        self
    }

    pub fn number(mut self, name: &str, value: usize) -> Self {
        writeln!(self.0, "const {name}: u32 = {value}u;").expect("writing to a string");
        self
    }

    /// A table as a function of the index: a formula where there is one, for a table that is read at a place which the
    /// compiler does not know lies in each thread's own memory. One entry stands in where there are none.
    pub fn table<T: Literal>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        if values.is_empty() {
            values.push(T::default());
        }
        let kind = T::KIND;
        let body = T::formula(&values).unwrap_or_else(|| {
            let (table, count) = (format!("{}_TABLE", name.to_uppercase()), values.len());
            let entries: Vec<_> = values.iter().map(|value| value.literal()).collect();
            writeln!(self.0, "const {table} = array<{kind}, {count}>({});", entries.join(", "))
                .expect("writing to a string");
            format!("{table}[i]")
        });
        writeln!(self.0, "fn {name}(i: u32) -> {kind} {{ return {body}; }}").expect("writing to a string");
        self
    }

    /// The channels of a layout that travels as it is, and its rule.
    pub fn layout(self, layout: &JetLayout, normalizer: &Normalizer) -> Self {
        let rule = Rule::new(layout, layout, normalizer);
        self.number("CHANNELS", layout.channels()).rule(&rule, layout)
    }

    /// The channels of adjoint mode, and the jet's rule.
    pub fn adjoint_mode(self, channels: &Channels) -> Self {
        let Channels { jet, forward, adjoints, firsts, rule } = channels;
        self.number("CHANNELS", forward.channels())
            .number("ADJOINTS", *adjoints)
            .number("JET_CHANNELS", *jet)
            .number("FIRSTS", firsts.len())
            .table("first_input", firsts.iter().map(|i| *i as u32))
            .rule(rule, forward)
    }

    /// The rule of what curves over the channels that travel forward: up to order 2 as tables.
    fn rule(self, rule: &Rule, forward: &JetLayout) -> Self {
        let header = self
            .number("INPUTS", forward.inputs())
            .number("TANGENTS", forward.tangents().len())
            .table("tangent_input", forward.tangents().iter().map(|i| *i as u32));
        if rule.order() <= 2 { header.products(rule) } else { header.curved(rule, forward) }
    }

    /// How many entries curve, those of the lower orders among them, and the channels besides the value; their products are
    /// [`super::curvature`]'s.
    fn curved(self, rule: &Rule, forward: &JetLayout) -> Self {
        let of_order = |order: usize| rule.entry_orders().filter(|of| *of == order).count();
        self.number("CURVED", rule.curved.len())
            .number("SECONDS", of_order(2))
            .number("THIRDS", of_order(3))
            .number("OTHERS", forward.channels() - 1)
    }

    /// The products of the seconds, one after the other, and the same by tangent.
    fn products(self, rule: &Rule) -> Self {
        let products: Vec<Vec<Product>> =
            (0..rule.curved.len()).map(|second| rule.products(second).collect()).collect();
        let partners = rule.partners();
        let all: Vec<_> = products.iter().enumerate().flat_map(|(s, of)| of.iter().map(move |p| (s, *p))).collect();
        let paired: Vec<_> = partners.iter().flatten().collect();
        self.number("SECONDS", rule.curved.len())
            .number("PRODUCTS", all.len())
            .table("product_second", all.iter().map(|(second, _)| *second as u32))
            .table("product_start", starts(&products))
            .table("product_count", products.iter().map(|of| of.len() as u32))
            .table("product_k", all.iter().map(|(_, p)| p.k as u32))
            .table("product_l", all.iter().map(|(_, p)| p.l as u32))
            .table("product_coefficient", all.iter().map(|(_, p)| p.coefficient as f32))
            .table("partner_start", starts(&partners))
            .table("partner_count", partners.iter().map(|of| of.len() as u32))
            .table("partner_second", paired.iter().map(|p| p.second as u32))
            .table("partner_tangent", paired.iter().map(|p| p.l as u32))
            .table("partner_coefficient", paired.iter().map(|p| p.coefficient as f32))
    }

    /// The tile of a product whose threads hold whole jets, which keeps `units` rows of jets.
    pub fn tile(self, tile: Tile, threads: u32, units: usize) -> Self {
        self.number("THREADS", threads as usize)
            .number("QUADS", tile.quads as usize)
            .number("ROWS", tile.rows as usize)
            .number("SLICE", tile.slice as usize)
            .number("UNITS", units)
    }

    pub fn then(self, file: &'static str, parts: &[&str]) -> Source {
        let mut text = self.0;
        for part in parts {
            text.push('\n');
            text.push_str(part);
        }
        Source { file, text: unroll(text) }
    }
}

/// Where each list begins among all of them.
fn starts<T>(lists: &[Vec<T>]) -> Vec<u32> {
    let start = |sum: &mut u32, list: &Vec<T>| {
        let start = *sum;
        *sum += list.len() as u32;
        Some(start)
    };
    lists.iter().scan(0, start).collect()
}

/// A number as WGSL writes it.
pub trait Literal: Copy + Default + PartialEq {
    const KIND: &'static str;
    fn literal(self) -> String;
    /// These values by their index `i`.
    fn formula(values: &[Self]) -> Option<String> {
        values.iter().all(|value| *value == values[0]).then(|| values[0].literal())
    }
}

impl Literal for u32 {
    const KIND: &'static str = "u32";
    fn literal(self) -> String {
        format!("{self}u")
    }
    fn formula(values: &[Self]) -> Option<String> {
        let first = values[0];
        let step = values.get(1).map_or(Some(0), |second| second.checked_sub(first))?;
        let at = |i: u64| u64::from(first) + i * u64::from(step);
        let is_line = values.iter().zip(0..).all(|(value, i)| u64::from(*value) == at(i));
        is_line.then(|| format!("{} + {} * i", first.literal(), step.literal()))
    }
}

impl Literal for f32 {
    const KIND: &'static str = "f32";
    fn literal(self) -> String {
        // A device may read a subnormal number as 0, a compiler may refuse it; and it has no use
        // for an infinity.
        let flushed = if self.is_subnormal() { 0.0 } else { self };
        format!("{:?}f", flushed.clamp(f32::MIN, f32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_a_formula_where_there_is_one() {
        let written = |values: &[u32]| Header::default().table("t", values.iter().copied()).0;
        assert_eq!(written(&[0, 1, 2]), "fn t(i: u32) -> u32 { return 0u + 1u * i; }\n");
        assert_eq!(written(&[7, 7]), "fn t(i: u32) -> u32 { return 7u + 0u * i; }\n");
        assert_eq!(written(&[]), "fn t(i: u32) -> u32 { return 0u + 0u * i; }\n");
        for values in [&[0, 1, 3][..], &[3, 1], &[0, u32::MAX, 0]] {
            assert!(written(values).contains("return T_TABLE[i];"), "{values:?}");
        }
        let halves = Header::default().table("t", [0.5_f32, 0.5]).0;
        assert_eq!(halves, "fn t(i: u32) -> f32 { return 0.5f; }\n");
        assert!(Header::default().table("t", [0.5_f32, 1.0]).0.contains("return T_TABLE[i];"));
    }
}
