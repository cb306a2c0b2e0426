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

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let both = gate(z);
    let w = both.x;
    let s = both.y;
    let square = w * w;
    let t2 = -2.0 * w * s;
    let t3 = s * (6.0 * square - 2.0);
    let t4 = s * w * (16.0 - 24.0 * square);
    let t5 = s * (16.0 - 120.0 * square * (1.0 - square));
    let p = sigmoid(z);
    let q = sigmoid(-z);
    let p1 = p * q;
    let p2 = p1 * (q - p);
    let p3 = p1 * (1.0 - 6.0 * p1);
    let p4 = p2 * (1.0 - 12.0 * p1);
    let pp = p * p;
    let w3 = t3 * p * pp + 3.0 * t2 * p * p1 + s * p2;
    let w4 = t4 * pp * pp + 6.0 * t3 * pp * p1 + t2 * (3.0 * p1 * p1 + 4.0 * p * p2) + s * p3;
    let w5 = t5 * p * pp * pp + 10.0 * t4 * p * pp * p1 + t3 * p * (15.0 * p1 * p1 + 10.0 * p * p2)
        + t2 * (10.0 * p1 * p2 + 5.0 * p * p3) + s * p4;
    return vec2<f32>(4.0 * w3 + z * w4, 5.0 * w4 + z * w5);
}
