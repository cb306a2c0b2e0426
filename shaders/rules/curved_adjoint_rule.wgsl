// The way back through a hidden layer in adjoint mode above order 2, from the jets' cotangents to the gradient;
// adjoint_rule.wgsl is the same up to there. One thread a unit and point, or quad of points, with all channels in registers;
// neighbouring threads at neighbouring ones.

// Channels of a row of a and of its cotangents.
const ROW_CHANNELS: u32 = CHANNELS + ADJOINTS;

// the cotangents of the jets (M, C, B)
@group(0) @binding(4) var<storage, read> jets_bar: array<Number>;
// (H, M, B)
@group(0) @binding(5) var<storage, read> h_bar: array<Number>;
// (H, F + M, B): g_bar goes into the adjoints' channels
@group(0) @binding(8) var<storage, read_write> a: array<Number>;
// (H, F + M, B): of a before, of z after, with h in the adjoints' channels
@group(0) @binding(9) var<storage, read_write> bar: array<Number>;

// The cotangents of the adjoints: g_bar = sigma' h_bar + the sum of s_bar r.
@compute @workgroup_size(THREADS)
fn adjoint_bar(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= layer.units * layer.points {
        return;
    }
    let unit = index / layer.points;
    let point = index % layer.points;
    let jet = z_jet(unit, point);
    let s = slopes_at(jet[0], activation_of(jet[0]));
    let r = curvature(jet, s);
    for (var m = 0u; m < ADJOINTS; m++) {
        var g_bar = s[1] * h_bar[(unit * ADJOINTS + m) * layer.points + point];
        for (var e = 0u; e < CURVED; e++) { // unrolled
            g_bar = fma(jets_bar[place(m, e, point)], r[e], g_bar);
        }
        a[(unit * ROW_CHANNELS + CHANNELS + m) * layer.points + point] = g_bar;
    }
}

// z_bar-jets from a_bar-jets by the rule of forward mode, where an entry has the cotangent sum_m g s_bar besides that of the
// channel in which it travels itself; z_bar has sum_m sigma'' h_bar g added; h = sigma' g. No loss reads the output's
// channels but its value, so that those of the last hidden layer have no cotangents: they are 0 there.
@compute @workgroup_size(THREADS)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= layer.units * layer.points {
        return;
    }
    let unit = index / layer.points;
    let point = index % layer.points;
    let row = unit * ROW_CHANNELS * layer.points + point;
    var a_bar: Jet;
    if LAST == 0u {
        for (var c = 0u; c < CHANNELS; c++) { // unrolled
            a_bar[c] = bar[row + c * layer.points];
        }
    }
    let jet = z_jet(unit, point);
    let s = slopes_at(jet[0], activation_of(jet[0]));
    var w = travelling(a_bar);
    var along_h = Number();
    for (var m = 0u; m < ADJOINTS; m++) {
        let g = adjoint_of(m, unit, point);
        if LAST == 1u {
            a_bar[0] = fma(g, jets_bar[value_place(m, point)], a_bar[0]);
        }
        along_h = fma(g, h_bar[(unit * ADJOINTS + m) * layer.points + point], along_h);
        for (var e = 0u; e < CURVED; e++) { // unrolled
            w[e] = fma(g, jets_bar[place(m, e, point)], w[e]);
        }
    }
    let z_bar = jet_backward_of(jet, s, a_bar, w);
    bar[row] = fma(s[2], along_h, z_bar[0]);
    for (var c = 0u; c < OTHERS; c++) { // unrolled
        bar[row + (1u + c) * layer.points] = z_bar[1u + c];
    }
    for (var m = 0u; m < ADJOINTS; m++) {
        bar[row + (CHANNELS + m) * layer.points] = s[1] * adjoint_of(m, unit, point);
    }
}
