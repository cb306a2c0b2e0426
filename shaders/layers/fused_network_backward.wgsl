// The way back through a narrow network: from the cotangents of its outputs' jets to the z_bar of every
// hidden layer, which weight_gradient.wgsl reads. The tiles are those of fused_network.wgsl, whose header says
// how the tape lies and why it is one. The first layer's own kernel goes on from a_bar, so in place of its
// z_bar lies that.

// the tape, and the cotangents of the jets (M, C, B)
@group(0) @binding(2) var<storage, read> z_tape: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> a_tape: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> jets_bar: array<vec4<f32>>;
// (H, C, B) of each hidden layer
@group(0) @binding(5) var<storage, read_write> z_bar: array<vec4<f32>>;

// What the tape has of row r of this thread in layer l, whose jets start at `start`; nothing of the first layer, whose
// own kernel reads it.
fn load_tape(
    z_jets: ptr<function, Rows>,
    a_values: ptr<function, array<vec4<f32>, ROWS>>,
    r: u32,
    l: u32,
    start: u32,
    quad: u32,
    thread: u32,
) {
    let quads = network.quads.x;
    let unit = unit_of(r, thread);
    if l == 0u || unit >= network.layers[l].y || quad >= quads {
        return;
    }
    let first = start + unit * CHANNELS * quads + quad;
    // of the first layer the tape has z alone
    let z_first = first - network.layers[0].y * (CHANNELS - 1u) * quads;
    for (var c = 0u; c < CHANNELS; c++) {
        (*z_jets)[r][c] = z_tape[z_first + c * quads];
    }
    (*a_values)[r] = a_tape[first];
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let quads = network.quads.x;
    let quad = group.x * QUADS + quad_of(thread);
    // a_bar of the layer before
    var sums: Rows;
    let output = network.layers[LAYERS - 1u];
    for (var r = 0u; r < ROWS; r++) {
        let unit = unit_of(r, thread);
        if unit < output.x && quad < quads {
            for (var i = 0u; i < output.y; i++) {
                let weight = vec4<f32>(parameters[output.z + i * output.x + unit]);
                for (var c = 0u; c < CHANNELS; c++) {
                    sums[r][c] = fma(weight, jets_bar[(i * CHANNELS + c) * quads + quad], sums[r][c]);
                }
            }
        }
    }
    var start = 0u;
    for (var l = 1u; l + 1u < LAYERS; l++) {
        start += network.layers[l - 1u].y * CHANNELS * quads;
    }
    // The tape of a layer is on its way while the product before it runs.
    var z_jets: Rows;
    var a_values: array<vec4<f32>, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        load_tape(&z_jets, &a_values, r, LAYERS - 2u, start, quad, thread);
    }
    for (var l = LAYERS - 2u; l > 0u; l--) {
        let layer = network.layers[l];
        workgroupBarrier();
        for (var r = 0u; r < ROWS; r++) {
            let unit = unit_of(r, thread);
            var bar: Jet;
            if unit < layer.y && quad < quads {
                let first = start + unit * CHANNELS * quads + quad;
                bar = jet_backward(z_jets[r], a_values[r], sums[r]);
                for (var c = 0u; c < CHANNELS; c++) {
                    z_bar[first + c * quads] = bar[c];
                }
            }
            keep_in_tile(unit, thread, bar);
        }
        start -= layer.x * CHANNELS * quads;
        for (var r = 0u; r < ROWS; r++) {
            load_tape(&z_jets, &a_values, r, l - 1u, start, quad, thread);
        }
        sums = Rows();
        product(&sums, Matrix(layer.x, layer.y, layer.z, 1u, layer.x), thread);
    }
    for (var r = 0u; r < ROWS; r++) {
        let unit = unit_of(r, thread);
        if unit < network.layers[0].y && quad < quads {
            for (var c = 0u; c < CHANNELS; c++) {
                z_bar[(unit * CHANNELS + c) * quads + quad] = sums[r][c];
            }
        }
    }
}
