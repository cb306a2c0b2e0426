//! A tile of points on its way through the network and back: the working memory of one thread.
//!
//! A tile's jets lie channel by channel, each (units, P) in one piece, which a matrix product reads from end to
//! end; and the tape of a tile stays in a core's cache. A batch of any size goes through tiles of one size.

use std::sync::Mutex;

use aligned_vec::{AVec, ConstAlign, avec};
use pulp::Arch;

use crate::cpu::adjoint_mode::Adjoints;
use crate::cpu::channels::Channels;
use crate::cpu::layers::input_layer;
use crate::cpu::products::linear;
use crate::cpu::rules::jet_rule;
use crate::cpu::shape::Shape;
use crate::cpu::terms::reduce::Sums;
use crate::cpu::terms::residual::{Back, Read, Term, Terms, registers};
use crate::expression::Registers;
use crate::network::{Layer, NetworkSpec};
use crate::numbers::Real;

/// One cache line, and the widest vector.
pub type Buffer<T> = AVec<T, ConstAlign<64>>;

/// What all workers share on a pass.
pub struct Pass<'a, T> {
    pub layers: &'a [Layer],
    pub spec: &'a NetworkSpec,
    /// Whether the first layer reads features' jets, not inputs.
    pub has_features: bool,
    pub parameters: &'a [T],
    /// Every layer's Wᵀ where its W stands among the parameters.
    pub transposed: &'a [T],
    pub channels: &'a Channels<T>,
    pub arch: Arch,
}

/// What a layer is given.
pub enum Before<'a, T> {
    /// The a-jets (C, H, P) of the layer before it.
    Jets(&'a [T]),
    /// The first layer: x̂ (C, D, P), whose tangents are the columns of 1; in the adjoints' channels the
    /// cotangents of the first derivatives.
    Points(&'a [T]),
}

/// The buffers of one thread, as large as the largest tile.
pub struct Tile<T: Real> {
    /// That of the points which it holds now.
    pub shape: Shape,
    /// That of the largest.
    largest: Shape,
    /// D, or F where the first layer reads features.
    inputs: usize,
    /// (C, D, P): the value channel holds x̂; or all jets of the features (C, F, P).
    pub x: Buffer<T>,
    /// (H, N): the residuals' columns.
    pub columns: Buffer<T>,
    /// (N): 0 for points that only fill the tile.
    pub weights: Buffer<T>,
    /// z-jets of every layer (C, H, P); the last are the output's.
    pub z: Vec<Buffer<T>>,
    /// a-jets of every hidden layer (C, H, P).
    pub a: Vec<Buffer<T>>,
    /// Cotangents of a layer and of the one before it (C, H, P); empty until a gradient is asked for.
    pub bar: [Buffer<T>; 2],
    /// What mixed mode needs beside.
    pub mixed: Option<Adjoints<T>>,
    pub registers: Registers<T>,
}

impl<T: Real> Tile<T> {
    pub fn new(spec: &NetworkSpec, shape: Shape, channels: &Channels<T>, terms: &[Term], columns: usize) -> Self {
        let rows = |rows: usize| avec![[64]| T::ZERO; shape.size(rows)];
        Self {
            shape,
            largest: shape,
            inputs: spec.inputs,
            x: rows(spec.inputs),
            columns: avec![[64]| T::ZERO; columns * shape.loss_points()],
            weights: avec![[64]| T::ONE; shape.loss_points()],
            z: spec.layers().iter().map(|layer| rows(layer.outputs)).collect(),
            a: spec.hidden.iter().map(|width| rows(*width)).collect(),
            bar: [avec![[64]| T::ZERO; 0], avec![[64]| T::ZERO; 0]],
            mixed: Adjoints::new(spec, shape, channels),
            registers: registers(terms, shape.loss_points()),
        }
    }

    /// Where the points' rows go: those of the inputs (D, P), or of the features' jets (F, C, P), each with its
    /// number among the `count` rows.
    pub fn inputs(&mut self, count: usize) -> impl Iterator<Item = (usize, &mut [T])> {
        let (units, channels) = (self.inputs, count / self.inputs);
        let blocks = self.x.chunks_exact_mut(self.shape.step(units)).enumerate().take(channels);
        let points = self.shape.points;
        blocks.flat_map(move |(c, block)| {
            block.chunks_exact_mut(points).take(units).enumerate().map(move |(unit, row)| (unit * channels + c, row))
        })
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let jets = self.z.iter().chain(&self.a).chain(&self.bar);
        let adjoints = self.mixed.iter().flat_map(Adjoints::buffers);
        let all = jets.chain([&self.x, &self.columns, &self.weights]).chain(adjoints);
        all.map(|buffer| buffer.len() * size_of::<T>()).sum::<usize>() + self.registers.bytes()
    }

    /// The output's jets (C, M, P), standardised.
    pub fn jets(&self) -> &[T] {
        match &self.mixed {
            Some(mixed) => &mixed.jets,
            None => self.z.last().expect("a network has a layer"),
        }
    }

    /// What the terms read of a tile, where the cotangents of the output's jets (C, M, P) go, and the registers.
    pub fn read<'a>(&'a mut self, pass: &Pass<'a, T>) -> (Read<'a, T>, &'a mut [T], &'a mut Registers<T>) {
        let (jets, bar) = match &mut self.mixed {
            Some(mixed) => (&mixed.jets, &mut mixed.jets_bar),
            None => (self.z.last().expect("a network has a layer"), &mut self.bar[0]),
        };
        let (shape, outputs) = (self.shape, pass.spec.outputs);
        let size = bar.len().min(pass.channels.of_jet() * shape.step(outputs));
        let read = Read {
            jets,
            columns: &self.columns,
            weights: &self.weights[..shape.loss_points()],
            coefficients: &pass.parameters[pass.spec.weights()..],
            outputs,
            shape,
        };
        (read, &mut bar[..size], &mut self.registers)
    }

    /// Gets ready for a way back.
    pub fn make_bars(&mut self, spec: &NetworkSpec) {
        if self.bar[0].is_empty() {
            let size = self.largest.size(spec.widest());
            self.bar = [avec![[64]| T::ZERO; size], avec![[64]| T::ZERO; size]];
        }
    }

    /// Adds the terms' sums over the tile's jets, and starts the way back where the share of a point
    /// in the loss (1/B) is given.
    pub fn residual(&mut self, pass: &Pass<T>, terms: &[Term], sums: &mut Sums<T>, per_point: Option<f64>) {
        if per_point.is_some() {
            self.make_bars(pass.spec);
        }
        let (read, bar, registers) = self.read(pass);
        let Sums { gradient, losses } = sums;
        let back =
            per_point.map(|per_point| Back { bar, coefficients: &mut gradient[pass.spec.weights()..], per_point });
        pass.arch.dispatch(Terms { terms, read, registers, losses, back });
    }

    /// The jets of the tile's points.
    pub fn forward(&mut self, pass: &Pass<T>) {
        let shape = self.shape.channels(pass.channels.forward());
        let Some(first) = pass.layers.first() else { return };
        let (weights, biases) = (&pass.parameters[first.weights()], &pass.parameters[first.biases()]);
        if pass.has_features {
            linear::forward(pass.arch, weights, biases, &self.x, &mut self.z[0], shape);
        } else {
            input_layer::forward(pass.arch, weights, biases, &self.x, &mut self.z[0], shape, pass.channels);
        }
        for (l, layer) in pass.layers.iter().enumerate().skip(1) {
            let (z, a) = (&self.z[l - 1], &mut self.a[l - 1]);
            let (size, step, channels) = (layer.inputs * shape.points, shape.step(layer.inputs), pass.channels);
            pass.arch.dispatch(jet_rule::Forward { activation: pass.spec.activation, z, a, size, step, channels });
            // Only the value of an output is read in mixed mode.
            let is_value = self.mixed.is_some() && l + 1 == pass.layers.len();
            let shape = if is_value { shape.channels(1) } else { shape };
            let (weights, biases) = (&pass.parameters[layer.weights()], &pass.parameters[layer.biases()]);
            linear::forward(pass.arch, weights, biases, a, &mut self.z[l], shape);
        }
        self.adjoints(pass);
    }

    /// Adds the tile's gradient (P), from the cotangents of the output's jets.
    pub fn backward(&mut self, pass: &Pass<T>, gradient: &mut [T]) {
        let shape = self.shape;
        self.walk_back(pass, |layer, z_bar, before| {
            let (weights_bar, biases_bar) = parts(gradient, layer);
            match before {
                Before::Jets(a) => linear::weight_gradient(pass.arch, z_bar, a, weights_bar, biases_bar, shape),
                Before::Points(x) => {
                    let channels = pass.channels;
                    input_layer::weight_gradient(pass.arch, z_bar, x, weights_bar, biases_bar, shape, channels);
                }
            }
        });
    }

    /// Walks back through the layers from the cotangents of the output's jets.
    /// `visit` sees each layer with its z_bar (C, H, P) and with what it was given.
    pub fn walk_back(&mut self, pass: &Pass<T>, mut visit: impl FnMut(&Layer, &[T], Before<T>)) {
        self.adjoint_bars(pass);
        let shape = self.shape.channels(pass.channels.forward());
        for (l, layer) in pass.layers.iter().enumerate().skip(1).rev() {
            let [z_bar, a_bar] = &mut self.bar;
            visit(layer, z_bar, Before::Jets(&self.a[l - 1]));
            linear::backward(pass.arch, &pass.transposed[layer.weights()], layer.outputs, z_bar, a_bar, shape);
            self.bar.swap(0, 1);
            if self.mixed.is_some() {
                self.mixed_rule_back(pass, l - 1);
                continue;
            }
            let (z, a, bar) = (&self.z[l - 1], &self.a[l - 1], &mut self.bar[0]);
            let (size, step, channels) = (layer.inputs * shape.points, shape.step(layer.inputs), pass.channels);
            pass.arch.dispatch(jet_rule::Backward {
                activation: pass.spec.activation,
                z,
                a,
                bar,
                size,
                step,
                channels,
            });
        }
        let first = if pass.has_features { Before::Jets(&self.x) } else { Before::Points(&self.x) };
        visit(&pass.layers[0], &self.bar[0], first);
    }
}

/// A tile for each thread of a pool, made when the thread first needs it: what a thread works in stays in
/// its core's cache from worker to worker.
pub struct Tiles<T: Real>(Vec<Mutex<Option<Tile<T>>>>);

impl<T: Real> Tiles<T> {
    /// For a pool of so many threads.
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Mutex::new(None)).collect())
    }

    /// Lets `work` have the tile of the pool's thread that this runs on.
    pub fn with<R>(&self, make: impl FnOnce() -> Tile<T>, work: impl FnOnce(&mut Tile<T>) -> R) -> R {
        let thread = rayon::current_thread_index().expect("tiles are for the threads of a pool");
        let mut tile = self.0[thread].lock().expect("no thread has panicked");
        work(tile.get_or_insert_with(make))
    }

    /// Bytes of all tiles.
    pub fn bytes(&self) -> usize {
        let bytes = |tile: &Mutex<Option<Tile<T>>>| {
            tile.lock().expect("no thread has panicked").as_ref().map_or(0, Tile::bytes)
        };
        self.0.iter().map(bytes).sum()
    }
}

/// W_bar and b_bar of one layer in the gradient block.
fn parts<'a, T>(gradient: &'a mut [T], layer: &Layer) -> (&'a mut [T], &'a mut [T]) {
    let (weights, biases) = gradient[layer.offset..layer.biases().end].split_at_mut(layer.weights().len());
    (weights, biases)
}
