//! Digests (BLAKE3): whether a file is what was written, and a run goes on with the job and the data that it began with.

/// A digest of parts, in hexadecimal once it is [finished](Digest::finish). Parts are delimited: `ab` and `c` differ
/// from `a` and `bc`.
#[derive(Default)]
pub struct Digest(blake3::Hasher);

impl Digest {
    /// Adds the next part.
    pub fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds the bits of numbers as the next part.
    pub fn numbers(&mut self, numbers: &[f64]) {
        self.part(bytemuck::cast_slice(numbers));
    }

    /// 64 hexadecimal digits.
    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }

    /// The digest of one text.
    pub fn of_text(text: &str) -> String {
        let mut digest = Self::default();
        digest.part(text.as_bytes());
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_bits_count() {
        let of = |parts: &[&str]| {
            let mut digest = Digest::default();
            parts.iter().for_each(|part| digest.part(part.as_bytes()));
            digest.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        assert_eq!(of(&["a, b"]), Digest::of_text("a, b"));
        let of = |number: f64| {
            let mut digest = Digest::default();
            digest.numbers(&[number]);
            digest.finish()
        };
        assert_ne!(of(0.0), of(-0.0));
        assert_ne!(of(1.0), of(1.0 + f64::EPSILON));
        assert_eq!(of(1.5).len(), 64);
    }
}
