//! `jetfit._jetfit`, the extension module of the Python package: arrays in, arrays out. What Python's users see of it is in
//! `package/jetfit`.

mod arrays;
mod errors;
mod fitting;
mod importing;
mod network;
mod runs;
mod watch;

use std::ffi::OsString;

use pyo3::prelude::*;

/// What the package is made of.
#[pymodule]
mod _jetfit {
    #[pymodule_export]
    use super::command_line;
    #[pymodule_export]
    use crate::fitting::fit;
    #[pymodule_export]
    use crate::importing::import_file;
    #[pymodule_export]
    use crate::network::{Core, activations};
    #[pymodule_export]
    use crate::runs::{resume, train};
    #[pymodule_export]
    use crate::version;
}

/// Runs the command line with these arguments, of which the first is the program's name, and gives the exit code.
#[pyfunction]
fn command_line(py: Python, arguments: Vec<OsString>) -> u8 {
    py.detach(|| jetfit::cli::main(arguments))
}

/// The version of the package.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
