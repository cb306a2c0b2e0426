// sin z (SIREN; its frequency lives in the initial weights of the first layer).

fn activation(z: f32) -> f32 {
    return sin_cos(z).x;
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    let cosine = sin_cos(z).y;
    return vec3<f32>(cosine, -a, -cosine);
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    return vec2<f32>(a, sin_cos(z).y);
}
