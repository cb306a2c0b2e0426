//! Products in f16 on matrix units, against the CPU; and what is said where there are none.

use std::io::Write as _;

use jetfit::backend::Backend;
use jetfit::cpu;
use jetfit::gpu::{AdapterInfo, Gpu, GpuOptions, adapters};
use jetfit::jet::{Activation, JetLayout};
use jetfit::numbers::Precision;

use super::{CHECKED, whole};
use crate::support::{jets_apart, normwise, random_loss, random_model};

/// The first adapter that has matrix units.
fn with_units() -> Option<AdapterInfo> {
    let found = adapters().unwrap().into_iter().find(|adapter| adapter.matrix_units.is_some());
    if found.is_none() {
        // Past the harness, which would keep it to itself.
        let _ = writeln!(std::io::stderr(), "note: no adapter here has matrix units; f16 products did not run");
    }
    found
}

#[test]
fn f16x2_follows_the_cpu_as_f32_does_and_f16_to_three_digits() {
    let Some(adapter) = with_units() else { return };
    // Adjoint mode, all channels forward, and the value alone; layers that fill tiles, and such as do not.
    let layouts =
        [JetLayout::diagonal(4), JetLayout::full(4), JetLayout::collapsed(&[1.0, -0.5, 2.0, 1.0]), JetLayout::value(4)];
    for (hidden, points) in [(&[200, 193][..], 37), (&[193, 64, 192, 256], 129)] {
        for layout in &layouts {
            let model = random_model(4, hidden, 2, Activation::Silu, 5);
            let (set, loss) = random_loss(&model, layout, points, 23);
            let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
            let id = cpu.load(&set, &loss).unwrap();
            let (jets, truth) = (cpu.evaluate(&set.inputs, layout).unwrap(), cpu.gradient(&[whole(&set, id)]).unwrap());
            let bounds = [(Precision::F32, 1e-5, 2e-5), (Precision::F16x2, 1e-5, 2e-5), (Precision::F16, 1e-2, 1e-2)];
            for (precision, of_jets, of_gradient) in bounds {
                let mut gpu = Gpu::with_options(&adapter.name, &model, GpuOptions { precision, ..CHECKED }).unwrap();
                let what = format!("{precision} {hidden:?} {layout:?}");
                let apart = jets_apart(&gpu.evaluate(&set.inputs, layout).unwrap(), &jets);
                let id = gpu.load(&set, &loss).unwrap();
                let ours = gpu.gradient(&[whole(&set, id)]).unwrap();
                let error = normwise(&ours.gradient, &truth.gradient);
                println!("{what}: jets {apart:.1e}, gradient {error:.1e}");
                assert!(apart < of_jets && error < of_gradient, "{what}: jets {apart:e}, gradient {error:e}");
                // One half is no f32: that it was used shows.
                assert!(precision != Precision::F16 || apart > 1e-5 && error > 1e-5, "{what}: {apart:e}, {error:e}");
            }
        }
    }
}

#[test]
fn without_matrix_units_f16_is_bad_input() {
    let model = random_model(1, &[65], 1, Activation::Tanh, 5);
    let mut found = vec![cpu::open(&model, Precision::F16x2, 1).err()];
    for adapter in adapters().unwrap().into_iter().filter(|adapter| adapter.matrix_units.is_none()) {
        let options = GpuOptions { precision: Precision::F16, ..CHECKED };
        found.push(Gpu::with_options(&adapter.name, &model, options).err());
    }
    for error in found {
        let error = error.expect("an error");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("matrix units"), "{error}");
    }
}
