//! What stands in the place of `picture.rs` in a build without the feature `plot`.

use std::path::Path;

use crate::bench::{Report, Settings};
use crate::error::{Error, Result};

pub fn check(path: &Path) -> Result<()> {
    let problem = format!("this jetfit was built without its `plot` feature; {} would need it", path.display());
    Err(Error::input("--plot", problem, "leave it out, or build jetfit with the default features"))
}

pub fn write(_: &Report, _: &Settings, _: String, path: &Path) -> Result<()> {
    check(path)
}
