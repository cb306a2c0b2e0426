//! `checkpoint.safetensors`: a run's [`State`] on disk, exact to the bit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::backend::OptimizerState;
use crate::error::{Error, Result};
use crate::files::safetensors_file::{Tensor, TensorFile};
use crate::jet::Normalizer;
use crate::network::{NetworkSpec, ShapeDocument};
use crate::numbers::Precision;
use crate::optimizer::{Damping, History, Memory, Plateau, Prior};
use crate::problem::Adapted;
use crate::trainer::{Best, StageEnd, State};

/// The version of the file.
const FORMAT: u64 = 4;

/// The tensors of the history of L-BFGS (rows, P).
const STEPS: &str = "history_steps";
const CHANGES: &str = "history_changes";

/// All but the tensors.
#[derive(Serialize, Deserialize)]
struct Document {
    checkpoint: u64,
    job: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ensemble: Option<String>,
    data: String,
    step: u64,
    seconds: f64,
    #[serde(rename = "over", default, skip_serializing_if = "Vec::is_empty")]
    stage_ends: Vec<StageEnd>,
    plateau: Plateau,
    /// Rows of the history of L-BFGS.
    #[serde(default)]
    history: usize,
    best: Option<BestDocument>,
    #[serde(flatten)]
    shape: ShapeDocument,
    /// Those of the networks behind the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<ShapeDocument>,
    normalizer: Normalizer,
    #[serde(default)]
    adapted: Adapted,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    damping: Option<Damping>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prior: Option<Prior>,
}

#[derive(Serialize, Deserialize)]
struct BestDocument {
    step: u64,
    loss: f64,
    waited: u64,
}

/// Whose state it is: what a run that goes on must have in common with the one that was stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The digest of the text of its `job.toml`.
    pub job: String,
    /// That of the ensemble's, for a member of one.
    pub ensemble: Option<String>,
    /// The digest of the rows of all files that it is trained on: [`crate::problem::Problem::digest`].
    pub data: String,
    /// The network's shape.
    pub spec: NetworkSpec,
    /// How the parameters are stored.
    pub precision: Precision,
    /// The scaling that the parameters are for.
    pub normalizer: Normalizer,
}

/// The memories of all methods side by side, as the file has them: all but the state's own are those of a beginning.
struct Memories<'a> {
    first_moment: Cow<'a, [f64]>,
    second_moment: Cow<'a, [f64]>,
    plateau: Plateau,
    steps: &'a [Vec<f64>],
    changes: &'a [Vec<f64>],
    damping: Option<&'a Damping>,
    prior: Option<&'a Prior>,
}

impl<'a> Memories<'a> {
    fn new(memory: &'a Memory, parameters: usize) -> Self {
        let zeros = || Cow::Owned(vec![0.0; parameters]);
        let (first_moment, second_moment, plateau) = match memory {
            Memory::Adam { moments, plateau } => {
                (Cow::Borrowed(&moments.first_moment[..]), Cow::Borrowed(&moments.second_moment[..]), *plateau)
            }
            _ => (zeros(), zeros(), Plateau::default()),
        };
        let (steps, changes) = match memory {
            Memory::Lbfgs(history) => (&history.steps[..], &history.changes[..]),
            _ => (&[][..], &[][..]),
        };
        let (damping, prior) = match memory {
            Memory::GaussNewton(damping) => (Some(damping), None),
            Memory::Evidence(prior) => (None, Some(prior)),
            _ => (None, None),
        };
        Self { first_moment, second_moment, plateau, steps, changes, damping, prior }
    }
}

/// Writes the state of a run.
pub fn write(path: &Path, state: &State, origin: &Origin) -> Result<()> {
    let best = state.best.as_ref();
    let Origin { spec, precision, .. } = origin;
    let memory = Memories::new(&state.memory, spec.parameters());
    let (shape, others) = shapes(spec);
    let document = Document {
        checkpoint: FORMAT,
        job: origin.job.clone(),
        ensemble: origin.ensemble.clone(),
        data: origin.data.clone(),
        step: state.step,
        seconds: state.seconds,
        stage_ends: state.stage_ends.clone(),
        plateau: memory.plateau,
        history: memory.steps.len(),
        best: best.map(|best| BestDocument { step: best.step, loss: best.loss, waited: best.waited }),
        shape,
        others,
        normalizer: origin.normalizer.clone(),
        adapted: state.adapted.clone(),
        damping: memory.damping.cloned(),
        prior: memory.prior.cloned(),
    };
    let blocks = [
        ("parameters", *precision, Some(&state.parameters[..])),
        ("first_moment", *precision, Some(&memory.first_moment)),
        ("second_moment", *precision, Some(&memory.second_moment)),
        // Summed on the host, whatever the parameters' format.
        ("scales", Precision::F64, memory.damping.map(|damping| &damping.scales[..])),
        ("best_parameters", *precision, best.map(|best| &best.parameters[..])),
    ];
    let tensor = |precision, values: &[f64]| Tensor { shape: vec![values.len()], precision, values: values.to_vec() };
    let tensors =
        blocks.into_iter().filter_map(|(name, precision, block)| Some((name.to_string(), tensor(precision, block?))));
    let mut tensors: BTreeMap<_, _> = tensors.collect();
    for (name, rows) in [(STEPS, memory.steps), (CHANGES, memory.changes)] {
        if !rows.is_empty() {
            let shape = vec![rows.len(), spec.parameters()];
            tensors.insert(name.to_string(), Tensor { shape, precision: Precision::F64, values: rows.concat() });
        }
    }
    let document = serde_json::to_value(document).expect("a document of numbers");
    TensorFile::new(document, tensors).write(path)
}

/// Reads the state of a run of this origin; one whose job `is_edited` has another digest of it.
///
/// # Errors
/// [`Error::Input`] for a file that is no checkpoint, another job's or another network's, and where the data is not
/// what the run was trained on.
pub fn read(path: &Path, origin: &Origin, is_edited: bool) -> Result<State> {
    let wrong = |problem: String, help: &str| Error::input(path.display(), problem, help);
    let file = TensorFile::read(path)?;
    let document: Document = match file.document.get("checkpoint").map(|format| format.as_u64()) {
        Some(Some(FORMAT)) => serde_json::from_value(file.document.clone()),
        Some(Some(other)) => {
            let problem = format!("this checkpoint has format {other}, expected {FORMAT}");
            return Err(wrong(problem, "resume with the version of jetfit that wrote it"));
        }
        _ => Err(serde::de::Error::missing_field("checkpoint")),
    }
    .map_err(|error| {
        wrong(format!("this is not a checkpoint: {error}"), "use a run directory that `jetfit train` created")
    })?;
    if !file.is_verified {
        let problem = "the checkpoint has no checksum, so it may be damaged".to_string();
        return Err(wrong(problem, "use an unmodified checkpoint that jetfit wrote, or start a new run"));
    }
    origin.check(&document, is_edited, path)?;
    let (spec, precision) = (&origin.spec, origin.precision);
    let block = |name: &str| {
        let tensor = file.tensor(name, &[spec.parameters()], path)?;
        if tensor.precision != precision {
            let problem = format!("the run has precision {}, but the job has {precision}", tensor.precision);
            return Err(wrong(problem, "resume with the precision of the run"));
        }
        Ok(tensor.values.clone())
    };
    let best = |best: BestDocument| {
        let parameters = block("best_parameters")?;
        Ok(Best { step: best.step, loss: best.loss, waited: best.waited, parameters })
    };
    let history = |name: &str| -> Result<Vec<Vec<f64>>> {
        let shape = [document.history, spec.parameters()];
        let rows = (document.history > 0).then(|| file.tensor(name, &shape, path)).transpose()?;
        Ok(rows.map_or(vec![], |rows| rows.values.chunks(shape[1]).map(<[f64]>::to_vec).collect()))
    };
    let moments = OptimizerState { first_moment: block("first_moment")?, second_moment: block("second_moment")? };
    let memory = match document {
        Document { damping: Some(damping), .. } => {
            let scales = file.tensor("scales", &[spec.parameters()], path)?.values.clone();
            Memory::GaussNewton(Damping { scales, ..damping })
        }
        Document { prior: Some(prior), .. } => Memory::Evidence(prior),
        Document { history: 1.., .. } => Memory::Lbfgs(History { steps: history(STEPS)?, changes: history(CHANGES)? }),
        Document { plateau, .. } => Memory::Adam { moments, plateau },
    };
    Ok(State {
        step: document.step,
        seconds: document.seconds,
        parameters: block("parameters")?,
        stage_ends: document.stage_ends,
        memory,
        best: document.best.map(best).transpose()?,
        adapted: document.adapted,
    })
}

/// The shape of the first network, and those of the others.
fn shapes(spec: &NetworkSpec) -> (ShapeDocument, Vec<ShapeDocument>) {
    let mut shapes = spec.networks.iter().map(ShapeDocument::new);
    (shapes.next().expect("a model has a network"), shapes.collect())
}

impl Origin {
    fn check(&self, document: &Document, is_edited: bool, path: &Path) -> Result<()> {
        let wrong = |problem: String, help: &str| Err(Error::input(path.display(), problem, help));
        if (document.job != self.job || self.ensemble.is_some() && document.ensemble != self.ensemble) && !is_edited {
            let problem = "the run's job.toml has changed since this checkpoint was written".to_string();
            let help = "restore it (flags such as --steps may differ), or add --edited to resume with the edited job";
            return wrong(problem, help);
        }
        let (shape, others) = shapes(&self.spec);
        if document.shape != shape || document.others != others {
            let problem = format!(
                "the checkpoint belongs to another network: it has {}, but the job has {shape}",
                document.shape
            );
            return wrong(problem, "restore the job's [network], or start a new run");
        }
        // The scaling follows from the data, but not from the data alone.
        if document.data != self.data || document.normalizer != self.normalizer {
            let problem = "the job's data has changed since this checkpoint was written".to_string();
            return wrong(problem, "restore the data files, or start a new run");
        }
        Ok(())
    }
}
