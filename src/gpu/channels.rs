//! The channels that travel through a network's layers: those of a jet, or in mixed mode fewer.

use crate::jet::JetLayout;

/// What travels through the layers of a chunk.
#[derive(Clone, Debug)]
pub struct Channels {
    /// C, the channels of a jet.
    pub jet: usize,
    /// What travels forward: all of them, or in mixed mode the value and the tangents that curve.
    pub forward: JetLayout,
    /// The adjoints that travel back in mixed mode, one for each output; else none.
    pub adjoints: usize,
}

impl Channels {
    /// In mixed mode where that carries less and `may_mix`.
    pub fn new(layout: &JetLayout, outputs: usize, may_mix: bool) -> Self {
        let jet = layout.channels();
        match layout.without_seconds(outputs).filter(|_| may_mix) {
            Some(forward) => Self { jet, forward, adjoints: outputs },
            None => Self { jet, forward: layout.clone(), adjoints: 0 },
        }
    }

    /// How many travel: C, or 1 + T + M in mixed mode.
    pub fn count(&self) -> usize {
        self.forward.channels() + self.adjoints
    }

    pub fn are_mixed(&self) -> bool {
        self.adjoints > 0
    }
}
