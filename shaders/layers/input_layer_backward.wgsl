// The weight gradient of the first layer, whose kernel forward, input_layer.wgsl, stands before it: from the cotangents
// of `a` straight to W_bar and b_bar. With dz_k_bar = sigma' d_k_bar + sum over partners of k: sigma'' c dz_l dd_s_bar,
//
//     W_bar = sum of z_bar x + sum of sigma' d_k_bar + sum over partners of k: c dz_l (sum of sigma'' dd_s_bar)
//
// Workgroup (x: unit, y: split of the points). Of each tile of points first come z_bar and the slopes, then every sum over
// them: one of each input, then one of each second. LANES threads share a sum, each with every LANES-th point.

// z (H, B) and a (H, C, B), and the cotangents of a
@group(0) @binding(5) var<storage, read> z_tape: array<f32>;
@group(0) @binding(6) var<storage, read> a_tape: array<f32>;
@group(0) @binding(7) var<storage, read> bar: array<f32>;
@group(0) @binding(8) var<storage, read_write> partials: array<f32>;

const SUMS: u32 = INPUTS + SECONDS;
const AT_ONCE: u32 = THREADS / LANES;
const TURNS: u32 = (SUMS + AT_ONCE - 1u) / AT_ONCE;

// Of a tile's points, and q of each second and the sum of sigma'' dd_bar.
var<workgroup> z_bars: array<f32, POINTS>;
var<workgroup> first_slopes: array<f32, POINTS>;
var<workgroup> second_slopes: array<f32, POINTS>;
var<workgroup> products: array<f32, max(SECONDS, 1u)>;
var<workgroup> second_sums: array<f32, max(SECONDS, 1u)>;

@compute @workgroup_size(THREADS)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let unit = group.x;
    let row = layer.weights + unit * INPUTS;
    let tiles = (layer.points + POINTS - 1u) / POINTS;
    let length = (tiles + layer.splits - 1u) / layer.splits * POINTS;
    let end = min((group.y + 1u) * length, layer.points);
    let g = thread / POINTS;
    let lane = thread % LANES;
    let d_bar = (unit * CHANNELS + 1u) * layer.points;
    let dd_bar = d_bar + TANGENTS * layer.points;
    for (var s = 0u; s < SECONDS; s++) {
        let q = sum_over_groups(product_part(s, row, g), thread);
        if thread == 0u {
            products[s] = q;
        }
    }
    var totals: array<f32, TURNS>;
    var bias = 0.0;
    for (var start = group.y * length; start < end; start += POINTS) {
        workgroupBarrier();
        let here = start + thread % POINTS < end;
        let point = min(start + thread % POINTS, layer.points - 1u);
        let slope = slopes(z_tape[unit * layer.points + point], a_tape[unit * CHANNELS * layer.points + point]);
        var part = 0.0;
        for (var k = g; k < TANGENTS; k += GROUPS) {
            part = fma(slope.y * parameters[row + tangent_input(k)], bar[d_bar + k * layer.points + point], part);
        }
        for (var s = g; s < SECONDS; s += GROUPS) {
            part = fma(slope.z * products[s], bar[dd_bar + s * layer.points + point], part);
        }
        let z_bar = fma(slope.x, bar[d_bar - layer.points + point], sum_over_groups(part, thread));
        if g == 0u {
            z_bars[thread] = select(0.0, z_bar, here);
            first_slopes[thread] = select(0.0, slope.x, here);
            second_slopes[thread] = select(0.0, slope.y, here);
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
                    total = fma(first_slopes[p], bar[d_bar + k * layer.points + start + p], total);
                }
            } else if i < SUMS {
                for (var p = lane; p < count; p += LANES) {
                    total = fma(second_slopes[p], bar[dd_bar + (i - INPUTS) * layer.points + start + p], total);
                }
            }
            totals[turn] = total;
        }
    }
    for (var turn = 0u; turn < TURNS; turn++) {
        let i = turn * AT_ONCE + thread / LANES;
        totals[turn] = sum_over_lanes(totals[turn], LANES, thread);
        if lane == 0u && i >= INPUTS && i < SUMS {
            second_sums[i - INPUTS] = totals[turn];
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
                for (var of_k = 0u; of_k < partner_count(k); of_k++) {
                    let n = partner_start(k) + of_k;
                    let dz = partner_coefficient(n) * parameters[row + tangent_input(partner_tangent(n))];
                    total = fma(dz, second_sums[partner_second(n)], total);
                }
            }
            partials[block + unit * INPUTS + i] = total;
        }
    }
    let total = workgroup_sum(bias, thread);
    if thread == 0u {
        partials[block + layer.biases - layer.weights + unit] = total;
    }
}
