// activation_vec4.wgsl for layouts above order 2: s[m] is the m-th derivative, from the value up to the fifth.

alias Slopes = array<vec4<f32>, 6>;

fn activation_of(z: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activation(z.x), activation(z.y), activation(z.z), activation(z.w));
}

fn slopes_at(z: vec4<f32>, a: vec4<f32>) -> Slopes {
    let x = slopes(z.x, a.x);
    let y = slopes(z.y, a.y);
    let u = slopes(z.z, a.z);
    let v = slopes(z.w, a.w);
    let higher_x = higher_slopes(z.x, a.x);
    let higher_y = higher_slopes(z.y, a.y);
    let higher_u = higher_slopes(z.z, a.z);
    let higher_v = higher_slopes(z.w, a.w);
    return Slopes(
        a,
        vec4<f32>(x.x, y.x, u.x, v.x),
        vec4<f32>(x.y, y.y, u.y, v.y),
        vec4<f32>(x.z, y.z, u.z, v.z),
        vec4<f32>(higher_x.x, higher_y.x, higher_u.x, higher_v.x),
        vec4<f32>(higher_x.y, higher_y.y, higher_u.y, higher_v.y),
    );
}
