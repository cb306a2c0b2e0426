// z Phi(z) with the exact Phi (erf).

fn normal_cdf(z: f32) -> f32 {
    return 0.5 * (1.0 + erf(z * 0.707106781));
}

fn activation(z: f32) -> f32 {
    return z * normal_cdf(z);
}

// With the density phi: Phi' = phi and phi' = -z phi.
fn slopes(z: f32, a: f32) -> vec3<f32> {
    let square = z * z;
    let density = 0.398942280 * exp_f32(-0.5 * square);
    return vec3<f32>(normal_cdf(z) + z * density, density * (2.0 - square), density * z * (square - 4.0));
}

fn higher_slopes(z: f32, a: f32) -> vec2<f32> {
    let square = z * z;
    let density = 0.398942280 * exp_f32(-0.5 * square);
    return density * vec2<f32>(square * (7.0 - square) - 4.0, z * (square - 2.0) * (square - 9.0));
}
