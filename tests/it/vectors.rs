//! The vectors that an optimizer keeps on a device: their products and combinations against plain sums.

use crate::support::{normwise, random_loss, random_model};
use jetfit::backend::{Backend, Vector, Vectors};
use jetfit::cpu;
use jetfit::gpu::{Gpu, GpuOptions, TileChoice, adapters};
use jetfit::jet::{Activation, JetLayout};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use Vector::{Gradient, Kept, Parameters};

/// Networks of 2, 22, 129 and 5481 parameters: below a block of the CPU's sums, and above two.
fn models() -> Vec<Model> {
    let shapes: [(usize, &[usize]); 4] = [(1, &[]), (1, &[7]), (2, &[32]), (10, &[129, 31])];
    shapes.iter().map(|(inputs, hidden)| random_model(*inputs, hidden, 1, Activation::Tanh, 5)).collect()
}

/// f32 numbers, so that every device holds the same.
fn random(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| f64::from(rng.random_range(-1.0..1.0_f32))).collect()
}

fn gpu(model: &Model, max_binding_bytes: Option<u64>) -> Gpu {
    let adapters = adapters().unwrap();
    let first = adapters.first().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    let options = GpuOptions {
        checked: true,
        max_points: None,
        max_binding_bytes,
        tiles: TileChoice::Table,
        precision: Precision::F32,
    };
    Gpu::with_options(&first.name, model, options).unwrap()
}

/// A sum whose own rounding is carried along (Kahan 1965).
fn exact(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0, 0.0);
    for number in numbers {
        let corrected = number - lost;
        let next = sum + corrected;
        lost = (next - sum) - corrected;
        sum = next;
    }
    sum
}

fn take_all(backend: &mut dyn Backend) -> Vec<Vec<f64>> {
    [Parameters, Gradient, Kept(0), Kept(1), Kept(2)].map(|vector| backend.vector(vector).unwrap()).to_vec()
}

/// Sums of f64 numbers of size 1 may differ from plain ones by so many roundings of so many bits.
fn check(backend: &mut dyn Backend, model: &Model, rounding: f64) {
    let count = model.parameters.len();
    let name = format!("{}, {count} parameters", backend.device());
    let (set, loss) = random_loss(model, &JetLayout::value(model.inputs.len()), 9, 3);
    let id = backend.load(&set, &loss).unwrap();
    backend.differentiate(&[jetfit::backend::Batch { set: id, start: 0, count: 9 }]).unwrap();
    backend.allocate_vectors(3).unwrap();
    assert_eq!(backend.vector(Kept(2)).unwrap(), vec![0.0; count]);
    for kept in 0..3 {
        let numbers = random(count, kept as u64);
        backend.set_kept(kept, &numbers).unwrap();
        assert_eq!(backend.vector(Kept(kept)).unwrap(), numbers, "{name}");
    }
    let all = take_all(backend);
    let dot = |a: usize, b: usize| exact(all[a].iter().zip(&all[b]).map(|(a, b)| a * b));
    let size = |a: usize| dot(a, a).sqrt();
    let dots = backend.dots(&[Kept(2), Gradient], &[Parameters, Kept(0), Kept(2)]).unwrap();
    for (found, (a, b)) in dots.iter().zip([(4, 0), (4, 2), (4, 4), (1, 0), (1, 2), (1, 4)]) {
        assert!((found - dot(a, b)).abs() <= rounding * size(a) * size(b), "{name}: {found} {}", dot(a, b));
    }
    // One of the parts may be the sum; and every vector may.
    let parts = [(0.5, Kept(1)), (-2.0, Parameters), (3.0, Kept(0))];
    for into in [Kept(1), Parameters, Gradient] {
        let all = take_all(backend);
        let sum: Vec<f64> = (0..count).map(|k| 0.5 * all[3][k] - 2.0 * all[0][k] + 3.0 * all[2][k]).collect();
        backend.combine(into, &parts).unwrap();
        assert!(normwise(&backend.vector(into).unwrap(), &sum) <= rounding, "{name}: {into:?}");
    }
}

#[test]
fn products_and_combinations_are_plain_sums() {
    // Some roundings of f64 and f32: sums over many numbers lose less, since errors cancel.
    let (double, single) = (1e-15, 3e-7);
    for model in models() {
        check(&mut *cpu::open(&model, Precision::F64, 2).unwrap(), &model, double);
        // The parameters and the gradient are rounded to f32.
        check(&mut *cpu::open(&model, Precision::F32, 2).unwrap(), &model, single);
        check(&mut gpu(&model, None), &model, single);
        // Three vectors in a binding that holds one: in three chunks of columns at least. It has to hold the points, too.
        let one = 4 * model.parameters.len() as u64;
        if one >= 500 {
            check(&mut gpu(&model, Some(one)), &model, single);
        }
    }
}

#[test]
fn sums_have_the_same_bits_on_any_number_of_threads() {
    let model = models().pop().unwrap();
    let sums = |threads: usize| {
        let mut cpu = cpu::open(&model, Precision::F32, threads).unwrap();
        cpu.allocate_vectors(2).unwrap();
        cpu.set_kept(0, &random(model.parameters.len(), 1)).unwrap();
        cpu.combine(Kept(1), &[(0.3, Kept(0)), (0.7, Parameters)]).unwrap();
        let dots = cpu.dots(&[Kept(1), Parameters], &[Kept(0), Kept(1)]).unwrap();
        (dots, cpu.vector(Kept(1)).unwrap())
    };
    let one = sums(1);
    assert!(one == sums(2) && one == sums(3));
}

#[test]
fn vectors_that_do_not_fit_are_an_error_of_the_device() {
    let model = random_model(1, &[], 1, Activation::Tanh, 5);
    let mut gpu = gpu(&model, Some(8));
    gpu.allocate_vectors(2).unwrap();
    let error = gpu.allocate_vectors(3).unwrap_err();
    assert!(error.exit_code() == 1 && error.to_string().contains("3 vectors"), "{error}");
}
