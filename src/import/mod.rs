//! Networks of other programs, as models: Keras (`.keras`, `.h5`), PyTorch (`.pt`), safetensors with any names, ONNX.
//!
//! A reader for each format walks through what the file holds and builds a graph of plain steps; `fold`
//! turns the way from the inputs to the outputs into affine layers and activations. Files are data: nothing in one is
//! executed, sizes in one are compared with its length, and what has no counterpart here is named.

mod archive;
mod columns;
mod fold;
mod functions;
mod graph;
mod keras;
mod onnx;
mod tensors;
#[cfg(test)]
mod tests;
mod torch;

use std::path::Path;

use crate::error::{Error, Result};
use crate::files;
use crate::jet::{Activation, Scaling};
use crate::network::Model;

/// What a file does not say of its network.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The inputs' names (D); by default `x`, or `x0`, `x1`, ….
    pub inputs: Vec<String>,
    /// The outputs' names (M); by default `y`, or `y0`, `y1`, ….
    pub outputs: Vec<String>,
    /// σ of tensors without one: one for all hidden layers, or one for each, with or without that of the outputs.
    pub activations: Vec<Activation>,
    /// The order of the layers, by the names of their tensors, where these do not say it.
    pub layers: Vec<String>,
    /// The network was trained on (x − mean)/scale (D).
    pub input_scaling: Option<Scaling>,
    /// Its results are (y − mean)/scale (M).
    pub output_scaling: Option<Scaling>,
}

/// A model from a file of another program.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The model.
    pub model: Model,
    /// The program that wrote the file.
    pub source: String,
    /// The order in which tensors became layers, where the file does not say it.
    pub order: Vec<String>,
    /// Layers that do nothing once a network is trained.
    pub left_out: Vec<String>,
}

/// What a reader hands on.
struct Read {
    graph: graph::Graph,
    end: graph::At,
    source: String,
    order: Vec<String>,
    left_out: Vec<String>,
}

/// Reads a network.
///
/// # Errors
/// [`Error::Input`] that names the file and the layer, module, tensor or node which is no part of a perceptron of
/// affine layers, activations of one unit and residual additions; and for a file that is cut off or of another format.
pub fn import(path: impl AsRef<Path>, options: &Options) -> Result<Imported> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|error| files::unreadable(path, error, "check the path"))?;
    let read = read(path, bytes, options)?;
    let model = fold::model(&path.display().to_string(), &read.graph, read.end, options)?;
    let Read { source, order, left_out, .. } = read;
    Ok(Imported { model, source, order, left_out })
}

/// The format is told by the first bytes; names of files say little.
fn read(path: &Path, bytes: Vec<u8>, options: &Options) -> Result<Read> {
    let own = |read: Result<Read>| {
        read.and_then(|read| match options.activations.is_empty() {
            true => Ok(read),
            false => {
                let problem = "the file has its own activations";
                Err(Error::input("--activation", format!("{}: {problem}", path.display()), "leave the flag out"))
            }
        })
    };
    if bytes.starts_with(b"PK\x03\x04") {
        let archive = archive::Archive::open(path, bytes)?;
        return match archive.has("config.json") {
            true => own(keras::read_archive(archive)),
            false => torch::read(archive, options),
        };
    }
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        return own(keras::read_hdf5(path, bytes));
    }
    if bytes.get(8) == Some(&b'{') {
        return tensors::read_safetensors(path, &bytes, options);
    }
    if bytes.starts_with(b"\x80\x02\x8a\x0a") || bytes.starts_with(b"\x80\x02") {
        return Err(Error::input(
            path.display(),
            "this is a pickle in an older format of torch.save, or of another program",
            "load it in PyTorch 1.6 or later and save it again: torch.save(torch.load(FILE), NEW)",
        ));
    }
    own(onnx::read(path, &bytes))
}
