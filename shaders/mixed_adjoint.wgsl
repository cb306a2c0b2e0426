// What goes back through a hidden layer in mixed mode on the way to the jets:
//
//     h = sigma' g,    d_s u += the sum of g sigma'' q_s over the layer's units
//
// and at the last one (LAST), where g is a row of the output's W, the value u = b + the sum of g a.
//
// Workgroup (x: tile of POINTS points, y: h, or SUMS seconds, z: output): its threads share the units out,
// 32 at a time, and leave their sums for as many threads as there are points and sums, which add them up in order: the same
// bits every time. So even a small batch gives a GPU enough to do; a row of 8 points is what its memory moves at once.

const UNIT_GROUPS: u32 = ADJOINT_THREADS / POINTS;

// (H, M, B)
@group(0) @binding(6) var<storage, read_write> h: array<f32>;
// (M, C, B)
@group(0) @binding(7) var<storage, read_write> jets: array<f32>;

// (SUMS + LAST, UNIT_GROUPS, POINTS): 9 KiB for 8 seconds
var<workgroup> partial: array<f32, (SUMS + LAST) * ADJOINT_THREADS>;

@compute @workgroup_size(ADJOINT_THREADS)
fn adjoint(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let point = group.x * POINTS + thread % POINTS;
    let m = group.z;
    if group.y == 0u {
        if point < layer.points {
            for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
                h[(unit * ADJOINTS + m) * layer.points + point] = slopes_of(unit, point).first * adjoint_of(m, unit, point);
            }
        }
        return;
    }
    // Where there is one lot of seconds alone, their products are known when this is compiled.
    var first = 0u;
    if SECONDS > SUMS {
        first = (group.y - 1u) * SUMS;
    }
    var sums: array<f32, SUMS + LAST>;
    if point < layer.points {
        for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
            let value = value_of(unit, point);
            let a = activation_of(value);
            let along = slopes_at(value, a).second * adjoint_of(m, unit, point);
            for (var i = 0u; i < SUMS; i++) {
                if first + i < SECONDS {
                    sums[i] = fma(along, product_sum(first + i, unit, point), sums[i]);
                }
            }
            if LAST == 1u {
                sums[SUMS + LAST - 1u] = fma(adjoint_of(m, unit, point), a, sums[SUMS + LAST - 1u]);
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
        if first == 0u {
            jets[value_place(m, point)] = sum + parameters[layer.output_biases + m];
        }
    } else if first + i < SECONDS {
        let at = place(m, first + i, point);
        // The way back begins at the last hidden layer.
        if LAST == 0u {
            sum += jets[at];
        }
        jets[at] = sum;
    }
}
