//! The residual language: equations over the jet, its inputs, columns of data and coefficients.
//!
//! ```
//! use jetfit::expression::{Expression, Scope, layout};
//! use jetfit::jet::Normalizer;
//!
//! let scope = Scope {
//!     inputs: vec!["x".into(), "t".into()],
//!     outputs: vec!["u".into()],
//!     coefficients: vec!["nu".into()],
//!     definitions: [("flux".into(), "u*u_x".into())].into(),
//!     ..Scope::default()
//! };
//! let mut terms = [Expression::residual("job.toml", "u_t + flux = nu*u_xx", &scope)?];
//! let layout = layout(&mut terms, 2);
//! assert_eq!(layout.channels(), 4); // u, u_x, u_t, u_xx; not u_tt
//! let residual = terms[0].compile(&layout, &Normalizer::identity(2, 1));
//! assert_eq!(residual.program().outputs(), 1 + 4 + 1); // r, its four slots, nu
//!
//! let message = Expression::residual("job.toml", "u_t + flux = nu*u_xy", &scope).unwrap_err().to_string();
//! assert_eq!(message, "\
//! job.toml: unknown name \"u_xy\"
//!     u_t + flux = nu*u_xy
//!                     ^^^^
//!   help: \"y\" is not an input; use subscripts from: x, t");
//! # Ok::<(), jetfit::error::Error>(())
//! ```
//!
//! # The language
//!
//! Numbers; names; `+ - * / ^` (`**` is `^`; it groups to the right and binds tighter than a sign:
//! `-x^2` is −(x²)); parentheses; one `=` where a residual stands, `lhs = rhs` being lhs − rhs;
//! `if(a < b and not c == d, yes, no)` with `<`, `<=`, `>`, `>=`, `==` and `!=`; the constants `pi` and
//! `e`; and the functions `sin cos tan asin acos atan sinh cosh tanh exp log sqrt abs sign erf sigmoid
//! heaviside min max rmin rmax pow floor ceil mod` (`heaviside(0)` is 1, `sign(0)` is 0, `mod(a, b)` has the sign of b;
//! `rmin(a, b)` is a + b − √(a² + b²), which is above 0 where both are). A power whose exponent is no multiple of ½, or is not
//! constant, is exp(b log a): NaN for a negative base.
//!
//! `distance(NAME)` is a function of the inputs that is 0 on the boundary of that name, from
//! [`Scope::distances`].
//!
//! A name is a column, coefficient, definition, input or output, or a component `n_x` of the normal.
//! An output with a transform is that expression of inputs, coefficients and `net`, the network's own
//! value, wherever it stands.
//! Subscripts after the last underscore derive an output or a definition: `u_x`, `u_xxyy`. So does
//! `d(…, x)` or `d(…, x, y)` any expression, with up to four inputs of any name: the total derivative. One that goes
//! through a jump is refused, unless [`Scope::allow_rough`]: at the jump it would have an impulse.
//! `laplacian(u)`, `div(p, q)` and `grad_n(u)` are sums of such derivatives over the inputs that are no times.
//!
//! Outputs, definitions and their subscripted derivatives are functions of the inputs. A name alone is
//! the value at the point; with an argument in place of each input, in their order, it is the value at
//! another: `u(0, t) = u(2*pi, t)`, `u_x(0, t)`, `flux(x + 1, t)`, `u(-x, t)`. The arguments are
//! expressions of inputs, columns and numbers, and derivatives go through them: `d(u(-x, t), x)` is
//! `-u_x(-x, t)`. What is known at the points alone, a column or the normal, may not stand in a
//! definition that is taken elsewhere. `integral(u, x, 0, 1, 16)` reads its integrand at 16 places, and
//! `interp("k.csv", x, t)` a field from a file, which is known at the points.
//!
//! # The pipeline
//!
//! | file | from | to |
//! |---|---|---|
//! | `token`, `parser`, `syntax` | text | a tree, without recursion |
//! | `text` | text | what its tokens alone tell: names, the sides of a comparison |
//! | `scope`, `read`, `boundary` | the tree and the names | a graph |
//! | `operators`, `integral`, `field` | calls | sums of derivatives, of places; fields from files |
//! | `graph`, `function`, `conditions`, `traverse` | | the graph's normal form: equal parts once, sums and products flat |
//! | `derive` | a graph | its derivatives: `d(…, x)`, and the partials that training needs |
//! | `jumps` | a graph | whether a derivative of it goes through a jump |
//! | `input_functions` | texts of inputs alone | their jets at points: features |
//! | `shifted` | several graphs | the points at which they read the network |
//! | `layout` | several graphs | the channels that must travel; Laplacians and biharmonics collapsed |
//! | `own_jets`, `assembly` | several graphs | derivatives over the own jets of several networks, and back |
//! | `residual` | a graph and a normalizer | slots, hoisted columns, and a program |
//! | `program` | a graph | instructions over registers |
//! | `interpreter`, `wgsl`, `lower` | a program | numbers, over tiles of points; a shader's function; any algebra |
//! | `diagnostic`, `faults` | a mistake | the message with its caret |
//! | `measurement` | a residual | the entry that it compares with columns |
//! | `culprit`, `print` | a graph and a point | the part that is not finite there, as text |

mod assembly;
mod boundary;
mod conditions;
mod culprit;
mod derive;
mod diagnostic;
mod faults;
mod field;
mod function;
mod graph;
mod input_functions;
mod integral;
mod interpreter;
mod jumps;
mod layout;
mod lower;
mod measurement;
mod operators;
mod own_jets;
mod parser;
mod point_data;
mod print;
mod program;
mod read;
mod residual;
mod scope;
mod shifted;
mod syntax;
mod text;
mod token;
mod traverse;
mod waves;
mod wgsl;

#[cfg(test)]
mod tests;

use std::fmt::Display;

pub use self::assembly::Assembly;
pub use self::culprit::Culprit;
pub use self::field::{FieldCall, Fields, field_calls, with_files};
pub use self::function::Function;
pub use self::graph::Leaf;
pub use self::input_functions::{PointFunctions, PointJets};
pub use self::interpreter::{Registers, Row};
pub use self::layout::layout;
pub use self::lower::Algebra;
pub use self::measurement::Measurement;
pub use self::operators::is_time;
pub use self::own_jets::OwnJets;
pub use self::point_data::PointData;
pub use self::program::{Operation, Program};
pub use self::read::is_function;
pub use self::residual::{Residual, Slot};
pub use self::scope::{CONSTANTS, DISTANCE, NET, Scope};
pub use self::shifted::{Places, places};
pub use self::text::{distances, names, sides, with_name};
pub use self::token::{is_name, is_word};
pub use self::waves::Wave;

use self::graph::{Graph, Id};
use self::read::Reader;
use crate::error::Result;
use crate::jet::{Derivative, Entry, JetLayout, Jets, Normalizer, Wiring};

/// An expression whose names are looked up and whose derivatives are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    graph: Graph,
    root: Id,
}

impl Expression {
    /// Reads a residual: an expression that should be 0, or an equation. `place` begins the message
    /// of an error: `job.toml: term "Burgers": residual`.
    pub fn residual(place: impl Display, text: &str, scope: &Scope) -> Result<Self> {
        Self::read(place, text, scope, true)
    }

    /// Reads an expression, which has no `=`: a truth, a prediction, a transform.
    pub fn value(place: impl Display, text: &str, scope: &Scope) -> Result<Self> {
        Self::read(place, text, scope, false)
    }

    /// An entry of the network's jet.
    pub fn entry(entry: Entry) -> Self {
        let mut graph = Graph::default();
        let root = graph.leaf(Leaf::Entry(entry, 0));
        Self { graph, root }
    }

    /// An output: the network's own, or its transform in `scope`.
    pub(crate) fn output(place: impl Display, output: usize, scope: &Scope) -> Result<Self> {
        let mut graph = Graph::default();
        let root = Reader::new(&mut graph, scope).output(output);
        let root = root.map_err(|fault| fault.into_error(place, &scope.outputs[output]))?;
        Ok(Self { graph, root })
    }

    /// `(self − column)/scale`, or `self/scale`: the residual of a data term, or of a penalty.
    pub fn misfit(mut self, column: Option<usize>, scale: f64) -> Self {
        let column = column.map(|column| (self.graph.leaf(Leaf::Column(column)), -1.0 / scale));
        self.root = self.graph.sum(0.0, [(self.root, 1.0 / scale)].into_iter().chain(column));
        self
    }

    /// Itself times a column: 0 where nothing was measured.
    pub fn masked(mut self, column: usize) -> Self {
        let mask = self.graph.leaf(Leaf::Column(column));
        self.root = self.graph.product([(mask, 1), (self.root, 1)]);
        self
    }

    /// Its total derivative; `laplacian` has the cᵢ of Σ cᵢ ∂ᵢᵢ, where that is asked for.
    ///
    /// # Errors
    /// The leaf that has no derivative: an entry of the fourth order, a column, a normal.
    pub fn derived(mut self, derivative: Derivative, laplacian: &[f64]) -> std::result::Result<Self, Leaf> {
        let graph = &mut self.graph;
        self.root = derive::jet_entry(graph, self.root, derivative, laplacian)?;
        Ok(self)
    }

    /// Its partial derivative by something that it reads, with all else as it is.
    pub fn partial(mut self, by: Leaf) -> Self {
        self.root = derive::partial(&mut self.graph, self.root, by);
        self
    }

    fn read(place: impl Display, text: &str, scope: &Scope, equation: bool) -> Result<Self> {
        let mut graph = Graph::default();
        let root = Reader::new(&mut graph, scope).read(text, equation);
        match root {
            Ok(root) => Ok(Self { graph, root }),
            Err(fault) => Err(fault.into_error(place, text)),
        }
    }

    /// What it reads, in the order of first mention.
    pub fn leaves(&self) -> Vec<Leaf> {
        self.graph.leaves(&[self.root])
    }

    /// The entries of the jet that it reads, at one place or another.
    pub fn entries(&self) -> Vec<Entry> {
        self.graph.entries(self.root).collect()
    }

    /// The coefficients that it reads, ascending.
    pub fn coefficients(&self) -> Vec<usize> {
        let coefficient = |leaf| if let Leaf::Coefficient(i) = leaf { Some(i) } else { None };
        let mut coefficients: Vec<_> = self.leaves().into_iter().filter_map(coefficient).collect();
        coefficients.sort_unstable();
        coefficients
    }

    /// The columns that it reads, as [`Scope::columns`] counts them, in the order of first mention.
    pub fn columns(&self) -> Vec<usize> {
        let column = |leaf| if let Leaf::Column(i) = leaf { Some(i) } else { None };
        self.leaves().into_iter().filter_map(column).collect()
    }

    /// Its value, where it is a constant, as all are that name nothing but constants.
    pub fn constant(&self) -> Option<f64> {
        self.graph.value(self.root)
    }

    /// Its value at every point (B), in f64. `jets` has the entries that it reads, in the user's
    /// units, at all [`Places`] of the points; an expression of point data needs none.
    ///
    /// # Panics
    /// Where it reads the network at other points, and [`places`] has not counted them.
    pub fn evaluate(&self, points: &PointData<'_>, coefficients: &[f64], jets: Option<&Jets>) -> Vec<f64> {
        let program = Program::new(&self.graph, &[self.root]);
        points.evaluate(&program, coefficients, jets).remove(0)
    }

    /// The residual as kernels read it, whose jet travels in `layout`, after [`places`] has counted
    /// where it reads that; of a model with one network.
    pub fn compile(&self, layout: &JetLayout, normalizer: &Normalizer) -> Residual {
        let wirings = [Wiring::all(layout.inputs(), normalizer.outputs.mean.len())];
        self.compile_over(&OwnJets::of_one(&wirings, normalizer, layout), normalizer)
    }

    /// The same where it reads several networks' own entries.
    pub fn compile_over(&self, networks: &OwnJets<'_>, normalizer: &Normalizer) -> Residual {
        Residual::new(self, networks, normalizer)
    }
}
