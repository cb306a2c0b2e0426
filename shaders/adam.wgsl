// The update of Adam and AdamW; one thread a parameter. With g the gradient shortened to the
// clipping norm:
//
//     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
//     p = keep p - step_size m / (sqrt(v second_correction) + epsilon)
//
// From the first step on whose loss or gradient is not finite, everything stays as it is.

struct Lengths {
    // P
    parameters: u32,
}

@group(0) @binding(0) var<uniform> lengths: Lengths;
@group(0) @binding(1) var<storage, read> state: Status;
// all (P)
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(4) var<storage, read_write> second_moment: array<f32>;
@group(0) @binding(5) var<storage, read_write> parameters: array<f32>;

@compute @workgroup_size(THREADS)
fn adam(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= lengths.parameters || any(state.diverged != vec2<u32>(0u)) {
        return;
    }
    var g = gradient[index];
    if state.norm > now.clip_norm {
        g *= now.clip_norm / state.norm;
    }
    let m = now.beta1 * first_moment[index] + now.one_minus_beta1 * g;
    let v = now.beta2 * second_moment[index] + now.one_minus_beta2 * (g * g);
    first_moment[index] = m;
    second_moment[index] = v;
    let change = now.step_size * m / (sqrt(v * now.second_correction) + now.epsilon);
    parameters[index] = now.keep * parameters[index] - change;
}
