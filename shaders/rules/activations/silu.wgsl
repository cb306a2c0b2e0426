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
