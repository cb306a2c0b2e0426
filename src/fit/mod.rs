//! The front door: a network fitted to arrays or to equations, without files.
//!
//! A [`Fit`] is a job in memory. It writes the job's TOML, which the one reader validates, and trains it as
//! `jetfit train` does: noise decides on training by evidence, trials choose the start, validation rows judge, and
//! warnings say where the result may be wrong.

mod evaluate;
mod fitted;
mod points;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use toml::{Table as Toml, Value};

use crate::data::{Columns, Table, Validation};
use crate::device;
use crate::error::{Error, Result};
use crate::jet::{Activation, Derivative, Entry};
use crate::job::{Job, Overrides};
use crate::network::Model;
use crate::numbers::Precision;
use crate::predict::Trained;
use crate::run::scores::scores;
use crate::run::{Observer, divergence, results, training, warnings};

pub use evaluate::Evaluator;
pub use fitted::{FitReport, Fitted, TermLoss};
pub use points::Points;

/// The name of the table in memory, in the place of a file.
const TABLE_NAME: &str = "data";
/// The column of row weights in memory; no name of the user's has a space.
const WEIGHTS_COLUMN: &str = "row weights";

/// A network to fit: to arrays, to equations, or to both.
///
/// ```
/// use jetfit::{Derivative, Fit};
///
/// let x: Vec<f64> = (0..60).map(|i| i as f64 / 10.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
/// # let x: Vec<f64> = x.into_iter().step_by(2).collect();
/// # let y: Vec<f64> = y.into_iter().step_by(2).collect();
/// let fit = Fit::new(&[x], &[y]).hidden(&[8]).steps(50).seed(1).run()?;
/// let jets = fit.jets(&[[1.0, 2.0]])?; // a column for each input, in your units
/// let y_xx = jets.entry(0, Derivative::Second(0, 0)).unwrap();
/// assert_eq!(y_xx.len(), 2);
/// # Ok::<(), jetfit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fit {
    /// The interval of each input, for equations.
    variables: Vec<(String, f64, f64)>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// The columns of inputs and outputs (D + M, B); none without data.
    columns: Vec<Vec<f64>>,
    /// Validation rows, with the same columns.
    validation: Option<Vec<Vec<f64>>>,
    derivatives: Vec<(Entry, Vec<f64>)>,
    weights: Option<Vec<f64>>,
    /// Unknown coefficients with their initial values.
    coefficients: Vec<(String, f64)>,
    terms: Vec<Term>,
    /// Weights of terms and data columns, by name.
    term_weights: Vec<(String, f64)>,
    /// Keys of the job: section, key, value.
    keys: Vec<(&'static str, String, Value)>,
    /// More of the job, as TOML.
    toml: Vec<String>,
    /// The network that training begins with.
    start: Option<Arc<Model>>,
}

#[derive(Clone, Debug)]
struct Term {
    name: String,
    residual: String,
    points: Points,
}

impl Fit {
    /// Fits arrays: a column for each input and for each output, all of equal length, in any units. An output that is NaN
    /// was not measured in that row.
    ///
    /// Inputs are called `x`, or `x0`, `x1`, … if there are several, and outputs `y`, or `y0`, `y1`, …; see
    /// [`Fit::inputs`] and [`Fit::outputs`].
    pub fn new<X: AsRef<[f64]>, Y: AsRef<[f64]>>(x: &[X], y: &[Y]) -> Self {
        Self {
            inputs: numbered("x", x.len()),
            outputs: numbered("y", y.len()),
            columns: owned(x).into_iter().chain(owned(y)).collect(),
            ..Self::empty()
        }
    }

    /// Solves differential equations: each variable with its interval, and the names of the unknown functions. Add
    /// equations and conditions with [`Fit::term`].
    ///
    /// ```no_run
    /// use jetfit::{Fit, Points};
    ///
    /// let heat = Fit::equations(&[("x", 0.0, 1.0), ("t", 0.0, 0.5)], &["u"])
    ///     .term("heat", "u_t = 0.1*u_xx", Points::interior(2000).resample_every(500))
    ///     .term("walls", "u = 0", Points::boundary(200))
    ///     .term("start", "u = sin(pi*x)", Points::on("t = 0", 200))
    ///     .steps(3000)
    ///     .run()?;
    /// println!("{}", heat.values(&[[0.5], [0.1]])?[0][0]); // u(0.5, 0.1)
    /// # Ok::<(), jetfit::Error>(())
    /// ```
    pub fn equations(variables: &[(&str, f64, f64)], outputs: &[&str]) -> Self {
        Self {
            inputs: variables.iter().map(|(name, ..)| name.to_string()).collect(),
            outputs: names(outputs),
            ..Self::empty()
        }
        .variables(variables)
    }

    fn empty() -> Self {
        Self {
            variables: vec![],
            inputs: vec![],
            outputs: vec![],
            columns: vec![],
            validation: None,
            derivatives: vec![],
            weights: None,
            coefficients: vec![],
            terms: vec![],
            term_weights: vec![],
            keys: vec![],
            toml: vec![],
            start: None,
        }
    }

    /// Names the inputs.
    pub fn inputs(mut self, names_of: &[&str]) -> Self {
        self.inputs = names(names_of);
        self
    }

    /// Names the outputs.
    pub fn outputs(mut self, names_of: &[&str]) -> Self {
        self.outputs = names(names_of);
        self
    }

    /// The interval of each input, for equations beside data.
    pub fn variables(mut self, variables: &[(&str, f64, f64)]) -> Self {
        self.variables = variables.iter().map(|(name, low, high)| (name.to_string(), *low, *high)).collect();
        self
    }

    /// Measured derivatives of output `output` at the rows, which are fitted too (Sobolev training); NaN where there is
    /// none.
    pub fn derivative(mut self, output: usize, derivative: Derivative, column: impl AsRef<[f64]>) -> Self {
        self.derivatives.push((Entry { output, derivative }, column.as_ref().to_vec()));
        self
    }

    /// The same for several columns.
    pub fn derivatives<C: AsRef<[f64]>>(mut self, columns: &[(Entry, C)]) -> Self {
        self.derivatives.extend(columns.iter().map(|(entry, column)| (*entry, column.as_ref().to_vec())));
        self
    }

    /// The weight of each row, at least 0; for rows with noise of deviation σ, 1/σ².
    pub fn row_weights(mut self, weights: impl AsRef<[f64]>) -> Self {
        self.weights = Some(weights.as_ref().to_vec());
        self
    }

    /// Validation rows. By default, a tenth of 50 rows or more is kept for validation.
    pub fn validation<X: AsRef<[f64]>, Y: AsRef<[f64]>>(mut self, x: &[X], y: &[Y]) -> Self {
        self.validation = Some(owned(x).into_iter().chain(owned(y)).collect());
        self
    }

    /// The fraction of the rows that is kept for validation.
    pub fn validation_fraction(self, fraction: f64) -> Self {
        self.key("data", "validation_fraction", fraction)
    }

    /// An equation or condition, `u_t = 0.1*u_xx`, at some points. `name` is used in reports.
    pub fn term(mut self, name: &str, residual: &str, points: Points) -> Self {
        self.terms.push(Term { name: name.to_string(), residual: residual.to_string(), points });
        self
    }

    /// An unknown coefficient of the equations, with its initial value.
    pub fn coefficient(mut self, name: &str, start: f64) -> Self {
        self.coefficients.push((name.to_string(), start));
        self
    }

    /// The weight of a term or a data column in the loss; 1 by default.
    pub fn weight(mut self, name: &str, weight: f64) -> Self {
        self.term_weights.push((name.to_string(), weight));
        self
    }

    /// The widths of the hidden layers; 64, 64 by default.
    pub fn hidden(self, widths: &[usize]) -> Self {
        let widths: Vec<Value> = widths.iter().map(|width| Value::Integer(*width as i64)).collect();
        self.key("network", "hidden", widths)
    }

    /// The activation; tanh by default.
    pub fn activation(self, activation: Activation) -> Self {
        self.key("network", "activation", activation.name())
    }

    /// Training begins with this network, which brings its shape, features and transforms. Its inputs and outputs have
    /// the names of the fit's.
    ///
    /// ```no_run
    /// # use jetfit::{Fit, Model};
    /// # let (x, y) = ([[0.0, 1.0]], [[0.0, 1.0]]);
    /// let pretrained = Model::read("model.safetensors")?;
    /// let tuned = Fit::new(&x, &y).start(&pretrained).steps(2000).run()?;
    /// # Ok::<(), jetfit::Error>(())
    /// ```
    pub fn start(mut self, model: &Model) -> Self {
        self.start = Some(Arc::new(model.clone()));
        self
    }

    /// Optimizer steps; 20 000 of Adam by default.
    pub fn steps(self, steps: u64) -> Self {
        self.key("training", "steps", Value::Integer(steps as i64))
    }

    /// The peak learning rate; 0.003 by default.
    pub fn learning_rate(self, rate: f64) -> Self {
        self.key("optimizer", "learning_rate", rate)
    }

    /// The seed of initial weights, validation split and shuffling. The same seed on the same device gives the same bits.
    pub fn seed(self, seed: u64) -> Self {
        self.key("training", "seed", Value::Integer(seed as i64))
    }

    /// A time limit in seconds.
    pub fn max_seconds(self, seconds: f64) -> Self {
        self.key("training", "max_seconds", seconds)
    }

    /// `auto` (the default), `cpu`, `gpu`, or part of a GPU's name.
    pub fn device(self, name: &str) -> Self {
        self.key("device", "name", name)
    }

    /// The floating-point format of training; f32 by default.
    pub fn precision(self, precision: Precision) -> Self {
        self.key("device", "precision", precision.name())
    }

    /// Any other keys of a job file, as TOML: `"optimizer.name = 'lbfgs'"`, or whole sections. They replace keys that
    /// the other methods set.
    pub fn with(mut self, toml: &str) -> Self {
        self.toml.push(toml.to_string());
        self
    }

    fn key(mut self, section: &'static str, key: &str, value: impl Into<Value>) -> Self {
        self.keys.push((section, key.to_string(), value.into()));
        self
    }

    /// Trains the network.
    ///
    /// # Errors
    /// [`Error::Input`] for what is wrong with the arrays, equations or settings; [`Error::Diverged`] if training fails;
    /// [`Error::Device`] if the device does.
    pub fn run(&self) -> Result<Fitted> {
        self.run_observed(&mut (), &AtomicBool::new(false))
    }

    /// The same, with progress for `observer`; once `stop` is true, training ends after the current step.
    ///
    /// # Errors
    /// Those of [`Fit::run`].
    pub fn run_observed(&self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Fitted> {
        let job = self.job()?;
        if job.training.ensemble > 1 {
            let problem = "an ensemble needs a run directory";
            return Err(Error::input(
                "training.ensemble",
                problem,
                "use `jetfit train`, or jetfit::run::ensemble::train",
            ));
        }
        let problem = training::pose(&job)?;
        let mut notes = Notes { warnings: vec![], observer };
        let (mut workplace, settled) = training::settled(&job, problem, false, &device::open, &mut notes, stop)?;
        let (model, outcome) = settled.train(&mut workplace, None, &mut (), &mut notes, stop)?;
        let (job, problem) = (&settled.job, &settled.problem);
        let (summary, said) = workplace.run(&model, |backend, failure| {
            let mut said: Vec<String> = failure.into_iter().collect();
            if let Some(error) = divergence::of(job, problem, &outcome, &settled.start, backend)? {
                return Err(error);
            }
            said.extend(warnings::of_run(problem, &outcome, backend)?);
            said.extend(problem.warnings(job, &outcome.state.adapted, &model.coefficient_values())?);
            let mut summary = results::summary(job, problem, &model, &outcome, backend.device());
            if let (Some(data), Some(rows)) = (&job.data, &problem.data) {
                summary.scores = scores(data, rows, &mut Trained { model: &model, backend })?;
            }
            Ok((summary, said))
        })?;
        said.iter().for_each(|warning| notes.warning(warning));
        Ok(Fitted::new(model, summary, workplace.devices(), notes.warnings))
    }

    /// The job that is trained.
    ///
    /// # Errors
    /// [`Error::Input`] for what is wrong with the arrays, equations or settings.
    pub fn job(&self) -> Result<Job> {
        let (columns, validation) = self.tables()?;
        let overrides =
            Overrides { directory: Some("jetfit".into()), start: self.start.clone(), ..Overrides::default() };
        let mut job = Job::parse(&self.toml()?, Path::new(""), &overrides).map_err(without_lines)?;
        if let (Some(data), Some(columns)) = (&mut job.data, columns) {
            data.table = Table::Columns(Arc::new(columns));
            if let Some(validation) = validation {
                data.validation = Validation::Table(Table::Columns(Arc::new(validation)));
            }
        }
        Ok(job)
    }

    /// The columns in memory with their names, checked: those to train on, and those for validation.
    fn tables(&self) -> Result<(Option<Columns>, Option<Columns>)> {
        if self.columns.is_empty() {
            return Ok((None, None));
        }
        let wide = self.inputs.len() + self.outputs.len();
        let mut named = self.named(&self.columns, "x and y", wide)?;
        for (entry, column) in &self.derivatives {
            named.push((self.name_of(entry)?, column.clone()));
        }
        let measured = self.inputs.len()..named.len();
        named.extend(self.weights.iter().map(|weights| (WEIGHTS_COLUMN.to_string(), weights.clone())));
        let validation = self.validation.as_ref().map(|columns| {
            if !self.derivatives.is_empty() || self.weights.is_some() {
                let problem = "validation rows have no measured derivatives and no weights";
                return Err(Error::input("validation", problem, "use validation_fraction instead"));
            }
            Columns::new("validation", self.named(columns, "validation", wide)?, self.inputs.len()..wide)
        });
        Ok((Some(Columns::new(TABLE_NAME, named, measured)?), validation.transpose()?))
    }

    fn named(&self, columns: &[Vec<f64>], place: &str, wide: usize) -> Result<Vec<(String, Vec<f64>)>> {
        if columns.len() != wide {
            let problem = format!("{} columns for {} inputs and outputs", columns.len(), wide);
            return Err(Error::input(place, problem, "pass one column per input and per output"));
        }
        Ok(self.inputs.iter().chain(&self.outputs).cloned().zip(columns.iter().cloned()).collect())
    }

    /// The name of a measured derivative.
    fn name_of(&self, entry: &Entry) -> Result<String> {
        let of_input = |input: usize| input < self.inputs.len();
        let by = entry.derivative.inputs().unwrap_or_default();
        let exists = !by.is_empty() && by.is_sorted() && by.into_iter().all(of_input);
        if !exists || entry.output >= self.outputs.len() {
            let problem =
                format!("{:?} of output {} is not a derivative that can be fitted", entry.derivative, entry.output);
            let help =
                "use First(i), Second(i, j), Third or Fourth with ascending inputs, counting inputs and outputs from 0";
            return Err(Error::input("derivative", problem, help));
        }
        Ok(entry.column(&self.inputs, &self.outputs))
    }

    /// The job as TOML.
    fn toml(&self) -> Result<String> {
        let mut job = Toml::new();
        if !self.columns.is_empty() {
            let mut derivatives = Toml::new();
            for (entry, _) in &self.derivatives {
                let name = self.name_of(entry)?;
                derivatives.insert(name.clone(), name.into());
            }
            let data = section(&mut job, "data");
            data.insert("file".to_string(), TABLE_NAME.into());
            data.insert("inputs".to_string(), self.inputs.clone().into());
            data.insert("outputs".to_string(), self.outputs.clone().into());
            if !derivatives.is_empty() {
                data.insert("derivatives".to_string(), derivatives.into());
            }
            if self.weights.is_some() {
                data.insert("weights".to_string(), WEIGHTS_COLUMN.into());
            }
            if self.validation.is_some() {
                data.insert("validation_file".to_string(), "validation".into());
            }
        } else {
            section(&mut job, "network").insert("outputs".to_string(), self.outputs.clone().into());
        }
        for (name, key, value) in &self.keys {
            section(&mut job, name).insert(key.clone(), value.clone());
        }
        // Derivatives are checked when they are evaluated, not before.
        section(&mut job, "predictions").insert("order".to_string(), 0.into());
        let mut terms: Vec<Toml> = self.terms.iter().map(Term::toml).collect();
        for (name, weight) in &self.term_weights {
            match terms.iter_mut().find(|term| term["name"].as_str() == Some(name)) {
                Some(term) => drop(term.insert("weight".to_string(), (*weight).into())),
                None => {
                    let weights = section(&mut job, "loss").entry("weights").or_insert_with(|| Toml::new().into());
                    weights.as_table_mut().expect("a table").insert(name.clone(), (*weight).into());
                }
            }
        }
        if !terms.is_empty() {
            job.insert("term".to_string(), terms.into());
        }
        for text in &self.toml {
            let more: Toml = text.parse().map_err(|error: toml::de::Error| {
                let problem = format!("this is not valid TOML: {}", error.message());
                Error::input("with", problem, "write keys as in a job file, for example: optimizer.name = \"lbfgs\"")
            })?;
            merge(&mut job, more);
        }
        Ok(format!("{job}\n{}", self.ordered()))
    }
}

impl Fit {
    /// The sections whose order counts, which a [`Toml`] does not keep.
    fn ordered(&self) -> String {
        let interval = |(name, low, high): &(String, f64, f64)| (name.clone(), Value::from(vec![*low, *high]));
        let start = |(name, start): &(String, f64)| (name.clone(), Value::from(*start));
        let variables: Vec<_> = self.variables.iter().map(interval).collect();
        let mut text = String::new();
        for (section, keys) in
            [("variables", variables), ("coefficients", self.coefficients.iter().map(start).collect())]
        {
            if !keys.is_empty() {
                text += &format!("[{section}]\n");
                keys.iter().for_each(|(name, value)| text += &format!("{} = {value}\n", Value::from(name.as_str())));
            }
        }
        text
    }
}

impl Term {
    fn toml(&self) -> Toml {
        let points = Value::from(self.points.toml());
        let keys = [("name", self.name.clone().into()), ("residual", self.residual.clone().into()), ("points", points)];
        keys.into_iter().map(|(key, value): (&str, Value)| (key.to_string(), value)).collect()
    }
}

/// Collects warnings on their way to the observer.
struct Notes<'a> {
    warnings: Vec<String>,
    observer: &'a mut dyn Observer,
}

impl Observer for Notes<'_> {
    fn settling(&mut self, what: &str) {
        self.observer.settling(what);
    }

    fn started(&mut self, device: &str, done: u64, steps: u64) {
        self.observer.started(device, done, steps);
    }

    fn report(&mut self, report: &crate::trainer::Report) {
        self.observer.report(report);
    }

    fn warning(&mut self, text: &str) {
        self.warnings.push(text.to_string());
        self.observer.warning(text);
    }
}

fn owned<C: AsRef<[f64]>>(columns: &[C]) -> Vec<Vec<f64>> {
    columns.iter().map(|column| column.as_ref().to_vec()).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// `x` alone, or `x0`, `x1`, …
fn numbered(name: &str, count: usize) -> Vec<String> {
    if count == 1 { vec![name.to_string()] } else { (0..count).map(|k| format!("{name}{k}")).collect() }
}

fn section<'a>(job: &'a mut Toml, name: &str) -> &'a mut Toml {
    let section = job.entry(name).or_insert_with(|| Toml::new().into());
    section.as_table_mut().expect("sections are tables")
}

/// Puts the keys of `more` over those of `table`; lists of sections are joined.
fn merge(table: &mut Toml, more: Toml) {
    for (key, value) in more {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "term" || key == "stage" => old.extend(new),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

/// Places in a job's text mean nothing to somebody who has not written it: the keys are enough.
fn without_lines(error: Error) -> Error {
    match error {
        Error::Input(mut error) => {
            let is_line = |c: char| c == ':' || c == ' ' || c.is_ascii_digit();
            error.place = error.place.trim_start_matches(is_line).to_string();
            Error::Input(error)
        }
        error => error,
    }
}
