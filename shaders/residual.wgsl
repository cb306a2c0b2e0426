// The loss's terms, one point a thread. The functions `residuals`, `cotangents` and
// `coefficient_slopes` follow behind this file: the programs of the terms, printed from their
// expressions, in standardised space.
//
// The jets lie as (M C places, B), the batch as (N, B): inputs, the residuals' columns, weights. Where the
// network is read at several places for each point, every row of its inputs and jets is as many rows
// here. B is whole quads of points; those that only fill a quad have the weight 0, and no program runs for them.

struct Points {
    // B
    points: u32,
    // the row of the batch that holds the points' weights
    weight_row: u32,
    // the first coefficient's place in the parameter block
    offset: u32,
    // of `coefficients` alone: where the partial sums (splits, coefficients) start, and the splits
    partials: u32,
    splits: u32,
}

@group(0) @binding(0) var<uniform> shape: Points;
@group(0) @binding(1) var<storage, read> jets: array<f32>;
@group(0) @binding(2) var<storage, read> batch: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<storage, read_write> bar: array<f32>;
// (P)
@group(0) @binding(5) var<storage, read> parameters: array<f32>;
// (T)
@group(0) @binding(6) var<storage, read> weights: array<f32>;

fn jet(row: u32, point: u32) -> f32 {
    return jets[row * shape.points + point];
}

fn known(row: u32, point: u32) -> f32 {
    return batch[row * shape.points + point];
}

fn coefficient(index: u32) -> f32 {
    return parameters[shape.offset + index];
}

fn add(row: u32, point: u32, value: f32) {
    bar[row * shape.points + point] += value;
}

// w r^2 of every term and point (T, B), for `reduce` to add up in order.
fn keep_losses(point: u32, weight: f32) {
    var values = array<f32, TERMS>();
    if weight != 0.0 {
        values = residuals(point);
    }
    for (var term = 0u; term < TERMS; term++) {
        partials[term * shape.points + point] = weight * values[term] * values[term];
    }
}

@compute @workgroup_size(THREADS)
fn losses(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < shape.points {
        keep_losses(id.x, known(shape.weight_row, id.x));
    }
}

// The same, and the cotangents of the output jets: sum over the terms of 2 weight w r / B dr/djet, 0 where no
// term reads.
@compute @workgroup_size(THREADS)
fn cotangent(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.points {
        return;
    }
    let weight = known(shape.weight_row, id.x);
    keep_losses(id.x, weight);
    for (var row = 0u; row < JET_ROWS; row++) {
        bar[row * shape.points + id.x] = 0.0;
    }
    if weight != 0.0 {
        cotangents(id.x, weight * now.per_point);
    }
}

// The gradient of the coefficients, one workgroup a split.
@compute @workgroup_size(THREADS)
fn coefficients(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sums = array<f32, max(COEFFICIENTS, 1u)>();
    for (var point = group.x * THREADS + thread; point < shape.points; point += shape.splits * THREADS) {
        let weight = known(shape.weight_row, point);
        if weight != 0.0 {
            let slopes = coefficient_slopes(point, weight * now.per_point);
            for (var k = 0u; k < COEFFICIENTS; k++) {
                sums[k] += slopes[k];
            }
        }
    }
    for (var k = 0u; k < COEFFICIENTS; k++) {
        let total = workgroup_sum(sums[k], thread);
        if thread == 0u {
            partials[shape.partials + group.x * COEFFICIENTS + k] = total;
        }
    }
}
