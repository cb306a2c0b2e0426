//! The pictures of a run directory.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::jet::{Derivative, Entry};
use crate::job::{Job, Picture};
use crate::network::Model;
use crate::plot::{self, Fit, FitRow, FitView, LossHistory, MapFigure, MapRow, Parity, Series, Sweep};
use crate::points::Variable;
use crate::predict::{Reference, Source, Within};
use crate::problem::Problem;
use crate::run::directory::{RunDir, coefficient_column};
use crate::run::results::PredictionPlan;
use crate::run::truth::Truths;

/// Rows of a fit from which on each output has a picture of its own.
const MOST_FIT_ROWS: usize = 6;
/// Maps side by side where the job names no places.
const SLICES: usize = 3;

/// What the network came to, beside what is known: the fit, maps over two inputs, predicted against measured.
///
/// # Errors
/// The device's, and those of the files.
pub fn of_model(
    job: &Job,
    problem: &Problem,
    plan: &PredictionPlan,
    source: &mut dyn Source,
    directory: &RunDir,
) -> Result<()> {
    let drawn = Drawn { job, directory };
    let domain = job.cut_domain();
    let truth = plan.truth.as_ref().map(Truths::reference);
    if drawn.is_wanted(Picture::Fit) {
        match domain {
            Some(domain) => drawn.fit(problem, plan, truth.as_ref(), &mut Within { source, domain })?,
            None => drawn.fit(problem, plan, truth.as_ref(), source)?,
        }
    }
    if job.inputs.len() > 2 {
        drawn.sweep(source)?;
    } else if drawn.is_wanted(Picture::Map) {
        let mapped = truth.as_ref().map_or(&plan.points[..], |truth| truth.points);
        if let Some(rows) = plot::map_rows(source, mapped, truth.as_ref(), domain)? {
            drawn.write(&drawn.map(rows), "map")?;
        }
    }
    let is_spread = job.inputs.len() > 1 && drawn.is_wanted(Picture::Parity);
    if let Some(data) = problem.data.as_ref().filter(|_| is_spread) {
        let mut panels = plot::parity_panels(source, data.outputs.len(), &data.training, data.validation.as_ref())?;
        panels.iter_mut().for_each(|panel| panel.output = job.label(&panel.output).to_string());
        drawn.write(&plot::parity(&Parity { title: job.name(), panels }), "parity")?;
    }
    Ok(())
}

/// The highest order above the second by one input alone that a term reads; else 0.
fn highest_read(problem: &Problem) -> usize {
    let terms = problem.sets.iter().flat_map(|set| &set.loss.terms);
    let read = terms.flat_map(|term| term.residual.entries()).map(|entry| entry.derivative);
    read.filter(|read| read.is_pure()).map(Derivative::order).filter(|order| *order > 2).max().unwrap_or(0)
}

/// The pictures that a job wants, in its directory.
struct Drawn<'a> {
    job: &'a Job,
    directory: &'a RunDir,
}

impl Drawn<'_> {
    fn is_wanted(&self, picture: Picture) -> bool {
        self.job.plots.what.contains(&picture)
    }

    fn write(&self, svg: &str, name: &str) -> Result<()> {
        plot::write(&self.scaled(svg), &self.directory.picture(name), &self.job.plots.formats)
    }

    fn scaled(&self, svg: &str) -> String {
        self.job.plots.width.map_or_else(|| svg.to_string(), |width| plot::scaled(svg, width))
    }

    fn fit(
        &self,
        problem: &Problem,
        plan: &PredictionPlan,
        truth: Option<&Reference>,
        source: &mut dyn Source,
    ) -> Result<()> {
        let job = self.job;
        let targets: Vec<Entry> = job.data.iter().flat_map(|data| data.targets()).map(|(entry, _)| entry).collect();
        let mut measured = vec![match &problem.data {
            Some(data) => {
                Reference { points: &data.training.inputs, entries: &targets, columns: &data.training.columns }
            }
            None => Reference { points: &plan.points, entries: &[], columns: &[] },
        }];
        let of_terms = problem.measurements(job)?;
        measured.extend(of_terms.iter().map(|(set, entry, column)| Reference {
            points: &problem.sets[*set].points.inputs,
            entries: std::slice::from_ref(entry),
            columns: std::slice::from_ref(column),
        }));
        let centre = self.centre(source.model());
        let is_logarithmic = |name: &String| job.variables.iter().any(|v| v.name == *name && v.is_logarithmic);
        let logarithmic: Vec<bool> = job.inputs.iter().map(is_logarithmic).collect();
        let order = job.predictions.order.max(highest_read(problem));
        let view = FitView { order, centre: &centre, logarithmic: &logarithmic };
        let mut rows = plot::fit_rows(source, &measured, truth, &view)?;
        let label = |name: &str| job.label(name).to_string();
        rows.iter_mut().for_each(|row| row.labels = Some([label(&row.input), label(&row.output)]));
        let draw =
            |rows: Vec<FitRow>| plot::fit(&Fit { title: job.name(), rows, warning: job.warnings.first().cloned() });
        if rows.len() <= MOST_FIT_ROWS || job.outputs.len() == 1 {
            return self.write(&draw(rows), "fit");
        }
        for (output, name) in job.outputs.iter().zip(file_names(&job.outputs)) {
            let own = rows.iter().filter(|row| row.output == *output).cloned().collect();
            self.write(&draw(own), &format!("fit.{name}"))?;
        }
        Ok(())
    }

    fn map(&self, mut rows: Vec<MapRow>) -> String {
        for row in &mut rows {
            let MapRow { output, x, y, .. } = row;
            [output, &mut x.name, &mut y.name].into_iter().for_each(|name| *name = self.job.label(name).to_string());
        }
        plot::map(&MapFigure { title: self.job.name(), rows, warning: None })
    }

    /// Maps over two of three or more inputs: side by side, and one after the other.
    fn sweep(&self, source: &mut dyn Source) -> Result<()> {
        let Some((sweep, places)) = self.sweep_of(source.model()) else { return Ok(()) };
        if self.is_wanted(Picture::Map) {
            let mut groups = sweep.rows(source, &[places])?;
            self.write(&self.map(groups.pop().unwrap_or_default()), "map")?;
        }
        if self.is_wanted(Picture::Animation) {
            let frames: Vec<Vec<f64>> =
                sweep.even(self.job.plots.frames).into_iter().map(|place| vec![place]).collect();
            let frames = sweep.rows(source, &frames)?.into_iter().map(|rows| self.scaled(&self.map(rows)));
            let bytes = plot::animation(&frames.collect::<Vec<_>>())?;
            plot::write_bytes(&bytes, &self.directory.picture("animation.png"))?;
        }
        Ok(())
    }

    /// The plane and the places of its maps; none where the inputs' intervals are not known.
    fn sweep_of(&self, model: &Model) -> Option<(Sweep, Vec<f64>)> {
        let (inputs, at) = (&self.job.inputs, &self.job.plots.at);
        if model.ranges.len() != inputs.len() {
            return None;
        }
        let several = inputs.iter().position(|name| at.get(name).is_some_and(|places| places.len() > 1));
        let is_placed = |input: &usize| at.contains_key(&inputs[*input]);
        // A picture is of space first; what is placed is not seen.
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|input| (is_placed(input), Variable::is_time_name(&inputs[*input])));
        let plane = [order[0], order[1]];
        let time = inputs.iter().position(|name| Variable::is_time_name(name));
        let is_free = |input: &usize| !plane.contains(input);
        let placed = inputs.iter().position(|name| at.contains_key(name));
        let along = several.or(time.filter(is_free)).or(placed.filter(is_free)).unwrap_or(order[2]);
        let plane = if plane.contains(&along) {
            [order[0], order[1]].map(|i| if i == along { order[2] } else { i })
        } else {
            plane
        };
        let domain = self.job.cut_domain().cloned();
        let sweep = Sweep { plane, along, ranges: model.ranges.clone(), centre: self.centre(model), domain };
        let places = at.get(&inputs[along]).cloned().unwrap_or_else(|| sweep.even(SLICES));
        Some((sweep, places))
    }

    /// Where inputs stand that a picture does not show (D).
    fn centre(&self, model: &Model) -> Vec<f64> {
        let placed = |name: &String| self.job.plots.at.get(name).filter(|places| places.len() == 1);
        let centre = self.job.inputs.iter().zip(&model.normalizer.inputs.mean);
        centre.map(|(name, mean)| placed(name).map_or(*mean, |places| places[0])).collect()
    }
}

/// Names of files for outputs: what no file system minds.
fn file_names(outputs: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let name = |(index, output): (usize, &String)| {
        let clean: String = output.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let name = if seen.contains(&clean) { format!("{clean}_{index}") } else { clean };
        seen.insert(name.clone());
        name
    };
    outputs.iter().enumerate().map(name).collect()
}

/// The course of the losses.
///
/// # Errors
/// Those of the files.
pub fn of_training(job: &Job, problem: &Problem, directory: &RunDir) -> Result<()> {
    let drawn = Drawn { job, directory };
    if !drawn.is_wanted(Picture::Loss) {
        return Ok(());
    }
    let mut names: Vec<String> = ["step", "loss"].map(str::to_string).into();
    names.extend(problem.terms().map(|term| format!("loss_{}", term.name)));
    let terms = names.len();
    names.extend(job.coefficients.iter().map(|(name, _)| coefficient_column(name)));
    let is_judged = problem.judged_terms().any(|(_, is_judged)| is_judged);
    names.extend(is_judged.then(|| "validation".to_string()));
    let columns = directory.read_metrics(&names)?;
    let series = |column: usize| Series::new(columns[0].clone(), columns[column].clone());
    let history = LossHistory {
        title: job.name(),
        training: series(1),
        validation: is_judged.then(|| series(names.len() - 1)),
        terms: problem.terms().enumerate().map(|(k, term)| (term.name.clone(), series(2 + k))).collect(),
        coefficients: (terms..).zip(&job.coefficients).map(|(k, (name, _))| (name.clone(), series(k))).collect(),
    };
    drawn.write(&plot::loss(&history), "loss")
}
