//! Networks out: a model as a file for another program, whose outputs are values and derivatives in the user's units.
//! Scaling, features and transforms are inside.
//!
//! | file | what it does |
//! |---|---|
//! | `recipe`, `tensors`, `builder` | operations on small blocks: what every format prints |
//! | `lower`, `features`, `expressions` | from a model to a recipe |
//! | `activation`, `written_out` | activations and rarer functions in elementary operations |
//! | `interpreter` | a recipe in f64: what is fixed is computed when the file is written |
//! | `onnx`, `c`, `python` | a recipe as a file |

mod activation;
mod builder;
mod c;
mod expressions;
mod features;
mod interpreter;
mod lower;
mod onnx;
mod python;
mod recipe;
mod tensors;
#[cfg(test)]
mod tests;
mod written_out;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result, suggest};
use crate::jet::{JetLayout, Seconds};
use crate::network::Model;
use crate::numbers::Precision;

use recipe::{Recipe, Unary};
use tensors::Tensor;

/// What a model is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// ONNX: plain forward nodes, for onnxruntime and everything else that reads it.
    Onnx,
    /// A Python file with a `torch.nn.Module`.
    Torch,
    /// A file of C99, which is C++, too.
    C,
    /// A Python file that needs NumPy alone.
    Numpy,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [Format::Onnx, Format::Torch, Format::C, Format::Numpy];

    /// Its name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::Torch => "torch",
            Format::C => "c",
            Format::Numpy => "numpy",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.map(Format::name);
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| Error::input("format", format!("unknown format {name:?}"), suggest(name, &known)))
    }
}

/// How a model is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// For which program.
    pub format: Format,
    /// Highest order of derivatives: 0, 1 or 2.
    pub order: usize,
    /// Which second derivatives.
    pub seconds: Seconds,
    /// The format of the numbers: f32 or f64.
    pub precision: Precision,
    /// What C functions are called: `NAME_value` and `NAME_jet`.
    pub name: String,
}

impl Export {
    /// The file's contents. Derivatives across jumps are written, too: [`crate::network::Outputs::supports`] says
    /// whether there are any.
    ///
    /// # Errors
    /// [`Error::Input`] for a model that reads a field from a file or has several networks, numbers that f32 cannot hold, and
    /// a name that C does not take.
    ///
    /// ```
    /// use jetfit::Fit;
    /// use jetfit::export::{Export, Format};
    /// use jetfit::jet::Seconds;
    /// use jetfit::numbers::Precision;
    ///
    /// let x: Vec<f64> = (0..50).map(|i| 0.1 * f64::from(i)).collect();
    /// let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
    /// let fit = Fit::new(&[x], &[y]).hidden(&[8]).steps(10).seed(1).run()?;
    /// let export = Export {
    ///     format: Format::C,
    ///     order: 2,
    ///     seconds: Seconds::Diagonal,
    ///     precision: Precision::F64,
    ///     name: "wave".to_string(),
    /// };
    /// let text = String::from_utf8(export.bytes(fit.model())?).unwrap();
    /// assert!(text.contains("void wave_jet(const double *x, double *u, double *du, double *d2u)"));
    /// # Ok::<(), jetfit::Error>(())
    /// ```
    pub fn bytes(&self, model: &Model) -> Result<Vec<u8>> {
        model.only_network("export")?;
        if model.transforms.read_fields() {
            let problem = "a transform or feature reads a file with interp, which other programs cannot";
            return Err(Error::input("export", problem, "write it as a formula, or predict with jetfit"));
        }
        match self.format {
            Format::Onnx => onnx::bytes(self, model),
            Format::C => c::text(self, model).map(String::into_bytes),
            Format::Numpy => python::text(self, model, &python::NUMPY).map(String::into_bytes),
            Format::Torch => python::text(self, model, &python::TORCH).map(String::into_bytes),
        }
    }

    /// The channels of the jets.
    fn layout(&self, model: &Model) -> JetLayout {
        self.seconds.layout(self.order, model.inputs.len())
    }

    /// The outputs, with their shapes at each point: u (M), du (M, D), and d2u (M), (M, D) or (M, D, D).
    fn shapes(&self, model: &Model) -> Vec<(&'static str, Vec<usize>)> {
        let (m, d) = (model.outputs.len(), model.inputs.len());
        let seconds = match self.seconds {
            Seconds::Laplacian => vec![m],
            Seconds::Diagonal => vec![m, d],
            Seconds::Full => vec![m, d, d],
        };
        let all = [("u", vec![m]), ("du", vec![m, d]), ("d2u", seconds)];
        all.into_iter().take(self.order + 1).collect()
    }

    /// What the file computes, in lines.
    fn summary(&self, model: &Model) -> String {
        let output = &model.outputs[0];
        let columns: Vec<String> =
            self.layout(model).derivatives().map(|derivative| derivative.column(output, &model.inputs)).collect();
        let lines = [
            format!("inputs:  {}", model.inputs.join(", ")),
            format!("outputs: {}", model.outputs.join(", ")),
            format!("of each: {}", columns.join(", ")),
            "All are in the units of the data that the network was trained on.".to_string(),
        ];
        lines.join("\n")
    }

    /// The recipe of the outputs' jets, for a format that lacks some functions.
    fn recipe(&self, model: &Model, lacking: &'static [Unary]) -> Result<Recipe> {
        let recipe = lower::recipe(model, &self.layout(model), lacking);
        let beyond =
            |tensor: &&Tensor| tensor.numbers.iter().any(|number| number.is_finite() && !(*number as f32).is_finite());
        if self.precision != Precision::F64
            && let Some(tensor) = recipe.tensors.iter().find(beyond)
        {
            let problem = format!("{:?} has numbers that f32 cannot hold", tensor.name);
            return Err(Error::input("--precision f32", problem, "use --precision f64"));
        }
        Ok(recipe)
    }
}
