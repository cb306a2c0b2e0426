// The activation where a thread has a single point: quad.wgsl's twin.

struct Slopes {
    first: f32,
    second: f32,
    third: f32,
}

fn activation_of(z: f32) -> f32 {
    return activation(z);
}

fn slopes_at(z: f32, a: f32) -> Slopes {
    let all = slopes(z, a);
    return Slopes(all.x, all.y, all.z);
}
