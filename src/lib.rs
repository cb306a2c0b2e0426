//! Fit a multilayer perceptron to data or to an equation, and get its value **and its exact first and second
//! derivatives with respect to its inputs**, in the user's units, on any GPU or on the CPU.
//!
//! ```
//! use jetfit::device;
//! use jetfit::jet::{Derivative, JetLayout};
//! use jetfit::network::{Model, Precision};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("model.safetensors");
//! # let spec = jetfit::network::NetworkSpec {
//! #     inputs: 1, hidden: vec![7], outputs: 1, activation: jetfit::jet::Activation::Tanh,
//! #     coefficients: 0,
//! # };
//! # Model {
//! #     inputs: vec!["x".into()], outputs: vec!["u".into()], coefficients: vec![],
//! #     transforms: jetfit::network::Transforms::default(),
//! #     normalizer: jetfit::jet::Normalizer::identity(1, 1), precision: Precision::F64,
//! #     parameters: jetfit::network::initialize(&spec, None, 0), ranges: vec![], spec,
//! # }.write(&path)?;
//! let model = Model::read(&path)?;
//! let mut cpu = device::open("cpu", Precision::F64, 0, &model)?;
//! let points = [vec![-1.0, 0.0, 1.0]]; // a column for each input
//! let jets = cpu.evaluate(&points, &JetLayout::diagonal(1))?;
//! let u_xx = jets.entry(0, Derivative::Second(0, 0)).unwrap(); // of output 0, at the three points
//! assert_eq!(u_xx.len(), 3);
//! # Ok::<(), jetfit::error::Error>(())
//! ```
//!
//! [`run::run`] trains a whole job as the command line does.
//!
//! # The jet algebra
//!
//! A *jet* is a function's value with its derivatives at a point. Its channels travel through the
//! network together. With `z = W a + b` and `a = σ(z)`, the linear part acts on every channel alike
//! (the bias on the value alone), and the activation by the chain rule:
//!
//! ```text
//! a   = σ(z)
//! d_k = σ'(z) dz_k                       a tangent: the first derivative along input k
//! dd  = σ''(z) q + σ'(z) ddz             a second, with q = Σ c dz_k dz_l over its products
//! ```
//!
//! A Hessian entry `(k, l)` has the one product `dz_k dz_l`; a Laplacian has `Σ dz_k²`, all in one
//! channel. Training needs the way back too: the cotangents of these three lines, with σ'''.
//!
//! Where a jet has more channels than its tangents and outputs need, adjoint mode carries less:
//! the value and the tangents that seconds are made of go forward, and one adjoint `g = ∂u/∂a`,
//! `h = ∂u/∂z = σ'(z) g` for each output comes back. They give the rest:
//!
//! ```text
//! ∂ᵢu  = Σ W₁[·, i] h₁                   over the first layer's units
//! ∂ₛu  = Σ g σ''(z) q                    over the units of all layers
//! ```
//!
//! # The code map
//!
//! Data flows one way, and imports point back along it:
//! [`job`] → [`data`], [`points`] → [`problem`] ([`expression`], [`loss`]) → [`network`] → [`backend`]
//! (jets, gradients) → [`optimizer`] → [`trainer`] → [`run`] → [`results`]. Compute takes data, not paths.
//!
//! | module | what it holds |
//! |---|---|
//! | [`job`] | the TOML file and the flags, validated |
//! | [`data`] | CSV tables, the split, standardisation, point sets |
//! | [`points`] | where collocation points come from: regions, samplers, refinement |
//! | [`network`] | shape, activations, start weights, the model |
//! | [`jet`], [`entry`] | which derivatives travel, and how they are named |
//! | [`loss`] | terms: residuals with their weights |
//! | [`expression`] | the residual language: text to graph, derivatives, programs, WGSL |
//! | [`backend`] | the seam between the training loop and a device |
//! | [`cpu`], [`gpu`] | the two devices; a CPU kernel and its shader share stem and names |
//! | [`optimizer`] | Adam, AdamW, learning-rate schedules |
//! | [`problem`], [`truth`] | point sets with their terms; what is known to be true |
//! | [`definitions`] | definitions as quantities that are predicted and judged |
//! | [`trainer`], [`checkpoint`] | the loop, and its state on disk |
//! | [`trial`] | short trainings that choose how steep the network starts |
//! | [`settle`] | what a job leaves open, settled by its data |
//! | [`run`], [`results`], [`run_dir`], [`divergence`] | a job from its data to its run directory |
//! | [`model_file`], [`tensors`], [`files`], [`predict`], [`predict_warnings`], [`plot`] | what is written, and how |
//! | [`warnings`] | where a trained run may be wrong |
//! | [`certificate`], [`bench`](mod@bench) | is a derivative right, and what does it cost |
//!
//! # Invariants
//!
//! - Kernels run in standardised space. The scaling's chain rule is one factor for each channel,
//!   applied in f64 in one place ([`jet::Jets::from_standardised`]); every number that leaves the
//!   library is in the user's units.
//! - All jets lie as (H, C, B): unit, channel, point, with the points contiguous.
//! - The same job on the same device gives the same bits, whatever the thread count, and however
//!   often the run was stopped and resumed.
//! - No wgpu type leaves [`gpu`]; only the command line prints.
//! - What a user can fix is an [`error::Error::Input`] that names the place and the fix.

pub use error::{Error, Result};
pub use fit::{Evaluator, Fit, FitReport, Fitted, Points};
pub use jet::{Activation, Derivative, Entry, JetLayout, Jets};
pub use job::Job;
pub use network::Model;
pub use numbers::Precision;

pub mod backend;
pub mod bench;
pub mod certificate;
pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod expression;
pub mod files;
pub mod fit;
#[cfg_attr(not(feature = "gpu"), path = "gpu/absent.rs")]
pub mod gpu;
pub mod jet;
pub mod job;
pub mod loss;
pub mod network;
pub mod numbers;
pub mod optimizer;
pub mod pass;
#[cfg(feature = "plot")]
pub mod plot;
pub mod points;
pub mod predict;
pub mod problem;
pub mod run;
#[cfg(test)]
mod testing;
pub mod threads;
pub mod trainer;
