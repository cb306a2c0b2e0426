// A hidden layer of mixed mode and the product with its W in one kernel, both ways, for layers of up to WIDTH inputs and units:
//
//     adjoint      the rule of mixed_adjoint.wgsl, then g of the layer before = W^T h; at the first layer du/dx
//     adjoint_bar  h_bar = W g_bar of the layer before, then g_bar = sigma' h_bar + sigma'' q
//
// Such a product, shared/columns.wgsl's, is over before a kernel of its own would have its first slice. Workgroup (x: tile of
// POINTS points, z: output), and y as in mixed_adjoint.wgsl.

// of the layer before: g (H, M, B), and a with g_bar in the adjoints' channels (H, 1 + T + M, B)
@group(0) @binding(6) var<storage, read_write> g_before: array<f32>;
@group(0) @binding(10) var<storage, read> a_before: array<f32>;
// (H, M, B)
@group(0) @binding(11) var<storage, read_write> h_bar: array<f32>;
// (H, 1 + T + M, B): g_bar goes into the adjoints' channels
@group(0) @binding(8) var<storage, read_write> a: array<f32>;

// Units, or inputs, of a thread: they lie UNIT_GROUPS apart.
const UNITS: u32 = WIDTH / UNIT_GROUPS;

fn way_back(m: u32, point: u32, thread: u32) {
    let matrix = Matrix(layer.inputs, layer.units, layer.weights, 1u, layer.inputs);
    let share = fetch(matrix, thread);
    let here = point < layer.points;
    let column = min(point, layer.points - 1u);
    for (var n = 0u; n < UNITS; n++) {
        let unit = thread / POINTS + UNIT_GROUPS * n;
        let value = h_of(m, min(unit, layer.units - 1u), column);
        keep(unit, thread, select(0.0, value, here && unit < layer.units));
    }
    product(matrix, share, thread);
    if !here {
        return;
    }
    if FIRST == 1u {
        for (var first = thread / POINTS; first < FIRSTS; first += UNIT_GROUPS) {
            jets[value_place(m, point) + (1u + first) * layer.points] = product_at(first_input(first), thread);
        }
        return;
    }
    for (var row = thread / POINTS; row < layer.inputs; row += UNIT_GROUPS) {
        g_before[(row * ADJOINTS + m) * layer.points + point] = product_at(row, thread);
    }
}

@compute @workgroup_size(ADJOINT_THREADS)
fn adjoint_bar(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let matrix = Matrix(layer.units, layer.inputs, layer.weights, layer.inputs, 1u);
    let share = fetch(matrix, thread);
    let m = group.z;
    let point = group.x * POINTS + thread % POINTS;
    let here = point < layer.points;
    let column = min(point, layer.points - 1u);
    // sigma' and sigma'' q, which need no product
    var slope: array<f32, UNITS>;
    var through: array<f32, UNITS>;
    for (var n = 0u; n < UNITS; n++) {
        let row = thread / POINTS + UNIT_GROUPS * n;
        let input = min(row, layer.inputs - 1u);
        let value = a_before[(input * ROW_CHANNELS + CHANNELS + m) * layer.points + column];
        keep(row, thread, select(0.0, value, here && row < layer.inputs));
        let unit = min(row, layer.units - 1u);
        let here_slope = slopes_of(unit, column);
        slope[n] = here_slope.first;
        through[n] = here_slope.second * curvature(m, unit, column);
    }
    product(matrix, share, thread);
    for (var n = 0u; n < UNITS; n++) {
        let unit = thread / POINTS + UNIT_GROUPS * n;
        if here && unit < layer.units {
            let along = product_at(unit, thread);
            h_bar[(unit * ADJOINTS + m) * layer.points + point] = along;
            a[(unit * ROW_CHANNELS + CHANNELS + m) * layer.points + point] = fma(slope[n], along, through[n]);
        }
    }
}
