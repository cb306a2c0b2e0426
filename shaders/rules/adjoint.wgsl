// What goes back through a hidden layer in adjoint mode on the way to the jets:
//
//     h = sigma' g,    d_s u += the sum of g sigma'' q_s over the layer's units
//
// at the last one (LAST), where g is a row of the output's W, the value u = b + the sum of g a, and at the first one (FIRST) in
// place of h the first derivatives, the sums of h W over the units.
//
// Workgroup (x: tile of POINTS points, y: h or SUMS firsts, and from BEFORE on SUMS seconds, z: output): its threads share the units out,
// 32 at a time, and leave their sums for as many threads as there are points and sums, which add them up in order: the same
// bits every time. So even a small batch gives a GPU enough to do; a row of 8 points is what its memory moves at once.

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
                h[(unit * ADJOINTS + m) * layer.points + point] = slopes_of(unit, point).first * adjoint_of(m, unit, point);
            }
        }
        return;
    }
    // Where there is one lot of seconds alone, their products are known when this is compiled.
    var start = 0u;
    if are_firsts {
        start = group.y * SUMS;
    } else if SECONDS > SUMS {
        start = (group.y - BEFORE) * SUMS;
    }
    var sums: array<f32, SUMS + LAST>;
    if point < layer.points {
        for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
            let value = value_of(unit, point);
            let a = activation_of(value);
            let slope = slopes_at(value, a);
            let g = adjoint_of(m, unit, point);
            if are_firsts {
                for (var i = 0u; i < SUMS; i++) {
                    if start + i < FIRSTS {
                        let weight = parameters[layer.first_weights + unit * INPUTS + first_input(start + i)];
                        sums[i] = fma(slope.first * g, weight, sums[i]);
                    }
                }
            } else {
                for (var i = 0u; i < SUMS; i++) {
                    if start + i < SECONDS {
                        sums[i] = fma(slope.second * g, product_sum(start + i, unit, point), sums[i]);
                    }
                }
            }
            if LAST == 1u {
                sums[SUMS + LAST - 1u] = fma(g, a, sums[SUMS + LAST - 1u]);
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
    } else if start + i < SECONDS {
        let at = place(m, start + i, point);
        // The way back begins at the last hidden layer.
        if LAST == 0u {
            sum += jets[at];
        }
        jets[at] = sum;
    }
}
