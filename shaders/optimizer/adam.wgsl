// The update of Adam and AdamW; one thread a parameter. With g the gradient shortened to the
// clipping norm:
//
//     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
//     p = keep p - step_size m / (sqrt(v second_correction) + epsilon)
//
// From the first step on whose loss or gradient is not finite, everything stays as it is. Every workgroup finds the norm and
// whether all is finite by itself, in the same order: that is sooner than a kernel between the sums and the update;
// docs/tuning.md.

struct Lengths {
    // P
    parameters: u32,
    // sums of squares
    blocks: u32,
    // T
    terms: u32,
}

@group(0) @binding(0) var<uniform> lengths: Lengths;
// The first workgroup writes it. Whoever reads what it has just written has found the same.
@group(0) @binding(1) var<storage, read_write> state: Status;
// all (P)
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(4) var<storage, read_write> second_moment: array<f32>;
@group(0) @binding(5) var<storage, read_write> parameters: array<f32>;
// of blocks of the gradient
@group(0) @binding(6) var<storage, read> squares: array<f32>;
// (T)
@group(0) @binding(7) var<storage, read> loss_means: array<f32>;

@compute @workgroup_size(THREADS)
fn adam(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    var of_thread = 0.0;
    for (var i = thread; i < lengths.blocks; i += THREADS) {
        of_thread += squares[i];
    }
    var bad_means = 0.0;
    for (var term = thread; term < lengths.terms; term += THREADS) {
        bad_means += select(1.0, 0.0, finite(loss_means[term]));
    }
    // A norm above 1.8e19, whose square is no f32, counts as not finite.
    let square = workgroup_sum(of_thread, thread);
    let is_bad = workgroup_sum(bad_means, thread) != 0.0 || !finite(square);
    let norm = sqrt(square);
    let has_diverged = any(state.diverged != vec2<u32>(0u));
    let block = group.x + group.y * groups.x;
    if block == 0u && thread == 0u {
        state.norm = norm;
        if is_bad && !has_diverged {
            state.diverged = now.number;
        }
    }
    let index = block * THREADS + thread;
    if index >= lengths.parameters || is_bad || has_diverged {
        return;
    }
    var g = gradient[index];
    if norm > now.clip_norm {
        g *= now.clip_norm / norm;
    }
    let m = now.beta1 * first_moment[index] + now.one_minus_beta1 * g;
    let v = now.beta2 * second_moment[index] + now.one_minus_beta2 * (g * g);
    first_moment[index] = m;
    second_moment[index] = v;
    let change = now.step_size * m / (sqrt(v * now.second_correction) + now.epsilon);
    parameters[index] = now.keep * parameters[index] - change;
}
