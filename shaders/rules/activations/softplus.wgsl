// log(1 + exp z) = max(z, 0) + log(1 + exp(-|z|)): neither overflow nor cancellation.

fn activation(z: f32) -> f32 {
    return select(0.0, z, z > 0.0) + log1p_unit(exp_f32(-abs(z)));
}

// sigma' is the logistic function p; p' = p (1 - p).
fn slopes(z: f32, a: f32) -> vec3<f32> {
    let p = sigmoid(z);
    let second = p * (1.0 - p);
    return vec3<f32>(p, second, second * (1.0 - 2.0 * p));
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let p = sigmoid(z);
    let second = p * (1.0 - p);
    return vec2<f32>(second * (1.0 - 6.0 * second), second * (1.0 - 2.0 * p) * (1.0 - 12.0 * second));
}
