//! Opening a backend by the name that a job or a flag gives.

use crate::backend::Backend;
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::network::{Model, Precision};

/// Opens a device with the model's parameters on it: `auto`, `cpu`, `gpu`, or a part of an adapter's
/// name. `threads` counts CPU threads, 0 for all.
///
/// ```no_run
/// use jetfit::{device, jet::{Derivative, JetLayout}, network::Model};
/// let model = Model::read("runs/sine/model.safetensors")?;
/// let mut backend = device::open("auto", model.precision, 0, &model)?;
/// let jets = backend.evaluate(&[vec![0.0, 0.5, 1.0]], &JetLayout::diagonal(1))?;
/// println!("the curvature at the three points: {:?}", jets.entry(0, Derivative::Second(0, 0)));
/// # Ok::<(), jetfit::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Input`] for a name that matches no device, or f64 on a GPU; [`Error::Device`] where the
/// device fails.
pub fn open(name: &str, precision: Precision, threads: usize, model: &Model) -> Result<Box<dyn Backend>> {
    match (name, precision) {
        ("auto" | "cpu", Precision::F32) => Ok(Box::new(Cpu::<f32>::new(model, threads)?)),
        ("auto" | "cpu", Precision::F64) => Ok(Box::new(Cpu::<f64>::new(model, threads)?)),
        (_, Precision::F64) => {
            let problem = format!("f64 runs on the CPU alone, not on device {name:?}");
            Err(Error::input("precision", problem, "use device \"cpu\", or precision \"f32\""))
        }
        _ => {
            let problem = format!("{name:?} matches no device");
            Err(Error::input("device", problem, "use \"auto\" or \"cpu\""))
        }
    }
}
