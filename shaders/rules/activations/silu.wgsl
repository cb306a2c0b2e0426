// z p with p = sigmoid z.

fn activation(z: f32) -> f32 {
    return z * sigmoid(z);
}

// The derivatives of p are d1, d2, d3; those of z p follow by Leibniz' rule.
fn slopes(z: f32, a: f32) -> vec3<f32> {
    let p = sigmoid(z);
    let d1 = p * (1.0 - p);
    let d2 = d1 * (1.0 - 2.0 * p);
    let d3 = d1 * (1.0 - 6.0 * d1);
    return vec3<f32>(p + z * d1, 2.0 * d1 + z * d2, 3.0 * d2 + z * d3);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let p = sigmoid(z);
    // 1 - p would cancel, which z makes larger.
    let q = sigmoid(-z);
    let d1 = p * q;
    let d3 = d1 * (1.0 - 6.0 * d1);
    let d4 = d1 * (q - p) * (1.0 - 12.0 * d1);
    let d5 = d1 * (1.0 - 30.0 * d1 * (1.0 - 4.0 * d1));
    return vec2<f32>(4.0 * d3 + z * d4, 5.0 * d4 + z * d5);
}
