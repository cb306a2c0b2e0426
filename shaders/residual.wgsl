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
    // of `coefficients` alone: P, the first coefficient's place in it, the splits of the partials
    parameters: u32,
    offset: u32,
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

// The sums of w r^2: each term's mean square, but for the division by B. Each workgroup leaves one
// partial sum a term, (T, workgroups), for `reduce` to add up in order.
@compute @workgroup_size(THREADS)
fn losses(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    var values = array<f32, TERMS>();
    var weight = 0.0;
    if id.x < shape.points {
        weight = known(shape.weight_row, id.x);
        if weight != 0.0 {
            values = residuals(id.x);
        }
    }
    for (var term = 0u; term < TERMS; term++) {
        let total = workgroup_sum(weight * values[term] * values[term], thread);
        if thread == 0u {
            partials[term * groups.x + group.x] = total;
        }
    }
}

// The cotangents of the output jets: sum over the terms of 2 weight w r / B dr/djet, 0 where no term
// reads.
@compute @workgroup_size(THREADS)
fn cotangent(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.points {
        return;
    }
    for (var row = 0u; row < JET_ROWS; row++) {
        bar[row * shape.points + id.x] = 0.0;
    }
    let weight = known(shape.weight_row, id.x);
    if weight != 0.0 {
        cotangents(id.x, weight * now.per_point);
    }
}

// The gradient of the coefficients, one workgroup a split: partials (splits, P) as the weights have
// them.
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
            partials[group.x * shape.parameters + shape.offset + k] = total;
        }
    }
}
