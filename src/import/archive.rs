//! Zip archives: `.keras` and `.pt` files.

use std::cell::RefCell;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::error::{Error, Result};

/// The largest member that is read: a network of a thousand million weights.
const LARGEST: u64 = 8 << 30;

/// An archive in memory.
pub struct Archive {
    /// The file, for messages.
    pub path: PathBuf,
    zip: RefCell<ZipArchive<Cursor<Vec<u8>>>>,
}

impl Archive {
    /// The archive in a file's bytes.
    pub fn open(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(path, &error))?;
        Ok(Self { path: path.to_path_buf(), zip: RefCell::new(zip) })
    }

    /// Whether there is a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.zip.borrow().index_for_name(name).is_some()
    }

    /// The folder that holds this member, such as `model` for `model/data.pkl`.
    pub fn folder_of(&self, member: &str) -> Option<String> {
        let zip = self.zip.borrow();
        zip.file_names().find_map(|name| Some(name.ok()?.strip_suffix(member)?.strip_suffix('/')?.to_string()))
    }

    /// The bytes of a member. No more is allotted than the archive holds.
    pub fn member(&self, name: &str) -> Result<Vec<u8>> {
        let mut zip = self.zip.borrow_mut();
        let member = zip.by_name(name).map_err(|error| broken(&self.path, format!("{name:?}: {error}")))?;
        let mut bytes = vec![];
        let read = member.take(LARGEST).read_to_end(&mut bytes);
        read.map_err(|error| broken(&self.path, format!("{name:?}: {error}")))?;
        Ok(bytes)
    }
}

fn broken(path: &Path, problem: impl std::fmt::Display) -> Error {
    let problem = format!("the archive is cut off or damaged: {problem}");
    Error::input(path.display(), problem, "save the network again, or use an intact copy")
}
