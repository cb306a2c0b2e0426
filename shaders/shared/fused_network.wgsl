// What the two kernels of narrow networks share: the layers' places, and the jets' tile that all of a
// workgroup's threads write and read in turn. UNITS is the widest layer, in whole slices.

struct Network {
    // B / 4 in x
    quads: vec4<u32>,
    // of each layer: inputs, outputs, where W (out, in) and b (out) start in the parameter block
    layers: array<vec4<u32>, LAYERS>,
}

@group(0) @binding(0) var<uniform> network: Network;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;

fn unit_of(r: u32, thread: u32) -> u32 {
    return r * ROW_GROUPS + row_of(thread);
}

fn keep_in_tile(unit: u32, thread: u32, values: Jet) {
    var jet = values;
    for (var c = 0u; c < CHANNELS; c++) {
        jet_tile[(unit * CHANNELS + c) * QUADS + quad_of(thread)] = jet[c];
    }
}

// Reads the tile that other threads wrote, once they all have; a barrier must stand before the next write.
fn product(sums: ptr<function, Rows>, matrix: Matrix, thread: u32) {
    for (var start = 0u; start < matrix.inner; start += SLICE) {
        workgroupBarrier();
        load_matrix(matrix, 0u, start, thread);
        workgroupBarrier();
        multiply(sums, start, thread);
    }
}
