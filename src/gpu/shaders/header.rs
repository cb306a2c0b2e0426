//! The short header of constants that a shader begins with.

use std::fmt::Write;

use crate::gpu::channels::Channels;
use crate::gpu::device::kernel::Source;
use crate::gpu::shaders::unroll::unroll;
use crate::gpu::tuning::f16_tiles::{HalvesTile, LARGEST, PAD};
use crate::gpu::tuning::tiles::Tile;
use crate::jet::{JetLayout, Normalizer};

/// A header of constants that grows line by line.
#[derive(Default)]
pub struct Header(String);

impl Header {
    pub fn threads(threads: u32) -> Self {
        Header::default().number("THREADS", threads as usize)
    }

    /// What `shaders/shared/halves.wgsl` goes by.
    pub fn halves(tile: HalvesTile) -> Self {
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
            .number("LARGEST", LARGEST as usize)
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
        self.number("CHANNELS", layout.channels()).rule(layout, layout.tangents(), normalizer)
    }

    /// The channels of adjoint mode, and the rule of a jet's seconds.
    pub fn mixed(self, layout: &JetLayout, channels: &Channels, normalizer: &Normalizer) -> Self {
        self.number("CHANNELS", channels.forward.channels())
            .number("ADJOINTS", channels.adjoints)
            .number("JET_CHANNELS", channels.jet)
            .number("FIRSTS", layout.tangents().len())
            .table("first_input", layout.tangents().iter().map(|i| *i as u32))
            .rule(layout, channels.forward.tangents(), normalizer)
    }

    /// The products of a layout's seconds, and the same by tangent; these are `tangents`.
    fn rule(self, layout: &JetLayout, tangents: &[usize], normalizer: &Normalizer) -> Self {
        let products = layout.products(tangents, normalizer);
        // Where the run of each `key` starts in a sorted list, and how long it is.
        let starts = |count: usize, keys: &[usize]| -> Vec<u32> {
            (0..count).map(|key| keys.partition_point(|k| *k < key) as u32).collect()
        };
        let counts = |count: usize, keys: &[usize]| -> Vec<u32> {
            keys.iter().fold(vec![0; count], |mut counts, key| {
                counts[*key] += 1;
                counts
            })
        };
        let seconds: Vec<_> = products.iter().map(|p| p.second).collect();
        // d(c dz_k dz_l) = c dz_l d(dz_k) + c dz_k d(dz_l): two partners, or one with 2c.
        let mut partners: Vec<(usize, usize, usize, f64)> = vec![];
        for p in &products {
            if p.k == p.l {
                partners.push((p.k, p.second, p.l, 2.0 * p.coefficient));
            } else {
                partners.push((p.k, p.second, p.l, p.coefficient));
                partners.push((p.l, p.second, p.k, p.coefficient));
            }
        }
        partners.sort_by_key(|(tangent, second, ..)| (*tangent, *second));
        let owners: Vec<_> = partners.iter().map(|p| p.0).collect();
        self.number("INPUTS", normalizer.inputs.mean.len())
            .number("TANGENTS", tangents.len())
            .number("SECONDS", layout.seconds())
            .number("PRODUCTS", products.len())
            .table("product_second", seconds.iter().map(|s| *s as u32))
            .table("tangent_input", tangents.iter().map(|i| *i as u32))
            .table("product_start", starts(layout.seconds(), &seconds))
            .table("product_count", counts(layout.seconds(), &seconds))
            .table("product_k", products.iter().map(|p| p.k as u32))
            .table("product_l", products.iter().map(|p| p.l as u32))
            .table("product_coefficient", products.iter().map(|p| p.coefficient as f32))
            .table("partner_start", starts(tangents.len(), &owners))
            .table("partner_count", counts(tangents.len(), &owners))
            .table("partner_second", partners.iter().map(|p| p.1 as u32))
            .table("partner_tangent", partners.iter().map(|p| p.2 as u32))
            .table("partner_coefficient", partners.iter().map(|p| p.3 as f32))
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
