//! `network.start`: the trained network that training begins with, and what comes with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::read::Reader;
use super::section::Section;
use super::{Job, Start};
use crate::error::{Error, Result};
use crate::expression::is_name;
use crate::network::{Model, model_path};

/// Keys whose place a trained network takes.
const OWN_KEYS: [&str; 6] = ["hidden", "activation", "frequency", "steepness", "features", "fourier"];

impl Reader<'_> {
    /// The network itself, which gives these outputs.
    pub(super) fn start(&self, section: &Section, outputs: &[String]) -> Result<Option<Start>> {
        let place = section.place("start");
        let in_memory = self.overrides.start.as_ref().map(|model| Start::of(None, Arc::clone(model), outputs, &place));
        let in_file = section.optional("start", |item| {
            let file = self.path(item)?;
            let model = Arc::new(Model::read(model_path(&file)?)?);
            Start::of(Some(file), model, outputs, &place)
        })?;
        let start = in_memory.transpose()?.or(in_file);
        for key in OWN_KEYS {
            section.only_if(key, start.is_none(), "a network that starts anew, since network.start brings its own")?;
        }
        Ok(start)
    }

    /// Its features and transforms, and the definitions that these read, become the job's.
    pub(super) fn continue_from_start(&self, job: &mut Job) -> Result<()> {
        for index in 0..job.networks.len() {
            let Some(start) = job.networks[index].start.clone() else { continue };
            let place = match self.document.list("network").get(index) {
                Some(item) => format!("{}: start", item.place()),
                None => self.document.key_place("network.start"),
            };
            self.continue_network(job, index, &start, &place)?;
        }
        Ok(())
    }

    fn continue_network(&self, job: &mut Job, index: usize, start: &Start, place: &str) -> Result<()> {
        let Start { model, whole, .. } = start;
        let network = &job.networks[index];
        for (what, own, wanted) in
            [("inputs", &model.inputs, &network.inputs), ("outputs", &model.outputs, &network.outputs)]
        {
            if own != wanted {
                let problem =
                    format!("this network's {what} are {}, and the job's {}", own.join(", "), wanted.join(", "));
                return Err(Error::input(place, problem, "give both the same names in the same order"));
            }
        }
        let of_own = |texts: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let texts = texts.iter().filter(|(name, _)| model.outputs.contains(name));
            texts.map(|(name, text)| (name.clone(), text.clone())).collect()
        };
        let (own, wanted) = (of_own(&whole.transforms.texts), of_own(&job.transforms));
        if wanted.is_empty() {
            job.transforms.extend(own);
        } else if own != wanted {
            let problem = "these are not the transforms that this network was trained with".to_string();
            let help = "remove this section: they come with the network";
            return Err(Error::input(self.document.section_place("transforms"), problem, help));
        }
        // Distances stay with the network.
        for (name, text) in whole.transforms.definitions.iter().filter(|(name, _)| is_name(name)) {
            let own = job.definitions.entry(name.clone()).or_insert_with(|| text.clone());
            if own != text {
                let problem = format!("this network was trained with {name} = {text:?}");
                let help = "give this definition another name";
                return Err(Error::input(self.document.key_place(&format!("definitions.{name}")), problem, help));
            }
        }
        if let Some(features) = model.transforms.features_of(0) {
            job.networks[index].features.clone_from(&features.document.functions);
        }
        Ok(())
    }
}

impl Start {
    /// A model, or of one with several networks that which gives these outputs.
    fn of(file: Option<PathBuf>, whole: Arc<Model>, outputs: &[String], place: &str) -> Result<Self> {
        if whole.spec.only().is_some() {
            return Ok(Self { file, model: Arc::clone(&whole), whole });
        }
        let networks = (0..whole.spec.networks.len()).map(|network| whole.alone(network));
        match networks.into_iter().find(|network| network.outputs == outputs) {
            Some(network) => Ok(Self { file, model: Arc::new(network), whole }),
            None => {
                let problem = format!("no network of this model has the outputs {}", outputs.join(", "));
                Err(Error::input(place, problem, "name the outputs of one of its networks, in the same order"))
            }
        }
    }
}
