//! `[network]`, or several `[[network]]`: what each reads and gives, and its shape.

use std::collections::BTreeMap;

use super::item::Item;
use super::lists::columns;
use super::read::Reader;
use super::section::Section;
use super::*;
use crate::error::{Error, Result, suggest};
use crate::network::DEFAULT_FREQUENCY;

impl Reader<'_> {
    /// The networks, and the names of the model's outputs: those of the data, then those that are in no file.
    pub(super) fn networks(&self, inputs: &[String], data: Option<&Data>) -> Result<(Vec<Network>, Vec<String>)> {
        let list = self.document.list("network");
        if list.is_empty() {
            let section = self.document.section("network", keys::NETWORK)?;
            let needs = "a job without [data], because data.outputs already names the outputs";
            section.only_if("outputs", data.is_none(), needs)?;
            let outputs = match data {
                Some(data) => data.outputs.clone(),
                None => section.required("outputs", "[\"u\"]", columns)?,
            };
            let network = self.network(&section, outputs.clone(), data, (inputs, &[]))?;
            return Ok((vec![network], outputs));
        }
        let mut networks: Vec<Network> = vec![];
        let mut given: Vec<String> = vec![];
        for item in list {
            let section = item.section(format!("{}: ", item.name), keys::NETWORK)?;
            let outputs = section.required("outputs", "[\"u\"]", columns)?;
            if let Some(twice) = outputs.iter().find(|output| given.contains(output)) {
                let problem = format!("another network gives {twice:?} already");
                let help = "give each output one network: for one of each material, u1 and u2, say";
                return Err(Error::input(section.place("outputs"), problem, help));
            }
            networks.push(self.network(&section, outputs.clone(), data, (inputs, &given))?);
            given.extend(outputs);
        }
        let measured = data.map_or(&[][..], |data| &data.outputs);
        if let Some(missing) = measured.iter().find(|output| !given.contains(output)) {
            let problem = format!("no network gives {missing:?}, a column of data.outputs");
            let help = "add it to the outputs of one of the [[network]] sections";
            return Err(Error::input(self.document.section_place("network"), problem, help));
        }
        let others = given.into_iter().filter(|output| !measured.contains(output));
        Ok((networks, measured.iter().cloned().chain(others).collect()))
    }

    /// One of them, where networks `before` it give these outputs.
    fn network(
        &self,
        section: &Section,
        outputs: Vec<String>,
        data: Option<&Data>,
        (all, before): (&[String], &[String]),
    ) -> Result<Network> {
        let inputs = section.read("inputs", all.to_vec(), columns)?;
        let known: Vec<&str> = all.iter().chain(before).map(String::as_str).collect();
        let place = || section.place("inputs");
        for (index, name) in inputs.iter().enumerate() {
            if outputs.contains(name) && !all.contains(name) {
                let problem = format!("this network cannot read {name:?}, which it gives");
                return Err(Error::input(place(), problem, "give that output a network of its own, before this one"));
            }
            if !known.contains(&name.as_str()) {
                let problem = format!("{name:?} is no input, and no output of a network before this one");
                return Err(Error::input(place(), problem, suggest(name, &known)));
            }
            if inputs[..index].contains(name) {
                return Err(Error::input(place(), format!("{name:?} is named twice"), "name each input once"));
            }
        }
        let start = self.start(section, &outputs)?;
        let hidden = section.read("hidden", vec![64, 64], |item| {
            item.list()?.iter().map(|width| Ok(width.count()? as usize)).collect()
        })?;
        let choices = Activation::ALL.map(|activation| (activation.name(), activation));
        let activation = section.read("activation", Activation::Tanh, |item| item.one_of(&choices))?;
        let is_sin = activation == Activation::Sin;
        section.only_if("frequency", is_sin, "activation = \"sin\"")?;
        section.only_if("steepness", !is_sin, "an activation other than \"sin\", which has frequency instead")?;
        let frequency = section.read("frequency", DEFAULT_FREQUENCY, Item::positive)?;
        let steepness = section.optional("steepness", Item::positive)?;
        let is_fed = inputs.iter().any(|name| !all.contains(name));
        for key in ["features", "fourier"] {
            section.only_if(key, !is_fed, "a network that reads inputs of the job alone, not outputs")?;
        }
        let texts = |item: &Item| item.list()?.iter().map(Item::text).collect();
        let fourier = |item: &Item| {
            let section = item.section(section.name_of("fourier."), keys::FOURIER)?;
            let count = section.required("count", "32", Item::count)? as usize;
            Ok(Fourier { count, scale: section.read("scale", 1.0, Item::positive)? })
        };
        let (features, fourier) = (section.read("features", vec![], texts)?, section.optional("fourier", fourier)?);
        let is_measured = |name: &String| data.is_some_and(|data| data.outputs.contains(name));
        let is_needed = outputs.iter().any(|name| !is_measured(name));
        section.only_if("scales", is_needed, "an output without a column in [data], which would set its scale")?;
        let scales = section.read("scales", BTreeMap::new(), |item| {
            let open: Vec<String> = outputs.iter().filter(|name| !is_measured(name)).cloned().collect();
            match item.entries()?.iter().find(|(name, _)| !open.contains(name)) {
                Some((name, entry)) => Err(entry.unknown_entry(name, &open)),
                None => item.numbers(Item::positive),
            }
        })?;
        let name = section.optional("name", Item::text)?;
        let frequency = is_sin.then_some(frequency);
        Ok(Network {
            name,
            inputs,
            outputs,
            hidden,
            activation,
            frequency,
            steepness,
            features,
            fourier,
            start,
            scales,
        })
    }
}
