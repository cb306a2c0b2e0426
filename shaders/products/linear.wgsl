// The affine layer as a matrix product over stacked channels: jets are (H, C, B), so C and B make
// one flat column index, and quads of columns are vec4.
//
//     forward   z (out, C B)     = W (out, in) a (in, C B), and b on the value channel
//     backward  a_bar (in, C B)  = W^T (in, out) z_bar (out, C B)
//
// Either may act on some of the channels alone, and on some columns of W: rows of jets lie as far apart as the
// host says, and begin where it says.
//
// Both are output (rows, columns) = matrix (rows, inner) input (inner, columns). A workgroup computes TILE_ROWS rows (y)
// by TILE_QUADS quads of columns (x), a thread 4 ROW_EDGE rows by EDGE quads of them in registers. Slices of both factors,
// SLICE deep, pass through workgroup memory: the matrix's with 4 rows to a vec4, so that each depth is an
// outer product of ROW_EDGE + EDGE reads and 16 ROW_EDGE EDGE multiply-adds. While a slice is multiplied, the next one is on
// its way to registers. shared/thread_swizzle.wgsl says which threads have which quads and rows.
//
// What is brought is kept in the same turn of the loop: in the next one it is slower. docs/tuning.md has the rates of other
// slices, sums and tiles.

const LANES: u32 = TILE_QUADS / EDGE;
const ROW_LANES: u32 = TILE_ROW_QUADS / ROW_EDGE;
const THREADS: u32 = LANES * ROW_LANES;

// A quad longer than it need be, so that what is written at once lies in different banks.
const MATRIX_ROW: u32 = TILE_ROW_QUADS + 1u;

// (SLICE, TILE_ROWS) and (SLICE, TILE_QUADS)
var<workgroup> matrix_tile: array<vec4<f32>, SLICE * MATRIX_ROW>;
var<workgroup> input_tile: array<vec4<f32>, SLICE * TILE_QUADS>;

fn keep(fetched: Slice, thread: u32, strides: vec2<u32>) {
    var slice = fetched;
    for (var n = 0u; n < MATRIX_LOADS; n++) {
        let at = matrix_place(thread + THREADS * n, strides);
        matrix_tile[at.y * MATRIX_ROW + at.x] = slice.matrix[n];
    }
    for (var n = 0u; n < INPUT_LOADS; n++) {
        input_tile[thread + THREADS * n] = slice.input[n];
    }
}

fn product(group: vec3<u32>, thread: u32, strides: vec2<u32>, biased: bool) {
    let column = thread_place(thread).x;
    let row_lane = thread_place(thread).y;
    var sums: array<array<vec4<f32>, 4u * ROW_EDGE>, EDGE>;
    var next = fetch(group, thread, 0u, strides);
    keep(next, thread, strides);
    workgroupBarrier();
    for (var start = 0u; start < shape.inner; start += SLICE) {
        let is_more = start + SLICE < shape.inner;
        if is_more {
            next = fetch(group, thread, start + SLICE, strides);
        }
        for (var k = 0u; k < SLICE; k++) {
            var a: array<vec4<f32>, EDGE>;
            for (var c = 0u; c < EDGE; c++) {
                a[c] = input_tile[k * TILE_QUADS + c * LANES + column];
            }
            for (var r = 0u; r < ROW_EDGE; r++) {
                let w = matrix_tile[k * MATRIX_ROW + r * ROW_LANES + row_lane];
                for (var c = 0u; c < EDGE; c++) {
                    sums[c][4u * r] = fma(vec4<f32>(w.x), a[c], sums[c][4u * r]);
                    sums[c][4u * r + 1u] = fma(vec4<f32>(w.y), a[c], sums[c][4u * r + 1u]);
                    sums[c][4u * r + 2u] = fma(vec4<f32>(w.z), a[c], sums[c][4u * r + 2u]);
                    sums[c][4u * r + 3u] = fma(vec4<f32>(w.w), a[c], sums[c][4u * r + 3u]);
                }
            }
        }
        workgroupBarrier();
        if is_more {
            keep(next, thread, strides);
        }
        workgroupBarrier();
    }
    for (var c = 0u; c < EDGE; c++) {
        let quad = group.x * TILE_QUADS + c * LANES + column;
        for (var r = 0u; r < 4u * ROW_EDGE; r++) {
            let row = group.y * TILE_ROWS + (r / 4u * ROW_LANES + row_lane) * 4u + r % 4u;
            if row < shape.rows && quad < shape.quads {
                var value = sums[c][r];
                if biased && quad < shape.value_quads {
                    value += parameters[shape.biases + row];
                }
                output[shape.output_start + row * shape.output_row + quad] = value;
            }
        }
    }
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    product(group, thread, vec2<u32>(shape.width, 1u), true);
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    product(group, thread, vec2<u32>(1u, shape.width), false);
}
