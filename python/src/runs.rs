//! Jobs to run directories.

use std::path::PathBuf;

use jetfit::error::Result;
use jetfit::job::{Job, Overrides};
use jetfit::run::directory::RunDir;
use jetfit::run::{Mode, Observer, ensemble, run};
use jetfit::threads;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::errors::exception;
use crate::watch::watched;

/// Trains a job: its text, or that of the file at `place`, at whose folder relative paths begin. `set` replaces
/// keys, each `section.key=VALUE`. Gives the run directory.
#[pyfunction]
#[pyo3(signature = (text, place, set, directory, force, listener))]
pub fn train(
    text: Option<&str>,
    place: PathBuf,
    set: Vec<String>,
    directory: Option<PathBuf>,
    force: bool,
    listener: &Bound<PyAny>,
) -> PyResult<PathBuf> {
    let overrides = Overrides { directory, set, ..Overrides::default() };
    let job = match text {
        Some(text) => Job::parse(text, &place, &overrides),
        None => Job::read(&place, &overrides),
    };
    trained(job.map_err(exception)?, if force { Mode::Replace } else { Mode::New }, listener)
}

/// Continues the run of a directory; `edited` accepts that its job has changed.
#[pyfunction]
pub fn resume(directory: PathBuf, edited: bool, listener: &Bound<PyAny>) -> PyResult<PathBuf> {
    let job = RunDir::open(&directory)
        .and_then(|run| Job::read(run.job(), &Overrides { directory: Some(directory), ..Overrides::default() }));
    trained(job.map_err(exception)?, if edited { Mode::ResumeEdited } else { Mode::Resume }, listener)
}

fn trained(job: Job, mode: Mode, listener: &Bound<PyAny>) -> PyResult<PathBuf> {
    // Those of an earlier call stay.
    let _ = threads::start(job.device.threads);
    let directory = job.output.clone();
    let work = move |observer: &mut (dyn Observer + Send), stop: &_| -> Result<()> {
        match job.training.ensemble {
            0 | 1 => run(&job, mode, observer, stop).map(drop),
            members => ensemble::train(&job, members, mode, observer, stop).map(drop),
        }
    };
    match watched(listener, work)? {
        (_, Some(raised)) => Err(match raised.is_instance_of::<PyKeyboardInterrupt>(listener.py()) {
            true if RunDir::open(&directory).is_ok_and(|run| run.checkpoint().is_file()) => {
                let text = format!("the run is saved; jetfit.resume({:?}) continues it", directory.display());
                PyKeyboardInterrupt::new_err(text)
            }
            _ => raised,
        }),
        (ended, None) => ended.map(|()| directory).map_err(exception),
    }
}
