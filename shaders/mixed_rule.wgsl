// The activation's rules of mixed mode on a hidden layer. B counts quads.
//
// The value and the tangents that curve have travelled forward as z (H, 1 + T, B), and one adjoint for each
// output travels back: g = du/da and h = du/dz = sigma' g. What curves u is d_s u = sum of g sigma'' q_s over
// all units, with q_s = sum of c dz_k dz_l. Its cotangents s_bar make the second derivatives one function of
// the parameters, and so the way back is that of a single collapsed channel with q = sum of s_bar q_s, whose
// cotangents g and h are known.
//
// Two ends need no memory: the tangents of the first layer (FIRST) are columns of its W, and g of the last
// hidden layer (LAST) are rows of the output's.

struct Layer {
    // H
    units: u32,
    // B / 4
    quads: u32,
    // where W (H, D) of the first layer and W (M, H) of the output start in the parameter block
    first_weights: u32,
    output_weights: u32,
}

// Channels of a row of z, and of a and its cotangents.
const Z_CHANNELS: u32 = 1u + TANGENTS * (1u - FIRST);
const ROW_CHANNELS: u32 = CHANNELS + ADJOINTS;
const UNIT_GROUPS: u32 = ADJOINT_THREADS / QUADS;

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<vec4<f32>>;
// (H, M, B); anything where LAST
@group(0) @binding(3) var<storage, read> g_tape: array<vec4<f32>>;
// the cotangents of the jets (M, C, B)
@group(0) @binding(4) var<storage, read> jets_bar: array<vec4<f32>>;
// (H, M, B)
@group(0) @binding(5) var<storage, read> h_bar: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> h: array<vec4<f32>>;
// (M, C, B)
@group(0) @binding(7) var<storage, read_write> jets: array<vec4<f32>>;
// (H, 1 + T + M, B): g_bar goes into the adjoints' channels
@group(0) @binding(8) var<storage, read_write> a: array<vec4<f32>>;
// (H, 1 + T + M, B): of a before, of z after, with h in the adjoints' channels
@group(0) @binding(9) var<storage, read_write> bar: array<vec4<f32>>;

var<workgroup> partial: array<vec4<f32>, ADJOINT_THREADS>;

// a follows anew from z: that costs less than to read it.
fn slopes_of(unit: u32, quad: u32) -> Slopes {
    let value = z[unit * Z_CHANNELS * layer.quads + quad];
    return slopes4(value, activation4(value));
}

fn tangent(k: u32, unit: u32, quad: u32) -> vec4<f32> {
    if FIRST == 1u {
        return vec4<f32>(parameters[layer.first_weights + unit * INPUTS + TANGENT_INPUT[k]]);
    }
    return z[(unit * Z_CHANNELS + 1u + k) * layer.quads + quad];
}

fn adjoint_of(m: u32, unit: u32, quad: u32) -> vec4<f32> {
    if LAST == 1u {
        return vec4<f32>(parameters[layer.output_weights + m * layer.units + unit]);
    }
    return g_tape[(unit * ADJOINTS + m) * layer.quads + quad];
}

// Where a second-order entry of an output's jet lies.
fn place(m: u32, second: u32, quad: u32) -> u32 {
    return (m * JET_CHANNELS + 1u + FIRSTS + second) * layer.quads + quad;
}

// q of a second-order entry: the sum of c dz_k dz_l over its products.
fn product_sum(second: u32, unit: u32, quad: u32) -> vec4<f32> {
    var q = vec4<f32>();
    for (var i = PRODUCT_START[second]; i < PRODUCT_START[second + 1u]; i++) {
        let dz = tangent(PRODUCT_K[i], unit, quad) * tangent(PRODUCT_L[i], unit, quad);
        q = fma(vec4<f32>(PRODUCT_COEFFICIENT[i]), dz, q);
    }
    return q;
}

// h = sigma' g, and d_s u += sum of g sigma'' q_s over the layer's units.
//
// Workgroup (x: tile of QUADS quads, y: SUMS seconds, z: output): its threads share the units out, 32 at a
// time, and add up their sums as a tree of halves: the same bits every time. So even a small batch gives a
// GPU enough to do; a row of 8 quads is one cache line.
@compute @workgroup_size(ADJOINT_THREADS)
fn adjoint(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let quad = group.x * QUADS + thread % QUADS;
    let first = group.y * SUMS;
    let m = group.z;
    var sums: array<vec4<f32>, SUMS>;
    if quad < layer.quads {
        for (var unit = thread / QUADS; unit < layer.units; unit += UNIT_GROUPS) {
            let slope = slopes_of(unit, quad);
            let g = adjoint_of(m, unit, quad);
            if first == 0u {
                h[(unit * ADJOINTS + m) * layer.quads + quad] = slope.first * g;
            }
            for (var i = 0u; i < SUMS; i++) {
                if first + i < SECONDS {
                    sums[i] = fma(slope.second * g, product_sum(first + i, unit, quad), sums[i]);
                }
            }
        }
    }
    for (var i = 0u; i < SUMS; i++) {
        workgroupBarrier();
        partial[thread] = sums[i];
        workgroupBarrier();
        for (var width = ADJOINT_THREADS / 2u; width >= QUADS; width /= 2u) {
            if thread < width {
                partial[thread] += partial[thread + width];
            }
            workgroupBarrier();
        }
        if thread < QUADS && quad < layer.quads && first + i < SECONDS {
            let at = place(m, first + i, quad);
            // The way back begins at the last hidden layer.
            if LAST == 1u {
                jets[at] = partial[thread];
            } else {
                jets[at] += partial[thread];
            }
        }
    }
}

// The cotangents of the adjoints: g_bar = sigma' h_bar + sigma'' q. Here and below, one thread a unit and quad,
// neighbouring threads at neighbouring quads.
@compute @workgroup_size(THREADS)
fn adjoint_bar(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= layer.units * layer.quads {
        return;
    }
    let unit = index / layer.quads;
    let quad = index % layer.quads;
    let slope = slopes_of(unit, quad);
    for (var m = 0u; m < ADJOINTS; m++) {
        var q = vec4<f32>();
        for (var s = 0u; s < SECONDS; s++) {
            q = fma(jets_bar[place(m, s, quad)], product_sum(s, unit, quad), q);
        }
        let along = slope.first * h_bar[(unit * ADJOINTS + m) * layer.quads + quad];
        a[(unit * ROW_CHANNELS + CHANNELS + m) * layer.quads + quad] = fma(slope.second, q, along);
    }
}

// z_bar    = sigma' a_bar + sum_k sigma'' dz_k d_k_bar + sum_m (sigma''' q + sigma'' h_bar) g
// dz_k_bar = sigma' d_k_bar + sigma'' t_k  with  t_k = sum_m g dq/ddz_k, over partners of k: g s_bar c dz_l
// h        = sigma' g
//
// q is quadratic in the tangents, so that sum_m q g = sum_k dz_k t_k / 2. No loss reads the output's tangents,
// whose cotangents would be d_bar of the last hidden layer: it is 0 there.
@compute @workgroup_size(THREADS)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= layer.units * layer.quads {
        return;
    }
    let unit = index / layer.quads;
    let quad = index % layer.quads;
    let row = unit * ROW_CHANNELS * layer.quads + quad;
    let slope = slopes_of(unit, quad);
    var z_bar = slope.first * bar[row];
    for (var m = 0u; m < ADJOINTS; m++) {
        let g = adjoint_of(m, unit, quad);
        z_bar = fma(slope.second * h_bar[(unit * ADJOINTS + m) * layer.quads + quad], g, z_bar);
        bar[row + (CHANNELS + m) * layer.quads] = slope.first * g;
    }
    for (var k = 0u; k < TANGENTS; k++) {
        var through = vec4<f32>();
        for (var i = PARTNER_START[k]; i < PARTNER_START[k + 1u]; i++) {
            var cotangent = vec4<f32>();
            for (var m = 0u; m < ADJOINTS; m++) {
                cotangent = fma(adjoint_of(m, unit, quad), jets_bar[place(m, PARTNER_SECOND[i], quad)], cotangent);
            }
            through = fma(PARTNER_COEFFICIENT[i] * tangent(PARTNER_TANGENT[i], unit, quad), cotangent, through);
        }
        let at = row + (1u + k) * layer.quads;
        var d_bar = vec4<f32>();
        if LAST == 0u {
            d_bar = bar[at];
        }
        z_bar = fma(tangent(k, unit, quad), fma(0.5 * slope.third, through, slope.second * d_bar), z_bar);
        bar[at] = fma(slope.second, through, slope.first * d_bar);
    }
    bar[row] = z_bar;
}
