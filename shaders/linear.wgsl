// The affine layer as a matrix product over stacked channels: jets are (H, C, B), so C and B make
// one flat column index, and quads of columns are vec4.
//
//     forward   z (out, C B)     = W (out, in) a (in, C B), and b on the value channel
//     backward  a_bar (in, C B)  = W^T (in, out) z_bar (out, C B)
//
// Both are output (rows, columns) = matrix (rows, inner) input (inner, columns). One workgroup of
// 256 threads computes a tile of 8 ROWS rows (y) by 128 columns (x): a thread has ROWS rows of one
// quad in registers. Tiles of both factors, 16 deep, pass through workgroup memory: at most
// 64 * 16 * 4 + 16 * 128 * 4 bytes = 12 KiB of the 16 KiB that every adapter has. The matrix tile
// holds quads along `inner`, so that a thread does 16 multiply-adds for each quad it reads of it.
// ROWS (1, 2, 4 or 8) is chosen by the host: few rows for thin layers and small batches.

struct Product {
    rows: u32,
    inner: u32,
    // C B / 4
    quads: u32,
    // B / 4: the columns that the bias goes to
    value_quads: u32,
    // where W (out, in) and b (out) start in the parameter block
    weights: u32,
    biases: u32,
}

const COLUMN_QUADS: u32 = 32u;
const INNER_QUADS: u32 = 4u;
const TILE_ROWS: u32 = 8u * ROWS;

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
    let column = thread % COLUMN_QUADS;
    let quad = group.x * COLUMN_QUADS + column;
    let first_row = group.y * TILE_ROWS;
    let thread_row = thread / COLUMN_QUADS * ROWS;
    var sums: array<vec4<f32>, ROWS>;
    for (var start = 0u; start < shape.inner; start += 4u * INNER_QUADS) {
        workgroupBarrier();
        if thread < TILE_ROWS * INNER_QUADS {
            let row = first_row + thread / INNER_QUADS;
            let k = start + thread % INNER_QUADS * 4u;
            matrix_tile[thread] = vec4<f32>(entry(row, k, strides), entry(row, k + 1u, strides),
                                            entry(row, k + 2u, strides), entry(row, k + 3u, strides));
        }
        for (var k = thread / COLUMN_QUADS; k < 4u * INNER_QUADS; k += 8u) {
            var value = vec4<f32>();
            if start + k < shape.inner && quad < shape.quads {
                value = input[(start + k) * shape.quads + quad];
            }
            input_tile[k * COLUMN_QUADS + column] = value;
        }
        workgroupBarrier();
        for (var k = 0u; k < INNER_QUADS; k++) {
            let a0 = input_tile[(4u * k) * COLUMN_QUADS + column];
            let a1 = input_tile[(4u * k + 1u) * COLUMN_QUADS + column];
            let a2 = input_tile[(4u * k + 2u) * COLUMN_QUADS + column];
            let a3 = input_tile[(4u * k + 3u) * COLUMN_QUADS + column];
            for (var r = 0u; r < ROWS; r++) {
                let w = matrix_tile[(thread_row + r) * INNER_QUADS + k];
                var sum = fma(vec4<f32>(w.x), a0, sums[r]);
                sum = fma(vec4<f32>(w.y), a1, sum);
                sum = fma(vec4<f32>(w.z), a2, sum);
                sums[r] = fma(vec4<f32>(w.w), a3, sum);
            }
        }
    }
    if quad >= shape.quads {
        return;
    }
    for (var r = 0u; r < ROWS; r++) {
        let row = first_row + thread_row + r;
        if row < shape.rows {
            var value = sums[r];
            if biased && quad < shape.value_quads {
                value += parameters[shape.biases + row];
            }
            output[row * shape.quads + quad] = value;
        }
    }
}

@compute @workgroup_size(256)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    product(group, thread, vec2<u32>(shape.inner, 1u), true);
}

@compute @workgroup_size(256)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    product(group, thread, vec2<u32>(1u, shape.rows), false);
}
