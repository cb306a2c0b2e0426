// The jet rule of an activation on z-jets (H, C, B), forward and backward, a quad of points at a time, which memory moves
// faster than single ones; docs/tuning.md.
//
// Workgroup (x: tile of POINTS quads, y: unit); shared/channel_groups.wgsl says how its threads share the channels out. The
// layout is in the header: the products of tangents of each second-order channel (product_*), and, the other way round,
// the partners of each tangent (partner_*). In adjoint mode the rows of `a` have room for adjoints behind
// these channels: they are ROW_CHANNELS apart.

struct Points {
    // B / 4
    quads: u32,
}

@group(0) @binding(0) var<uniform> shape: Points;
// (H, C, B)
@group(0) @binding(1) var<storage, read> z: array<vec4<f32>>;
// (H, ROW_CHANNELS, B)
@group(0) @binding(2) var<storage, read_write> a: array<vec4<f32>>;
// the same a as the backward pass reads it, and the cotangents: of a before, of z after
@group(0) @binding(3) var<storage, read> a_tape: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> bar: array<vec4<f32>>;

// The share of group g in q of a second-order channel, the sum of c dz_k dz_l over its products.
fn product_part(second: u32, dz: u32, g: u32) -> vec4<f32> {
    var q = vec4<f32>();
    for (var n = g; n < product_count(second); n += GROUPS) {
        let i = product_start(second) + n;
        let pair = z[dz + product_k(i) * shape.quads] * z[dz + product_l(i) * shape.quads];
        q = fma(vec4<f32>(product_coefficient(i)), pair, q);
    }
    return q;
}

// a = sigma(z),  d_k = sigma' dz_k,  dd = sigma'' q + sigma' ddz
@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let quad = group.x * POINTS + thread % POINTS;
    let g = thread / POINTS;
    let here = quad < shape.quads;
    // A thread beyond the last quad does as the last does, and writes nothing.
    let column = min(quad, shape.quads - 1u);
    let base = group.y * CHANNELS * shape.quads + column;
    let to = group.y * ROW_CHANNELS * shape.quads + column;
    let value = z[base];
    let a_value = activation_of(value);
    let slope = slopes_at(value, a_value);
    if here && g == 0u {
        a[to] = a_value;
    }
    let dz = base + shape.quads;
    for (var k = g; k < TANGENTS; k += GROUPS) {
        if here {
            a[to + (1u + k) * shape.quads] = slope.first * z[dz + k * shape.quads];
        }
    }
    let ddz = dz + TANGENTS * shape.quads;
    for (var s = 0u; s < SECONDS; s++) {
        let q = sum_over_groups(product_part(s, dz, g), thread);
        if here && g == s % GROUPS {
            a[to + (1u + TANGENTS + s) * shape.quads] = fma(slope.second, q, slope.first * z[ddz + s * shape.quads]);
        }
    }
}

// z_bar    = sigma' a_bar + sum_k sigma'' dz_k d_k_bar + sum_s (sigma''' q_s + sigma'' ddz_s) dd_s_bar
// dz_k_bar = sigma' d_k_bar + sum over partners of k: sigma'' c dz_l dd_s_bar
// ddz_bar  = sigma' dd_bar
//
// In place: the tangents go first, since they read the seconds' cotangents.
@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let quad = group.x * POINTS + thread % POINTS;
    let g = thread / POINTS;
    let here = quad < shape.quads;
    let base = group.y * CHANNELS * shape.quads + min(quad, shape.quads - 1u);
    let slope = slopes_at(z[base], a_tape[base]);
    let dz = base + shape.quads;
    let ddz = dz + TANGENTS * shape.quads;
    var part = vec4<f32>();
    for (var s = 0u; s < SECONDS; s++) {
        let q = product_part(s, dz, g);
        var along = slope.third * q;
        if g == s % GROUPS {
            along = fma(slope.second, z[ddz + s * shape.quads], along);
        }
        part = fma(along, bar[ddz + s * shape.quads], part);
    }
    for (var k = g; k < TANGENTS; k += GROUPS) {
        let cotangent = bar[dz + k * shape.quads];
        part = fma(slope.second * z[dz + k * shape.quads], cotangent, part);
        var through = vec4<f32>();
        for (var n = 0u; n < partner_count(k); n++) {
            let i = partner_start(k) + n;
            let partner = partner_coefficient(i) * z[dz + partner_tangent(i) * shape.quads];
            through = fma(partner, bar[ddz + partner_second(i) * shape.quads], through);
        }
        if here {
            bar[dz + k * shape.quads] = fma(slope.second, through, slope.first * cotangent);
        }
    }
    let z_bar = sum_over_groups(part, thread);
    if GROUPS > 1u {
        storageBarrier();
    }
    for (var s = g; s < SECONDS; s += GROUPS) {
        if here {
            bar[ddz + s * shape.quads] *= slope.first;
        }
    }
    if here && g == 0u {
        bar[base] = fma(slope.first, bar[base], z_bar);
    }
}
