// z / (1 + |z|)

fn activation(z: f32) -> f32 {
    return z / (1.0 + abs(z));
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    let d = 1.0 / (1.0 + abs(z));
    let square = d * d;
    return vec3<f32>(square, select(2.0, -2.0, z > 0.0) * d * square, 6.0 * square * square);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let d = 1.0 / (1.0 + abs(z));
    let square = d * d;
    return vec2<f32>(select(24.0, -24.0, z > 0.0) * d * square * square, 120.0 * square * square * square);
}
