//! Every way to compute the layers, against the CPU and against one another.

use jetfit::backend::Backend;
use jetfit::cpu;
use jetfit::gpu::{Fusion, GpuOptions, Tile, TileChoice, Tiles, adapters};
use jetfit::jet::{Activation, JetLayout};
use jetfit::numbers::Precision;

use super::{CHECKED, gpu_with, whole};
use crate::support::{jets_apart, normwise, random_loss, random_model};

/// The tiles of one kernel each: whole workgroups and awkward ones, few rows and many.
fn fusions() -> Vec<Fusion> {
    let tile = |quads, rows, slice| Tile { quads, rows, slice };
    vec![
        Fusion::None,
        Fusion::Layer(tile(8, 2, 8)),
        Fusion::Layer(tile(16, 1, 16)),
        Fusion::Network(tile(2, 2, 16)),
        Fusion::Network(tile(1, 1, 8)),
        Fusion::Network(tile(4, 2, 8)),
    ]
}

#[test]
fn every_fusion_follows_the_cpu() {
    // Four hidden layers, so that buffers are used in turn; 33 and 129 points leave tiles half empty. Layers wider than
    // 128 have the large tile of the weight gradient.
    for (hidden, points) in [(&[33, 64, 7, 17][..], 129), (&[1, 5], 33), (&[64], 7), (&[130, 133], 21)] {
        for layout in [JetLayout::diagonal(2), JetLayout::collapsed(&[1.0, -0.5]), JetLayout::value(2)] {
            let model = random_model(2, hidden, 2, Activation::Silu, 5);
            let (set, loss) = random_loss(&model, &layout, points, 23);
            let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
            let id = cpu.load(&set, &loss).unwrap();
            let (jets, truth) =
                (cpu.evaluate(&set.inputs, &layout).unwrap(), cpu.gradient(&[whole(&set, id)]).unwrap());
            let is_narrow = hidden.iter().all(|width| *width <= 64);
            for fusion in fusions().into_iter().filter(|fusion| is_narrow || !matches!(fusion, Fusion::Network(_))) {
                let (linear, gradient) = if fusion == Fusion::None { (128, 128) } else { (32, 64) };
                let tiles = Tiles { fusion, linear, gradient };
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
                assert!(normwise(&gpu.losses(id).unwrap(), &ours.losses) < 1e-6, "{what}: without a tape");
            }
        }
    }
}

/// Standard output and error of a command that ends well, with this directory for caches.
fn jetfit(cache: &std::path::Path, arguments: &[&str]) -> (String, String) {
    let mut command = assert_cmd::Command::cargo_bin("jetfit").unwrap();
    let output = command.args(arguments).env("JETFIT_CACHE_DIR", cache).unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_tuning_finds_is_remembered_until_the_file_breaks() {
    let cache = tempfile::tempdir().unwrap();
    let name = &adapters().unwrap()[0].name;
    let shape = ["--inputs", "1", "--hidden", "40,40", "--activation", "sigmoid", "--batch", "33", "--order", "1"];
    let tune = ["bench", "--tune", "--device", name, "--repeats", "1", "--quiet"];
    let (table, _) = jetfit(cache.path(), &[&tune[..], &shape[..]].concat());
    // Each kind of kernel was tried, and the first line is what later runs take.
    assert!(["narrow: ", "layer: ", "separate: "].iter().all(|path| table.contains(path)), "{table}");
    let best = table.lines().nth(3).unwrap().trim().split_once("  ").unwrap().1.to_string();
    let (devices, errors) = jetfit(cache.path(), &["devices"]);
    assert!(devices.contains(&format!("tuned for 2 channels, 40 wide: {best}")), "{devices} {table}");
    assert_eq!(errors, "");
    std::fs::write(cache.path().join("tiles.json"), "[{").unwrap();
    let (devices, errors) = jetfit(cache.path(), &["devices"]);
    assert!(devices.contains(name.as_str()) && !devices.contains("tuned for"), "{devices}");
    assert!(errors.matches("warning").count() == 1 && errors.contains("tiles.json"), "{errors}");
}
