// Sums in a fixed order, so that the same job gives the same bits every time.

struct Lengths {
    // P
    parameters: u32,
    // splits of the gradient's partials
    splits: u32,
    // workgroups of the residual kernel: partial sums of each term
    groups: u32,
    // T
    terms: u32,
}

@group(0) @binding(0) var<uniform> lengths: Lengths;
// (splits, P) or (T, groups)
@group(0) @binding(1) var<storage, read> partials: array<f32>;
// (P)
@group(0) @binding(2) var<storage, read_write> gradient_sum: array<f32>;
// (P / THREADS): sums of squares of the gradient
@group(0) @binding(3) var<storage, read_write> squares: array<f32>;
// (T)
@group(0) @binding(4) var<storage, read_write> loss_means: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: Status;

// One thread a parameter: neighbouring threads read neighbouring entries of each partial block.
@compute @workgroup_size(THREADS)
fn gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = group.x + group.y * groups.x;
    let index = block * THREADS + thread;
    var sum = 0.0;
    if index < lengths.parameters {
        if now.accumulate_gradient != 0u {
            sum = gradient_sum[index];
        }
        for (var split = 0u; split < lengths.splits; split++) {
            sum += partials[split * lengths.parameters + index];
        }
        gradient_sum[index] = sum;
    }
    let square = workgroup_sum(sum * sum, thread);
    if thread == 0u && block * THREADS < lengths.parameters {
        squares[block] = square;
    }
}

// One workgroup a term.
@compute @workgroup_size(THREADS)
fn losses(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sum = 0.0;
    for (var i = thread; i < lengths.groups; i += THREADS) {
        sum += partials[group.x * lengths.groups + i];
    }
    let total = workgroup_sum(sum, thread) * now.per_point;
    if thread == 0u {
        loss_means[group.x] = total + select(0.0, loss_means[group.x], now.accumulate != 0u);
    }
}

// One workgroup: the gradient's norm, and the first step at which something was not finite. A norm
// above 1.8e19, whose square is no f32, counts as not finite.
@compute @workgroup_size(THREADS)
fn status(@builtin(local_invocation_index) thread: u32) {
    var sum = 0.0;
    let blocks = (lengths.parameters + THREADS - 1u) / THREADS;
    for (var i = thread; i < blocks; i += THREADS) {
        sum += squares[i];
    }
    let square = workgroup_sum(sum, thread);
    if thread != 0u {
        return;
    }
    var good = finite(square);
    for (var term = 0u; term < lengths.terms; term++) {
        good = good && finite(loss_means[term]);
    }
    state.norm = sqrt(square);
    if !good && all(state.diverged == vec2<u32>(0u)) {
        state.diverged = now.number;
    }
}
