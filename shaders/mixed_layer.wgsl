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

fn keep(m: u32, unit: u32, point: u32, value: f32) {
    columns[unit * POINTS + point % POINTS] = value;
}

// The product of the way back.
fn go_on(m: u32, point: u32, thread: u32) {
    // What no thread has kept.
    for (var unit = thread / POINTS; unit < WIDTH; unit += UNIT_GROUPS) {
        if unit >= layer.units || point >= layer.points {
            columns[unit * POINTS + thread % POINTS] = 0.0;
        }
    }
    product(Matrix(layer.inputs, layer.units, layer.weights, 1u, layer.inputs), thread);
    if point >= layer.points {
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
    let point = group.x * POINTS + thread % POINTS;
    let m = group.z;
    let here = point < layer.points;
    for (var row = thread / POINTS; row < WIDTH; row += UNIT_GROUPS) {
        var value = 0.0;
        if here && row < layer.inputs {
            value = a_before[(row * ROW_CHANNELS + CHANNELS + m) * layer.points + point];
        }
        columns[row * POINTS + thread % POINTS] = value;
    }
    product(Matrix(layer.units, layer.inputs, layer.weights, layer.inputs, 1u), thread);
    if !here {
        return;
    }
    for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
        let along = product_at(unit, thread);
        h_bar[(unit * ADJOINTS + m) * layer.points + point] = along;
        let g_bar = adjoint_cotangent(m, unit, point, slopes_of(unit, point), along);
        a[(unit * ROW_CHANNELS + CHANNELS + m) * layer.points + point] = g_bar;
    }
}
