// What changes from step to step: one slot of a ring that the host fills before it submits, chosen
// by a dynamic offset. Twin of `Step` in src/gpu/device/uniforms.rs.

struct Step {
    // the first position of this chunk in the set's order
    start: u32,
    // 0 for a batch's first chunk, which overwrites the terms' means; 1 for the others, which add
    accumulate: u32,
    // the same for the gradient, to which the batches of a step add up: 0 for the first one's alone
    accumulate_gradient: u32,
    // what the vec2 behind it needs
    padding: u32,
    // the step's number, low and high half
    number: vec2<u32>,
    // 1 / B over the whole batch
    per_point: f32,
    step_size: f32,
    beta1: f32,
    beta2: f32,
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    second_correction: f32,
    epsilon: f32,
    // 1 - decay
    keep: f32,
    // the largest f32 where nothing is clipped
    clip_norm: f32,
}

@group(1) @binding(0) var<uniform> now: Step;
