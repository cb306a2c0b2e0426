//! The pictures of a run.

use std::collections::BTreeMap;

use super::item::Item;
use super::read::Reader;
use super::{Picture, PictureFormat, Plots, keys};
use crate::error::{Error, Result};

/// Pixels of the widest picture, and pictures of the longest animation.
const MOST_PIXELS: u64 = 20_000;
const MOST_FRAMES: u64 = 1000;

impl Reader<'_> {
    pub(super) fn plots(&self, inputs: &[String]) -> Result<Plots> {
        let section = self.document.section("plots", keys::PLOTS)?;
        let Plots { what, formats, frames, .. } = Plots::default();
        let what = section
            .read("what", what, |item| item.list()?.iter().map(|picture| picture.one_of(&Picture::ALL)).collect())?;
        let is_animated = what.contains(&Picture::Animation);
        section.only_if("frames", is_animated, "\"animation\" in plots.what")?;
        let at = section.read("at", BTreeMap::new(), |item| places(item, inputs))?;
        if at.values().filter(|places| places.len() > 1).count() > 1 {
            let problem = "two inputs have several places: a row of maps moves along one input";
            return Err(Error::input(section.place("at"), problem, "give all but one of them a single place"));
        }
        if is_animated && inputs.len() < 3 {
            let problem = format!("an animation moves along a third input, and the job has {}", inputs.len());
            return Err(Error::input(section.place("what"), problem, "remove \"animation\""));
        }
        Ok(Plots {
            formats: section.read("format", formats, |item| {
                item.list()?.iter().map(|format| format.one_of(&PictureFormat::ALL)).collect()
            })?,
            width: section.optional("width", |item| item.count_up_to(MOST_PIXELS))?.map(|width| width as u32),
            frames: section.read("frames", frames as u64, |item| item.count_up_to(MOST_FRAMES))? as usize,
            what,
            at,
        })
    }
}

/// Places by the input's name.
fn places(item: &Item, inputs: &[String]) -> Result<BTreeMap<String, Vec<f64>>> {
    let entries = item.entries()?;
    let place = |(name, entry): (&String, &Item)| match inputs.contains(name) {
        false => Err(entry.unknown_entry(name, inputs)),
        true => {
            let places: Vec<f64> = entry.list()?.iter().map(Item::number).collect::<Result<_>>()?;
            match places.is_empty() {
                true => Err(entry.error("this list is empty", "give at least one place, or remove the input")),
                false => Ok((name.clone(), places)),
            }
        }
    };
    entries.iter().map(place).collect()
}
