// The weight gradient of an affine layer, over stacked channels:
//
//     W_bar (out, in) = z_bar (out, C B) a (in, C B)^T,    b_bar (out) = sum of the value's z_bar
//
// The sum runs over the columns, of which there are many, so it is split: a workgroup sums the columns of one split, of
// one tile of out and in, into a partial block, and `reduce` adds the partials in a fixed order (no float atomics).
// Layers whose jets lie in the same buffers go together, so that small ones fill the device.
//
// A tile is TILE by TILE, a thread has 4 EDGE by 4 EDGE entries of it. Columns go through workgroup memory QUADS quads
// at a time, with 4 rows of one column to a vec4, so that each column is an outer product of 2 EDGE reads and
// 16 EDGE^2 multiply-adds: a thread brings blocks of 4 rows by one quad and turns them in its registers, the next
// ones while these are multiplied. Blocks of one quad move up by 8 / QUADS for the next quad, so that what a warp
// writes and reads lies in different banks. The threads of a warp are 8 inputs wide and 4 outputs high.
//
// On an H200 (768 by 768, 21,424 columns) tiles of 128, EDGE 2 and 2 quads reach 33.7 TFLOP/s, cuBLAS 52.0; scalar
// products of rows, without turning them, 21.9.

const TILE_QUADS: u32 = TILE / 4u;
const LANES: u32 = TILE_QUADS / EDGE;
const THREADS: u32 = LANES * LANES;
// Blocks of a slice: those of z_bar, then those of a.
const ROWS: u32 = 2u * TILE_QUADS;
const BLOCKS: u32 = ROWS * QUADS;
const LOADS: u32 = (BLOCKS + THREADS - 1u) / THREADS;
const TURN: u32 = 8u / QUADS;

@group(0) @binding(4) var<storage, read> output_bar: array<vec4<f32>>;

// (4 QUADS, ROWS)
var<workgroup> tile: array<vec4<f32>, 4u * QUADS * ROWS>;

// Four rows of one of the quads from `start` on; zeros where there are none.
fn fetch(part: Share, block: u32, start: u32) -> mat4x4<f32> {
    let shape = part.layer;
    var rows: mat4x4<f32>;
    let quad = start + block % QUADS;
    let row_quad = block / QUADS;
    if quad >= part.end || block >= BLOCKS {
        return rows;
    }
    if row_quad < TILE_QUADS {
        let row = part.first_out + 4u * row_quad;
        let at = shape.z_bar_start + row * shape.quads + quad;
        for (var r = 0u; r < 4u; r++) {
            if row + r < shape.outputs {
                // A layer alone has it in z_bar in any case: the loads of wide layers are not to wait for a choice.
                if LAYERS > 1u && shape.is_output == 1u {
                    rows[r] = output_bar[at + r * shape.quads];
                } else {
                    rows[r] = z_bar[at + r * shape.quads];
                }
            }
        }
    } else {
        let row = part.first_in + 4u * (row_quad - TILE_QUADS);
        for (var r = 0u; r < 4u; r++) {
            if row + r < shape.inputs {
                rows[r] = a[shape.a_start + (row + r) * shape.quads + quad];
            }
        }
    }
    return rows;
}

fn keep(rows: mat4x4<f32>, block: u32) {
    if block >= BLOCKS {
        return;
    }
    let quad = block % QUADS;
    let columns = transpose(rows);
    let at = 4u * quad * ROWS + (block / QUADS ^ (quad * TURN));
    for (var k = 0u; k < 4u; k++) {
        tile[at + k * ROWS] = columns[k];
    }
}

@compute @workgroup_size(THREADS)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    const WARPS = LANES / 8u;
    let part = share(group.x + group.y * groups.x);
    let thread_in = thread / 32u % WARPS * 8u + thread % 8u;
    let thread_out = thread / 32u / WARPS * 4u + thread % 32u / 8u;
    let with_bias = part.first_in == 0u && thread_in == 0u;
    var sums: array<array<vec4<f32>, EDGE>, 4u * EDGE>;
    var biases: array<vec4<f32>, EDGE>;
    var next: array<mat4x4<f32>, LOADS>;
    for (var n = 0u; n < LOADS; n++) {
        next[n] = fetch(part, thread + THREADS * n, part.start);
    }
    for (var start = part.start; start < part.end; start += QUADS) {
        workgroupBarrier();
        for (var n = 0u; n < LOADS; n++) {
            keep(next[n], thread + THREADS * n);
        }
        workgroupBarrier();
        if start + QUADS < part.end {
            for (var n = 0u; n < LOADS; n++) {
                next[n] = fetch(part, thread + THREADS * n, start + QUADS);
            }
        }
        for (var quad = 0u; quad < QUADS; quad++) {
            let is_value = with_bias && start + quad < part.layer.value_quads;
            for (var k = 0u; k < 4u; k++) {
                let row = (4u * quad + k) * ROWS;
                var right: array<vec4<f32>, EDGE>;
                for (var i = 0u; i < EDGE; i++) {
                    right[i] = tile[row + ((TILE_QUADS + thread_in + LANES * i) ^ (quad * TURN))];
                }
                for (var o = 0u; o < EDGE; o++) {
                    let left = tile[row + ((thread_out + LANES * o) ^ (quad * TURN))];
                    for (var i = 0u; i < EDGE; i++) {
                        sums[4u * o][i] = fma(vec4<f32>(left.x), right[i], sums[4u * o][i]);
                        sums[4u * o + 1u][i] = fma(vec4<f32>(left.y), right[i], sums[4u * o + 1u][i]);
                        sums[4u * o + 2u][i] = fma(vec4<f32>(left.z), right[i], sums[4u * o + 2u][i]);
                        sums[4u * o + 3u][i] = fma(vec4<f32>(left.w), right[i], sums[4u * o + 3u][i]);
                    }
                    if is_value {
                        biases[o] += left;
                    }
                }
            }
        }
    }
    for (var o = 0u; o < 4u * EDGE; o++) {
        let row = part.first_out + 4u * (thread_out + LANES * (o / 4u)) + o % 4u;
        for (var i = 0u; i < 4u * EDGE; i++) {
            let column = part.first_in + 4u * (thread_in + LANES * (i / 4u)) + i % 4u;
            put_weight(part, vec2<u32>(row, column), sums[o][i / 4u][i % 4u]);
        }
        if with_bias {
            put_bias(part, row, biases[o / 4u][o % 4u]);
        }
    }
}
