//! The one place where wgpu's failures become ours. wgpu reports most of them to a device's `failure` slot, but panics
//! where it has nowhere to report to, as where a device is lost while the host waits for it.

use std::any::Any;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::tiles::{Shape, Tiles};
use super::{GpuOptions, Unguarded};
use crate::backend::{Backend, Batch, KernelTime, OptimizerState, SetId, StepReport, Update, Vector, Vectors};
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::jet::{JetLayout, Jets};
use crate::loss::Loss;
use crate::network::Model;

thread_local! {
    /// Whether this thread works behind a guard, whose caller hears of a panic as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does work that may call wgpu on a device of this name. A panic in it is an [`Error::Device`].
pub(super) fn guard<T>(device: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|panic| Err(Error::device(device, panic)))
}

/// What work gives, or what a panic in it says, which then is not told on stderr.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.try_with(Cell::get).unwrap_or(false) {
                before(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // Whoever calls never uses again what a panic may have left half done.
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.map_err(|panic| message(panic.as_ref()))
}

/// What a panic says, in one line.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("it panicked").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One of wgpu's handles whose end waits for the device, and panics where that fails. While the thread panics already it
/// is never given back: a second panic would be an abort.
pub(super) struct Handle<T>(ManuallyDrop<T>);

impl<T> Handle<T> {
    pub fn new(handle: T) -> Self {
        Self(ManuallyDrop::new(handle))
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: it is used nowhere after this.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

/// A network on a GPU, in f32. Once the device has failed, every call is answered with that failure.
pub struct Gpu {
    gpu: ManuallyDrop<Unguarded>,
}

impl Gpu {
    /// Opens an adapter and takes the model's parameters to it. `choice` is a part of an adapter's
    /// name, such as `llvmpipe`, or `gpu` for the best hardware; software is taken only by name.
    ///
    /// # Errors
    /// [`Error::Input`] where no adapter is meant, with the names of those that there are, or a precision that it has not;
    /// [`Error::Device`] where it cannot be opened or has too little memory.
    pub fn new(choice: &str, model: &Model) -> Result<Self> {
        Self::with_options(choice, model, GpuOptions::default())
    }

    /// The same with [`GpuOptions`].
    pub fn with_options(choice: &str, model: &Model, options: GpuOptions) -> Result<Self> {
        let gpu = guard(choice, || Unguarded::open(choice, model, options))?;
        let mut gpu = Self { gpu: ManuallyDrop::new(gpu) };
        gpu.set_parameters(&model.parameters)?;
        Ok(gpu)
    }

    /// How the layers of a layout are computed here.
    pub fn tiles(&self, layout: &JetLayout) -> Tiles {
        self.gpu.tiles(layout)
    }

    pub(super) fn shape(&self, layout: &JetLayout) -> Shape {
        self.gpu.shape(layout)
    }

    fn guard<T>(&mut self, work: impl FnOnce(&mut Unguarded) -> Result<T>) -> Result<T> {
        self.gpu.device.check()?;
        let done = caught(|| work(&mut self.gpu)).unwrap_or_else(|panic| Err(self.gpu.device.failed(panic)));
        if let Err(Error::Device { .. }) = done {
            // What ended the work may only follow from what the device has reported.
            self.gpu.device.check()?;
        }
        done
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // What a broken device holds is left to the end of the process: giving it back waits for the device.
        if self.gpu.device.check().is_ok() {
            // Nobody needs what fails now. SAFETY: it is used nowhere after this.
            let _ = caught(|| unsafe { ManuallyDrop::drop(&mut self.gpu) });
        }
    }
}

/// The methods of a trait, each behind the guard.
macro_rules! guarded {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(fn $name(&mut self, $($argument: $kind),*) -> Result<$result> {
            self.guard(|gpu| gpu.$name($($argument),*))
        })*
    };
}

impl Vectors for Gpu {
    guarded! {
        fn allocate_vectors(count: usize) -> ();
        fn vector(vector: Vector) -> Vec<f64>;
        fn set_kept(kept: usize, numbers: &[f64]) -> ();
        fn dots(left: &[Vector], right: &[Vector]) -> Vec<f64>;
        fn combine(into: Vector, parts: &[(f64, Vector)]) -> ();
    }
}

impl Backend for Gpu {
    fn device(&self) -> String {
        self.gpu.device()
    }

    fn working_bytes(&self) -> usize {
        self.gpu.working_bytes()
    }

    guarded! {
        fn evaluate(points: &[Vec<f64>], layout: &JetLayout) -> Jets;
        fn load(set: &PointSet, loss: &Loss) -> SetId;
        fn refill(set: SetId, points: &PointSet, loss: &Loss) -> ();
        fn set_term_weights(set: SetId, weights: &[f64]) -> ();
        fn set_order(set: SetId, rows: &[u32]) -> ();
        fn losses(set: SetId) -> Vec<f64>;
        fn differentiate(batches: &[Batch]) -> Vec<f64>;
        fn step(batches: &[Batch], update: &Update) -> ();
        fn report() -> StepReport;
        fn parameters() -> Vec<f64>;
        fn set_parameters(parameters: &[f64]) -> ();
        fn optimizer_state() -> OptimizerState;
        fn set_optimizer_state(state: &OptimizerState) -> ();
        fn timed_steps(batch: Batch, update: &Update, repeats: usize) -> Option<Vec<f64>>;
        fn timed_evaluations(points: usize, layout: &JetLayout, repeats: usize) -> Option<Vec<f64>>;
        fn profile(batch: Batch, update: &Update, repeats: usize) -> Option<Vec<KernelTime>>;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::adapters;
    use crate::network::{Activation, NetworkSpec};

    #[test]
    fn a_panic_is_an_error_of_the_device() {
        let error = guard::<()>("a", || panic!("it\n  {} fire", "caught")).unwrap_err();
        assert_eq!((error.exit_code(), error.to_string()), (1, "device a: it caught fire".to_string()));
        assert_eq!(guard("a", || Ok(7)).unwrap(), 7);
    }

    #[test]
    fn a_device_that_failed_does_so_again() {
        let first =
            adapters().unwrap().into_iter().next().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
        let spec =
            NetworkSpec { inputs: 1, hidden: vec![4], outputs: 1, activation: Activation::Tanh, coefficients: 0 };
        let mut gpu = Gpu::new(&first.name, &crate::bench::network(spec, crate::network::Precision::F32)).unwrap();
        assert!(gpu.parameters().is_ok());
        let failure = gpu.guard::<()>(|_| panic!("it caught fire")).unwrap_err().to_string();
        assert!(failure.contains(&first.name) && failure.contains("it caught fire"), "{failure}");
        assert_eq!(gpu.parameters().unwrap_err().to_string(), failure);
    }
}
