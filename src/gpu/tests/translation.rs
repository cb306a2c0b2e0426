//! Every shader, validated without optional capabilities and translated to what Vulkan, Metal and DX12 take.

use crate::expression::{Expression, Scope};
use crate::gpu::device::kernel::Source;
use crate::gpu::device::matrix_units::MatrixUnits;
use crate::gpu::shaders::term_programs::JetRows;
use crate::gpu::shaders::*;
use crate::gpu::tuning::matmul_tiles::{GRADIENT_TILES, PRODUCT_TILES};
use crate::gpu::tuning::tiles::Tile;
use crate::jet::{Activation, Derivative, Entry, JetLayout, Normalizer, Scaling};
use crate::network::NetworkSpec;
use crate::pass::{Channels, Modes};
use crate::testing;

fn translate(name: &str, source: &Source) {
    testing::translate(name, &source.text);
}

fn layouts() -> Vec<JetLayout> {
    vec![
        JetLayout::value(1),
        JetLayout::gradient(3),
        JetLayout::diagonal(1),
        JetLayout::diagonal(10),
        JetLayout::full(3),
        JetLayout::collapsed(&[1.0, -2.0, 1e-30]),
        JetLayout::selected(3, [Derivative::Second(0, 2), Derivative::First(1)]),
        // Above order 2: without a mixed one, with all, with some of two inputs, and collapsed.
        JetLayout::pure(1, 3),
        JetLayout::pure(2, 4),
        JetLayout::all(2, 4),
        JetLayout::selected(2, [Derivative::First(1), Derivative::Fourth([0; 4])]),
        JetLayout::weighted(&[1.0, -2.0], [Derivative::Biharmonic]),
    ]
}

/// The same with one output, for which adjoints carry less.
fn of_one_output(normalizer: &Normalizer) -> Normalizer {
    Normalizer { outputs: Scaling::identity(1), ..normalizer.clone() }
}

#[test]
fn every_shader_validates_and_translates() {
    for layout in layouts() {
        let normalizer = Normalizer {
            inputs: Scaling { mean: vec![0.0; layout.inputs()], scale: vec![1e3; layout.inputs()] },
            outputs: Scaling::identity(2),
            coefficients: vec![],
        };
        for sigma in Activation::ALL {
            let name = format!("{sigma}, {layout:?}");
            let row = layout.channels();
            translate(&format!("input_layer, {name}"), &input_layer(&layout, row, &normalizer, Some(sigma)));
            if layout.order() <= 2 {
                translate(&format!("jet_rule, {name}"), &jet_rule(&layout, row, &normalizer, sigma));
            } else {
                for of_quads in [false, true] {
                    let source = curved_rule(&layout, row, &normalizer, sigma, of_quads);
                    translate(&format!("curved_rule, {name}"), &source);
                }
            }
            let adjoint = Channels::new(&layout, &of_one_output(&normalizer), Modes::Both);
            for ends in [(true, true), (false, true), (true, false), (false, false)] {
                if adjoint.is_adjoint() {
                    let (is_first, is_last) = ends;
                    let layer = AdjointKernel { channels: &adjoint, sigma, is_first, is_last };
                    for source in [layer.adjoint().0, layer.rule(false), layer.rule(true)] {
                        translate(&format!("{}, {ends:?}, {name}", source.file), &source);
                    }
                }
            }
            for (quads, rows) in [(8, 2), (32, 1)] {
                let tile = Tile { quads, rows, slice: 8 };
                translate(&format!("fused_layer, {name}"), &fused_layer(&layout, &normalizer, sigma, tile));
            }
            let tile = (Tile { quads: 2, rows: 2, slice: 8 }, 24);
            translate(&format!("fused_network, {name}"), &fused_network(&layout, &normalizer, sigma, tile, 3, true));
            let backward = fused_network_backward(&layout, &normalizer, sigma, tile, 3);
            translate(&format!("fused_network_backward, {name}"), &backward);
        }
        translate("skip", &skip());
        translate("input_layer, no activation", &input_layer(&layout, layout.channels(), &normalizer, None));
        let adjoint = Channels::new(&layout, &of_one_output(&normalizer), Modes::Both);
        if adjoint.is_adjoint() {
            translate("adjoint_seeds", &adjoint_seeds(&adjoint));
        }
        let spec = NetworkSpec { coefficients: 1, ..NetworkSpec::uniform(layout.inputs(), &[], Activation::Tanh, 2) };
        let entry = |output| Entry { output, derivative: Derivative::Value };
        let data = [Some(0), None].map(|column| Expression::entry(entry(1)).misfit(column, 1e-3));
        let scope = Scope {
            inputs: (0..layout.inputs()).map(|i| format!("x{i}")).collect(),
            outputs: vec!["u".into(), "v".into()],
            coefficients: vec!["nu".into()],
            ..Scope::default()
        };
        let equation = Expression::residual("test", "nu*u^2 + sin(v)*exp(x0) = 1", &scope).unwrap();
        let rows = JetRows { places: 1, networks: vec![(2, layout.channels())] };
        let compile = |residual: &Expression| residual.compile(&layout, &normalizer);
        let terms: Vec<_> = data.iter().chain([&equation]).map(compile).collect();
        translate("residual", &residual(&rows, spec.coefficients, layout.inputs(), &terms));
    }
    for tile in PRODUCT_TILES {
        translate("linear", &linear(tile));
    }
    for tile in GRADIENT_TILES {
        translate("weight_gradient", &weight_gradient(tile, 2));
    }
    let devices = [(8, 8), (8, 32), (16, 32), (16, 64)];
    let units = devices.into_iter().flat_map(|(size, lanes)| [1, 2].map(|parts| MatrixUnits { size, lanes, parts }));
    for tile in units.flat_map(MatrixUnits::tiles) {
        assert_eq!(tile.rows(), tile.columns(), "a weight gradient's tile is square");
        let is_whole = tile.slice() % tile.of.size == 0 && tile.rows() / 4 * tile.slice() % tile.threads() == 0;
        assert!(is_whole && tile.threads() <= 256 && tile.bytes() <= 36 << 10, "{tile:?}: {} bytes", tile.bytes());
        testing::translate_for_units("linear_f16", &linear_f16(tile).text);
        testing::translate_for_units("weight_gradient_f16", &weight_gradient_f16(tile).text);
    }
    translate("abs_max", &abs_max());
    translate("gather", &gather());
    translate("reduce", &reduce(3, Groups::of_splits(1)));
    translate("adam", &adam());
    translate("vectors", &vectors(3));
}
