//! Where a result comes from.

use serde::Serialize;

/// Program, machine, time and command of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The version of jetfit.
    pub version: &'static str,
    /// The name of the machine.
    pub host: Option<String>,
    /// When the report was written, in UTC.
    pub date: String,
    /// The command line of the process.
    pub command: Vec<String>,
}

impl Provenance {
    /// Of this process, now.
    pub fn now() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            host: sysinfo::System::host_name(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        }
    }
}
