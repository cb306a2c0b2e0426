// z w with w = tanh(softplus z), which is (2 e + e^2) / (2 + 2 e + e^2) of e = exp z.

// w and 1 - w^2, neither of which cancels.
fn gate(z: f32) -> vec2<f32> {
    let e = exp_f32(-abs(z));
    let over = select(e * (2.0 + e), 1.0 + 2.0 * e, z > 0.0);
    let rest = select(2.0, 2.0 * e * e, z > 0.0);
    let w = over / (over + rest);
    return vec2<f32>(w, rest / (over + rest) * (1.0 + w));
}

fn activation(z: f32) -> f32 {
    return z * gate(z).x;
}

// The derivatives of w by the chain rule, where softplus' = p; those of z w follow by Leibniz' rule.
fn slopes(z: f32, a: f32) -> vec3<f32> {
    let both = gate(z);
    let w = both.x;
    let s = both.y;
    let p = sigmoid(z);
    let p1 = p * (1.0 - p);
    let p2 = p1 * (1.0 - 2.0 * p);
    let t2 = -2.0 * w * s;
    let w1 = s * p;
    let w2 = t2 * p * p + s * p1;
    let w3 = s * (6.0 * w * w - 2.0) * p * p * p + 3.0 * t2 * p * p1 + s * p2;
    return vec3<f32>(w + z * w1, 2.0 * w1 + z * w2, 3.0 * w2 + z * w3);
}
