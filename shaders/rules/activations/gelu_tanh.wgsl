// z p with p = sigmoid v and v = k (z + c z^3), which is z/2 (1 + tanh v/2): the approximation of GELU.

fn inner(z: f32) -> f32 {
    return 1.59576912 * z + 0.0713548163 * z * z * z;
}

fn activation(z: f32) -> f32 {
    return z * sigmoid(inner(z));
}

// The derivatives of p in v are d1, d2, d3; those of p in z follow by the chain rule, of z p by Leibniz' rule.
fn slopes(z: f32, a: f32) -> vec3<f32> {
    let v = inner(z);
    // 1 - p would cancel, and the powers of v1 are large.
    let p = sigmoid(v);
    let q = sigmoid(-v);
    let d1 = p * q;
    let d2 = d1 * (q - p);
    let d3 = d1 * (1.0 - 6.0 * d1);
    let v1 = 1.59576912 + 0.214064449 * z * z;
    let v2 = 0.428128897 * z;
    let p1 = d1 * v1;
    let p2 = d2 * v1 * v1 + d1 * v2;
    let p3 = d3 * v1 * v1 * v1 + 3.0 * d2 * v1 * v2 + d1 * 0.428128897;
    return vec3<f32>(p + z * p1, 2.0 * p1 + z * p2, 3.0 * p2 + z * p3);
}

// The fourth and fifth derivatives of p in z by the chain rule, where v has none above the third.
fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let v = inner(z);
    let p = sigmoid(v);
    let q = sigmoid(-v);
    let d1 = p * q;
    let d2 = d1 * (q - p);
    let d3 = d1 * (1.0 - 6.0 * d1);
    let d4 = d2 * (1.0 - 12.0 * d1);
    let d5 = d1 * (1.0 - 30.0 * d1 * (1.0 - 4.0 * d1));
    let v1 = 1.59576912 + 0.214064449 * z * z;
    let v2 = 0.428128897 * z;
    let v3 = 0.428128897;
    let square = v1 * v1;
    let p3 = d3 * v1 * square + 3.0 * d2 * v1 * v2 + d1 * v3;
    let p4 = d4 * square * square + 6.0 * d3 * square * v2 + d2 * (3.0 * v2 * v2 + 4.0 * v1 * v3);
    let p5 = d5 * v1 * square * square + 10.0 * d4 * v1 * square * v2
        + d3 * v1 * (15.0 * v2 * v2 + 10.0 * v1 * v3) + 10.0 * d2 * v2 * v3;
    return vec2<f32>(4.0 * p3 + z * p4, 5.0 * p4 + z * p5);
}
