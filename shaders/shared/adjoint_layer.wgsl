// What the activation's rules of adjoint mode read on a hidden layer: adjoint.wgsl and adjoint_rule.wgsl, and above order 2
// curved_adjoint.wgsl and curved_adjoint_rule.wgsl.
//
// The value and what others are made of have travelled forward as z (H, C, B), up to order 2 the value and tangents alone,
// and one adjoint for each output travels back: g = du/da and h = du/dz = sigma' g. What curves u is d_s u = sum of g r_s
// over all units, with r_s the products of the rule, sigma'' q_s up to order 2 with q_s = sum of c dz_k dz_l. Its cotangents
// s_bar make the derivatives one function of the parameters, and so the way back is that of a single collapsed channel
// with r = sum of s_bar r_s, whose cotangents g and h are known.
//
// Two ends need no memory: the tangents of the first layer (FIRST) are columns of its W, and g of the last
// hidden layer (LAST) are rows of the output's.

// The header says whether a Number is f32 or, where a point below stands for a quad of them, vec4<f32>.

struct Layer {
    // H
    units: u32,
    // B, or B / 4 where a Number is a quad
    points: u32,
    // where W (H, D) of the first layer, and W (M, H) and b (M) of the output start in the parameter block
    first_weights: u32,
    output_weights: u32,
    output_biases: u32,
}

// Channels of a row of z.
const Z_CHANNELS: u32 = 1u + (CHANNELS - 1u) * (1u - FIRST);

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<Number>;
// (H, M, B); anything where LAST
@group(0) @binding(3) var<storage, read> g_tape: array<Number>;

fn value_of(unit: u32, point: u32) -> Number {
    return z[unit * Z_CHANNELS * layer.points + point];
}

// a follows anew from z: that costs less than to read it.
fn slopes_of(unit: u32, point: u32) -> Slopes {
    let value = value_of(unit, point);
    return slopes_at(value, activation_of(value));
}

fn tangent(k: u32, unit: u32, point: u32) -> Number {
    if FIRST == 1u {
        return Number(parameters[layer.first_weights + unit * INPUTS + tangent_input(k)]);
    }
    return z[(unit * Z_CHANNELS + 1u + k) * layer.points + point];
}

fn adjoint_of(m: u32, unit: u32, point: u32) -> Number {
    if LAST == 1u {
        return Number(parameters[layer.output_weights + m * layer.units + unit]);
    }
    return g_tape[(unit * ADJOINTS + m) * layer.points + point];
}

// Where an output's value lies, and an entry of its jet that curves.
fn value_place(m: u32, point: u32) -> u32 {
    return m * JET_CHANNELS * layer.points + point;
}

fn place(m: u32, curved: u32, point: u32) -> u32 {
    return (m * JET_CHANNELS + 1u + FIRSTS + curved) * layer.points + point;
}
