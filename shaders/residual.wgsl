// The loss's terms in standardised space: r = gain (jet[row] - target), one quad of points a
// thread. The terms are in the header: TERM_ROW is the row of the output jets (M C, B), TERM_TARGET
// the row of the batch (N, B) that holds the target, or NO_TARGET; TERM_SLOPE = 2 weight gain.
//
// Each workgroup leaves one partial sum a term, (T, workgroups), for `reduce` to add up in order.

struct Points {
    // B / 4
    quads: u32,
    // the row of the batch that holds the points' weights, 0 for those that only fill a quad
    weight_row: u32,
}

@group(0) @binding(0) var<uniform> shape: Points;
@group(0) @binding(1) var<storage, read> jets: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> batch: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
// (M C, B)
@group(0) @binding(4) var<storage, read_write> bar: array<vec4<f32>>;

fn residual(term: u32, quad: u32) -> vec4<f32> {
    var difference = jets[TERM_ROW[term] * shape.quads + quad];
    if TERM_TARGET[term] != NO_TARGET {
        difference -= batch[TERM_TARGET[term] * shape.quads + quad];
    }
    return TERM_GAIN[term] * difference;
}

// The sums of w r^2: each term's mean square, but for the division by B.
@compute @workgroup_size(THREADS)
fn losses(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    for (var term = 0u; term < TERMS; term++) {
        var sum = 0.0;
        if id.x < shape.quads {
            let r = residual(term, id.x);
            sum = dot(batch[shape.weight_row * shape.quads + id.x], r * r);
        }
        let total = workgroup_sum(sum, thread);
        if thread == 0u {
            partials[term * groups.x + group.x] = total;
        }
    }
}

// The cotangents of the output jets: sum over the terms of 2 weight gain w r / B, 0 where no term
// reads.
@compute @workgroup_size(THREADS)
fn cotangent(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= shape.quads {
        return;
    }
    for (var row = 0u; row < OUTPUTS * CHANNELS; row++) {
        bar[row * shape.quads + id.x] = vec4<f32>();
    }
    let weight = batch[shape.weight_row * shape.quads + id.x] * now.per_point;
    for (var term = 0u; term < TERMS; term++) {
        bar[TERM_ROW[term] * shape.quads + id.x] += TERM_SLOPE[term] * weight * residual(term, id.x);
    }
}
