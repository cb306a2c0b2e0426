//! `[windows]`: time in pieces that are trained one after another.

use super::read::Reader;
use super::{Job, TermPoints};
use crate::error::{Error, Result};
use crate::points::Variable;

/// The largest validation loss of an equation with which a window of `"auto"` is good enough.
const DEFAULT_TOLERANCE: f64 = 1e-4;
/// The most windows that a job may ask for.
const MOST_WINDOWS: u64 = 10_000;
/// The key beside the input's.
const TOLERANCE: &str = "tolerance";

/// `[windows]`
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// The input that is cut.
    pub input: usize,
    /// Where.
    pub cut: Cut,
}

/// Where windows begin and end.
#[derive(Clone, Debug, PartialEq)]
pub enum Cut {
    /// K + 1 ascending edges of K windows, the first and the last of which are the ends of the variable.
    At(Vec<f64>),
    /// Each as long as its equations' validation losses allow, which end at most at this tolerance.
    Auto(f64),
}

impl Reader<'_> {
    /// Where the time of the variables is cut.
    pub(super) fn windows(&self, variables: &[Variable]) -> Result<Option<Windows>> {
        let entries = self.document.entries("windows");
        let Some((name, item)) = entries.iter().find(|(name, _)| name != TOLERANCE) else {
            if self.document.has("windows") {
                let help = "name an input and where it is cut, for example: t = [0, 0.5, 1], or t = 4, or t = \"auto\"";
                return Err(Error::input(self.document.section_place("windows"), "this section names no input", help));
            }
            return Ok(None);
        };
        let names: Vec<String> = variables.iter().map(|variable| variable.name.clone()).collect();
        let Some(input) = names.iter().position(|known| known == name) else {
            return Err(item.unknown_entry(name, &names));
        };
        if let Some((other, item)) = entries.iter().find(|(other, _)| other != TOLERANCE && other != name) {
            let problem = format!("windows along {name} and along {other} cannot be combined");
            return Err(item.error(problem, "keep one input"));
        }
        let tolerance = entries.iter().find(|(name, _)| name == TOLERANCE);
        let is_auto = item.text().is_ok_and(|text| text == "auto");
        if let Some((_, tolerance)) = tolerance.filter(|_| !is_auto) {
            let problem = format!("this key has no effect beside windows.{name}");
            return Err(tolerance.error(problem, format!("remove it, or set {name} = \"auto\"")));
        }
        let Variable { low, high, .. } = variables[input];
        let cut = match (is_auto, item.list()) {
            (true, _) => {
                let tolerance = tolerance.map(|(_, tolerance)| tolerance.positive()).transpose()?;
                Cut::Auto(tolerance.unwrap_or(DEFAULT_TOLERANCE))
            }
            (false, Ok(list)) => {
                let edges = list.iter().map(|edge| edge.number()).collect::<Result<Vec<f64>>>()?;
                let fits = edges.len() > 1 && edges.is_sorted_by(|a, b| a < b);
                if !fits || edges.first() != Some(&low) || edges.last() != Some(&high) {
                    let problem = format!("these edges do not cut {name} = [{low}, {high}]");
                    return Err(item.error(problem, "list them ascending, from the interval's low to its high"));
                }
                Cut::At(edges)
            }
            (false, Err(_)) => {
                let count = item.count_up_to(MOST_WINDOWS)?;
                let edge = |k: u64| if k == count { high } else { low + (high - low) * k as f64 / count as f64 };
                Cut::At((0..=count).map(edge).collect())
            }
        };
        Ok(Some(Windows { input, cut }))
    }

    /// What a job with windows may not have.
    pub(super) fn allows_windows(&self, job: &Job) -> Result<()> {
        let Some(windows) = &job.windows else { return Ok(()) };
        let place = self.document.section_place("windows");
        let bad = |problem: &str, help: &str| Err(Error::input(&place, problem, help));
        if job.data.is_some() {
            return bad("windows are for equations, and the job has [data]", "remove one of the two sections");
        }
        if !job.coefficients.is_empty() {
            let problem = "each window would find coefficients of its own";
            return bad(problem, "give them as numbers, or remove this section");
        }
        if !job.has_one_network() {
            let problem = "windows of several networks cannot be trained";
            return bad(problem, "use one network that reads all inputs and gives all outputs, or remove this section");
        }
        if job.training.ensemble > 1 {
            return bad("an ensemble of windows cannot be trained", "remove training.ensemble, or this section");
        }
        if let Some(term) = job.terms.iter().find(|term| matches!(term.points, TermPoints::File(_))) {
            let problem = format!("windows draw their own points, and those of term {:?} come from a file", term.name);
            return bad(&problem, "sample its points, or remove this section");
        }
        let name = &job.inputs[windows.input];
        if job.variables[windows.input].is_logarithmic {
            return bad(&format!("{name} is over decades"), "remove \"log\" from its interval, or this section");
        }
        Ok(())
    }
}
