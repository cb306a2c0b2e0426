//! What happens to a batch, as one list of operations on jets, whatever computes it.
//!
//! A [`Pass`] is built once from the networks and from what a loss reads of them. It alone decides which channels travel
//! ([`Channels`]: forward or adjoint mode), in which order the layers are gone through ([`Op`]), and which jets lie where
//! and for how long ([`Slot`], [`Buffers`]). The CPU runs the list on tiles of points, the GPU lowers it to dispatches;
//! what one kernel can do of several operations is a rewrite of the list (`fuse`), and a law of neither executor.
//!
//! The list of two hidden layers in forward mode, and of the way back:
//!
//! ```text
//! Input          z₀ = W₀ x̂ + b₀            AdjointSeeds, AdjointBar …   in adjoint mode
//! Rule           a₀ = rule(z₀)             WeightGradient  W₂_bar = bar₂ ⊗ a₁
//! Linear         z₁ = W₁ a₀ + b₁           Linear          bar₁ = W₂ᵀ bar₂
//! Rule           a₁ = rule(z₁)             RuleBackward    bar₁ through rule(z₁), in place
//! Linear         jets = W₂ a₁ + b₂         …
//! (the terms: jets → residuals, jets_bar)  InputGradient   W₀_bar = bar₀ ⊗ x̂
//! ```

mod buffers;
mod build;
mod channels;
mod fuse;
mod network;
mod op;
mod rule;
#[cfg(test)]
mod tests;

pub use buffers::Buffers;
pub use build::Pass;
pub use channels::{Channels, Modes};
pub use network::{Feed, Network};
pub use op::{At, Direction, LayerGradient, Op, Slot, Span, Use};
pub use rule::{Partner, Product, Rule, Summand};
