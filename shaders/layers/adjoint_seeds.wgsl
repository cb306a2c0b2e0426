// The two ends of the way back in adjoint mode, as jets of F + M channels like all between them, so that the
// products with W and the weight gradients of the first and the last layer are those of any other. One thread a row
// and point, neighbouring threads at neighbouring points.

struct Points {
    // B
    points: u32,
}

const ROW_CHANNELS: u32 = CHANNELS + ADJOINTS;

@group(0) @binding(0) var<uniform> shape: Points;
// the cotangents of the jets (M, C, B)
@group(0) @binding(1) var<storage, read> jets_bar: array<f32>;
// (D + .., B): the inputs are its first rows
@group(0) @binding(2) var<storage, read> batch: array<f32>;
// (D, F + M, B)
@group(0) @binding(3) var<storage, read_write> x: array<f32>;
// (M, F + M, B)
@group(0) @binding(4) var<storage, read_write> bar: array<f32>;

@compute @workgroup_size(THREADS)
fn adjoint_seeds(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    let row = index / shape.points;
    let point = index % shape.points;
    if row < INPUTS {
        input(row, point);
    } else if row < INPUTS + ADJOINTS {
        output(row - INPUTS, point);
    }
}

// What the first layer is given: x; 1 along each tangent's input, and 0 where the inputs would curve; and as the adjoints'
// cotangents those of the first derivatives, 0 where a jet has none.
fn input(i: u32, point: u32) {
    let row = i * ROW_CHANNELS * shape.points + point;
    x[row] = batch[i * shape.points + point];
    for (var k = 0u; k < TANGENTS; k++) {
        x[row + (1u + k) * shape.points] = select(0.0, 1.0, tangent_input(k) == i);
    }
    for (var c = 1u + TANGENTS; c < CHANNELS; c++) {
        x[row + c * shape.points] = 0.0;
    }
    for (var m = 0u; m < ADJOINTS; m++) {
        var cotangent = 0.0;
        for (var first = 0u; first < FIRSTS; first++) {
            if first_input(first) == i {
                cotangent = jets_bar[(m * JET_CHANNELS + 1u + first) * shape.points + point];
            }
        }
        x[row + (CHANNELS + m) * shape.points] = cotangent;
    }
}

// The output's z_bar: the value's cotangent; 0 for what else has travelled, which is not read; and du/du.
fn output(o: u32, point: u32) {
    let row = o * ROW_CHANNELS * shape.points + point;
    bar[row] = jets_bar[o * JET_CHANNELS * shape.points + point];
    for (var c = 1u; c < CHANNELS; c++) {
        bar[row + c * shape.points] = 0.0;
    }
    for (var m = 0u; m < ADJOINTS; m++) {
        bar[row + (CHANNELS + m) * shape.points] = select(0.0, 1.0, m == o);
    }
}
