// The activation on a quad: four neighbouring points, which every kernel reads and writes as one
// vec4 (16 bytes a thread, so that a group of threads touches whole cache lines).

struct Slopes {
    first: vec4<f32>,
    second: vec4<f32>,
    third: vec4<f32>,
}

fn activation_of(z: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activation(z.x), activation(z.y), activation(z.z), activation(z.w));
}

fn slopes_at(z: vec4<f32>, a: vec4<f32>) -> Slopes {
    let x = slopes(z.x, a.x);
    let y = slopes(z.y, a.y);
    let u = slopes(z.z, a.z);
    let v = slopes(z.w, a.w);
    return Slopes(
        vec4<f32>(x.x, y.x, u.x, v.x),
        vec4<f32>(x.y, y.y, u.y, v.y),
        vec4<f32>(x.z, y.z, u.z, v.z),
    );
}
