// A narrow network from its inputs to its outputs: a tile of points goes through all layers, and its jets
// never leave workgroup memory in between. fused_network_backward.wgsl is the way back.
//
// One workgroup has QUADS quads of points, all units and all channels; a thread has ROWS units at one
// quad in registers, as in fused_layer.wgsl. The tile of jets is 16 UNITS C QUADS bytes, the slice of the
// matrix 4 UNITS SLICE: for 64 units and 2 quads 14 KiB at 5 channels (SLICE 16), and all of the 16 KiB
// that every adapter has at 7 (SLICE 8). Where an adapter has more, more quads read each weight for more points.
//
// What goes to memory is the tape, written once, and z_bar, which weight_gradient.wgsl reads. The tape is
// kept and not computed anew: that would need the z-jets of all layers of a tile at once, 16 UNITS C QUADS
// bytes each. And the weight gradient is a kernel of its own: its sums, 4 UNITS^2 bytes a layer, would go
// to memory and back for each tile of points, and of 8 points they are more than the tape and z_bar.
//
// The layers' jets lie one behind the other: of z (H, B) of the first layer, as its tangents are columns of
// W, then (H, C, B) of each; of a and z_bar (H, C, B) of each. In place of the first z_bar lies a_bar.

// (D + .., B): the inputs are its first rows
@group(0) @binding(2) var<storage, read> batch: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> z: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> a: array<vec4<f32>>;
// (M, C, B)
@group(0) @binding(5) var<storage, read_write> jets: array<vec4<f32>>;

// z of the first layer: dz_k is a column of W, ddz = 0.
fn first_layer(unit: u32, quad: u32) -> Jet {
    let layer = network.layers[0];
    var jet: Jet;
    if unit >= layer.y || quad >= network.quads.x {
        return jet;
    }
    let row = layer.z + unit * INPUTS;
    jet[0] = vec4<f32>(parameters[layer.w + unit]);
    for (var i = 0u; i < INPUTS; i++) {
        jet[0] = fma(vec4<f32>(parameters[row + i]), batch[i * network.quads.x + quad], jet[0]);
    }
    for (var k = 0u; k < TANGENTS; k++) {
        jet[1u + k] = vec4<f32>(parameters[row + tangent_input(k)]);
    }
    return jet;
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let quads = network.quads.x;
    let quad = group.x * QUADS + quad_of(thread);
    // where the layer's z and a start
    var starts = vec2<u32>();
    for (var l = 0u; l + 1u < LAYERS; l++) {
        let layer = network.layers[l];
        var sums: Rows;
        if l > 0u {
            product(&sums, Matrix(layer.y, layer.x, layer.z, layer.x, 1u), thread);
        }
        workgroupBarrier();
        let kept = select(CHANNELS, 1u, l == 0u);
        for (var r = 0u; r < ROWS; r++) {
            let unit = unit_of(r, thread);
            if l == 0u {
                sums[r] = first_layer(unit, quad);
            } else if unit < layer.y {
                sums[r][0] += parameters[layer.w + unit];
            }
            var jet = jet_forward(sums[r]);
            keep_in_tile(unit, thread, jet);
            if TAPE != 0u && unit < layer.y && quad < quads {
                for (var c = 0u; c < CHANNELS; c++) {
                    if c < kept {
                        z[starts.x + (unit * kept + c) * quads + quad] = sums[r][c];
                    }
                    a[starts.y + (unit * CHANNELS + c) * quads + quad] = jet[c];
                }
            }
        }
        starts += layer.y * quads * vec2<u32>(kept, CHANNELS);
    }
    workgroupBarrier();
    // The outputs are few: a thread has a channel of one.
    let layer = network.layers[LAYERS - 1u];
    for (var i = thread; i < layer.y * CHANNELS * QUADS; i += THREADS) {
        let output = i / (CHANNELS * QUADS);
        let in_tile = i % (CHANNELS * QUADS);
        var sum = vec4<f32>(select(0.0, parameters[layer.w + output], in_tile < QUADS));
        for (var k = 0u; k < layer.x; k++) {
            let weight = parameters[layer.z + output * layer.x + k];
            sum = fma(vec4<f32>(weight), jet_tile[k * CHANNELS * QUADS + in_tile], sum);
        }
        let at = group.x * QUADS + i % QUADS;
        if at < quads {
            jets[i / QUADS * quads + at] = sum;
        }
    }
}
