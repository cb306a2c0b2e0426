// Sums in a fixed order, so that the same job gives the same bits every time.

// The partial sums of some neighbouring parameters: (splits, count), from `start` on.
struct Part {
    first: u32,
    count: u32,
    start: u32,
    splits: u32,
}

struct Lengths {
    // T
    terms: u32,
    // B
    points: u32,
    // P; 0 where losses are asked for alone
    parameters: u32,
    padding: u32,
    parts: array<Part, PARTS>,
}

@group(0) @binding(0) var<uniform> lengths: Lengths;
// w r^2 (T, B)
@group(0) @binding(1) var<storage, read> losses: array<f32>;
@group(0) @binding(2) var<storage, read> partials: array<f32>;
// (P)
@group(0) @binding(3) var<storage, read_write> gradient_sum: array<f32>;
// (P / POINTS): sums of squares of the gradient
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;
// (T)
@group(0) @binding(5) var<storage, read_write> loss_means: array<f32>;

// One workgroup a term, then one for every POINTS parameters, whose splits the threads share out as others do the
// channels of points.
@compute @workgroup_size(THREADS)
fn means_and_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = group.x + group.y * groups.x;
    if block < lengths.terms {
        mean(block, thread);
    } else {
        gradient(block - lengths.terms, thread);
    }
}

fn mean(term: u32, thread: u32) {
    var sum = 0.0;
    for (var i = thread; i < lengths.points; i += THREADS) {
        sum += losses[term * lengths.points + i];
    }
    let total = workgroup_sum(sum, thread) * now.per_point;
    if thread == 0u {
        loss_means[term] = total + select(0.0, loss_means[term], now.accumulate != 0u);
    }
}

// Neighbouring threads read neighbouring entries of a split.
fn gradient(block: u32, thread: u32) {
    let index = block * POINTS + thread % POINTS;
    let g = thread / POINTS;
    var of_group = 0.0;
    if index < lengths.parameters {
        var part = lengths.parts[0];
        for (var p = 1u; p < PARTS; p++) {
            if index >= lengths.parts[p].first {
                part = lengths.parts[p];
            }
        }
        for (var split = g; split < part.splits; split += GROUPS) {
            of_group += partials[part.start + split * part.count + index - part.first];
        }
    }
    var sum = sum_over_groups(of_group, thread);
    if g != 0u || index >= lengths.parameters {
        sum = 0.0;
    } else {
        if now.accumulate_gradient != 0u {
            sum += gradient_sum[index];
        }
        gradient_sum[index] = sum;
    }
    let square = workgroup_sum(sum * sum, thread);
    if thread == 0u && block * POINTS < lengths.parameters {
        squares[block] = square;
    }
}
