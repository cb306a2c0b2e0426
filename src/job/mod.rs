//! A job: everything that a training run needs, read from TOML and flags and validated. Every error
//! names the file, the line and the key, or the flag.

mod checks;
mod equations;
mod fields;
mod item;
mod keys;
mod lists;
mod names;
mod networks;
mod read;
mod read_domain;
mod read_equations;
mod read_networks;
mod read_plots;
mod read_settings;
mod read_stages;
mod read_start;
mod residuals;
mod schema;
mod section;
mod set;
mod settings;
#[cfg(test)]
mod tests;
mod windows;
mod write;
mod write_domain;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::equations::{Equation, EquationTerm, TermPoints, Truth, TruthSource};
pub(crate) use self::lists::grid_over;
pub use self::networks::{Fourier, Network, Start};
pub use self::read_domain::domain_of;
pub use self::schema::schema;
pub use self::settings::{
    Balance, Device, Length, Optimizer, OptimizerKind, Picture, PictureFormat, Plots, ScheduleSettings, Stage, Training,
};
pub use self::windows::{Cut, Windows};

use crate::data::{Axis, Data, Dataset, Dialect, PointSet, Table, TableReader, Validation};
use crate::domain::Domain;
use crate::error::Result;
use crate::expression::Fields;
use crate::jet::{Activation, CoefficientRange, Derivative, Entry, Seconds};
use crate::loss::{Loss, Term};
use crate::network::{Model, Transforms};
use crate::numbers::Precision;
use crate::optimizer::AdamSettings;
use crate::points::Variable;

/// A validated job: one field for each section of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The inputs' names (D ≥ 1): those of the data, else of the variables.
    pub inputs: Vec<String>,
    /// The outputs' names (M ≥ 1): those of the data, else of the network.
    pub outputs: Vec<String>,
    /// The table that is fitted.
    pub data: Option<Data>,
    /// `[variables]`: the interval of each input, in the order of `inputs`; empty where there is none.
    pub variables: Vec<Variable>,
    /// `[windows]`: where the time is cut.
    pub windows: Option<Windows>,
    /// `[domain]`: the box of the variables, or a part of it; `None` where there are no variables.
    pub domain: Option<Domain>,
    /// `[coefficients]`: trained numbers with their start values (K), in the file's order.
    pub coefficients: Vec<(String, f64)>,
    /// Where those of them may lie that have bounds, by name.
    pub coefficient_ranges: BTreeMap<String, CoefficientRange>,
    /// `[definitions]`: expressions by name.
    pub definitions: BTreeMap<String, String>,
    /// `[transforms]`: outputs as expressions of `net`, the network's own value, by name.
    pub transforms: BTreeMap<String, String>,
    /// `[[term]]`: the equations, in the file's order.
    pub terms: Vec<EquationTerm>,
    /// What `interp` reads in any expression.
    pub fields: Fields,
    /// The files of the fields (absolute paths), by the names that expressions have for them.
    pub field_files: BTreeMap<String, PathBuf>,
    /// `[network]`, or the `[[network]]` sections: the networks, of which each may read the outputs of those before it.
    pub networks: Vec<Network>,
    /// The data terms' weights and scales; the defaults without data.
    pub loss: LossSettings,
    /// The stages of the training, one after the other (at least one).
    pub stages: Vec<Stage>,
    /// Whether the terms' weights follow the norms of their gradients.
    pub balance: Option<Balance>,
    /// What holds for all of them.
    pub training: Training,
    /// Where and in which number format it runs.
    pub device: Device,
    /// Where the trained network is evaluated.
    pub predictions: Predictions,
    /// What is known to be true.
    pub truth: Option<Truth>,
    /// The pictures of the run.
    pub plots: Plots,
    /// The run directory.
    pub output: PathBuf,
    /// Whether the reports are written as TensorBoard's events, too.
    pub tensorboard: bool,
    /// Whether network, optimizer and steps are left to [`crate::run::settle`]: the job fits values over one input, and
    /// names none of them.
    pub is_open: bool,
    /// What the user should be told, though the job goes on.
    pub warnings: Vec<String>,
}

/// `[loss]`
#[derive(Clone, Debug, PartialEq)]
pub struct LossSettings {
    /// The weight of every value term.
    pub value: f64,
    /// The weight of every first-derivative term.
    pub first: f64,
    /// The weight of every second-derivative term.
    pub second: f64,
    /// The weight of every third-derivative term.
    pub third: f64,
    /// The weight of every fourth-derivative term.
    pub fourth: f64,
    /// The weight of every curvature penalty; 0 for none.
    pub curvature: f64,
    /// Whether that weight is left to trials, which rows that take no part judge.
    pub tries_curvature: bool,
    /// The weight of single terms, by the term's name.
    pub weights: BTreeMap<String, f64>,
    /// What a residual of 1 means, in the entry's units, by the term's name.
    pub scales: BTreeMap<String, f64>,
    /// Whether derivatives that the network has not are fitted all the same.
    pub allow_rough: bool,
}

/// `[predictions]`
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Where.
    pub points: Points,
    /// The highest order of derivative, from 0 to 4.
    pub order: usize,
    /// Which derivatives from the second order on.
    pub seconds: Seconds,
    /// Definitions that are predicted beside the outputs, by name.
    pub definitions: Vec<String>,
    /// Whether derivatives that the network has not are put out all the same.
    pub allow_rough: bool,
}

/// Where the trained network is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub enum Points {
    /// With data alone: a grid over the data's range, or the training rows for more than two inputs; see
    /// [`Dataset::default_points`].
    Data,
    /// The product of one axis for each input, the last input running fastest.
    Grid(Vec<Axis>),
    /// The input columns of a CSV file.
    File(PathBuf),
}

/// What flags put in the place of a job's keys.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--out`: output.directory
    pub directory: Option<PathBuf>,
    /// `--device`: device.name
    pub device: Option<String>,
    /// `--precision`: device.precision
    pub precision: Option<Precision>,
    /// `--threads`: device.threads
    pub threads: Option<usize>,
    /// `--seed`: training.seed
    pub seed: Option<u64>,
    /// `--ensemble`: training.ensemble
    pub ensemble: Option<usize>,
    /// `--max-seconds`: training.max_seconds
    pub max_seconds: Option<f64>,
    /// `--steps`: the steps of every stage, in place of epochs too
    pub steps: Option<u64>,
    /// A trained network in memory, in place of network.start
    pub start: Option<Arc<Model>>,
    /// `--set`: any key, as `section.key=VALUE`
    pub set: Vec<String>,
}

impl Job {
    /// The run's name: that of its directory.
    pub fn name(&self) -> String {
        let name = self.output.file_name().unwrap_or(self.output.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// How the files of the job write numbers and letters: as those of its data.
    pub fn dialect(&self) -> Dialect {
        match self.data.as_ref().map(|data| &data.table) {
            Some(Table::File(_, dialect)) => dialect.clone(),
            _ => Dialect::default(),
        }
    }

    /// A table of the job, open at its first row.
    ///
    /// # Errors
    /// Those of [`TableReader::open_as`].
    pub fn table(&self, file: &Path) -> Result<TableReader<'static>> {
        TableReader::open_as(file, &self.dialect())
    }

    /// The columns of the inputs in some table (D): those of their names, or else those that the data has them from.
    pub fn input_columns(&self, table: &TableReader<'_>) -> Vec<String> {
        let known = |name: &str| table.names().iter().any(|column| column == name);
        let column = |name: &String| match self.label(name) {
            label if !known(name) && known(label) => label.to_string(),
            _ => name.clone(),
        };
        self.inputs.iter().map(column).collect()
    }

    /// What an input or output is called in pictures: its column.
    pub fn label<'a>(&'a self, name: &'a str) -> &'a str {
        self.data.as_ref().map_or(name, |data| data.column(name))
    }

    /// The domain, where it is not all of the box.
    pub fn cut_domain(&self) -> Option<&Domain> {
        self.domain.as_ref().filter(|domain| !domain.is_box())
    }

    /// Whether a stage trains by evidence.
    pub fn trains_by_evidence(&self) -> bool {
        self.stages.iter().any(|stage| stage.optimizer.kind == OptimizerKind::Evidence)
    }

    /// The transforms of the outputs.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for every mistake in a transform.
    pub fn transforms(&self, place: impl Fn(&str) -> String) -> Result<Transforms> {
        Transforms::read(|output| place(&format!("transforms.{output}")), &self.scope(vec![], false))
    }

    /// The terms on the rows: values, then derivative columns. A term's scale is, if the job names none, the
    /// standard deviation of its target over the training rows; if that is 0, what the entry is when its
    /// standardised self is 1.
    pub fn loss(&self, data: &Dataset, transforms: &Transforms) -> Loss {
        self.posed(data, transforms, |term| term.column.is_some())
    }

    /// The curvature penalties; by default the scale of each is what the entry is when its standardised self is 1.
    pub fn curvature_loss(&self, data: &Dataset, transforms: &Transforms) -> Loss {
        self.posed(data, transforms, |term| term.column.is_none())
    }

    fn posed(&self, data: &Dataset, transforms: &Transforms, is_wanted: impl Fn(&DataTerm) -> bool) -> Loss {
        let term = |term: DataTerm| {
            let scale = self.scale(&term, data);
            let DataTerm { name, entry, column, weight } = term;
            let residual = transforms.entry(entry, &[]).misfit(column, scale);
            let residual = match column.and_then(|column| data.mask(column)) {
                Some(mask) => residual.masked(mask),
                None => residual,
            };
            Term { name, residual, scale, weight }
        };
        Loss { terms: self.data_terms().filter(is_wanted).map(term).collect() }
    }

    fn scale(&self, term: &DataTerm, data: &Dataset) -> f64 {
        let deviation = term.column.map(|column| data.deviations[column]).filter(|deviation| *deviation > 0.0);
        let scale = self.loss.scales.get(&term.name).copied().or(deviation);
        scale.unwrap_or_else(|| term.entry.natural_scale(&data.normalizer))
    }

    /// The standard deviation that noise gives the residuals of each term on posed rows of the data, as backends scale
    /// them (T); `None` where the rows do not tell it.
    pub fn residual_noise(&self, data: &Dataset, rows: &PointSet) -> Vec<Option<f64>> {
        let of_term = |term: DataTerm| {
            let column = term.column.filter(|_| rows.weights.is_none())?;
            let rows = data.measured_rows(rows, column);
            let noise = rows.noise(column)?;
            Some(noise / self.scale(&term, data) * (term.weight / rows.points() as f64).sqrt())
        };
        self.data_terms().filter(|term| term.column.is_some()).map(of_term).collect()
    }

    /// The data terms and penalties with their own weights, in the order of the reports.
    fn data_terms(&self) -> impl Iterator<Item = DataTerm> + '_ {
        let (inputs, outputs) = (&self.inputs, &self.outputs);
        let targets =
            self.data.iter().flat_map(Data::targets).enumerate().map(|(column, (entry, _))| (entry, Some(column)));
        let bent = if self.loss.curvature > 0.0 { inputs.len() } else { 0 };
        let measured = self.data.as_ref().map_or(0, |data| data.outputs.len());
        let second = move |output| (0..bent).map(move |i| Entry { output, derivative: Derivative::Second(i, i) });
        let penalties = (0..measured).flat_map(second).map(|entry| (entry, None));
        targets.chain(penalties).map(move |(entry, column)| {
            let name = entry.column(inputs, outputs);
            let (name, weight) = match (column, entry.derivative.order()) {
                (None, _) => (format!("curvature_{name}"), self.loss.curvature),
                (_, 0) => (name, self.loss.value),
                (_, 1) => (name, self.loss.first),
                (_, 2) => (name, self.loss.second),
                (_, 3) => (name, self.loss.third),
                _ => (name, self.loss.fourth),
            };
            let weight = self.loss.weights.get(&name).copied().unwrap_or(weight);
            DataTerm { name, entry, column, weight }
        })
    }
}

/// An entry of the jet against a column of the data, or against 0.
struct DataTerm {
    name: String,
    entry: Entry,
    column: Option<usize>,
    weight: f64,
}
