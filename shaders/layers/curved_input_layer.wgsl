// The first layer with its activation above order 2; input_layer.wgsl is the same up to there, and says what is kept.
//
// Its z is linear in the inputs, so that a channel of order n is sigma^(n) q, with q the sum of its products of n columns
// of W: one number a unit. Channels are ordered by their order, of which SECONDS and THIRDS say how many there are.

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

// q of each channel.
var<workgroup> products: array<f32, CURVED>;

// Where every derivative of the activation is 1, r is q.
fn unit_slopes() -> Slopes {
    return Slopes(1.0, 1.0, 1.0, 1.0, 1.0, 1.0);
}

// The tangents of a unit whose W begins at `row`.
fn tangents(row: u32) -> Jet {
    var jet: Jet;
    for (var k = 0u; k < TANGENTS; k++) { // unrolled
        jet[1u + k] = parameters[row + tangent_input(k)];
    }
    return jet;
}

// One thread leaves q for all of its workgroup, which comes here.
fn keep_products(row: u32, thread: u32) {
    if thread == 0u {
        let q = curvature(tangents(row), unit_slopes());
        for (var e = 0u; e < CURVED; e++) { // unrolled
            products[e] = q[e];
        }
    }
    workgroupBarrier();
}

// Of three numbers, one for each order from the second on, that of a channel's order.
fn of_order(e: u32, second: f32, third: f32, fourth: f32) -> f32 {
    return select(select(second, third, e >= SECONDS), fourth, e >= SECONDS + THIRDS);
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
    keep_products(row, thread);
    var part = 0.0;
    for (var i = g; i < INPUTS; i += GROUPS) {
        part = fma(parameters[row + i], batch[i * layer.points + column], part);
    }
    let value = parameters[layer.biases + unit] + sum_over_groups(part, thread);
    let a_value = activation(value);
    let s = slopes_at(value, a_value);
    let base = unit * ROW_CHANNELS * layer.points + column;
    if here && g == 0u {
        z[unit * layer.points + column] = value;
        a[base] = a_value;
    }
    for (var k = g; k < TANGENTS; k += GROUPS) {
        if here {
            a[base + (1u + k) * layer.points] = s[1] * parameters[row + tangent_input(k)];
        }
    }
    for (var e = g; e < CURVED; e += GROUPS) {
        if here {
            a[base + (1u + TANGENTS + e) * layer.points] = of_order(e, s[2], s[3], s[4]) * products[e];
        }
    }
}
