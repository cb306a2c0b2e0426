// 1 / (1 + exp(-z)): everything follows from a.

fn activation(z: f32) -> f32 {
    return sigmoid(z);
}

fn slopes(z: f32, a: f32) -> vec3<f32> {
    let first = a * (1.0 - a);
    return vec3<f32>(first, first * (1.0 - 2.0 * a), first * (1.0 - 6.0 * first));
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let first = a * (1.0 - a);
    let second = first * (1.0 - 2.0 * a);
    return vec2<f32>(second * (1.0 - 12.0 * first), first * (1.0 - 30.0 * first * (1.0 - 4.0 * first)));
}
