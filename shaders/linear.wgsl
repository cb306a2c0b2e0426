// The affine layer as a matrix product over stacked channels: jets are (H, C, B), so C and B make
// one flat column index, and quads of columns are vec4.
//
//     forward   z (out, C B)     = W (out, in) a (in, C B), and b on the value channel
//     backward  a_bar (in, C B)  = W^T (in, out) z_bar (out, C B)
//
// Either may act on some of the channels alone, and on some columns of W: rows of jets lie as far apart as the
// host says, and begin where it says.
//
// Both are output (rows, columns) = matrix (rows, inner) input (inner, columns). One workgroup of
// 256 threads computes a tile of GROUPS ROWS rows (y) by 128 columns (x): a thread has ROWS rows of
// COLUMNS quads in registers. Tiles of both factors, 16 deep, pass through workgroup memory: at most
// 128 * 16 * 4 + 16 * 128 * 4 bytes, the 16 KiB that every adapter has. The matrix tile holds quads along
// `inner`, so that a thread does 16 COLUMNS multiply-adds for each quad it reads of it.
//
// ROWS (1, 2, 4 or 8) and COLUMNS (1 or 2) are chosen by the host: few for thin layers and small batches.
// A warp of 32 threads reads its factors for 4 products along `inner` in about 16 + COLUMNS ROWS cycles of
// workgroup memory and multiplies them in 4 ROWS COLUMNS: with 8 rows and 2 columns, a tile of 128 by 128,
// the arithmetic takes twice as long as the reads.

struct Product {
    rows: u32,
    inner: u32,
    // C B / 4
    quads: u32,
    // B / 4: the columns that the bias goes to, or 0
    value_quads: u32,
    // where W (out, in) and b (out) start in the parameter block
    weights: u32,
    biases: u32,
    // in
    width: u32,
    // of the input and the output: from row to row, and where the first one starts, in quads
    input_row: u32,
    input_start: u32,
    output_row: u32,
    output_start: u32,
}

const COLUMN_QUADS: u32 = 32u;
const INNER_QUADS: u32 = 4u;
// Threads side by side, and one below the other.
const LANES: u32 = COLUMN_QUADS / COLUMNS;
const GROUPS: u32 = 8u * COLUMNS;
const TILE_ROWS: u32 = GROUPS * ROWS;

@group(0) @binding(0) var<uniform> shape: Product;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;

var<workgroup> matrix_tile: array<vec4<f32>, TILE_ROWS * INNER_QUADS>;
var<workgroup> input_tile: array<vec4<f32>, 4u * INNER_QUADS * COLUMN_QUADS>;

// One entry of the matrix; `strides` are the steps from row to row and along `inner` in the block.
fn entry(row: u32, k: u32, strides: vec2<u32>) -> f32 {
    if row >= shape.rows || k >= shape.inner {
        return 0.0;
    }
    return parameters[shape.weights + row * strides.x + k * strides.y];
}

fn product(group: vec3<u32>, thread: u32, strides: vec2<u32>, biased: bool) {
    let first_quad = group.x * COLUMN_QUADS;
    let first_row = group.y * TILE_ROWS;
    let column = thread % LANES;
    let thread_row = thread / LANES * ROWS;
    var sums: array<array<vec4<f32>, COLUMNS>, ROWS>;
    for (var start = 0u; start < shape.inner; start += 4u * INNER_QUADS) {
        workgroupBarrier();
        for (var i = thread; i < TILE_ROWS * INNER_QUADS; i += 256u) {
            let row = first_row + i / INNER_QUADS;
            let k = start + i % INNER_QUADS * 4u;
            matrix_tile[i] = vec4<f32>(entry(row, k, strides), entry(row, k + 1u, strides),
                                       entry(row, k + 2u, strides), entry(row, k + 3u, strides));
        }
        let load_quad = first_quad + thread % COLUMN_QUADS;
        for (var k = thread / COLUMN_QUADS; k < 4u * INNER_QUADS; k += 8u) {
            var value = vec4<f32>();
            if start + k < shape.inner && load_quad < shape.quads {
                value = input[shape.input_start + (start + k) * shape.input_row + load_quad];
            }
            input_tile[k * COLUMN_QUADS + thread % COLUMN_QUADS] = value;
        }
        workgroupBarrier();
        for (var k = 0u; k < INNER_QUADS; k++) {
            var w: array<vec4<f32>, ROWS>;
            for (var r = 0u; r < ROWS; r++) {
                w[r] = matrix_tile[(thread_row + r) * INNER_QUADS + k];
            }
            for (var c = 0u; c < COLUMNS; c++) {
                let at = 4u * k * COLUMN_QUADS + c * LANES + column;
                let a0 = input_tile[at];
                let a1 = input_tile[at + COLUMN_QUADS];
                let a2 = input_tile[at + 2u * COLUMN_QUADS];
                let a3 = input_tile[at + 3u * COLUMN_QUADS];
                for (var r = 0u; r < ROWS; r++) {
                    var sum = fma(vec4<f32>(w[r].x), a0, sums[r][c]);
                    sum = fma(vec4<f32>(w[r].y), a1, sum);
                    sum = fma(vec4<f32>(w[r].z), a2, sum);
                    sums[r][c] = fma(vec4<f32>(w[r].w), a3, sum);
                }
            }
        }
    }
    for (var c = 0u; c < COLUMNS; c++) {
        let quad = first_quad + c * LANES + column;
        for (var r = 0u; r < ROWS; r++) {
            let row = first_row + thread_row + r;
            if row < shape.rows && quad < shape.quads {
                var value = sums[r][c];
                if biased && quad < shape.value_quads {
                    value += parameters[shape.biases + row];
                }
                output[shape.output_start + row * shape.output_row + quad] = value;
            }
        }
    }
}

@compute @workgroup_size(256)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    product(group, thread, vec2<u32>(shape.width, 1u), true);
}

@compute @workgroup_size(256)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    product(group, thread, vec2<u32>(1u, shape.width), false);
}
