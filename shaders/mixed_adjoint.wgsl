// What goes back through a hidden layer in mixed mode on the way to the jets:
//
//     h = sigma' g,    d_s u += the sum of g sigma'' q_s over the layer's units
//
// Workgroup (x: tile of QUADS quads, y: SUMS seconds, z: output): its threads share the units out, 32 at a
// time, and add up their sums as a tree of halves: the same bits every time. So even a small batch gives a
// GPU enough to do; a row of 8 quads is one cache line.

const UNIT_GROUPS: u32 = ADJOINT_THREADS / QUADS;

// (H, M, B)
@group(0) @binding(6) var<storage, read_write> h: array<vec4<f32>>;
// (M, C, B)
@group(0) @binding(7) var<storage, read_write> jets: array<vec4<f32>>;

var<workgroup> partial: array<vec4<f32>, ADJOINT_THREADS>;

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
