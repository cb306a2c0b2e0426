//! Event files of TensorBoard: records of protocol buffers, each between checksums.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc, Table};
use prost::Message;

use crate::error::{Error, Result};

const CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// `event.proto`, as far as scalars need it.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// An event file that grows.
pub struct EventFile {
    file: File,
    path: PathBuf,
}

impl EventFile {
    /// A new file, which begins with its version.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| Error::io(path, error))?;
        let mut events = Self { file, path: path.to_path_buf() };
        let version = Some("brain.Event:2".to_string());
        events.write(&Event { wall_time: now(), step: 0, file_version: version, summary: None })?;
        Ok(events)
    }

    /// Adds numbers by name, of a step.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be written.
    pub fn scalars<'a>(&mut self, step: u64, numbers: impl IntoIterator<Item = (&'a str, f64)>) -> Result<()> {
        let scalar = |(tag, number): (&str, f64)| Scalar { tag: tag.to_string(), simple_value: Some(number as f32) };
        let summary = Some(Summary { value: numbers.into_iter().map(scalar).collect() });
        self.write(&Event { wall_time: now(), step: step as i64, file_version: None, summary })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let record = [&length[..], &masked(&length), &data, &masked(&data)].concat();
        // In one call, so that whoever watches sees whole records.
        self.file.write_all(&record).map_err(|error| Error::io(&self.path, error))
    }
}

/// The checksum of some bytes as these files have it: turned and moved, since it may be part of what is summed again.
fn masked(bytes: &[u8]) -> [u8; 4] {
    CHECKSUM.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_that_tensorboard_writes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        let mut events = EventFile::create(&path).unwrap();
        events.scalars(7, [("loss", 0.5), ("validation", f64::NAN)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // Of TensorBoard's own first record: 24 bytes of length, whose checksum is known.
        assert_eq!(bytes[..12], [24, 0, 0, 0, 0, 0, 0, 0, 163, 127, 75, 34]);
        let mut rest = &bytes[..];
        let mut all = vec![];
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let data = &rest[12..12 + length];
            assert_eq!(rest[12 + length..][..4], masked(data));
            all.push(Event::decode(data).unwrap());
            rest = &rest[16 + length..];
        }
        assert_eq!(all[0].file_version.as_deref(), Some("brain.Event:2"));
        let scalars = &all[1].summary.as_ref().unwrap().value;
        assert_eq!((all[1].step, scalars[0].tag.as_str(), scalars[0].simple_value), (7, "loss", Some(0.5)));
        assert!(scalars[1].simple_value.unwrap().is_nan());
    }
}
