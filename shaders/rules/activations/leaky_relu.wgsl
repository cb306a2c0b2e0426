// z for z > 0, 0.01 z otherwise.

fn activation(z: f32) -> f32 {
    return select(0.01 * z, z, z > 0.0);
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    return vec3<f32>(select(0.01, 1.0, z > 0.0), 0.0, 0.0);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    return vec2<f32>();
}
