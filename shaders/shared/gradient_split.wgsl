// What a workgroup of a weight gradient does: of some layers one split's columns of one tile of TILE_OUT outputs by TILE_IN
// inputs.

struct Layer {
    // its first workgroup; splits lie side by side, then tiles of in, then tiles of out
    first: u32,
    tiles_in: u32,
    outputs: u32,
    inputs: u32,
    // C B / 4
    quads: u32,
    // B / 4: the columns of the value channel
    value_quads: u32,
    // where the partial sums (splits, out in + out) start: W_bar, then b_bar
    partials: u32,
    splits: u32,
    // where z_bar and a start in their buffers, in quads
    z_bar_start: u32,
    a_start: u32,
    // of several layers: in which pair of buffers
    pair: u32,
    padding: u32,
}

@group(0) @binding(0) var<uniform> layers: array<Layer, LAYERS>;
@group(0) @binding(1) var<storage, read> z_bar: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

// What one workgroup has.
struct Share {
    layer: Layer,
    // its outputs and inputs begin with these
    first_in: u32,
    first_out: u32,
    // the columns' quads
    start: u32,
    end: u32,
    // where the split's partial sums start
    partials: u32,
}

fn share(index: u32) -> Share {
    var layer = layers[0];
    for (var l = 1u; l < LAYERS; l++) {
        if index >= layers[l].first {
            layer = layers[l];
        }
    }
    let split = (index - layer.first) % layer.splits;
    let tile = (index - layer.first) / layer.splits;
    let length = (layer.quads + layer.splits - 1u) / layer.splits;
    let start = min(split * length, layer.quads);
    let partials = layer.partials + split * (layer.outputs * layer.inputs + layer.outputs);
    return Share(layer, TILE_IN * (tile % layer.tiles_in), TILE_OUT * (tile / layer.tiles_in), start,
                 min(start + length, layer.quads), partials);
}

// An entry of the partial W_bar, and of b_bar.
fn put_weight(to: Share, out_in: vec2<u32>, value: f32) {
    if out_in.x < to.layer.outputs && out_in.y < to.layer.inputs {
        partials[to.partials + out_in.x * to.layer.inputs + out_in.y] = value;
    }
}

fn put_bias(to: Share, output: u32, value: f32) {
    if output < to.layer.outputs {
        partials[to.partials + to.layer.outputs * to.layer.inputs + output] = value;
    }
}
