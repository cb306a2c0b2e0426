// The weight gradient of an affine layer, over stacked channels:
//
//     W_bar (out, in) = z_bar (out, C B) a (in, C B)^T,    b_bar (out) = sum of the value's z_bar
//
// The sum runs over the columns, of which there are many, so it is split: workgroup (x: split,
// y: tile of in, z: tile of out) sums its columns into a partial block, and `reduce` adds the
// partials in a fixed order (no float atomics). 256 threads, 16 by 16; each has OUT_ROWS by
// IN_ROWS entries (1, 2 or 4 each, chosen by the host) that lie 16 apart, so that neighbouring
// threads read neighbouring rows of the tiles. A tile is 64 rows by 4 quads of columns at most;
// rows are 5 quads apart so that they start in different banks: 2 * 64 * 5 * 16 bytes = 10 KiB.

struct Gradient {
    outputs: u32,
    inputs: u32,
    // C B / 4
    quads: u32,
    // B / 4: the columns of the value channel
    value_quads: u32,
    // where W_bar (out, in) and b_bar (out) start in the parameter block
    weights: u32,
    biases: u32,
    // P, the length of the parameter block, and how many splits there are
    parameters: u32,
    splits: u32,
    // where z_bar and a start in their buffers, in quads
    z_bar_start: u32,
    a_start: u32,
}

const QUADS: u32 = 4u;
const PITCH: u32 = 5u;
const OUT_TILE: u32 = 16u * OUT_ROWS;
const IN_TILE: u32 = 16u * IN_ROWS;

@group(0) @binding(0) var<uniform> shape: Gradient;
@group(0) @binding(1) var<storage, read> z_bar: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;
// (splits, P)
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

var<workgroup> z_tile: array<vec4<f32>, OUT_TILE * PITCH>;
var<workgroup> a_tile: array<vec4<f32>, IN_TILE * PITCH>;

@compute @workgroup_size(256)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_in = group.y * IN_TILE;
    let first_out = group.z * OUT_TILE;
    let thread_in = thread % 16u;
    let thread_out = thread / 16u;
    let with_bias = group.y == 0u && thread_in == 0u;
    let length = (shape.quads + shape.splits - 1u) / shape.splits;
    let first = min(group.x * length, shape.quads);
    let end = min(first + length, shape.quads);
    var sums: array<array<f32, IN_ROWS>, OUT_ROWS>;
    var biases: array<f32, OUT_ROWS>;
    for (var start = first; start < end; start += QUADS) {
        workgroupBarrier();
        // A quarter of the threads' index is the quad, the rest the row: 64 bytes of a row at a time.
        let quad = start + thread % QUADS;
        for (var row = thread / QUADS; row < OUT_TILE; row += 64u) {
            var value = vec4<f32>();
            if first_out + row < shape.outputs && quad < end {
                value = z_bar[shape.z_bar_start + (first_out + row) * shape.quads + quad];
            }
            z_tile[row * PITCH + thread % QUADS] = value;
        }
        for (var row = thread / QUADS; row < IN_TILE; row += 64u) {
            var value = vec4<f32>();
            if first_in + row < shape.inputs && quad < end {
                value = a[shape.a_start + (first_in + row) * shape.quads + quad];
            }
            a_tile[row * PITCH + thread % QUADS] = value;
        }
        workgroupBarrier();
        for (var q = 0u; q < QUADS; q++) {
            for (var o = 0u; o < OUT_ROWS; o++) {
                let left = z_tile[(thread_out + 16u * o) * PITCH + q];
                for (var i = 0u; i < IN_ROWS; i++) {
                    sums[o][i] += dot(left, a_tile[(thread_in + 16u * i) * PITCH + q]);
                }
                if with_bias && start + q < shape.value_quads {
                    biases[o] += dot(left, vec4<f32>(1.0));
                }
            }
        }
    }
    let block = group.x * shape.parameters;
    for (var o = 0u; o < OUT_ROWS; o++) {
        let row = first_out + thread_out + 16u * o;
        if row < shape.outputs {
            for (var i = 0u; i < IN_ROWS; i++) {
                let column = first_in + thread_in + 16u * i;
                if column < shape.inputs {
                    partials[block + shape.weights + row * shape.inputs + column] = sums[o][i];
                }
            }
            if with_bias {
                partials[block + shape.biases + row] = biases[o];
            }
        }
    }
}
