// The way back through a hidden layer in adjoint mode, from the jets' cotangents to the gradient. One thread a unit
// and point, or quad of points; neighbouring threads at neighbouring ones.

// Channels of a row of a and of its cotangents.
const ROW_CHANNELS: u32 = CHANNELS + ADJOINTS;

// the cotangents of the jets (M, C, B)
@group(0) @binding(4) var<storage, read> jets_bar: array<Number>;
// (H, M, B)
@group(0) @binding(5) var<storage, read> h_bar: array<Number>;
// (H, 1 + T + M, B): g_bar goes into the adjoints' channels
@group(0) @binding(8) var<storage, read_write> a: array<Number>;
// (H, 1 + T + M, B): of a before, of z after, with h in the adjoints' channels
@group(0) @binding(9) var<storage, read_write> bar: array<Number>;

// The sum of s_bar q_s.
fn curvature(m: u32, unit: u32, point: u32) -> Number {
    var q = Number();
    for (var s = 0u; s < SECONDS; s++) {
        q = fma(jets_bar[place(m, s, point)], product_sum(s, unit, point), q);
    }
    return q;
}

// The cotangents of the adjoints: g_bar = sigma' h_bar + sigma'' q.
@compute @workgroup_size(THREADS)
fn adjoint_bar(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= layer.units * layer.points {
        return;
    }
    let unit = index / layer.points;
    let point = index % layer.points;
    let slope = slopes_of(unit, point);
    for (var m = 0u; m < ADJOINTS; m++) {
        let along = slope.first * h_bar[(unit * ADJOINTS + m) * layer.points + point];
        let g_bar = fma(slope.second, curvature(m, unit, point), along);
        a[(unit * ROW_CHANNELS + CHANNELS + m) * layer.points + point] = g_bar;
    }
}

// t_k: what the curvature's cotangents give to a tangent.
fn through_tangent(k: u32, unit: u32, point: u32) -> Number {
    var through = Number();
    for (var n = 0u; n < partner_count(k); n++) {
        let i = partner_start(k) + n;
        var cotangent = Number();
        for (var m = 0u; m < ADJOINTS; m++) {
            cotangent = fma(adjoint_of(m, unit, point), jets_bar[place(m, partner_second(i), point)], cotangent);
        }
        through = fma(partner_coefficient(i) * tangent(partner_tangent(i), unit, point), cotangent, through);
    }
    return through;
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
    if index >= layer.units * layer.points {
        return;
    }
    let unit = index / layer.points;
    let point = index % layer.points;
    let row = unit * ROW_CHANNELS * layer.points + point;
    let slope = slopes_of(unit, point);
    // What comes from the output is its value's cotangent alone.
    var a_bar = Number();
    if LAST == 0u {
        a_bar = bar[row];
    }
    for (var m = 0u; m < ADJOINTS * LAST; m++) {
        a_bar = fma(adjoint_of(m, unit, point), jets_bar[value_place(m, point)], a_bar);
    }
    var z_bar = slope.first * a_bar;
    for (var m = 0u; m < ADJOINTS; m++) {
        let g = adjoint_of(m, unit, point);
        z_bar = fma(slope.second * h_bar[(unit * ADJOINTS + m) * layer.points + point], g, z_bar);
        bar[row + (CHANNELS + m) * layer.points] = slope.first * g;
    }
    // Four at a time, so that they are on their way together: what is written may be what is read next.
    for (var first = 0u; first < TANGENTS; first += 4u) {
        var d_bars: array<Number, 4>;
        for (var n = 0u; n < 4u; n++) {
            if LAST == 0u && first + n < TANGENTS {
                d_bars[n] = bar[row + (1u + first + n) * layer.points];
            }
        }
        for (var n = 0u; n < 4u; n++) {
            let k = first + n;
            if k < TANGENTS {
                let through = through_tangent(k, unit, point);
                z_bar = fma(tangent(k, unit, point), fma(0.5 * slope.third, through, slope.second * d_bars[n]), z_bar);
                bar[row + (1u + k) * layer.points] = fma(slope.second, through, slope.first * d_bars[n]);
            }
        }
    }
    bar[row] = z_bar;
}
