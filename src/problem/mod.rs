//! What a job poses: point sets with the terms of the loss on each, and the scaling.

mod adapt;
mod curvature;
mod measurements;
mod outside;
mod ranges;
mod scales;
mod source;
mod survey;
mod warnings;

pub use adapt::{Adapted, Now, Round};
pub use source::Source;
pub use survey::{Fault, Survey};

use std::path::Path;

use self::scales::Equations;
use crate::data::{Dataset, PointSet, grid};
use crate::error::{Error, Result};
use crate::expression::Places;
use crate::files::digest::Digest;
use crate::jet::{Normalizer, Scaling};
use crate::job::{Equation, Fourier, Job, Network, Points as PredictionPoints, TermPoints};
use crate::loss::{Loss, Term};
use crate::network::{Features, Model, Transforms, fourier, initialize_each};
use crate::points::{PointsSpec, Sampler, sample};

/// A job's data and equations, ready for a backend.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The data, if there is any.
    pub data: Option<Dataset>,
    /// From the data, otherwise from the box of the variables and the equations; a transformed output is scaled only
    /// by its transform.
    pub normalizer: Normalizer,
    /// The features before the network and the transforms of its outputs.
    pub transforms: Transforms,
    /// The training point sets; the first is that of the data.
    pub sets: Vec<TermSet>,
    /// K, the number of trained coefficients.
    pub coefficients: usize,
    /// The validation rows as the loss reads them.
    validation: Option<PointSet>,
    seed: u64,
}

/// Points with the terms of the loss on them.
#[derive(Clone, Debug)]
pub struct TermSet {
    /// The points with which the training starts.
    pub points: PointSet,
    /// The terms.
    pub loss: Loss,
    /// The source of new points, for sets that are resampled.
    pub source: Option<Source>,
    /// The column of each term that is 0 where nothing was measured (T); empty where every point counts.
    pub masks: Vec<Option<usize>>,
}

impl TermSet {
    /// The number of points at which a term counts.
    pub fn counted(&self, term: usize) -> usize {
        match self.masks.get(term).copied().flatten() {
            Some(mask) => self.points.columns[mask].iter().filter(|factor| **factor != 0.0).count(),
            None => self.points.points(),
        }
    }
}

/// Points of the box over which features are standardised.
const FEATURE_POINTS: usize = 4096;

impl Problem {
    /// Reads the files of a job and samples its points.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for what is wrong with the files.
    pub fn read(job: &Job) -> Result<Self> {
        let seed = job.training.seed;
        let data = job.data.as_ref().map(|data| Dataset::read(data, seed)).transpose()?;
        if let (Some(stated), Some(rows)) = (&job.data, &data) {
            outside::check_data(job, stated, rows)?;
        }
        let transforms = job.transforms(str::to_string)?;
        let mut normalizer = match &data {
            Some(data) => data.normalizer.clone(),
            None => box_normalizer(job),
        };
        // Outputs of networks that no column measures follow those of the data.
        normalizer.outputs.mean.resize(job.outputs.len(), 0.0);
        normalizer.outputs.scale.resize(job.outputs.len(), 1.0);
        for (output, _) in job.outputs.iter().enumerate().filter(|(_, name)| transforms.has(name)) {
            normalizer.outputs.mean[output] = 0.0;
            normalizer.outputs.scale[output] = 1.0;
        }
        let mut sets = vec![];
        if let Some(data) = &data {
            let mut points = data.training.clone();
            if job.training.bootstrap {
                // Rows that are there twice would hide the noise from the evidence.
                let noisier = job.trains_by_evidence().then(|| points.noisier(seed)).flatten();
                points = noisier.unwrap_or_else(|| points.bootstrap(seed, 0));
            }
            let masks = (0..data.deviations.len()).map(|target| data.mask(target)).collect();
            sets.push(TermSet { points: data.posed(&points), loss: job.loss(data, &transforms), source: None, masks });
        }
        let features = job.networks.iter().map(|network| features(job, network, data.as_ref(), &normalizer));
        let features: Vec<_> = features.collect::<Result<_>>()?;
        let transforms = match features.iter().any(Option::is_some) {
            true => transforms.with_features_of_each(features, &job.scope(vec![], false)),
            false => transforms,
        };
        let validation = data.as_ref().and_then(|data| Some(data.posed(data.validation.as_ref()?)));
        let coefficients = job.coefficients.len();
        let mut problem = Self { data, validation, normalizer, transforms, sets, seed, coefficients };
        problem.penalise_curvature(job)?;
        let mut known: Vec<(&TermPoints, usize)> = vec![];
        let mut equations = vec![];
        for term in &job.terms {
            let Equation { residual, columns } = job.equation(term, |key| term.place(key))?;
            let posed = Term { name: term.name.clone(), residual, scale: 1.0, weight: term.weight };
            // Terms on the same points share one pass through the network.
            let set = match known.iter().find(|(points, _)| **points == term.points) {
                Some((_, set)) => *set,
                None => {
                    known.push((&term.points, problem.sets.len()));
                    match &term.points {
                        TermPoints::File(file) => problem.rows_of(job, file, &columns)?,
                        TermPoints::Sampled(spec) => problem.sampled(job, spec, &term.place("points"))?,
                    }
                }
            };
            let loss = &mut problem.sets[set].loss;
            equations.push((set, loss.terms.len()));
            loss.terms.push(posed);
            if loss.placed().0.count() > Places::MOST {
                let problem =
                    format!("the terms at these points evaluate the network at more than {} places", Places::MOST);
                let help = "evaluate it at fewer places, or give some terms points of their own";
                return Err(Error::input(term.place("residual"), problem, help));
            }
        }
        problem.scale(job, &equations);
        Ok(problem)
    }

    /// Gives outputs without data, coefficients and equations their scales. An equation is a set and its term.
    fn scale(&mut self, job: &Job, equations: &[(usize, usize)]) {
        let coefficients: Vec<f64> = job.coefficients.iter().map(|(_, start)| *start).collect();
        let wirings = job.network_spec().wirings(job.inputs.len());
        let of = Equations::new(&self.sets, equations, &wirings, coefficients);
        let measured = job.data.as_ref().map_or(0, |data| data.outputs.len());
        if measured < job.outputs.len() {
            let is_fixed = |(output, name): (usize, &String)| output < measured || self.transforms.has(name);
            let are_fixed: Vec<bool> = job.outputs.iter().enumerate().map(is_fixed).collect();
            let stated = |name: &String| job.networks.iter().find_map(|network| network.scales.get(name)).copied();
            let stated: Vec<_> = job.outputs.iter().map(stated).collect();
            of.scale_outputs(&mut self.normalizer, &are_fixed, &stated);
        }
        let ranges = job.coefficients.iter().map(|(name, _)| job.coefficient_ranges.get(name).copied());
        of.scale_coefficients(&mut self.normalizer, &ranges.collect::<Vec<_>>());
        for (&(set, term), scale) in equations.iter().zip(of.sizes(&self.normalizer)) {
            let term = &mut self.sets[set].loss.terms[term];
            term.residual = term.residual.clone().misfit(None, scale);
            term.scale = scale;
        }
    }

    /// The coefficients in a parameter block, in the user's units (K).
    pub fn coefficient_values(&self, parameters: &[f64]) -> Vec<f64> {
        self.normalizer.coefficients_of(&parameters[parameters.len() - self.coefficients..])
    }

    /// A set of the rows of a file, with the columns that its term reads.
    fn rows_of(&mut self, job: &Job, file: &Path, columns: &[String]) -> Result<usize> {
        let mut reader = job.table(file)?;
        reader.select(&job.input_columns(&reader).iter().chain(columns).collect::<Vec<_>>())?;
        let mut inputs = reader.read_rows()?;
        let columns = inputs.split_off(job.inputs.len());
        let mut points = PointSet { inputs, columns, ..PointSet::default() };
        outside::check_file(job, file.display(), &points)?;
        if job.training.bootstrap {
            points = points.bootstrap(self.seed, self.sets.len());
        }
        Ok(self.push(points, None))
    }

    /// A set of sampled points.
    fn sampled(&mut self, job: &Job, spec: &PointsSpec, place: &str) -> Result<usize> {
        let region = job.region(spec, place)?;
        let causal = spec.causal.as_ref().map(|causal| causal.over(place, &job.variables)).transpose()?;
        let source = Source::new(spec.clone(), region, causal);
        Ok(self.push(source.draw(self.seed, self.sets.len(), 0), Some(source)))
    }

    fn push(&mut self, points: PointSet, source: Option<Source>) -> usize {
        self.sets.push(TermSet { points, loss: Loss::default(), source, masks: vec![] });
        self.sets.len() - 1
    }

    /// All terms, set by set: the order of every report.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.sets.iter().flat_map(|set| &set.loss.terms)
    }

    /// The number of training rows; 0 without data.
    pub fn rows(&self) -> usize {
        self.data.as_ref().map_or(0, |data| data.training.points())
    }

    /// The validation rows as the loss reads them; their terms are those of the first set.
    pub fn validation(&self) -> Option<&PointSet> {
        self.validation.as_ref()
    }

    /// The number of fresh validation points, over all sets.
    pub fn fresh_points(&self) -> usize {
        let sampled = self.sets.iter().filter(|set| set.source.as_ref().is_some_and(Source::has_others));
        sampled.map(|set| set.points.points()).sum()
    }

    /// Whether a term of a set is validated at other points than its training points: what no validation row has
    /// measured is not.
    pub fn is_term_judged(&self, set: usize, term: usize) -> bool {
        let is_target = |data: &&Dataset| set == 0 && term < data.deviations.len();
        self.is_judged(set) && self.data.as_ref().filter(is_target).is_none_or(|data| data.judges(term))
    }

    /// Whether the terms of a set are validated at other points than their training points.
    pub fn is_judged(&self, set: usize) -> bool {
        match &self.sets[set].source {
            Some(source) => source.has_others(),
            None => set == 0 && self.validation().is_some(),
        }
    }

    /// All terms, and whether each is validated at other points than its training points.
    pub fn judged_terms(&self) -> impl Iterator<Item = (&Term, bool)> {
        let sets = self.sets.iter().enumerate();
        sets.flat_map(move |(index, set)| {
            let terms = set.loss.terms.iter().enumerate();
            terms.map(move |(k, term)| (term, self.is_term_judged(index, k)))
        })
    }

    /// The digest of all training and validation rows that come from files.
    pub fn digest(&self) -> String {
        let mut digest = Digest::default();
        let of_files = self.sets.iter().filter(|set| set.source.is_none()).map(|set| &set.points);
        for points in of_files.chain(self.validation()) {
            let columns = points.inputs.iter().chain(&points.columns).chain(&points.weights);
            columns.for_each(|column| digest.numbers(column));
        }
        self.transforms.fields.iter().for_each(|(_, field)| digest.part(field.digest().as_bytes()));
        digest.finish()
    }

    /// Where the trained network is evaluated (D, B).
    ///
    /// # Errors
    /// Those of the file, where the points come from one.
    pub fn prediction_points(&self, job: &Job) -> Result<Vec<Vec<f64>>> {
        match (&job.predictions.points, &self.data) {
            (PredictionPoints::Grid(axes), _) => Ok(grid(axes)),
            (PredictionPoints::File(file), _) => {
                let mut reader = job.table(file)?;
                reader.select(&job.input_columns(&reader))?;
                reader.read_rows()
            }
            (PredictionPoints::Data, Some(data)) => Ok(data.default_points()),
            (PredictionPoints::Data, None) => unreachable!("a job without data has a grid over its variables"),
        }
    }

    /// The network before its first step.
    pub fn model(&self, job: &Job) -> Model {
        let spec = job.network_spec();
        let steepness: Vec<_> = job.networks.iter().map(Network::steepness).collect();
        let mut parameters = initialize_each(&spec, &steepness, job.training.seed);
        parameters.truncate(spec.weights());
        for (index, (network, layers)) in job.networks.iter().zip(spec.layers_of_each()).enumerate() {
            let Some(start) = &network.start else { continue };
            let own = self.normalizer.of(&job.wiring(network));
            let features = self.transforms.features_of(index);
            let first = features.map_or(&own.inputs, |features| &features.document.scaling);
            let weights = start.model.rescaled(first, &own.outputs);
            parameters[layers[0].offset..][..weights.len()].copy_from_slice(&weights);
        }
        let starts = job.coefficients.iter().enumerate();
        parameters.extend(starts.map(|(index, (_, start))| self.normalizer.coefficient(index).trained(*start)));
        Model {
            inputs: job.inputs.clone(),
            outputs: job.outputs.clone(),
            coefficients: job.coefficients.iter().map(|(name, _)| name.clone()).collect(),
            normalizer: self.normalizer.clone(),
            transforms: self.transforms.clone(),
            precision: job.device.precision.stored(),
            parameters,
            ranges: self.ranges(job),
            spec,
        }
    }
}

/// What a network of the job reads in the place of its inputs, standardised over the rows of the data or
/// over points of the box.
fn features(job: &Job, network: &Network, data: Option<&Dataset>, normalizer: &Normalizer) -> Result<Option<Features>> {
    let mut texts = network.features.clone();
    let wiring = job.wiring(network);
    if let Some(Fourier { count, scale }) = network.fourier {
        let inputs = normalizer.of(&wiring).inputs;
        texts.extend(fourier(count, scale, job.training.seed, &network.inputs, &inputs));
    }
    if texts.is_empty() {
        return Ok(None);
    }
    let points = match data {
        Some(data) => data.training.inputs.clone(),
        None => {
            let spec = PointsSpec::inside(Sampler::Sobol, FEATURE_POINTS);
            sample(&job.region(&spec, "variables")?, spec.sampler, spec.count, 0, 0).inputs
        }
    };
    Features::fit("network.features", texts, &network.feature_scope(job), &wiring.own(&points)).map(Some)
}

/// Inputs as if they were uniform over the box; outputs as they are.
fn box_normalizer(job: &Job) -> Normalizer {
    let mean = job.variables.iter().map(|variable| 0.5 * (variable.low + variable.high)).collect();
    let scale = job.variables.iter().map(|variable| (variable.high - variable.low) / 12f64.sqrt()).collect();
    let outputs = Scaling::identity(job.outputs.len());
    Normalizer { inputs: Scaling { mean, scale }, outputs, coefficients: vec![] }
}
