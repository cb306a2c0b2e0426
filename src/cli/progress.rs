//! Progress on stderr: a bar on a terminal, a line now and then elsewhere, nothing when quiet.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The progress through something of known length.
pub enum Progress {
    /// Nothing is shown.
    Quiet,
    /// A terminal.
    Bar(ProgressBar),
    /// A log.
    Lines {
        /// What is done.
        title: &'static str,
        /// The length.
        length: u64,
        /// When the work started, and at which position.
        started: (Instant, u64),
        /// When the last line was written.
        shown: Instant,
    },
}

impl Progress {
    /// Progress through `length`, for example bytes.
    pub fn new(title: &'static str, length: u64, quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            let now = Instant::now();
            return Self::Lines { title, length, started: (now, 0), shown: now };
        }
        let style = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} %  {msg}  {eta} left");
        let bar = ProgressBar::new(length).with_prefix(title);
        Self::Bar(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)))
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.println(text),
            // Nobody can be told if stderr is closed.
            Self::Lines { .. } => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    /// What was done before this call, so that rate and time left do not count it.
    pub fn start_at(&mut self, position: u64) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                bar.set_position(position);
                bar.reset_eta();
            }
            Self::Lines { started, .. } => *started = (Instant::now(), position),
        }
    }

    /// At `position` now, with a few words about it.
    pub fn at(&mut self, position: u64, words: impl FnOnce() -> String) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                bar.set_position(position);
                bar.set_message(words());
            }
            Self::Lines { shown, .. } if shown.elapsed() < BETWEEN_LINES => {}
            Self::Lines { title, length, started: (start, from), shown } => {
                let percent = 100 * position.min(*length) / (*length).max(1);
                let share = (*length).saturating_sub(*from).max(1) as f64 / (position - *from).max(1) as f64;
                let left = start.elapsed().as_secs_f64() * (share - 1.0).max(0.0);
                let _ = writeln!(std::io::stderr(), "{title}: {percent} %  {}  {left:.0} s left", words());
                *shown = Instant::now();
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
