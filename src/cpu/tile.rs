//! A tile of points: the working memory of one thread, and the operations of a pass on it.
//!
//! A tile's jets lie channel by channel, each (units, P) in one piece, which a matrix product reads from end to
//! end; and the tape of a tile stays in a core's cache. A batch of any size goes through tiles of one size.

use std::marker::PhantomData;
use std::sync::Mutex;

use aligned_vec::{AVec, avec};
use pulp::Arch;

use crate::cpu::channels::Channels;
use crate::cpu::lanes::Buffer;
use crate::cpu::layers::{adjoint_seeds, input_layer, input_layer_backward};
use crate::cpu::products::{linear, weight_gradient};
use crate::cpu::rules::activation::with_rule;
use crate::cpu::rules::adjoint_rule::{Adjoint, AdjointBar, Backward, Mixed};
use crate::cpu::rules::jet_rule;
use crate::cpu::shape::Shape;
use crate::cpu::terms::reduce::Sums;
use crate::cpu::terms::residual::{Back, Read, Term, Terms, registers};
use crate::expression::Registers;
use crate::network::{Layer, NetworkSpec};
use crate::numbers::Real;
use crate::pass::{At, Buffers, Direction, Op, Pass, Slot, Span};

/// A pass as tiles go through it: the list, where its jets lie, and its rule in a number type.
pub struct Tiled<T> {
    pub pass: Pass,
    pub buffers: Buffers,
    pub channels: Channels<T>,
}

impl<T: Real> Tiled<T> {
    pub fn new(pass: Pass) -> Self {
        let network = &pass.networks[0];
        // The way back is gone once for each term of a Jacobian, over the same tape.
        let tape: Vec<Slot> = pass.backward.iter().flat_map(Op::operands).map(|(_, span)| span.slot).collect();
        let is_forward = |slot| pass.forward.iter().flat_map(Op::operands).any(|(_, span)| span.slot == slot);
        let is_kept = |slot| matches!(slot, Slot::Jets(_)) || (tape.contains(&slot) && is_forward(slot));
        let buffers = Buffers::new(pass.ops(), |slot| matches!(slot, Slot::Points(_)), is_kept);
        Self { buffers, channels: Channels::new(&network.channels), pass }
    }
}

/// What all workers share.
#[derive(Clone, Copy)]
pub struct Run<'a, T> {
    pub tiled: &'a Tiled<T>,
    pub spec: &'a NetworkSpec,
    pub parameters: &'a [T],
    /// Every layer's Wᵀ where its W stands among the parameters.
    pub transposed: &'a [T],
    pub arch: Arch,
}

impl<'a, T: Real> Run<'a, T> {
    pub fn channels(self) -> &'a Channels<T> {
        &self.tiled.channels
    }

    fn layer(self, at: At) -> &'a Layer {
        &self.tiled.pass.networks[at.network].layers[at.layer]
    }
}

/// What a layer was given.
pub enum LayerInput<'a, T> {
    /// Jets (C, H, P) of the layer before it, or of features.
    Jets(&'a [T]),
    /// The first layer: x̂ (D, P), whose tangents are the columns of 1, and in adjoint mode the cotangents of the
    /// first derivatives (M, D, P).
    Points { x: &'a [T], firsts_bar: &'a [T] },
}

/// The buffers of one thread, as large as the largest tile.
pub struct Tile<T: Real> {
    /// That of the points which it holds now.
    pub shape: Shape,
    /// D, or F where the first layer reads features.
    inputs: usize,
    /// (D, P): x̂; or all jets of the features (C, F, P).
    points: Buffer<T>,
    /// (H, N): the residuals' columns.
    pub columns: Buffer<T>,
    /// (N): 0 for points that only fill the tile.
    pub weights: Buffer<T>,
    /// Those of the pass; the ones that the way back alone needs are empty until it is gone.
    buffers: Vec<Buffer<T>>,
    /// How large each of them is.
    sizes: Vec<usize>,
    registers: Registers<T>,
}

impl<T: Real> Tile<T> {
    /// For the largest tile of a pass, with terms that have so many columns.
    pub fn new(tiled: &Tiled<T>, shape: Shape, terms: &[Term], columns: usize) -> Self {
        let network = &tiled.pass.networks[0];
        let inputs = network.layers[0].inputs;
        let channels = if network.has_features { network.channels.forward.channels() } else { 1 };
        let mut sizes = vec![0; tiled.buffers.numbers().len()];
        for place in tiled.buffers.places() {
            let size = shape.channels(place.channels).size(place.units);
            sizes[place.buffer] = sizes[place.buffer].max(size);
        }
        let mut tile = Self {
            shape,
            inputs,
            points: avec![[64]| T::ZERO; shape.channels(channels).size(inputs)],
            columns: avec![[64]| T::ZERO; columns * shape.loss_points()],
            weights: avec![[64]| T::ONE; shape.loss_points()],
            buffers: sizes.iter().map(|_| avec![[64]| T::ZERO; 0]).collect(),
            sizes,
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
        self.make(tiled, &tiled.pass.backward);
    }

    /// Where the points' rows go: those of the inputs (D, P), or of the features' jets (F, C, P), each with its
    /// number among the `count` rows.
    pub fn inputs(&mut self, count: usize) -> impl Iterator<Item = (usize, &mut [T])> {
        let (units, channels) = (self.inputs, count / self.inputs);
        let blocks = self.points.chunks_exact_mut(self.shape.step(units)).enumerate().take(channels);
        let points = self.shape.points;
        blocks.flat_map(move |(c, block)| {
            block.chunks_exact_mut(points).take(units).enumerate().map(move |(unit, row)| (unit * channels + c, row))
        })
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let all = self.buffers.iter().chain([&self.points, &self.columns, &self.weights]);
        all.map(|buffer| buffer.len() * size_of::<T>()).sum::<usize>() + self.registers.bytes()
    }

    /// The output's jets (C, M, P), standardised.
    pub fn jets(&self, tiled: &Tiled<T>) -> &[T] {
        self.view(tiled, tiled.pass.jets(0))
    }

    /// The channels of a span (C, H, P), and what follows.
    fn view(&self, tiled: &Tiled<T>, span: Span) -> &[T] {
        let start = span.start * self.shape.step(span.units);
        match tiled.buffers.of(span.slot) {
            Some(buffer) => &self.buffers[buffer][start..],
            None => &self.points[start..],
        }
    }

    /// Lets `work` write the buffer of a span and read all others.
    fn write<R>(&mut self, tiled: &Tiled<T>, span: Span, work: impl FnOnce(&mut Self, &mut [T]) -> R) -> R {
        let buffer = tiled.buffers.of(span.slot).expect("what is written has a buffer");
        let mut taken = std::mem::replace(&mut self.buffers[buffer], AVec::new(64));
        let done = work(self, &mut taken[span.start * self.shape.step(span.units)..]);
        self.buffers[buffer] = taken;
        done
    }

    /// Lets `work` at what the terms read of a tile, at the cotangents of the output's jets (C, M, P; none without a way
    /// back), and at the registers.
    pub fn over_jets<R>(
        &mut self,
        run: Run<T>,
        goes_back: bool,
        work: impl FnOnce(Read<T>, &mut [T], &mut Registers<T>) -> R,
    ) -> R {
        let (tiled, shape, outputs) = (run.tiled, self.shape, run.spec.outputs);
        let mut registers = std::mem::replace(&mut self.registers, Registers::new(0, 0));
        let work = |tile: &mut Self, bar: &mut [T]| {
            let read = Read {
                jets: tile.jets(tiled),
                columns: &tile.columns,
                weights: &tile.weights[..shape.loss_points()],
                coefficients: &run.parameters[run.spec.weights()..],
                outputs,
                shape,
            };
            let size = bar.len().min(run.channels().of_jet() * shape.step(outputs));
            work(read, &mut bar[..size], &mut registers)
        };
        let done = match goes_back {
            true => self.write(tiled, tiled.pass.jets_bar(0), work),
            false => work(self, &mut []),
        };
        self.registers = registers;
        done
    }

    /// Adds the terms' sums over the tile's jets, and starts the way back where the share of a point
    /// in the loss (1/B) is given.
    pub fn residual(&mut self, run: Run<T>, terms: &[Term], sums: &mut Sums<T>, per_point: Option<f64>) {
        if per_point.is_some() {
            self.make_bars(run.tiled);
        }
        let Sums { gradient, losses } = sums;
        self.over_jets(run, per_point.is_some(), |read, bar, registers| {
            let back =
                per_point.map(|per_point| Back { bar, coefficients: &mut gradient[run.spec.weights()..], per_point });
            run.arch.dispatch(Terms { terms, read, registers, losses, back });
        });
    }

    /// The jets of the tile's points.
    pub fn forward(&mut self, run: Run<T>) {
        run.tiled.pass.forward.iter().for_each(|op| self.execute(run, op));
    }

    /// Adds the tile's gradient (P), from the cotangents of the output's jets.
    pub fn backward(&mut self, run: Run<T>, gradient: &mut [T]) {
        let shape = self.shape;
        self.walk_back(run, |layer, z_bar, input| {
            let (weights_bar, biases_bar) = parts(gradient, layer);
            match input {
                LayerInput::Jets(a) => {
                    weight_gradient::weight_gradient(run.arch, z_bar, a, weights_bar, biases_bar, shape)
                }
                LayerInput::Points { x, firsts_bar } => {
                    let inputs = (x, firsts_bar);
                    input_layer_backward::weight_gradient(
                        run.arch,
                        z_bar,
                        inputs,
                        weights_bar,
                        biases_bar,
                        shape,
                        run.channels(),
                    );
                }
            }
        });
    }

    /// Walks back through the layers from the cotangents of the output's jets.
    /// `visit` sees each layer with its z_bar (C, H, P) and with what it was given.
    pub fn walk_back(&mut self, run: Run<T>, mut visit: impl FnMut(&Layer, &[T], LayerInput<T>)) {
        let tiled = run.tiled;
        for op in &tiled.pass.backward {
            match *op {
                Op::WeightGradient { ref layers } => {
                    for layer in layers {
                        let input = LayerInput::Jets(self.view(tiled, layer.input));
                        visit(run.layer(layer.at), self.view(tiled, layer.bar), input);
                    }
                }
                Op::InputGradient { at, points, firsts_bar, bar } => {
                    let firsts_bar = firsts_bar.map_or(&[][..], |span| self.view(tiled, span));
                    let input = LayerInput::Points { x: self.view(tiled, points), firsts_bar };
                    visit(run.layer(at), self.view(tiled, bar), input);
                }
                ref op => self.execute(run, op),
            }
        }
    }

    /// One operation, but for gradients.
    fn execute(&mut self, run: Run<T>, op: &Op) {
        let Run { tiled, parameters, arch, .. } = run;
        let (shape, channels) = (self.shape, run.channels());
        let rule_of = |at: At| tiled.pass.networks[at.network].activation;
        let adjoint_layer = |z: Span| Mixed { units: z.units, shape, channels };
        match *op {
            Op::Input { at, points, z } => {
                let layer = run.layer(at);
                let (weights, biases) = (&parameters[layer.weights()], &parameters[layer.biases()]);
                self.write(tiled, z, |tile, to| {
                    let (x, shape) = (tile.view(tiled, points), shape.channels(channels.forward()));
                    input_layer::forward(arch, weights, biases, x, to, shape, channels);
                });
            }
            Op::Linear { at, direction, is_biased, from, to } => {
                let layer = run.layer(at);
                let (shape, outputs) = (shape.channels(from.count), layer.outputs);
                let (weights, biases) = (&parameters[layer.weights()], &parameters[layer.biases()]);
                let transposed = &run.transposed[layer.weights()];
                self.write(tiled, to, |tile, to| {
                    let from = tile.view(tiled, from);
                    match (direction, is_biased) {
                        (Direction::Forward, true) => linear::forward(arch, weights, biases, from, to, shape),
                        (Direction::Forward, false) => linear::product(arch, weights, outputs, from, to, shape),
                        (Direction::Backward, _) => linear::backward(arch, transposed, outputs, from, to, shape),
                    }
                });
            }
            Op::Rule { at, z, a } => self.write(tiled, a, |tile, a| {
                let (size, step, z) = (z.units * shape.points, shape.step(z.units), tile.view(tiled, z));
                with_rule!(rule_of(at), R => {
                    let rule = PhantomData::<R>;
                    arch.dispatch(jet_rule::Forward { rule, z, a, size, step, channels });
                });
            }),
            Op::RuleBackward { at, z, a, bar } => self.write(tiled, bar, |tile, bar| {
                let (size, step) = (z.units * shape.points, shape.step(z.units));
                let (z, a) = (tile.view(tiled, z), tile.view(tiled, a));
                with_rule!(rule_of(at), R => {
                    let rule = PhantomData::<R>;
                    arch.dispatch(jet_rule::Backward { rule, z, a, bar, size, step, channels });
                });
            }),
            Op::AdjointStart { at, g, jets } => {
                let layer = run.layer(at);
                self.write(tiled, jets, |_, to| adjoint_seeds::clear_derivatives(to, jets, shape));
                self.write(tiled, g, |_, g| {
                    adjoint_seeds::output_weights(&parameters[layer.weights()], layer.inputs, g, shape);
                });
            }
            Op::Adjoint { at, z, a, g, h, jets } => self.write(tiled, jets, |tile, jets| {
                tile.write(tiled, h, |tile, h| {
                    let mixed = adjoint_layer(z);
                    let (z, a, g) = (tile.view(tiled, z), tile.view(tiled, a), tile.view(tiled, g));
                    with_rule!(rule_of(at), R => {
                        let rule = PhantomData::<R>;
                        arch.dispatch(Adjoint { rule, mixed, z, a, g, h, jets });
                    });
                });
            }),
            Op::AdjointEnd { g, jets, .. } => self.write(tiled, jets, |tile, to| {
                adjoint_seeds::first_derivatives(tile.view(tiled, g), g.units, to, jets.units, shape, channels);
            }),
            Op::AdjointSeeds { jets_bar, firsts_bar, bar, .. } => {
                let outputs = jets_bar.units;
                self.write(tiled, bar, |tile, bar| {
                    adjoint_seeds::output(tile.view(tiled, jets_bar), outputs, bar, shape, channels);
                });
                self.write(tiled, firsts_bar, |tile, to| {
                    adjoint_seeds::input(tile.view(tiled, jets_bar), outputs, to, firsts_bar.units, shape, channels);
                });
            }
            Op::AdjointBar { at, z, a, g, h_bar, jets_bar } => self.write(tiled, a, |tile, a| {
                tile.write(tiled, h_bar, |tile, h_bar| {
                    let mixed = adjoint_layer(z);
                    let g = tile.view(tiled, g.expect("the CPU's list is not rewritten"));
                    let (z, jets_bar) = (tile.view(tiled, z), tile.view(tiled, jets_bar));
                    with_rule!(rule_of(at), R => {
                        let rule = PhantomData::<R>;
                        arch.dispatch(AdjointBar { rule, mixed, z, h_bar, a, g, jets_bar });
                    });
                });
            }),
            Op::AdjointRuleBackward { at, z, a, g, h_bar, jets_bar, bar } => self.write(tiled, bar, |tile, bar| {
                let mixed = adjoint_layer(z);
                let g = tile.view(tiled, g.expect("the CPU's list is not rewritten"));
                let (z, a) = (tile.view(tiled, z), tile.view(tiled, a));
                let (h_bar, jets_bar) = (tile.view(tiled, h_bar), tile.view(tiled, jets_bar));
                with_rule!(rule_of(at), R => {
                    let rule = PhantomData::<R>;
                    arch.dispatch(Backward { rule, mixed, z, h_bar, a, g, jets_bar, bar });
                });
            }),
            Op::WeightGradient { .. } | Op::InputGradient { .. } => unreachable!("gradients are the visitor's"),
            _ => unreachable!("the CPU's list is not rewritten"),
        }
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
