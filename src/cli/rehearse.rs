//! `jetfit train --check`: what would be trained.

use crate::error::{Error, Result, number};
use crate::job::Job;
use crate::run::directory::RunDir;
use crate::run::rehearsal::{Phase, Rehearsal, Set, rehearse};
use serde_json::json;

use super::table::table;
use super::{Display, Format, print};

const GIB: f64 = (1u64 << 30) as f64;

/// Rehearses a job, and prints what came of it.
pub fn run(job: &Job, force: bool, display: &Display) -> Result<()> {
    let mut rehearsal = rehearse(job)?;
    match RunDir::may_hold_new(&job.output, force) {
        Err(Error::Input(error)) => {
            rehearsal.warnings.push(format!("{}: {}; {}", error.place, error.problem, error.help))
        }
        Err(error) => return Err(error),
        Ok(()) => {}
    }
    print(&match display.format {
        Format::Json => json!(rehearsal).to_string(),
        Format::Human => for_people(&rehearsal),
    })
}

fn for_people(rehearsal: &Rehearsal) -> String {
    let Rehearsal { training_rows, validation_rows, widths, parameters, device, .. } = rehearsal;
    let mut lines = vec!["nothing was trained; this would be:".to_string()];
    let mut say = |what: &str, text: String| lines.push(format!("  {what:<12} {text}"));
    if *training_rows > 0 {
        say("rows", format!("{training_rows} to train on, {validation_rows} that judge"));
    }
    let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
    say("network", format!("{} ({parameters} parameters)", widths.join(" → ")));
    if rehearsal.ensemble > 1 {
        say("ensemble", format!("{} networks", rehearsal.ensemble));
    }
    rehearsal.open.iter().for_each(|open| say("tried first", open.clone()));
    for (k, Phase { optimizer, steps, batch_size, .. }) in rehearsal.stages.iter().enumerate() {
        let rows = batch_size.map(|size| format!(", {size} rows each")).unwrap_or_default();
        say(&format!("stage {}", k + 1), format!("{optimizer}, {steps} steps at most{rows}"));
    }
    say("device", device.clone());
    say("memory", format!("about {:.2} GiB", rehearsal.memory / GIB));
    say("predictions", format!("{} points", rehearsal.prediction_points));
    say("directory", rehearsal.directory.clone());
    lines.push(table(&["term", "points", "weight", "scale", "channels"], &rows(&rehearsal.sets)));
    lines.extend(rehearsal.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n")
}

fn rows(sets: &[Set]) -> Vec<Vec<String>> {
    let of_set = |set: &Set| {
        let places = if set.places > 1 { format!(" at {} places", set.places) } else { String::new() };
        let channels = format!("{}{places}", set.channels.join(", "));
        let row = |term: &crate::run::rehearsal::Posed| {
            let points = match term.counted == set.points {
                true => set.points.to_string(),
                false => format!("{} of {} measured", term.counted, set.points),
            };
            vec![term.name.clone(), points, number(term.weight), format!("{:.3e}", term.scale), channels.clone()]
        };
        set.terms.iter().map(row).collect::<Vec<_>>()
    };
    sets.iter().flat_map(of_set).collect()
}
