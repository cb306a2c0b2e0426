// The jet rule above order 2 in registers: all channels of one unit at one point, or quad of them. jet.wgsl is the same up
// to order 2.
//
// What curves is written out by the host, so that no product is looked up and no jet is indexed at run time:
//
//     curvature(z, s)               r_e, the products of each entry of the jet that curves
//     curvature_backward(z, s, w)   the cotangents of z from those of r
//     in_channels(r)                r in the channels in which its entries travel themselves, and 0 in all others
//     travelling(bar)               the cotangents of r from those of these channels, 0 where an entry does not travel

alias Jet = array<Number, CHANNELS>;
alias Curvature = array<Number, CURVED>;

// a = sigma(z),  a_c = sigma' z_c + r_c
fn jet_forward(z: Jet) -> Jet {
    let value = activation_of(z[0]);
    let s = slopes_at(z[0], value);
    var a = in_channels(curvature(z, s));
    a[0] = value;
    for (var c = 0u; c < OTHERS; c++) { // unrolled
        a[1u + c] = fma(s[1], z[1u + c], a[1u + c]);
    }
    return a;
}

// z_bar   = sigma' a_bar + sum_c sigma'' z_c a_c_bar + what w gives to it
// z_c_bar = sigma' a_c_bar + what w gives to it
fn jet_backward_of(z: Jet, s: Slopes, bar: Jet, w: Curvature) -> Jet {
    var z_bar = curvature_backward(z, s, w);
    z_bar[0] = fma(s[1], bar[0], z_bar[0]);
    for (var c = 0u; c < OTHERS; c++) { // unrolled
        z_bar[0] = fma(s[2] * z[1u + c], bar[1u + c], z_bar[0]);
        z_bar[1u + c] = fma(s[1], bar[1u + c], z_bar[1u + c]);
    }
    return z_bar;
}

fn jet_backward(z: Jet, a_value: Number, bar: Jet) -> Jet {
    return jet_backward_of(z, slopes_at(z[0], a_value), bar, travelling(bar));
}
