// The loss's terms, at one point a thread. The functions `residuals`, `cotangents` and
// `coefficient_slopes` follow behind this file: the programs of the terms, printed from their
// expressions, in standardised space.
//
// The jets lie as (M C places, B), the batch as (N, B): inputs, the residuals' columns, weights. Of several networks
// these are the first one's; the text that follows has the buffers of the others, and what clears them. Where the
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

// w r^2 of a term at a point, (T, B), for `reduce` to add up in order.
fn keep_square(term: u32, point: u32, weight: f32, value: f32) {
    partials[term * shape.points + point] = weight * value * value;
}

fn keep_zeros(point: u32) {
    for (var term = 0u; term < TERMS; term++) {
        keep_square(term, point, 0.0, 0.0);
    }
}

@compute @workgroup_size(THREADS)
fn losses(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.points {
        return;
    }
    let weight = known(shape.weight_row, id.x);
    if weight == 0.0 {
        keep_zeros(id.x);
        return;
    }
    var values = residuals(id.x);
    for (var term = 0u; term < TERMS; term++) {
        keep_square(term, id.x, weight, values[term]);
    }
}

// The same, and the cotangents of the output jets: sum over the terms of 2 weight w r / B dr/djet, 0 where no
// term reads. One thread a point (x) and group of terms (y) that share no row of the jets.
@compute @workgroup_size(THREADS)
fn cotangent(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.points {
        return;
    }
    let weight = known(shape.weight_row, id.x);
    if weight != 0.0 {
        cotangents(id.y, id.x, weight);
        return;
    }
    if id.y != 0u {
        return;
    }
    keep_zeros(id.x);
    for (var row = 0u; row < JET_ROWS; row++) {
        bar[row * shape.points + id.x] = 0.0;
    }
    clear_others(id.x);
}

// The gradient of the coefficients, one workgroup a split.
@compute @workgroup_size(THREADS)
fn coefficients(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sums = array<f32, max(COEFFICIENTS, 1u)>();
    for (var point = group.x * THREADS + thread; point < shape.points; point += shape.splits * THREADS) {
        let weight = known(shape.weight_row, point);
        if weight != 0.0 {
            let slopes = coefficient_slopes(point, weight);
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
