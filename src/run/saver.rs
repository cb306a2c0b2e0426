//! Keeps the state of a run that is under way: on disk as often as the job asks, and in memory after every step that took
//! long, so that the last finished step can be saved while another is still computed.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::run::checkpoint;
use crate::run::checkpoint::Origin;
use crate::trainer::State;

/// The first checkpoint comes after so much time at most.
const FIRST_CHECKPOINT: Duration = Duration::from_secs(5);

/// A step that takes so long leaves its state in memory, for a signal that comes during the next.
const SLOW_STEP: Duration = Duration::from_millis(500);

/// Writes the checkpoints of one run; shared with the signal handler.
pub struct Saver {
    path: PathBuf,
    origin: Origin,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Newer than what is on disk.
    state: Option<State>,
    /// The step that is on disk.
    saved: Option<u64>,
}

impl Saver {
    /// For the checkpoint at `path`, of a run of this origin.
    pub fn new(path: PathBuf, origin: Origin) -> Self {
        Self { path, origin, kept: Mutex::default() }
    }

    /// The state on disk; `None` where there is none yet.
    ///
    /// # Errors
    /// Those of [`checkpoint::read`].
    pub fn read(&self, is_edited: bool) -> Result<Option<State>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let state = checkpoint::read(&self.path, &self.origin, is_edited)?;
        self.kept().saved = Some(state.step);
        Ok(Some(state))
    }

    /// Writes a state to disk.
    ///
    /// # Errors
    /// Where it cannot be written; the one before it is then still there.
    pub fn save(&self, state: &State) -> Result<()> {
        let mut kept = self.kept();
        self.write(&mut kept, state)
    }

    /// Keeps a state in memory.
    pub fn keep(&self, state: State) {
        self.kept().state = Some(state);
    }

    /// Takes the newest state, in memory or on disk, to continue on another device.
    ///
    /// # Errors
    /// Those of [`checkpoint::read`].
    pub fn take(&self) -> Result<Option<State>> {
        // Taken before the match, in which it would stay locked.
        let kept = self.kept().state.take();
        match kept {
            Some(state) => Ok(Some(state)),
            // This run has written it, whatever its job was before.
            None => self.read(true),
        }
    }

    /// Writes the state in memory to disk; returns the step that is then on disk, if any.
    ///
    /// # Errors
    /// Those of [`Saver::save`].
    pub fn rescue(&self) -> Result<Option<u64>> {
        let mut kept = self.kept();
        if let Some(state) = kept.state.take() {
            self.write(&mut kept, &state)?;
        }
        Ok(kept.saved)
    }

    fn write(&self, kept: &mut Kept, state: &State) -> Result<()> {
        checkpoint::write(&self.path, state, &self.origin)?;
        *kept = Kept { state: None, saved: Some(state.step) };
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the state is kept, and where.
pub(crate) struct Pace {
    every: Duration,
    /// Until the next checkpoint, from the last.
    due: Duration,
    saved: Instant,
    /// When the step began.
    began: Instant,
}

pub(crate) enum Keep {
    Nothing,
    InMemory,
    OnDisk,
}

impl Pace {
    pub fn new(seconds: f64) -> Self {
        let every = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let now = Instant::now();
        Self { every, due: every.min(FIRST_CHECKPOINT), saved: now, began: now }
    }

    /// What the step that is over asks for.
    pub fn after_step(&mut self) -> Keep {
        let now = Instant::now();
        if now - self.saved >= self.due {
            (self.saved, self.due) = (now, self.every);
            return Keep::OnDisk;
        }
        if now - self.began >= SLOW_STEP { Keep::InMemory } else { Keep::Nothing }
    }

    /// The next step begins.
    pub fn go_on(&mut self) {
        self.began = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::OptimizerState;
    use crate::jet::{Activation, Normalizer, Scaling};
    use crate::network::NetworkSpec;
    use crate::numbers::Precision;
    use crate::optimizer::{Memory, Plateau};

    fn saver(directory: &std::path::Path, job: &str) -> Saver {
        let spec = NetworkSpec::uniform(1, &[], Activation::Tanh, 1);
        let normalizer =
            Normalizer { inputs: Scaling::identity(1), outputs: Scaling::identity(1), coefficients: vec![] };
        let [job, data] = [job, "data"].map(str::to_string);
        let origin = Origin { job, ensemble: None, data, spec, precision: Precision::F64, normalizer };
        Saver::new(directory.join("checkpoint.safetensors"), origin)
    }

    fn state(step: u64) -> State {
        let numbers = || vec![step as f64, 0.5];
        let moments = OptimizerState { first_moment: numbers(), second_moment: numbers() };
        let memory = Memory::Adam { moments, plateau: Plateau::default() };
        State { step, parameters: numbers(), memory, ..State::default() }
    }

    #[test]
    fn the_newest_state_is_rescued_once_and_an_older_one_never_replaces_it() {
        let directory = tempfile::tempdir().unwrap();
        let own = saver(directory.path(), "job");
        assert_eq!(own.rescue().unwrap(), None);
        assert_eq!(own.take().unwrap(), None);
        own.save(&state(1)).unwrap();
        own.keep(state(2));
        assert_eq!(own.read(false).unwrap().unwrap().step, 1);
        assert_eq!(own.rescue().unwrap(), Some(2));
        assert_eq!(own.rescue().unwrap(), Some(2));
        assert_eq!(own.read(false).unwrap(), Some(state(2)));
        own.keep(state(3));
        assert_eq!(own.take().unwrap().unwrap().step, 3);
        own.keep(state(3));
        own.save(&state(4)).unwrap();
        assert_eq!(own.rescue().unwrap(), Some(4));
        assert_eq!(own.take().unwrap(), Some(state(4)));
    }

    #[test]
    fn another_job_has_another_state() {
        let directory = tempfile::tempdir().unwrap();
        saver(directory.path(), "job").save(&state(7)).unwrap();
        let other = saver(directory.path(), "another job");
        assert!(other.read(false).unwrap_err().to_string().contains("job.toml has changed"));
        assert_eq!(other.read(true).unwrap(), Some(state(7)));
    }
}
