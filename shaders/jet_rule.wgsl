// The jet rule of an activation on z-jets (H, C, B), forward and backward. B counts quads.
//
// One thread a unit and quad with all of its channels, neighbouring threads at neighbouring quads.
// The layout is in the header: the products of tangents of each second-order channel
// (PRODUCT_*), and, the other way round, the partners of each tangent (PARTNER_*). In mixed mode the rows
// of `a` have room for adjoints behind these channels: they are ROW_CHANNELS apart.

struct Units {
    // H
    units: u32,
    // B / 4
    quads: u32,
}

@group(0) @binding(0) var<uniform> shape: Units;
// (H, C, B)
@group(0) @binding(1) var<storage, read> z: array<vec4<f32>>;
// (H, ROW_CHANNELS, B)
@group(0) @binding(2) var<storage, read_write> a: array<vec4<f32>>;
// the same a as the backward pass reads it, and the cotangents: of a before, of z after
@group(0) @binding(3) var<storage, read> a_tape: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> bar: array<vec4<f32>>;

// Where channel 0 of this thread's unit and quad lies; beyond the last one, the largest u32.
fn first_channel(id: vec3<u32>, groups: vec3<u32>) -> u32 {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= shape.units * shape.quads {
        return 0xffffffffu;
    }
    return (index / shape.quads) * CHANNELS * shape.quads + index % shape.quads;
}

// q of one second-order channel: the sum of c dz_k dz_l over its products.
fn product_sum(second: u32, dz: u32) -> vec4<f32> {
    var q = vec4<f32>();
    for (var i = PRODUCT_START[second]; i < PRODUCT_START[second + 1u]; i++) {
        q += PRODUCT_COEFFICIENT[i] * z[dz + PRODUCT_K[i] * shape.quads] * z[dz + PRODUCT_L[i] * shape.quads];
    }
    return q;
}

// a = sigma(z),  d_k = sigma' dz_k,  dd = sigma'' q + sigma' ddz
@compute @workgroup_size(THREADS)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let base = first_channel(id, groups);
    if base == 0xffffffffu {
        return;
    }
    let value = z[base];
    let a_value = activation4(value);
    // What a's row has beside these channels, for all units before this one.
    let wider = base / (CHANNELS * shape.quads) * (ROW_CHANNELS - CHANNELS) * shape.quads;
    a[wider + base] = a_value;
    let slope = slopes4(value, a_value);
    let dz = base + shape.quads;
    for (var k = 0u; k < TANGENTS; k++) {
        a[wider + dz + k * shape.quads] = slope.first * z[dz + k * shape.quads];
    }
    let ddz = dz + TANGENTS * shape.quads;
    for (var s = 0u; s < SECONDS; s++) {
        let second = ddz + s * shape.quads;
        a[wider + second] = fma(slope.second, product_sum(s, dz), slope.first * z[second]);
    }
}

// z_bar    = sigma' a_bar + sum_k sigma'' dz_k d_k_bar + sum_s (sigma''' q_s + sigma'' ddz_s) dd_s_bar
// dz_k_bar = sigma' d_k_bar + sum over partners of k: sigma'' c dz_l dd_s_bar
// ddz_bar  = sigma' dd_bar
//
// In place: the tangents go first, since they read the seconds' cotangents.
@compute @workgroup_size(THREADS)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let base = first_channel(id, groups);
    if base == 0xffffffffu {
        return;
    }
    let slope = slopes4(z[base], a_tape[base]);
    let dz = base + shape.quads;
    let ddz = dz + TANGENTS * shape.quads;
    var z_bar = slope.first * bar[base];
    for (var k = 0u; k < TANGENTS; k++) {
        let cotangent = bar[dz + k * shape.quads];
        z_bar = fma(slope.second * z[dz + k * shape.quads], cotangent, z_bar);
        var through = vec4<f32>();
        for (var i = PARTNER_START[k]; i < PARTNER_START[k + 1u]; i++) {
            let partner = PARTNER_COEFFICIENT[i] * z[dz + PARTNER_TANGENT[i] * shape.quads];
            through = fma(partner, bar[ddz + PARTNER_SECOND[i] * shape.quads], through);
        }
        bar[dz + k * shape.quads] = fma(slope.second, through, slope.first * cotangent);
    }
    for (var s = 0u; s < SECONDS; s++) {
        let second = ddz + s * shape.quads;
        let cotangent = bar[second];
        z_bar = fma(fma(slope.third, product_sum(s, dz), slope.second * z[second]), cotangent, z_bar);
        bar[second] = slope.first * cotangent;
    }
    bar[base] = z_bar;
}
