// activation_f32.wgsl for layouts above order 2: s[m] is the m-th derivative, from the value up to the fifth.

alias Slopes = array<f32, 6>;

fn activation_of(z: f32) -> f32 {
    return activation(z);
}

fn slopes_at(z: f32, a: f32) -> Slopes {
    let all = slopes(z, a);
    let higher = higher_slopes(z, a);
    return Slopes(a, all.x, all.y, all.z, higher.x, higher.y);
}
