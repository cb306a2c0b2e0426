// The first layer with its activation. Its linear part is free: dz_k is a column of W, the same at
// every point, and ddz = 0, so neither is ever stored: the tape keeps z alone (H, B), and the
// backward pass goes from the cotangents of `a` straight to W_bar and b_bar.
//
// Inputs are standardised, so a tangent's seed is 1. B counts quads of points. In mixed mode the rows of `a`
// have room for adjoints behind these channels: they are ROW_CHANNELS apart.

struct Layer {
    // H
    units: u32,
    // B / 4
    quads: u32,
    // where W (H, D) and b (H) start in the parameter block
    weights: u32,
    biases: u32,
    // P, the length of the parameter block, and how many splits the quads are summed in
    parameters: u32,
    splits: u32,
}

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
// (D + .., B): the inputs are its first rows
@group(0) @binding(2) var<storage, read> batch: array<vec4<f32>>;
// (H, B) and (H, ROW_CHANNELS, B)
@group(0) @binding(3) var<storage, read_write> z: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> a: array<vec4<f32>>;
// the same, as the backward pass reads them, and the cotangents of a (H, C, B)
@group(0) @binding(5) var<storage, read> z_tape: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> a_tape: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> bar: array<vec4<f32>>;
// (splits, P)
@group(0) @binding(8) var<storage, read_write> partials: array<f32>;

// q of one second-order channel: the sum of c dz_k dz_l over its products.
fn product_sum(second: u32, row: u32) -> f32 {
    var q = 0.0;
    for (var i = PRODUCT_START[second]; i < PRODUCT_START[second + 1u]; i++) {
        let dz_k = parameters[row + TANGENT_INPUT[PRODUCT_K[i]]];
        q += PRODUCT_COEFFICIENT[i] * dz_k * parameters[row + TANGENT_INPUT[PRODUCT_L[i]]];
    }
    return q;
}

// One thread a unit and quad, neighbouring threads at neighbouring quads.
@compute @workgroup_size(THREADS)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= layer.units * layer.quads {
        return;
    }
    let unit = index / layer.quads;
    let quad = index % layer.quads;
    let row = layer.weights + unit * INPUTS;
    var value = vec4<f32>(parameters[layer.biases + unit]);
    for (var i = 0u; i < INPUTS; i++) {
        value = fma(vec4<f32>(parameters[row + i]), batch[i * layer.quads + quad], value);
    }
    let a_value = activation4(value);
    z[index] = value;
    let base = unit * ROW_CHANNELS * layer.quads + quad;
    a[base] = a_value;
    let slope = slopes4(value, a_value);
    for (var k = 0u; k < TANGENTS; k++) {
        a[base + (1u + k) * layer.quads] = slope.first * parameters[row + TANGENT_INPUT[k]];
    }
    for (var s = 0u; s < SECONDS; s++) {
        a[base + (1u + TANGENTS + s) * layer.quads] = slope.second * product_sum(s, row);
    }
}

// One workgroup a unit (x) and split of the quads (y): each thread walks its quads with D + 1 sums
// in registers, then the workgroup adds them up.
@compute @workgroup_size(THREADS)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = group.x;
    let row = layer.weights + unit * INPUTS;
    let length = (layer.quads + layer.splits - 1u) / layer.splits;
    let end = min((group.y + 1u) * length, layer.quads);
    // one for each input, then the bias
    var totals: array<f32, INPUTS + 1u>;
    for (var quad = group.y * length + thread; quad < end; quad += THREADS) {
        let base = unit * CHANNELS * layer.quads + quad;
        let slope = slopes4(z_tape[unit * layer.quads + quad], a_tape[base]);
        let d_bar = base + layer.quads;
        let dd_bar = d_bar + TANGENTS * layer.quads;
        var z_bar = slope.first * bar[base];
        for (var k = 0u; k < TANGENTS; k++) {
            let cotangent = bar[d_bar + k * layer.quads];
            z_bar += slope.second * parameters[row + TANGENT_INPUT[k]] * cotangent;
            var dz_bar = slope.first * cotangent;
            for (var i = PARTNER_START[k]; i < PARTNER_START[k + 1u]; i++) {
                let dz = PARTNER_COEFFICIENT[i] * parameters[row + TANGENT_INPUT[PARTNER_TANGENT[i]]];
                dz_bar += slope.second * dz * bar[dd_bar + PARTNER_SECOND[i] * layer.quads];
            }
            totals[TANGENT_INPUT[k]] += dot(dz_bar, vec4<f32>(1.0));
        }
        for (var s = 0u; s < SECONDS; s++) {
            z_bar += slope.third * product_sum(s, row) * bar[dd_bar + s * layer.quads];
        }
        for (var i = 0u; i < INPUTS; i++) {
            totals[i] += dot(z_bar, batch[i * layer.quads + quad]);
        }
        totals[INPUTS] += dot(z_bar, vec4<f32>(1.0));
    }
    let start = group.y * layer.parameters;
    for (var i = 0u; i <= INPUTS; i++) {
        let total = workgroup_sum(totals[i], thread);
        if thread == 0u {
            partials[start + select(row + i, layer.biases + unit, i == INPUTS)] = total;
        }
    }
}
