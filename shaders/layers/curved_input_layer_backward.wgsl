// The weight gradient of the first layer above order 2, whose kernel forward, curved_input_layer.wgsl, stands before it:
// from the cotangents of `a` straight to W_bar and b_bar. With q of each channel of order n, a function of the unit's W,
//
//     z_bar = sigma' a_bar + sum_k sigma'' W_k d_k_bar + sum_e sigma^(n+1) q_e a_e_bar
//     W_bar = sum of z_bar x + sum of sigma' d_k_bar + sum_e dq_e/dW_k (sum of sigma^(n) a_e_bar)
//
// Workgroup (x: unit, y: split of the points). Of each tile of points first come z_bar and the slopes, then every sum over
// them: one of each input, then one of each channel that curves. LANES threads share a sum, each with every LANES-th point.

// z (H, B) and a (H, C, B), and the cotangents of a
@group(0) @binding(5) var<storage, read> z_tape: array<f32>;
@group(0) @binding(6) var<storage, read> a_tape: array<f32>;
@group(0) @binding(7) var<storage, read> bar: array<f32>;
@group(0) @binding(8) var<storage, read_write> partials: array<f32>;

const SUMS: u32 = INPUTS + CURVED;
const AT_ONCE: u32 = THREADS / LANES;
const TURNS: u32 = (SUMS + AT_ONCE - 1u) / AT_ONCE;

// Of a tile's points, where slopes begin with the first; the sum of each channel, and what they give to each tangent.
var<workgroup> z_bars: array<f32, POINTS>;
var<workgroup> tile_slopes: array<f32, 4u * POINTS>;
var<workgroup> curved_sums: array<f32, CURVED>;
var<workgroup> tangent_sums: array<f32, TANGENTS>;

@compute @workgroup_size(THREADS)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = group.x;
    let row = layer.weights + unit * INPUTS;
    let tiles = (layer.points + POINTS - 1u) / POINTS;
    let length = (tiles + layer.splits - 1u) / layer.splits * POINTS;
    let end = min((group.y + 1u) * length, layer.points);
    let g = thread / POINTS;
    let lane = thread % LANES;
    let tangent_bars = (unit * CHANNELS + 1u) * layer.points;
    let curved_bars = tangent_bars + TANGENTS * layer.points;
    keep_products(row, thread);
    var totals: array<f32, TURNS>;
    var bias = 0.0;
    for (var start = group.y * length; start < end; start += POINTS) {
        workgroupBarrier();
        let here = start + thread % POINTS < end;
        let point = min(start + thread % POINTS, layer.points - 1u);
        let s = slopes_at(z_tape[unit * layer.points + point], a_tape[unit * CHANNELS * layer.points + point]);
        var part = 0.0;
        for (var k = g; k < TANGENTS; k += GROUPS) {
            let along = s[2] * parameters[row + tangent_input(k)];
            part = fma(along, bar[tangent_bars + k * layer.points + point], part);
        }
        for (var e = g; e < CURVED; e += GROUPS) {
            let along = of_order(e, s[3], s[4], s[5]) * products[e];
            part = fma(along, bar[curved_bars + e * layer.points + point], part);
        }
        let z_bar = fma(s[1], bar[tangent_bars - layer.points + point], sum_over_groups(part, thread));
        if g == 0u {
            z_bars[thread] = select(0.0, z_bar, here);
            for (var n = 0u; n < 4u; n++) { // unrolled
                tile_slopes[n * POINTS + thread] = select(0.0, s[1u + n], here);
            }
            bias += z_bars[thread];
        }
        workgroupBarrier();
        let count = min(POINTS, end - start);
        for (var turn = 0u; turn < TURNS; turn++) {
            let i = turn * AT_ONCE + thread / LANES;
            var total = totals[turn];
            if i < INPUTS {
                let k = input_tangent(i);
                for (var p = lane; p < count; p += LANES) {
                    total = fma(z_bars[p], batch[i * layer.points + start + p], total);
                }
                for (var p = lane; p < count && k < TANGENTS; p += LANES) {
                    total = fma(tile_slopes[p], bar[tangent_bars + k * layer.points + start + p], total);
                }
            } else if i < SUMS {
                let e = i - INPUTS;
                let slopes_of_order = select(select(1u, 2u, e >= SECONDS), 3u, e >= SECONDS + THIRDS) * POINTS;
                for (var p = lane; p < count; p += LANES) {
                    total = fma(tile_slopes[slopes_of_order + p], bar[curved_bars + e * layer.points + start + p], total);
                }
            }
            totals[turn] = total;
        }
    }
    for (var turn = 0u; turn < TURNS; turn++) {
        let i = turn * AT_ONCE + thread / LANES;
        totals[turn] = sum_over_lanes(totals[turn], LANES, thread);
        if lane == 0u && i >= INPUTS && i < SUMS {
            curved_sums[i - INPUTS] = totals[turn];
        }
    }
    workgroupBarrier();
    if thread == 0u {
        var w: Curvature;
        for (var e = 0u; e < CURVED; e++) { // unrolled
            w[e] = curved_sums[e];
        }
        let jet_bar = curvature_backward(tangents(row), unit_slopes(), w);
        for (var k = 0u; k < TANGENTS; k++) { // unrolled
            tangent_sums[k] = jet_bar[1u + k];
        }
    }
    workgroupBarrier();
    let block = layer.partials + group.y * layer.parameters;
    for (var turn = 0u; turn < TURNS; turn++) {
        let i = turn * AT_ONCE + thread / LANES;
        if lane == 0u && i < INPUTS {
            let k = input_tangent(i);
            var total = totals[turn];
            if k < TANGENTS {
                total += tangent_sums[k];
            }
            partials[block + unit * INPUTS + i] = total;
        }
    }
    let total = workgroup_sum(bias, thread);
    if thread == 0u {
        partials[block + layer.biases - layer.weights + unit] = total;
    }
}
