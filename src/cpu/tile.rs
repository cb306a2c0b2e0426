//! A tile of points on its way through the network and back: the working memory of one thread.
//!
//! All channels of a tile's points lie side by side, so that one matrix product serves them all, and
//! the tape of a tile stays in a core's cache. A batch of any size goes through tiles of one size.

use std::marker::PhantomData;
use std::sync::Mutex;

use aligned_vec::{AVec, ConstAlign, avec};
use pulp::Arch;

use super::activation::with_rule;
use super::channels::Channels;
use super::lanes::LANES;
use super::mixed::Adjoints;
use super::real::Real;
use super::reduce::Sums;
use super::residual::{Back, Read, Term, Terms, registers};
use super::{input_layer, jet_rule, linear};
use crate::expression::Registers;
use crate::network::{Layer, NetworkSpec};

/// Columns of a product (channels times points) beyond which it gains nothing more; measured at
/// widths 64 to 256.
const COLUMNS: usize = 960;

/// Bytes of z-jets and a-jets: a core's share of the third-level cache. That they leave the second-level
/// cache costs less than the weight gradient loses on fewer columns.
const TAPE_BYTES: usize = 3 << 20;

/// A batch is cut into a multiple of so many tiles, for so many threads at once,
const TILES: usize = 8;

/// where they keep so many columns: with fewer, the products lose more than threads gain.
const LEAST_COLUMNS: usize = 128;

/// One cache line, and the widest vector.
pub type Buffer<T> = AVec<T, ConstAlign<64>>;

/// The shape of every block (units, C, P) of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// P, the points of the network.
    pub points: usize,
    /// At how many places a loss reads the network for each of its points: place k of the N points of
    /// a tile lies at k·N.
    places: usize,
    /// The columns that count, C·P for jets.
    pub columns: usize,
    /// From one unit's row to the next: an odd number of vectors, as rows that lie a power of two apart
    /// would compete for the same lines of the cache (the weight gradient then runs at a third of its
    /// rate); and a vector more than the columns, as places need not start at a vector's first number.
    pub stride: usize,
}

impl Shape {
    /// The largest tile for a network, a number of channels and one of places: a function of these alone,
    /// so that sums over tiles have the same order on every machine.
    pub fn new<T: Real>(spec: &NetworkSpec, channels: usize, places: usize) -> Self {
        let point_bytes = 2 * spec.hidden.iter().sum::<usize>().max(1) * channels * size_of::<T>();
        let points = (COLUMNS / channels).min(TAPE_BYTES / point_bytes);
        let points = (points / LANES * LANES).max(places.next_multiple_of(LANES));
        Self { points, places, columns: 0, stride: 0 }.rows(channels)
    }

    /// The same rows with as many points as `count` points of the loss need, at most all.
    pub fn holding(self, count: usize) -> Self {
        let points = (count * self.places).next_multiple_of(LANES).min(self.points);
        Self { points, columns: self.columns / self.points * points, ..self }
    }

    /// The shape of the tiles of a batch of `count` points, all alike.
    pub fn of_batch(self, count: usize) -> Self {
        let tiles = count.div_ceil(self.loss_points()).next_multiple_of(TILES);
        let least = LEAST_COLUMNS * self.loss_points() / self.columns;
        self.holding(count.div_ceil(tiles).max(least))
    }

    /// N, the points of the loss: P but for other places and what these leave over.
    pub fn loss_points(self) -> usize {
        self.points / self.places
    }

    /// The places of `channels` channels of a unit's row, channel by channel: N numbers each, and what follows.
    pub fn places<T>(self, row: &[T], channels: usize) -> impl Iterator<Item = &[T]> {
        let (points, loss_points) = (self.points, self.loss_points());
        (0..channels).flat_map(move |c| (0..self.places).map(move |k| &row[c * points + k * loss_points..]))
    }

    /// The same rows with so many channels alone.
    pub fn channels(self, channels: usize) -> Self {
        Self { columns: channels * self.points, ..self }
    }

    /// Rows of their own with so many channels.
    pub fn rows(self, channels: usize) -> Self {
        let columns = channels * self.points;
        Self { columns, stride: odd_vectors(columns), ..self }
    }
}

/// From row to row, for so many columns.
fn odd_vectors(columns: usize) -> usize {
    ((columns / LANES + 1) | 1) * LANES
}

/// What all workers share on a pass.
pub struct Pass<'a, T> {
    pub layers: &'a [Layer],
    pub spec: &'a NetworkSpec,
    /// Whether the first layer reads features' jets, not inputs.
    pub has_features: bool,
    pub parameters: &'a [T],
    pub channels: &'a Channels<T>,
    pub arch: Arch,
}

/// What a layer is given.
pub enum Before<'a, T> {
    /// The a-jets (H, C, P) of the layer before it.
    Jets(&'a [T]),
    /// The first layer: x̂ (D, C, P), whose tangents are the columns of 1; in the adjoints' channels the
    /// cotangents of the first derivatives.
    Points(&'a [T]),
}

/// The buffers of one thread, as large as the largest tile.
pub struct Tile<T: Real> {
    /// That of the points which it holds now.
    pub shape: Shape,
    /// (D, C, P): the value channel holds x̂; or all jets of the features (F, C, P).
    pub x: Buffer<T>,
    /// (H, N): the residuals' columns.
    pub columns: Buffer<T>,
    /// (N): 0 for points that only fill the tile.
    pub weights: Buffer<T>,
    /// z-jets of every layer (H, C, P); the last are the output's.
    pub z: Vec<Buffer<T>>,
    /// a-jets of every hidden layer (H, C, P).
    pub a: Vec<Buffer<T>>,
    /// Cotangents of a layer and of the one before it (H, C, P); empty until a gradient is asked for.
    pub bar: [Buffer<T>; 2],
    /// What mixed mode needs beside.
    pub mixed: Option<Adjoints<T>>,
    pub registers: Registers<T>,
}

impl<T: Real> Tile<T> {
    pub fn new(spec: &NetworkSpec, shape: Shape, channels: &Channels<T>, terms: &[Term], columns: usize) -> Self {
        let rows = |rows: usize| avec![[64]| T::ZERO; rows * shape.stride];
        Self {
            shape,
            x: rows(spec.inputs),
            columns: avec![[64]| T::ZERO; columns * shape.loss_points()],
            weights: avec![[64]| T::ONE; shape.loss_points()],
            z: spec.layers().iter().map(|layer| rows(layer.outputs)).collect(),
            a: spec.hidden.iter().map(|width| rows(*width)).collect(),
            bar: [rows(0), rows(0)],
            mixed: Adjoints::new(spec, shape, channels),
            registers: registers(terms, shape.loss_points()),
        }
    }

    /// Where the points' `rows` go: those of the inputs (D, P), or of the features' jets (F, C, P).
    pub fn inputs(&mut self, rows: usize) -> impl Iterator<Item = &mut [T]> {
        let Shape { points, stride, .. } = self.shape;
        let units = self.x.len() / stride;
        self.x.chunks_exact_mut(stride).flat_map(move |unit| unit.chunks_exact_mut(points).take(rows / units))
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let jets = self.z.iter().chain(&self.a).chain(&self.bar);
        let adjoints = self.mixed.iter().flat_map(Adjoints::buffers);
        let all = jets.chain([&self.x, &self.columns, &self.weights]).chain(adjoints);
        all.map(|buffer| buffer.len() * size_of::<T>()).sum::<usize>() + self.registers.bytes()
    }

    /// The output's jets (M, C, P), standardised, and their shape.
    pub fn jets(&self) -> (&[T], Shape) {
        match &self.mixed {
            Some(mixed) => (&mixed.jets, mixed.of_jets(self.shape)),
            None => (self.z.last().expect("a network has a layer"), self.shape),
        }
    }

    /// What the terms read of a tile, where the cotangents of the output's jets (M, C, P) go, and the registers.
    pub fn read<'a>(&'a mut self, pass: &Pass<'a, T>) -> (Read<'a, T>, &'a mut [T], &'a mut Registers<T>) {
        let (jets, bar, shape) = match &mut self.mixed {
            Some(mixed) => {
                let shape = mixed.of_jets(self.shape);
                (&mixed.jets, &mut mixed.jets_bar, shape)
            }
            None => (self.z.last().expect("a network has a layer"), &mut self.bar[0], self.shape),
        };
        let coefficients = &pass.parameters[pass.spec.weights()..];
        let size = bar.len().min(pass.spec.outputs * shape.stride);
        let weights = &self.weights[..shape.loss_points()];
        (Read { jets, columns: &self.columns, weights, coefficients, shape }, &mut bar[..size], &mut self.registers)
    }

    /// Gets ready for a way back.
    pub fn make_bars(&mut self, spec: &NetworkSpec) {
        if self.bar[0].is_empty() {
            let rows = spec.widest() * self.shape.stride;
            self.bar = [avec![[64]| T::ZERO; rows], avec![[64]| T::ZERO; rows]];
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
            let (units, channels) = (layer.inputs, pass.channels);
            with_rule!(pass.spec.activation, R => {
                let rule = PhantomData::<R>;
                pass.arch.dispatch(jet_rule::Forward { rule, z, a, units, shape, channels });
            });
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
    /// `visit` sees each layer with its z_bar (H, C, P) and with what it was given.
    pub fn walk_back(&mut self, pass: &Pass<T>, mut visit: impl FnMut(&Layer, &[T], Before<T>)) {
        self.adjoint_bars(pass);
        let shape = self.shape.channels(pass.channels.forward());
        for (l, layer) in pass.layers.iter().enumerate().skip(1).rev() {
            let [z_bar, a_bar] = &mut self.bar;
            visit(layer, z_bar, Before::Jets(&self.a[l - 1]));
            linear::backward(pass.arch, &pass.parameters[layer.weights()], layer.outputs, z_bar, a_bar, shape);
            self.bar.swap(0, 1);
            if self.mixed.is_some() {
                self.mixed_rule_back(pass, l - 1);
                continue;
            }
            let (z, a, bar) = (&self.z[l - 1], &self.a[l - 1], &mut self.bar[0]);
            let (units, channels) = (layer.inputs, pass.channels);
            with_rule!(pass.spec.activation, R => {
                let rule = PhantomData::<R>;
                pass.arch.dispatch(jet_rule::Backward { rule, z, a, bar, units, shape, channels });
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
