//! Fit a multilayer perceptron to data or to an equation, and get its value **and its exact first and second
//! derivatives with respect to its inputs**, in the user's units, on any GPU or on the CPU.
//!
//! # Fit arrays
//!
//! ```
//! use jetfit::{Derivative, Fit};
//!
//! let x: Vec<f64> = (0..200).map(|i| 0.05 * f64::from(i)).collect(); // in your units
//! let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
//! let fit = Fit::new(&[x], &[y]).hidden(&[16]).steps(100).seed(1).run()?; // a column for each input and output
//!
//! let points = [[0.5, 1.0, 1.5]]; // a column for each input
//! let values = fit.values(&points)?; // a column for each output
//! let jets = fit.jets(&points)?; // with all first and second derivatives
//! let y_xx = jets.entry(0, Derivative::Second(0, 0)).unwrap();
//! assert_eq!((values[0].len(), y_xx.len()), (3, 3));
//! for warning in fit.warnings() {
//!     eprintln!("{warning}"); // where the result may be wrong
//! }
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("model.safetensors");
//! fit.save(&path)?;
//! # Ok::<(), jetfit::Error>(())
//! ```
//!
//! # Evaluate a model
//!
//! ```
//! use jetfit::{Derivative, Model, Precision};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("model.safetensors");
//! # let spec = jetfit::network::NetworkSpec::uniform(2, &[7], jetfit::Activation::Tanh, 1);
//! # Model {
//! #     inputs: vec!["x".into(), "y".into()], outputs: vec!["u".into()], coefficients: vec![],
//! #     transforms: jetfit::network::Transforms::default(),
//! #     normalizer: jetfit::jet::Normalizer::identity(2, 1), precision: Precision::F64,
//! #     parameters: jetfit::network::initialize(&spec, None, 0), ranges: vec![], spec,
//! # }.write(&path)?;
//! let model = Model::read(&path)?; // from `Fitted::save` or `jetfit train`
//! let points = [[-1.0, 0.0, 1.0], [0.0, 0.5, 1.0]];
//! let jets = model.jets(&points)?; // in f64 on the CPU
//! let u_xy = jets.entry(0, Derivative::Second(0, 1)).unwrap();
//! let laplacian = model.laplacian(&points)?; // u_xx + u_yy, for less
//! assert_eq!((u_xy.len(), laplacian[0].len()), (3, 3));
//! let mut cpu = model.on("cpu", Precision::F32)?; // or "gpu", for many evaluations
//! assert!((cpu.laplacian(&points)?[0][1] - laplacian[0][1]).abs() < 1e-4);
//! # Ok::<(), jetfit::Error>(())
//! ```
//!
//! # Solve an equation
//!
//! ```
//! use jetfit::{Fit, Points};
//!
//! let string = Fit::equations(&[("x", 0.0, 1.0)], &["u"])
//!     .term("load", "u_xx = -1", Points::interior(64))
//!     .term("ends", "u = 0", Points::boundary(2))
//!     .hidden(&[8])
//!     .with("optimizer.name = 'gauss-newton'\ntraining.steps = 20\ndevice.precision = 'f64'")
//!     .seed(1)
//!     .run()?;
//! let middle = string.values(&[[0.5]])?[0][0]; // u = x (1 - x)/2
//! assert!((middle - 0.125).abs() < 1e-4, "{middle}");
//! # Ok::<(), jetfit::Error>(())
//! ```
//!
//! [`run::run`] trains the job of a file and writes a run directory, as the command line does.
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
//! # Features
//!
//! `gpu` (wgpu), `plot` (pictures of runs) and `cli` (the program) are on by default; a library that needs none of them
//! turns them off with `default-features = false`.
//!
//! # Where things are
//!
//! `docs/architecture.md` in the repository has the layers of all modules and the way of a batch through them;
//! `docs/method.md` has the mathematics.

// Nothing but the command line prints; tests may say what they measured.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub use error::{Error, Result};
pub use fit::{Evaluator, Fit, FitReport, Fitted, Points};
pub use jet::{Activation, Derivative, Entry, JetLayout, Jets};
pub use job::Job;
pub use network::Model;
pub use numbers::Precision;
pub use trainer::Stop;

pub mod error;
pub mod export;
pub mod fit;
pub mod import;
pub mod jet;
pub mod job;
pub mod network;
pub mod numbers;
pub mod run;

// Public for our own binary, tests and benchmarks alone: what is in these modules may change at any time.
#[doc(hidden)]
pub mod backend;
#[doc(hidden)]
pub mod bench;
#[doc(hidden)]
pub mod certificate;
#[doc(hidden)]
#[cfg(feature = "cli")]
pub mod cli;
#[doc(hidden)]
pub mod cpu;
#[doc(hidden)]
pub mod data;
#[doc(hidden)]
pub mod device;
#[doc(hidden)]
pub mod domain;
#[doc(hidden)]
pub mod expression;
#[doc(hidden)]
pub mod files;
#[doc(hidden)]
#[cfg_attr(not(feature = "gpu"), path = "gpu/absent.rs")]
pub mod gpu;
#[doc(hidden)]
pub mod loss;
#[doc(hidden)]
pub mod optimizer;
#[doc(hidden)]
pub mod pass;
#[doc(hidden)]
#[cfg(feature = "plot")]
pub mod plot;
#[doc(hidden)]
pub mod points;
#[doc(hidden)]
pub mod predict;
#[doc(hidden)]
pub mod problem;
#[doc(hidden)]
pub mod threads;
#[doc(hidden)]
pub mod trainer;

#[cfg(test)]
mod testing;
