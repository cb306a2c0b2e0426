// exp z: every derivative is a.

fn activation(z: f32) -> f32 {
    return exp_f32(z);
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    return vec3<f32>(a);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    return vec2<f32>(a);
}
