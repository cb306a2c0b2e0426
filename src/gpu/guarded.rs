//! A GPU behind its guard: what the rest of the library has of one.

use std::mem::ManuallyDrop;

use crate::backend::{Backend, Batch, KernelTime, OptimizerState, SetId, StepReport, Update, Vector, Vectors};
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::gpu::device::guard::{caught, guard};
use crate::gpu::tuning::tiles::{NetworkShape, Tiles};
use crate::gpu::{GpuOptions, Unguarded};
use crate::jet::{JetLayout, Jets};
use crate::loss::Loss;
use crate::network::Model;

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
        self.gpu.tiles(&self.gpu.networks[0], layout)
    }

    pub(super) fn shape(&self, layout: &JetLayout) -> NetworkShape {
        self.gpu.shape(&self.gpu.networks[0], layout)
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
    use crate::jet::Activation;
    use crate::network::NetworkSpec;

    #[test]
    fn a_device_that_failed_does_so_again() {
        let first =
            adapters().unwrap().into_iter().next().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
        let spec = NetworkSpec::uniform(1, &[4], Activation::Tanh, 1);
        let mut gpu = Gpu::new(&first.name, &crate::bench::network(spec, crate::numbers::Precision::F32)).unwrap();
        assert!(gpu.parameters().is_ok());
        let failure = gpu.guard::<()>(|_| panic!("it caught fire")).unwrap_err().to_string();
        assert!(failure.contains(&first.name) && failure.contains("it caught fire"), "{failure}");
        assert_eq!(gpu.parameters().unwrap_err().to_string(), failure);
    }
}
