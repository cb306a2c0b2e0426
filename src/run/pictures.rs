//! The pictures of a run directory.

use crate::error::Result;
use crate::jet::Entry;
use crate::job::Job;
use crate::plot::{self, Fit, LossHistory, MapFigure, MapRow, Parity, Series};
use crate::predict::{Reference, Source};
use crate::problem::Problem;
use crate::run::directory::{RunDir, coefficient_column};
use crate::run::results::PredictionPlan;
use crate::run::truth::Truths;

/// What the network came to, beside what is known: the fit, a map of two inputs, predicted against measured.
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
    let targets: Vec<Entry> = job.data.iter().flat_map(|data| data.targets()).map(|(entry, _)| entry).collect();
    let mut measured = vec![match &problem.data {
        Some(data) => Reference { points: &data.training.inputs, entries: &targets, columns: &data.training.columns },
        None => Reference { points: &plan.points, entries: &[], columns: &[] },
    }];
    let of_terms = problem.measurements(job)?;
    measured.extend(of_terms.iter().map(|(set, entry, column)| Reference {
        points: &problem.sets[*set].points.inputs,
        entries: std::slice::from_ref(entry),
        columns: std::slice::from_ref(column),
    }));
    let truth = plan.truth.as_ref().map(Truths::reference);
    let mut rows = plot::fit_rows(source, &measured, truth.as_ref(), job.predictions.order)?;
    let label = |name: &str| job.label(name).to_string();
    rows.iter_mut().for_each(|row| row.labels = Some([label(&row.input), label(&row.output)]));
    let fit = Fit { title: job.name(), rows, warning: job.warnings.first().cloned() };
    plot::write_svg_png(&plot::fit(&fit), &directory.picture("fit"))?;
    let mapped = truth.as_ref().map_or(&plan.points[..], |truth| truth.points);
    if let Some(mut rows) = plot::map_rows(source, mapped, truth.as_ref())? {
        for row in &mut rows {
            let MapRow { output, x, y, .. } = row;
            [output, &mut x.name, &mut y.name].into_iter().for_each(|name| *name = label(name));
        }
        let map = MapFigure { title: job.name(), rows, warning: None };
        plot::write_svg_png(&plot::map(&map), &directory.picture("map"))?;
    }
    if let Some(data) = problem.data.as_ref().filter(|_| job.inputs.len() > 1) {
        let mut panels = plot::parity_panels(source, &data.training, data.validation.as_ref())?;
        panels.iter_mut().for_each(|panel| panel.output = label(&panel.output));
        plot::write_svg_png(&plot::parity(&Parity { title: job.name(), panels }), &directory.picture("parity"))?;
    }
    Ok(())
}

/// The course of the losses.
///
/// # Errors
/// Those of the files.
pub fn of_training(job: &Job, problem: &Problem, directory: &RunDir) -> Result<()> {
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
    plot::write_svg_png(&plot::loss(&history), &directory.picture("loss"))
}
