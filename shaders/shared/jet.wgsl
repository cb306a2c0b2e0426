// The jet rule in registers: all channels of one unit at one quad of points. For few channels; where
// there are many, jet_rule.wgsl walks through them in memory.
//
// Loops run over constants alone, so that a compiler unrolls them and no jet is indexed at run time.

alias Jet = array<vec4<f32>, CHANNELS>;

// a = sigma(z),  d_k = sigma' dz_k,  dd = sigma'' q + sigma' ddz
fn jet_forward(z_jet: Jet) -> Jet {
    var z = z_jet;
    var a: Jet;
    a[0] = activation_of(z[0]);
    let slope = slopes_at(z[0], a[0]);
    for (var c = 1u; c < CHANNELS; c++) {
        a[c] = slope.first * z[c];
    }
    for (var i = 0u; i < PRODUCTS; i++) {
        let second = 1u + TANGENTS + product_second(i);
        let q = product_coefficient(i) * z[1u + product_k(i)] * z[1u + product_l(i)];
        a[second] = fma(slope.second, q, a[second]);
    }
    return a;
}

// z_bar    = sigma' a_bar + sum_k sigma'' dz_k d_k_bar + sum_s (sigma''' q_s + sigma'' ddz_s) dd_s_bar
// dz_k_bar = sigma' d_k_bar + sum over products with k: sigma'' c dz_l dd_s_bar
// ddz_bar  = sigma' dd_bar
fn jet_backward(z_jet: Jet, a_value: vec4<f32>, a_bar: Jet) -> Jet {
    var z = z_jet;
    var bar = a_bar;
    let slope = slopes_at(z[0], a_value);
    var z_bar: Jet;
    z_bar[0] = slope.first * bar[0];
    for (var c = 1u; c < CHANNELS; c++) {
        z_bar[0] = fma(slope.second * z[c], bar[c], z_bar[0]);
        z_bar[c] = slope.first * bar[c];
    }
    for (var i = 0u; i < PRODUCTS; i++) {
        let k = 1u + product_k(i);
        let l = 1u + product_l(i);
        let through = product_coefficient(i) * bar[1u + TANGENTS + product_second(i)];
        z_bar[0] = fma(slope.third * z[k] * z[l], through, z_bar[0]);
        z_bar[k] = fma(slope.second * z[l], through, z_bar[k]);
        z_bar[l] = fma(slope.second * z[k], through, z_bar[l]);
    }
    return z_bar;
}
