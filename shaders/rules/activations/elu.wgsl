// z for z > 0, exp z - 1 otherwise.

fn activation(z: f32) -> f32 {
    return select(expm1_negative(select(0.0, z, z < 0.0)), z, z > 0.0);
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    return select(vec3<f32>(a + 1.0), vec3<f32>(1.0, 0.0, 0.0), z > 0.0);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    return select(vec2<f32>(a + 1.0), vec2<f32>(), z > 0.0);
}
