// The first layer with its activation. Its linear part is free: dz_k is a column of W, the same at
// every point, and ddz = 0, so neither is ever stored: the tape keeps z alone (H, B), and the
// backward pass goes from the cotangents of `a` straight to W_bar and b_bar.
//
// Inputs are standardised, so a tangent's seed is 1. shared/channel_groups.wgsl says how threads share inputs and channels
// out; input_layer_backward.wgsl is the way back. In adjoint mode the rows of `a` have room for adjoints behind these channels:
// they are ROW_CHANNELS apart.

struct Layer {
    // B
    points: u32,
    // where W (H, D) and b (H) start in the parameter block
    weights: u32,
    biases: u32,
    // where the partial sums (splits, H D + H) start, and how many numbers each split has
    partials: u32,
    parameters: u32,
    splits: u32,
}

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
// (D + .., B): the inputs are its first rows
@group(0) @binding(2) var<storage, read> batch: array<f32>;
// (H, B) and (H, ROW_CHANNELS, B)
@group(0) @binding(3) var<storage, read_write> z: array<f32>;
@group(0) @binding(4) var<storage, read_write> a: array<f32>;

// The share of group g in q of a second-order channel, the sum of c dz_k dz_l over its products.
fn product_part(second: u32, row: u32, g: u32) -> f32 {
    var q = 0.0;
    for (var n = g; n < product_count(second); n += GROUPS) {
        let i = product_start(second) + n;
        let dz_k = parameters[row + tangent_input(product_k(i))];
        q += product_coefficient(i) * dz_k * parameters[row + tangent_input(product_l(i))];
    }
    return q;
}

// Workgroup (x: tile of POINTS points, y: unit).
@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = group.y;
    let point = group.x * POINTS + thread % POINTS;
    let g = thread / POINTS;
    let here = point < layer.points;
    let column = min(point, layer.points - 1u);
    let row = layer.weights + unit * INPUTS;
    var part = 0.0;
    for (var i = g; i < INPUTS; i += GROUPS) {
        part = fma(parameters[row + i], batch[i * layer.points + column], part);
    }
    let value = parameters[layer.biases + unit] + sum_over_groups(part, thread);
    let a_value = activation(value);
    let slope = slopes(value, a_value);
    let base = unit * ROW_CHANNELS * layer.points + column;
    if here && g == 0u {
        z[unit * layer.points + column] = value;
        a[base] = a_value;
    }
    for (var k = g; k < TANGENTS; k += GROUPS) {
        if here {
            a[base + (1u + k) * layer.points] = slope.x * parameters[row + tangent_input(k)];
        }
    }
    for (var s = 0u; s < SECONDS; s++) {
        let q = sum_over_groups(product_part(s, row, g), thread);
        if here && g == s % GROUPS {
            a[base + (1u + TANGENTS + s) * layer.points] = slope.y * q;
        }
    }
}
