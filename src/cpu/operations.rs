//! The operations of a pass on a tile: what [`crate::gpu`] lowers to dispatches is gone through here one by one.

use crate::cpu::layers::{adjoint_seeds, input_layer, input_layer_backward, skip};
use crate::cpu::products::{linear, weight_gradient};
use crate::cpu::rules::adjoint::Adjoint;
use crate::cpu::rules::adjoint_layer::AdjointLayer;
use crate::cpu::rules::adjoint_rule::{AdjointBar, Backward};
use crate::cpu::rules::{curved_adjoint, curved_rule, jet_rule};
use crate::cpu::terms::reduce::Sums;
use crate::cpu::terms::residual::{Cotangents, Term, Terms};
use crate::cpu::tile::{Run, Tile};
use crate::network::Layer;
use crate::numbers::Real;
use crate::pass::{At, Direction, Op, Span};

/// What a layer was given.
pub enum LayerInput<'a, T> {
    /// Jets (C, H, P) of the layer before it, or of features.
    Jets(&'a [T]),
    /// The first layer: x̂ (D, P), whose tangents are the columns of 1, and in adjoint mode the cotangents of the
    /// first derivatives (M, D, P).
    Points { x: &'a [T], firsts_bar: &'a [T] },
}

impl<T: Real> Tile<T> {
    /// Adds the terms' sums over the tile's jets, and starts the way back where the share of a point
    /// in the loss (1/B) is given.
    pub fn residual(&mut self, run: Run<T>, terms: &[Term], sums: &mut Sums<T>, per_point: Option<f64>) {
        if per_point.is_some() {
            self.make_bars(run.tiled);
        }
        let Sums { gradient, losses } = sums;
        self.over_jets(run, per_point.is_some(), |read, bars, registers| {
            let back =
                per_point.map(|per_point| Cotangents { bars, coefficients: &mut gradient[run.weights..], per_point });
            run.arch.dispatch(Terms { terms, read, registers, losses, back });
        });
    }

    /// The jets of the tile's points.
    pub fn forward(&mut self, run: Run<T>) {
        run.tiled.pass.forward.iter().for_each(|op| self.execute(run, op));
    }

    /// Adds the tile's gradient (P), from the cotangents of the output's jets.
    pub fn backward(&mut self, run: Run<T>, gradient: &mut [T]) {
        let tile = self.shape;
        self.walk_back(run, |at, z_bar, input| {
            let (weights_bar, biases_bar) = parts(gradient, run.layer(at));
            let shape = run.shape(tile, at.network);
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
                        run.channels(at.network),
                    );
                }
            }
        });
    }

    /// Walks back through the layers from the cotangents of the output's jets.
    /// `visit` sees each layer with its z_bar (C, H, P) and with what it was given.
    pub fn walk_back(&mut self, run: Run<T>, mut visit: impl FnMut(At, &[T], LayerInput<T>)) {
        let tiled = run.tiled;
        for op in &tiled.pass.backward {
            match *op {
                Op::WeightGradient { ref layers } => {
                    for layer in layers {
                        let input = LayerInput::Jets(self.view(tiled, layer.input));
                        visit(layer.at, self.view(tiled, layer.bar), input);
                    }
                }
                Op::InputGradient { at, points, firsts_bar, bar } => {
                    let firsts_bar = firsts_bar.map_or(&[][..], |span| self.view(tiled, span));
                    let input = LayerInput::Points { x: self.view(tiled, points), firsts_bar };
                    visit(at, self.view(tiled, bar), input);
                }
                ref op => self.execute(run, op),
            }
        }
    }

    /// One operation, but for gradients.
    fn execute(&mut self, run: Run<T>, op: &Op) {
        let Run { tiled, parameters, arch, .. } = run;
        let shape = self.shape;
        let activation = |at: At| tiled.pass.networks[at.network].hidden[at.layer].activation;
        let adjoint_layer = |at: At, z: Span| {
            let (channels, shape) = (run.channels(at.network), run.shape(shape, at.network));
            AdjointLayer { activation: activation(at), units: z.units, shape, channels }
        };
        match *op {
            Op::Feed { from, output, points, input } => self.feed(tiled, (from, output), (points, input)),
            Op::Input { at, points, z } => {
                let (layer, channels) = (run.layer(at), run.channels(at.network));
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
                let channels = run.channels(at.network);
                let activation = activation(at);
                match channels.is_higher() {
                    true => arch.dispatch(curved_rule::Forward { activation, z, a, size, step, channels }),
                    false => arch.dispatch(jet_rule::Forward { activation, z, a, size, step, channels }),
                }
            }),
            Op::RuleBackward { at, z, a, bar } => self.write(tiled, bar, |tile, bar| {
                let (size, step) = (z.units * shape.points, shape.step(z.units));
                let (z, a) = (tile.view(tiled, z), tile.view(tiled, a));
                let channels = run.channels(at.network);
                let activation = activation(at);
                match channels.is_higher() {
                    true => arch.dispatch(curved_rule::Backward { activation, z, a, bar, size, step, channels }),
                    false => arch.dispatch(jet_rule::Backward { activation, z, a, bar, size, step, channels }),
                }
            }),
            Op::Copy { from, to } | Op::Add { from, to } => {
                let kernel = if matches!(op, Op::Copy { .. }) { skip::copy } else { skip::add };
                let size = shape.channels(to.count).size(to.units);
                self.write(tiled, to, |tile, to| kernel(&tile.view(tiled, from)[..size], &mut to[..size]));
            }
            Op::AdjointStart { at, g, jets } => {
                let layer = run.layer(at);
                self.write(tiled, jets, |_, to| adjoint_seeds::clear_derivatives(to, jets, shape));
                self.write(tiled, g, |_, g| {
                    adjoint_seeds::output_weights(&parameters[layer.weights()], layer.inputs, g, shape);
                });
            }
            Op::Adjoint { at, z, a, g, h, jets } => self.write(tiled, jets, |tile, jets| {
                tile.write(tiled, h, |tile, h| {
                    let layer = adjoint_layer(at, z);
                    let (z, a, g) = (tile.view(tiled, z), tile.view(tiled, a), tile.view(tiled, g));
                    match layer.channels.is_higher() {
                        true => arch.dispatch(curved_adjoint::Adjoint { layer, z, a, g, h, jets }),
                        false => arch.dispatch(Adjoint { layer, z, a, g, h, jets }),
                    }
                });
            }),
            Op::AdjointEnd { network, g, jets } => self.write(tiled, jets, |tile, to| {
                let channels = run.channels(network);
                adjoint_seeds::first_derivatives(tile.view(tiled, g), g.units, to, jets.units, shape, channels);
            }),
            Op::AdjointSeeds { at, jets_bar, firsts_bar, bar, .. } => {
                let (outputs, channels) = (jets_bar.units, run.channels(at.network));
                self.write(tiled, bar, |tile, bar| {
                    adjoint_seeds::output(tile.view(tiled, jets_bar), outputs, bar, shape, channels);
                });
                self.write(tiled, firsts_bar, |tile, to| {
                    adjoint_seeds::input(tile.view(tiled, jets_bar), outputs, to, firsts_bar.units, shape, channels);
                });
            }
            Op::AdjointBar { at, z, a, g, h_bar, jets_bar } => self.write(tiled, a, |tile, a| {
                tile.write(tiled, h_bar, |tile, h_bar| {
                    let layer = adjoint_layer(at, z);
                    let g = tile.view(tiled, g.expect("the CPU's list is not rewritten"));
                    let (z, jets_bar) = (tile.view(tiled, z), tile.view(tiled, jets_bar));
                    match layer.channels.is_higher() {
                        true => arch.dispatch(curved_adjoint::AdjointBar { layer, z, h_bar, a, g, jets_bar }),
                        false => arch.dispatch(AdjointBar { layer, z, h_bar, a, g, jets_bar }),
                    }
                });
            }),
            Op::AdjointRuleBackward { at, z, a, g, h_bar, jets_bar, bar } => self.write(tiled, bar, |tile, bar| {
                let layer = adjoint_layer(at, z);
                let g = tile.view(tiled, g.expect("the CPU's list is not rewritten"));
                let (z, a) = (tile.view(tiled, z), tile.view(tiled, a));
                let (h_bar, jets_bar) = (tile.view(tiled, h_bar), tile.view(tiled, jets_bar));
                match layer.channels.is_higher() {
                    true => arch.dispatch(curved_adjoint::Backward { layer, z, h_bar, a, g, jets_bar, bar }),
                    false => arch.dispatch(Backward { layer, z, h_bar, a, g, jets_bar, bar }),
                }
            }),
            Op::WeightGradient { .. } | Op::InputGradient { .. } => unreachable!("gradients are the visitor's"),
            _ => unreachable!("the CPU's list is not rewritten"),
        }
    }
}

/// W_bar and b_bar of one layer in the gradient block.
fn parts<'a, T>(gradient: &'a mut [T], layer: &Layer) -> (&'a mut [T], &'a mut [T]) {
    let (weights, biases) = gradient[layer.offset..layer.biases().end].split_at_mut(layer.weights().len());
    (weights, biases)
}
