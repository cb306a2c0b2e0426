// What the host reads at a report, and what stops the updates. Twin of `Status` in
// src/gpu/device/uniforms.rs.

struct Status {
    // the number of the first step whose loss or gradient was not finite, low and high half; 0: none
    diverged: vec2<u32>,
    // the norm of the last step's gradient, before clipping
    norm: f32,
    padding: u32,
}

// By bits, since a compiler may assume that there is no NaN and no infinity.
fn finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}
