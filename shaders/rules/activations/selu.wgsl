// lambda z for z > 0, lambda alpha (exp z - 1) otherwise.

fn activation(z: f32) -> f32 {
    return select(1.758099341 * expm1_negative(select(0.0, z, z < 0.0)), 1.050700987 * z, z > 0.0);
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    return select(vec3<f32>(a + 1.758099341), vec3<f32>(1.050700987, 0.0, 0.0), z > 0.0);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    return select(vec2<f32>(a + 1.758099341), vec2<f32>(), z > 0.0);
}
