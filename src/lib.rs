//! Fit a multilayer perceptron to data or to an equation, and get its value **and its exact first and second
//! derivatives with respect to its inputs**, in the user's units, on any GPU or on the CPU.
//!
//! Arrays in, derivatives out:
//!
//! ```
//! use jetfit::{Derivative, Fit};
//!
//! let x: Vec<f64> = (0..40).map(|i| i as f64 / 8.0).collect();
//! let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
//! let fit = Fit::new(&[x], &[y]).hidden(&[8]).steps(50).seed(1).run()?;
//! let jets = fit.jets(&[[1.0, 2.0]])?; // a column for each input
//! let y_xx = jets.entry(0, Derivative::Second(0, 0)).unwrap(); // of output 0, at both points
//! assert_eq!(y_xx.len(), 2);
//! # Ok::<(), jetfit::Error>(())
//! ```
//!
//! An equation, [`Fit::equations`]; a trained model from its file, [`Model::read`]; a job file as the command line
//! trains it, [`Job::read`] and [`run::run`].
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
//! Where a jet has more channels than its tangents and outputs need, *adjoint mode* carries less:
//! the value and the tangents that seconds are made of go forward, and one adjoint `g = ∂u/∂a`,
//! `h = ∂u/∂z = σ'(z) g` for each output comes back. They give the rest:
//!
//! ```text
//! ∂ᵢu  = Σ W₁[·, i] h₁                   over the first layer's units
//! ∂ₛu  = Σ g σ''(z) q                    over the units of all layers
//! ```
//!
//! # Features
//!
//! `gpu` (wgpu), `plot` (pictures of runs) and `cli` (the program) are on by default; a library that needs none of them
//! turns them off with `default-features = false`.
//!
//! # Where things are
//!
//! `docs/architecture.md` in the repository has the layers of all modules and the way of a batch through them;
//! `docs/method.md` has the mathematics.

pub use error::{Error, Result};
pub use fit::{Evaluator, Fit, FitReport, Fitted, Points};
pub use jet::{Activation, Derivative, Entry, JetLayout, Jets};
pub use job::Job;
pub use network::Model;
pub use numbers::Precision;

pub mod backend;
pub mod data;
pub mod device;
pub mod error;
pub mod expression;
pub mod fit;
pub mod jet;
pub mod job;
pub mod network;
pub mod run;

// What the program, the tests and the benchmarks need beside these; it may change in any version.
#[doc(hidden)]
pub mod bench;
#[doc(hidden)]
pub mod certificate;
#[doc(hidden)]
pub mod cpu;
#[doc(hidden)]
pub mod files;
#[doc(hidden)]
pub mod gpu;
#[doc(hidden)]
pub mod loss;
#[doc(hidden)]
pub mod numbers;
#[doc(hidden)]
pub mod optimizer;
#[doc(hidden)]
pub mod pass;
#[doc(hidden)]
pub mod plot;
#[doc(hidden)]
pub mod points;
#[doc(hidden)]
pub mod predict;
#[doc(hidden)]
pub mod problem;
#[cfg(test)]
mod testing;
#[doc(hidden)]
pub mod threads;
#[doc(hidden)]
pub mod trainer;
