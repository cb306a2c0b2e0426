//! Work on a thread of its own, while the one that asked for it hears Python's signals and calls back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jetfit::error::Result;
use jetfit::run::{Observer, Report};
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// How often it is looked whether a signal came.
const LOOK: Duration = Duration::from_millis(50);

/// What the work tells.
enum News {
    Settling(String),
    Started { device: String, done: u64, steps: u64 },
    Report(Box<Report>),
    Warning(String),
}

/// Tells it to the thread that waits, and goes on once that has heard it.
struct Teller(SyncSender<News>);

impl Teller {
    fn tell(&self, news: News) {
        // Nobody hears it where the wait was given up.
        let _ = self.0.send(news);
    }
}

impl Observer for Teller {
    fn settling(&mut self, what: &str) {
        self.tell(News::Settling(what.to_string()));
    }

    fn started(&mut self, device: &str, done: u64, steps: u64) {
        self.tell(News::Started { device: device.to_string(), done, steps });
    }

    fn report(&mut self, report: &Report) {
        self.tell(News::Report(Box::new(report.clone())));
    }

    fn warning(&mut self, text: &str) {
        self.tell(News::Warning(text.to_string()));
    }
}

impl News {
    /// Calls `listener(kind, what)`.
    fn hand(self, listener: &Bound<PyAny>) -> PyResult<()> {
        let what = PyDict::new(listener.py());
        let kind = match self {
            News::Settling(text) => {
                what.set_item("text", text)?;
                "settling"
            }
            News::Started { device, done, steps } => {
                what.set_item("device", device)?;
                what.set_item("done", done)?;
                what.set_item("steps", steps)?;
                "started"
            }
            News::Report(report) => {
                what.set_item("step", report.step)?;
                what.set_item("seconds", report.seconds)?;
                what.set_item("stage", report.stage)?;
                what.set_item("rate", report.rate)?;
                what.set_item("gradient_norm", report.gradient_norm)?;
                what.set_item("loss", report.loss)?;
                what.set_item("terms", report.training)?;
                what.set_item("validation", report.validation_loss)?;
                "report"
            }
            News::Warning(text) => {
                what.set_item("text", text)?;
                "warning"
            }
        };
        listener.call1((kind, what)).map(drop)
    }
}

/// What work came to, and the exception that stopped it before its end, if one did.
pub type Watched<T> = (Result<T>, Option<PyErr>);

/// Does the work without the GIL. `listener(kind, what)` is called on this thread. An exception of it, or of a signal's
/// handler, asks the work to end in order, and comes with what it came to; `StopIteration` is no exception then. A second
/// one does not wait for the end.
///
/// # Errors
/// The second exception.
pub fn watched<T: Send + 'static>(
    listener: &Bound<PyAny>,
    work: impl FnOnce(&mut (dyn Observer + Send), &AtomicBool) -> Result<T> + Send + 'static,
) -> PyResult<Watched<T>> {
    let py = listener.py();
    let stop: Arc<AtomicBool> = Arc::default();
    let (sender, mut receiver) = sync_channel(0);
    let asked = stop.clone();
    let body = move || work(&mut Teller(sender), &asked);
    let thread = thread::Builder::new().name("jetfit".to_string()).spawn(body);
    let thread = thread.map_err(|error| PyRuntimeError::new_err(format!("no thread could be started: {error}")))?;
    let mut raised: Option<PyErr> = None;
    loop {
        let heard = match wait(py, &mut receiver) {
            Ok(news) if raised.is_none() => news.hand(listener),
            Ok(_) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if let Err(error) = heard.and_then(|()| py.check_signals()) {
            stop.store(true, Ordering::Relaxed);
            if raised.is_some() {
                return Err(error);
            }
            raised = Some(error);
        }
    }
    let ended = py.detach(|| thread.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Ok((ended, raised.filter(|error| !error.is_instance_of::<PyStopIteration>(py))))
}

fn wait(py: Python, receiver: &mut Receiver<News>) -> Result<News, RecvTimeoutError> {
    py.detach(move || {
        let receiver = receiver;
        receiver.recv_timeout(LOOK)
    })
}
