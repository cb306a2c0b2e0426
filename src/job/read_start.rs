//! `network.start`: the trained network that training begins with, and what comes with it.

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
    /// The network itself.
    pub(super) fn start(&self, section: &Section) -> Result<Option<Start>> {
        let in_memory = self.overrides.start.as_ref().map(|model| Start { file: None, model: Arc::clone(model) });
        let in_file = section.optional("start", |item| {
            let file = self.path(item)?;
            let model = Arc::new(Model::read(model_path(&file)?)?);
            Ok(Start { file: Some(file), model })
        })?;
        let start = in_memory.or(in_file);
        for key in OWN_KEYS {
            section.only_if(key, start.is_none(), "a network that starts anew, since network.start brings its own")?;
        }
        Ok(start)
    }

    /// Its features and transforms, and the definitions that these read, become the job's.
    pub(super) fn continue_from_start(&self, job: &mut Job) -> Result<()> {
        let Some(Start { model, .. }) = job.network.start.clone() else { return Ok(()) };
        let place = self.document.key_place("network.start");
        for (what, own, wanted) in [("inputs", &model.inputs, &job.inputs), ("outputs", &model.outputs, &job.outputs)] {
            if own != wanted {
                let problem =
                    format!("this network's {what} are {}, and the job's {}", own.join(", "), wanted.join(", "));
                return Err(Error::input(place, problem, "give both the same names in the same order"));
            }
        }
        let transforms = &model.transforms;
        if job.transforms.is_empty() {
            job.transforms.clone_from(&transforms.texts);
        } else if job.transforms != transforms.texts {
            let problem = "these are not the transforms that this network was trained with".to_string();
            let help = "remove this section: they come with the network";
            return Err(Error::input(self.document.section_place("transforms"), problem, help));
        }
        // Distances stay with the network.
        for (name, text) in transforms.definitions.iter().filter(|(name, _)| is_name(name)) {
            let own = job.definitions.entry(name.clone()).or_insert_with(|| text.clone());
            if own != text {
                let problem = format!("this network was trained with {name} = {text:?}");
                let help = "give this definition another name";
                return Err(Error::input(self.document.key_place(&format!("definitions.{name}")), problem, help));
            }
        }
        if let Some(features) = &transforms.features {
            job.network.features.clone_from(&features.document.functions);
        }
        Ok(())
    }
}
