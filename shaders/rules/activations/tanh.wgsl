// tanh z: everything follows from a = tanh z.

fn activation(z: f32) -> f32 {
    return tanh_f32(z);
}

// (1 - a)(1 + a) rather than 1 - a^2, which cancels near saturation.
fn slopes(z: f32, a: f32) -> vec3<f32> {
    let first = (1.0 - a) * (1.0 + a);
    return vec3<f32>(first, -2.0 * a * first, first * (6.0 * a * a - 2.0));
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let first = (1.0 - a) * (1.0 + a);
    let square = a * a;
    return first * vec2<f32>(a * (16.0 - 24.0 * square), 16.0 - 120.0 * square * (1.0 - square));
}
