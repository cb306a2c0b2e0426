//! What must hold between the keys of a job.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::keys;
use super::section::{Document, Section};
use crate::data::Data;
use crate::error::{Error, Result};
use crate::jet::{Derivative, Entry};
use crate::job::{Job, Length, OptimizerKind, Stage, TermPoints, Truth, TruthSource};
use crate::network::Perceptron;
use crate::optimizer::Evidence;
use crate::points::Resampling;

/// Second derivatives whose names are told apart.
const MOST_ENTRIES: usize = 5_000_000;

/// Everything that needs more than one section.
pub(super) fn across_sections(job: &mut Job, document: &Document, place: &Path) -> Result<()> {
    size(job, place)?;
    entries(job, document)?;
    terms(job, document)?;
    stages(job, place)?;
    evidence(job, document)?;
    job.stages_fit(None, &format!("{}: ", place.display()))?;
    smoothness(job, place)
}

/// The parameters can be counted in 31 bits, as shaders do, and so fit into memory.
fn size(job: &Job, place: &Path) -> Result<()> {
    const MOST_PARAMETERS: usize = (1 << 31) - 1;
    let spec = job.network_spec();
    let of_network = |count: usize, network: &Perceptron| {
        let mut widths = [network.inputs].into_iter().chain(network.widths()).chain([network.outputs]);
        let first = widths.next().unwrap_or(0);
        let count = widths.try_fold((first, count), |(before, count), width| {
            Some((width, count.checked_add(width.checked_mul(before.checked_add(1)?)?)?))
        });
        count.map(|(_, count)| count)
    };
    match spec.networks.iter().try_fold(job.coefficients.len(), of_network) {
        Some(count) if count <= MOST_PARAMETERS => Ok(()),
        _ => {
            let place = format!("{}: network.hidden", place.display());
            let problem = format!("a network of these widths has more than {MOST_PARAMETERS} parameters");
            Err(Error::input(place, problem, "use fewer or narrower layers"))
        }
    }
}

/// Training by evidence tells a curve from the noise of its values: what it weighs is rows of data alone.
fn evidence(job: &Job, document: &Document) -> Result<()> {
    if job.trains_by_evidence() && !job.has_one_network() {
        let problem = "the evidence optimizer trains one network that reads all inputs";
        let help = "use one [network], or another optimizer";
        return Err(Error::input(document.key_place("optimizer.name"), problem, help));
    }
    let is_of_data = job.data.is_some() && job.terms.is_empty() && job.loss.curvature == 0.0;
    if job.trains_by_evidence() && !is_of_data {
        let problem = "the evidence optimizer trains on the rows of [data] only and chooses the weight of smoothness \
                       itself";
        let help = "remove the [[term]] sections and loss.curvature, or use another optimizer";
        return Err(Error::input(document.key_place("optimizer.name"), problem, help));
    }
    Ok(())
}

/// Every weight and scale names a data term, and some weight is not 0.
fn terms(job: &Job, document: &Document) -> Result<()> {
    let names: Vec<String> = job.data_terms().map(|term| term.name).collect();
    let known: HashSet<&String> = names.iter().collect();
    let section = document.section("loss", keys::LOSS)?;
    for key in ["weights", "scales"] {
        let Some(item) = section.get(key) else { continue };
        if let Some((name, entry)) = item.entries()?.iter().find(|(name, _)| !known.contains(name)) {
            return Err(entry.unknown_entry(name, &names));
        }
    }
    let equations = job.terms.iter().map(|term| term.weight);
    if job.data_terms().map(|term| term.weight).chain(equations).all(|weight| weight == 0.0) {
        let problem = "every term has weight 0: there is nothing to fit";
        let place = if job.data.is_some() { section.place("value") } else { document.section_place("term") };
        return Err(Error::input(place, problem, "give a term a weight above 0"));
    }
    if job.balance.is_some() && names.len() + job.terms.len() < 2 {
        let problem = "this section has no effect: there is only one term, so nothing to balance";
        return Err(Error::input(document.section_place("balance"), problem, "remove it"));
    }
    Ok(())
}

/// What a stage draws anew is there, and refinement has more to choose from than it takes. An output's scale is not
/// stated twice.
fn stages(job: &Job, place: &Path) -> Result<()> {
    let sampled = job.terms.iter().filter_map(|term| match &term.points {
        TermPoints::Sampled(spec) => Some(spec.count),
        TermPoints::File(_) => None,
    });
    let most = sampled.max();
    for (k, stage) in job.stages.iter().enumerate() {
        let Some(Resampling { refine, .. }) = stage.resampling else { continue };
        let section = if job.stages.len() == 1 { "training.".to_string() } else { format!("stage {}: ", k + 1) };
        let place = |key: &str| format!("{}: {section}{key}", place.display());
        let Some(most) = most else {
            let problem = "no term has sampled points that could be redrawn";
            return Err(Error::input(place("resample_every"), problem, "remove it"));
        };
        if let Some(refine) = refine.filter(|refine| refine.candidates <= most) {
            let problem = format!("{} candidates are not enough for a term with {most} points", refine.candidates);
            return Err(Error::input(
                place("refine.candidates"),
                problem,
                "use more candidates than any term has points",
            ));
        }
    }
    let mut scaled = job.networks.iter().flat_map(|network| network.scales.keys());
    match scaled.find(|name| job.transforms.contains_key(*name)) {
        Some(name) => {
            let place = format!("{}: network.scales.{name}", place.display());
            let problem = format!("{name} has a transform, which already sets its scale");
            Err(Error::input(place, problem, "remove this scale, or write it into the transform, for example 1e5*net"))
        }
        None => Ok(()),
    }
}

impl Job {
    /// That every warm-up is shorter than its stage. Stages of epochs have a length once the `rows` are
    /// counted, and the Jacobian of one that trains by evidence a size. `place` comes before the key.
    pub(crate) fn stages_fit(&self, rows: Option<usize>, place: &str) -> Result<()> {
        for (k, stage) in self.stages.iter().enumerate() {
            self.jacobian_fits(stage, rows.unwrap_or(0), place)?;
            let steps = match (stage.length, rows) {
                (Length::Epochs(_), None) => continue,
                (_, rows) => stage.steps(rows.unwrap_or(0)),
            };
            let warmup = stage.schedule.warmup;
            if warmup >= steps {
                let (section, what) = match self.stages.len() {
                    1 => ("schedule.".to_string(), "run"),
                    _ => (format!("stage {}: ", k + 1), "stage"),
                };
                let problem = format!("the warm-up ({warmup} steps) must be shorter than the {what} ({steps} steps)");
                let place = format!("{place}{section}warmup");
                return Err(Error::input(place, problem, "use a shorter warm-up, or train for more steps"));
            }
        }
        Ok(())
    }
}

impl Job {
    fn jacobian_fits(&self, stage: &Stage, rows: usize, place: &str) -> Result<()> {
        let terms = self.data.iter().flat_map(Data::targets).count();
        let residuals = rows * terms;
        let gib = Evidence::bytes(residuals, self.network_spec().parameters(), terms) / f64::from(1 << 30);
        if stage.optimizer.kind != OptimizerKind::Evidence || gib <= stage.optimizer.memory {
            return Ok(());
        }
        let problem = format!("the Jacobian of {residuals} residuals and its linear system need {gib:.3} GiB");
        let help = "raise this limit, use a smaller network or fewer rows, or use adam";
        Err(Error::input(format!("{place}optimizer.memory"), problem, help))
    }
}

/// No derivative is asked of the network that it has not, but where the job insists.
fn smoothness(job: &mut Job, place: &Path) -> Result<()> {
    let transforms = job.transforms(str::to_string)?;
    let (spec, features) = (job.network_spec(), job.features());
    let outputs = job.derivatives(&spec, &features, &transforms);
    let mut warnings = vec![];
    let mut ask = |key: &str, allow_rough: bool, entries: Vec<Entry>, laplacian: &[f64]| match outputs.supports(
        &entries,
        laplacian,
        &format!("{}: {key}", place.display()),
    ) {
        Err(_) if allow_rough => {
            let warning = outputs.rough_warning(&entries, laplacian);
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
            Ok(())
        }
        result => result,
    };
    let trained = |key: &str, entries: &[Entry]| {
        let fed = spec.fed_outputs();
        // Training needs the next derivative by what feeds the network.
        let is_highest = |entry: &&Entry| {
            entry.derivative.order() >= Derivative::MOST && fed.iter().any(|(of, _)| *of == entry.output)
        };
        entries.iter().find(is_highest).map_or(Ok(()), |entry| {
            let name = entry.column(&job.inputs, &job.outputs);
            let problem = format!("{name} is a fourth derivative of a network that reads another output");
            let help = "train with values and derivatives up to the third of that network alone";
            Err(Error::input(format!("{}: {key}", place.display()), problem, help))
        })
    };
    let measured: Vec<Entry> = job.data.iter().flat_map(|data| &data.derivatives).map(|(entry, _)| *entry).collect();
    trained("data.derivatives", &measured)?;
    ask("data.derivatives", job.loss.allow_rough, measured, &[])?;
    if job.loss.curvature > 0.0 {
        let measured = job.data.as_ref().map_or(0, |data| data.outputs.len());
        let all = Entry::all(job.inputs.len(), measured, 2).into_iter();
        let bent: Vec<Entry> = all.filter(Entry::is_pure_second).collect();
        trained("loss.curvature", &bent)?;
        ask("loss.curvature", job.loss.allow_rough, bent, &[])?;
    }
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let key = match job.truth.as_ref().map(|truth| &truth.source) {
        Some(TruthSource::File { .. }) => "truth.columns",
        _ => "truth.expressions",
    };
    let known = job.truth.iter().flat_map(Truth::entries).map(|(entry, _)| *entry);
    let known = known.filter(|entry| entry.output < job.outputs.len()).collect();
    ask(key, job.predictions.allow_rough, known, &vec![1.0; job.inputs.len()])?;
    ask("predictions.order", job.predictions.allow_rough, outputs.jets(&layout), layout.laplacian())?;
    job.warnings.extend(warnings);
    Ok(())
}

/// No column plays two parts.
pub(super) fn columns(section: &Section, data: &Data) -> Result<()> {
    let mut parts: BTreeMap<&str, &str> = BTreeMap::new();
    let derivatives = data.derivatives.iter().map(|(_, column)| column.as_str());
    let named = [
        ("inputs", data.inputs.iter().map(String::as_str).collect::<Vec<_>>()),
        ("outputs", data.outputs.iter().map(String::as_str).collect()),
        ("derivatives", derivatives.collect()),
        ("weights", data.weights.iter().map(String::as_str).collect()),
    ];
    for (key, columns) in named {
        for column in columns {
            if let Some(other) = parts.insert(column, key) {
                let problem = format!("column {column:?} is named twice: in data.{other} and data.{key}");
                return Err(Error::input(section.place(key), problem, "use each column for one purpose only"));
            }
        }
    }
    Ok(())
}

/// No two entries of the results share a column, nor one with an input.
fn entries(job: &Job, document: &Document) -> Result<()> {
    let quantities: Vec<String> = job.outputs.iter().chain(&job.predictions.definitions).cloned().collect();
    let inputs = job.inputs.len();
    let count = inputs.saturating_mul(inputs).saturating_mul(quantities.len()) / 2;
    if count > MOST_ENTRIES {
        let key = if job.data.is_some() { "data.inputs" } else { "variables" };
        let problem = format!("{inputs} inputs give {count} second derivatives, more than {MOST_ENTRIES}");
        return Err(Error::input(document.key_place(key), problem, "use fewer inputs or fewer outputs"));
    }
    let mut names: HashSet<String> = job.inputs.iter().cloned().collect();
    let predicted = job.predictions.seconds.layout(job.predictions.order, inputs);
    let higher = predicted.derivatives().filter(|derivative| derivative.order() > 2).collect::<Vec<_>>();
    let of = |output| higher.iter().map(move |derivative| Entry { output, derivative: *derivative });
    let higher: Vec<Entry> = (0..quantities.len()).flat_map(of).collect();
    for entry in Entry::all(inputs, quantities.len(), 2).into_iter().chain(higher) {
        let name = entry.column(&job.inputs, &quantities);
        if !names.insert(name.clone()) {
            let problem = format!("with these inputs and outputs, two result columns would both be named {name:?}");
            let (key, help) = match job.data {
                Some(_) => ("data.outputs", "rename a column of the data file"),
                None => ("network.outputs", "rename an output"),
            };
            return Err(Error::input(document.key_place(key), problem, help));
        }
    }
    Ok(())
}
