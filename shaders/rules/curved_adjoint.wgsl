// What goes back through a hidden layer in adjoint mode above order 2 on the way to the jets:
//
//     h = sigma' g,    d_e u += the sum of g r_e over the layer's units
//
// adjoint.wgsl is the same up to order 2; workgroups, their sums and the ends (FIRST, LAST) are as it says, where from BEFORE
// on a lot of SUMS is of entries that curve, which `curvature_of` gives.

const UNIT_GROUPS: u32 = ADJOINT_THREADS / POINTS;

// (H, M, B)
@group(0) @binding(6) var<storage, read_write> h: array<f32>;
// (M, C, B)
@group(0) @binding(7) var<storage, read_write> jets: array<f32>;

// (SUMS + LAST, UNIT_GROUPS, POINTS): 11 KiB for 10 sums
var<workgroup> partial: array<f32, (SUMS + LAST) * ADJOINT_THREADS>;

@compute @workgroup_size(ADJOINT_THREADS)
fn adjoint(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let point = group.x * POINTS + thread % POINTS;
    let m = group.z;
    let are_firsts = group.y < BEFORE;
    if FIRST == 0u && are_firsts {
        if point < layer.points {
            for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
                h[(unit * ADJOINTS + m) * layer.points + point] = slopes_of(unit, point)[1] * adjoint_of(m, unit, point);
            }
        }
        return;
    }
    let lot = select(group.y - BEFORE, group.y, are_firsts);
    let start = lot * SUMS;
    var sums: array<f32, SUMS + LAST>;
    if point < layer.points {
        for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
            let jet = z_jet(unit, point);
            let s = slopes_at(jet[0], activation_of(jet[0]));
            let g = adjoint_of(m, unit, point);
            if are_firsts {
                for (var i = 0u; i < SUMS; i++) { // unrolled
                    if start + i < FIRSTS {
                        let weight = parameters[layer.first_weights + unit * INPUTS + first_input(start + i)];
                        sums[i] = fma(s[1] * g, weight, sums[i]);
                    }
                }
            } else {
                let r = curvature_of(lot, jet, s);
                for (var i = 0u; i < SUMS; i++) { // unrolled
                    sums[i] = fma(g, r[i], sums[i]);
                }
            }
            if LAST == 1u {
                sums[SUMS + LAST - 1u] = fma(g, s[0], sums[SUMS + LAST - 1u]);
            }
        }
    }
    for (var i = 0u; i < SUMS + LAST; i++) {
        partial[i * ADJOINT_THREADS + thread] = sums[i];
    }
    workgroupBarrier();
    let i = thread / POINTS;
    if i >= SUMS + LAST || point >= layer.points {
        return;
    }
    var sum = 0.0;
    for (var other = 0u; other < UNIT_GROUPS; other++) {
        sum += partial[i * ADJOINT_THREADS + other * POINTS + thread % POINTS];
    }
    if i == SUMS {
        if start == 0u && !are_firsts {
            jets[value_place(m, point)] = sum + parameters[layer.output_biases + m];
        }
    } else if are_firsts {
        if start + i < FIRSTS {
            jets[value_place(m, point) + (1u + start + i) * layer.points] = sum;
        }
    } else if start + i < CURVED {
        let at = place(m, start + i, point);
        // The way back begins at the last hidden layer.
        if LAST == 0u {
            sum += jets[at];
        }
        jets[at] = sum;
    }
}
