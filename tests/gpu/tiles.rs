//! Every way to compute the layers, against the CPU and against one another.

use jetfit::backend::Backend;
use jetfit::bench::random_problem;
use jetfit::cpu::Cpu;
use jetfit::gpu::{GpuOptions, Path, Tile, TileChoice, Tiles, adapters, tune};
use jetfit::jet::JetLayout;
use jetfit::network::Activation;

use crate::support::{jets_apart, normwise, random_loss, random_model};
use crate::{CHECKED, gpu_with, whole};

/// The tiles of one kernel each: whole workgroups and awkward ones, few rows and many.
fn paths() -> Vec<Path> {
    let tile = |quads, rows, slice| Tile { quads, rows, slice };
    vec![
        Path::Separate,
        Path::Layer(tile(8, 2, 8)),
        Path::Layer(tile(16, 1, 16)),
        Path::Narrow(tile(2, 2, 16)),
        Path::Narrow(tile(1, 1, 8)),
        Path::Narrow(tile(4, 2, 8)),
    ]
}

#[test]
fn every_path_follows_the_cpu() {
    // Four hidden layers, so that buffers are used in turn; 33 and 129 points leave tiles half empty.
    for (hidden, points) in [(&[33, 64, 7, 17][..], 129), (&[1, 5], 33), (&[64], 7)] {
        for layout in [JetLayout::diagonal(2), JetLayout::collapsed(&[1.0, -0.5]), JetLayout::value(2)] {
            let model = random_model(2, hidden, 2, Activation::Silu, 5);
            let (set, loss) = random_loss(&model, &layout, points, 23);
            let mut cpu = Cpu::<f64>::new(&model, 1).unwrap();
            let id = cpu.load(&set, &loss).unwrap();
            let (jets, truth) =
                (cpu.evaluate(&set.inputs, &layout).unwrap(), cpu.gradient(&[whole(&set, id)]).unwrap());
            for path in paths() {
                let tiles = Tiles { path, linear: 4, gradient: 2 };
                let mut gpu = gpu_with(&model, GpuOptions { tiles: TileChoice::These(tiles), ..CHECKED });
                assert_eq!(gpu.tiles(&layout), tiles);
                let what = format!("{hidden:?} {layout:?}: {tiles}");
                let apart = jets_apart(&gpu.evaluate(&set.inputs, &layout).unwrap(), &jets);
                // The project's bars for jets in f32 and for gradients, a pass as long again.
                assert!(apart < 1e-5, "{what}: jets {apart:e}");
                let id = gpu.load(&set, &loss).unwrap();
                let ours = gpu.gradient(&[whole(&set, id)]).unwrap();
                let error = normwise(&ours.gradient, &truth.gradient);
                assert!(error < 2e-5, "{what}: gradient {error:e}");
                assert_eq!(gpu.losses(id).unwrap(), ours.losses, "{what}: without a tape");
            }
        }
    }
}

#[test]
fn tuning_times_every_candidate() {
    let model = random_model(1, &[7], 1, Activation::Relu, 5);
    let (set, loss) = random_problem(&model, &JetLayout::value(1), 33);
    let mut seen = 0;
    let (timed, tuned) = tune(&adapters()[0].name, &model, (&set, &loss), 1, &mut |_| seen += 1).unwrap();
    assert_eq!((seen, tuned.width, tuned.channels), (timed.len(), 7, 1));
    assert!(timed.len() > 10 && timed.is_sorted_by(|a, b| a.seconds <= b.seconds));
    assert_eq!((tuned.tiles, tuned.adapter), (timed[0].tiles, adapters()[0].key()));
}
