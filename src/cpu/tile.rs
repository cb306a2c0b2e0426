//! A tile of points: the working memory of one thread.
//!
//! A tile's jets lie channel by channel, each (units, P) in one piece, which a matrix product reads from end to
//! end; and the tape of a tile stays in a core's cache. A batch of any size goes through tiles of one size.

use std::sync::Mutex;

use aligned_vec::{AVec, avec};
use pulp::Arch;

use crate::cpu::channels::Channels;
use crate::cpu::lanes::Buffer;
use crate::cpu::shape::Shape;
use crate::cpu::terms::residual::{Term, TileView, registers};
use crate::expression::Registers;
use crate::network::{Layer, NetworkSpec};
use crate::numbers::Real;
use crate::pass::{At, Buffers, Network, Op, Pass, Slot, Span};

/// A pass as tiles go through it: the list, where its jets lie, and each network's rule in a number type.
pub struct Tiled<T> {
    pub pass: Pass,
    pub buffers: Buffers,
    pub channels: Vec<Channels<T>>,
    /// M of each network.
    outputs: Vec<usize>,
}

impl<T: Real> Tiled<T> {
    pub fn new(pass: Pass) -> Self {
        // The way back is gone once for each term of a Jacobian, over the same tape.
        let buffers = Buffers::new(&pass, true);
        let channels = pass.networks.iter().map(|network| Channels::new(&network.channels)).collect();
        let outputs = pass.networks.iter().map(Network::outputs).collect();
        Self { buffers, channels, outputs, pass }
    }
}

/// What all workers share.
#[derive(Clone, Copy)]
pub struct Run<'a, T> {
    pub tiled: &'a Tiled<T>,
    pub spec: &'a NetworkSpec,
    /// The number of weights: the coefficients follow them.
    pub weights: usize,
    pub parameters: &'a [T],
    /// Every layer's Wᵀ where its W stands among the parameters.
    pub transposed: &'a [T],
    pub arch: Arch,
}

impl<'a, T: Real> Run<'a, T> {
    /// What travels through a network.
    pub fn channels(self, network: usize) -> &'a Channels<T> {
        &self.tiled.channels[network]
    }

    /// A tile's shape with the channels of a network.
    pub fn shape(self, of: Shape, network: usize) -> Shape {
        of.channels(self.channels(network).count())
    }

    pub fn layer(self, at: At) -> &'a Layer {
        &self.tiled.pass.networks[at.network].layers[at.layer]
    }
}

/// The buffers of one thread, as large as the largest tile.
pub struct Tile<T: Real> {
    /// That of the points which it holds now.
    pub shape: Shape,
    /// D of each network, or F where its first layer reads features.
    inputs: Vec<usize>,
    /// (D, P) of each: x̂; or all jets of the features (C, F, P).
    points: Vec<Buffer<T>>,
    /// (H, N): the residuals' columns.
    pub columns: Buffer<T>,
    /// (N): 0 for points that only fill the tile.
    pub weights: Buffer<T>,
    /// Those of the pass; the ones that the way back alone needs are empty until it is gone.
    buffers: Vec<Buffer<T>>,
    /// How large each of them is.
    sizes: Vec<usize>,
    /// Whether those of the way back are made.
    has_bars: bool,
    registers: Registers<T>,
}

impl<T: Real> Tile<T> {
    /// For the largest tile of a pass, with terms that have so many columns.
    pub fn new(tiled: &Tiled<T>, shape: Shape, terms: &[Term], columns: usize) -> Self {
        let points = |network: &Network| {
            let channels = if network.has_features { network.channels.forward.channels() } else { 1 };
            avec![[64]| T::ZERO; shape.channels(channels).size(network.layers[0].inputs)]
        };
        let mut sizes = vec![0; tiled.buffers.numbers().len()];
        for place in tiled.buffers.places() {
            let size = shape.channels(place.channels).size(place.units);
            sizes[place.buffer] = sizes[place.buffer].max(size);
        }
        let mut tile = Self {
            shape,
            inputs: tiled.pass.networks.iter().map(|network| network.layers[0].inputs).collect(),
            points: tiled.pass.networks.iter().map(points).collect(),
            columns: avec![[64]| T::ZERO; columns * shape.loss_points()],
            weights: avec![[64]| T::ONE; shape.loss_points()],
            buffers: sizes.iter().map(|_| avec![[64]| T::ZERO; 0]).collect(),
            sizes,
            has_bars: false,
            registers: registers(terms, shape.loss_points()),
        };
        tile.make(tiled, &tiled.pass.forward);
        tile
    }

    /// Makes the buffers of some operations.
    fn make(&mut self, tiled: &Tiled<T>, ops: &[Op]) {
        for (_, span) in ops.iter().flat_map(Op::operands) {
            if let Some(buffer) = tiled.buffers.of(span.slot)
                && self.buffers[buffer].is_empty()
            {
                self.buffers[buffer] = avec![[64]| T::ZERO; self.sizes[buffer]];
            }
        }
    }

    /// Gets ready for a way back.
    pub fn make_bars(&mut self, tiled: &Tiled<T>) {
        // Asked for each tile.
        if !std::mem::replace(&mut self.has_bars, true) {
            self.make(tiled, &tiled.pass.backward);
        }
    }

    /// Where the rows of a network's points go: those of the inputs (D, P), or of the features' jets (F, C, P), each with
    /// its number among the `count` rows.
    pub fn inputs(&mut self, network: usize, count: usize) -> impl Iterator<Item = (usize, &mut [T])> {
        let units = self.inputs[network];
        let channels = count / units;
        let blocks = self.points[network].chunks_exact_mut(self.shape.step(units)).enumerate().take(channels);
        let points = self.shape.points;
        blocks.flat_map(move |(c, block)| {
            block.chunks_exact_mut(points).take(units).enumerate().map(move |(unit, row)| (unit * channels + c, row))
        })
    }

    /// The value of another network's output becomes an input.
    pub fn feed(&mut self, tiled: &Tiled<T>, (from, output): (Span, usize), (points, input): (Span, usize)) {
        let Slot::Points(network) = points.slot else { unreachable!("inputs lie among the points") };
        let row = |unit: usize| unit * self.shape.points..(unit + 1) * self.shape.points;
        let (of, to) = (row(output), row(input));
        let mut taken = std::mem::replace(&mut self.points[network], AVec::new(64));
        taken[to].copy_from_slice(&self.view(tiled, from)[of]);
        self.points[network] = taken;
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let all = self.buffers.iter().chain(&self.points).chain([&self.columns, &self.weights]);
        all.map(|buffer| buffer.len() * size_of::<T>()).sum::<usize>() + self.registers.bytes()
    }

    /// The jets (C, M, P) of a network's outputs, standardised; none where it is not read.
    pub fn jets(&self, tiled: &Tiled<T>, network: usize) -> &[T] {
        let span = tiled.pass.jets(network);
        tiled.buffers.of(span.slot).map_or(&[], |buffer| &self.buffers[buffer])
    }

    /// The channels of a span (C, H, P), and what follows.
    pub fn view(&self, tiled: &Tiled<T>, span: Span) -> &[T] {
        let start = span.start * self.shape.step(span.units);
        match (tiled.buffers.of(span.slot), span.slot) {
            (Some(buffer), _) => &self.buffers[buffer][start..],
            (None, Slot::Points(network)) => &self.points[network][start..],
            (None, slot) => unreachable!("{slot:?} has a buffer"),
        }
    }

    /// Lets `work` write the buffer of a span and read all others.
    pub fn write<R>(&mut self, tiled: &Tiled<T>, span: Span, work: impl FnOnce(&mut Self, &mut [T]) -> R) -> R {
        let buffer = tiled.buffers.of(span.slot).expect("what is written has a buffer");
        let mut taken = std::mem::replace(&mut self.buffers[buffer], AVec::new(64));
        let done = work(self, &mut taken[span.start * self.shape.step(span.units)..]);
        self.buffers[buffer] = taken;
        done
    }

    /// Lets `work` at what the terms read of a tile, at the cotangents of each network's jets (C, M, P; none without a way
    /// back, or where nothing is read), and at the registers.
    pub fn over_jets<R>(
        &mut self,
        run: Run<T>,
        goes_back: bool,
        work: impl FnOnce(TileView<T>, &mut [&mut [T]], &mut Registers<T>) -> R,
    ) -> R {
        let (tiled, shape) = (run.tiled, self.shape);
        let networks = 0..tiled.pass.networks.len();
        let of_bar = |network: usize| {
            let buffer = tiled.buffers.of(tiled.pass.jets_bar(network).slot);
            buffer.filter(|_| goes_back && tiled.pass.networks[network].is_read)
        };
        let mut registers = std::mem::replace(&mut self.registers, Registers::new(0, 0));
        let mut taken: Vec<Buffer<T>> = vec![];
        for network in networks.clone() {
            let bar = of_bar(network).map(|buffer| std::mem::replace(&mut self.buffers[buffer], AVec::new(64)));
            taken.push(bar.unwrap_or_else(|| AVec::new(64)));
        }
        let done = {
            let jets: Vec<&[T]> = networks.clone().map(|network| self.jets(tiled, network)).collect();
            let read = TileView {
                jets: &jets,
                columns: &self.columns,
                weights: &self.weights[..shape.loss_points()],
                coefficients: &run.parameters[run.weights..],
                outputs: &tiled.outputs,
                shape,
            };
            let mut bars: Vec<&mut [T]> = vec![];
            for (network, bar) in taken.iter_mut().enumerate() {
                let size = bar.len().min(run.channels(network).of_jet() * shape.step(tiled.outputs[network]));
                bars.push(&mut bar[..size]);
            }
            work(read, &mut bars, &mut registers)
        };
        for (network, bar) in networks.zip(taken) {
            if let Some(buffer) = of_bar(network) {
                self.buffers[buffer] = bar;
            }
        }
        self.registers = registers;
        done
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
