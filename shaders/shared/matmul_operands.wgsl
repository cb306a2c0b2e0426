// The factors of an affine layer's product over stacked channels, and how a thread brings its share of a slice of them:
//
//     output (rows, columns) = matrix (rows, inner) input (inner, columns)
//
// A workgroup has a tile of TILE_ROWS rows (y) by TILE_QUADS quads of columns (x). Slices are SLICE deep; the
// matrix's have 4 rows to a vec4.

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

const TILE_ROW_QUADS: u32 = TILE_ROWS / 4u;
// vec4 of a slice that a thread brings.
const MATRIX_LOADS: u32 = TILE_ROW_QUADS * SLICE / THREADS;
const INPUT_LOADS: u32 = TILE_QUADS * SLICE / THREADS;

@group(0) @binding(0) var<uniform> shape: Product;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;

struct Slice {
    matrix: array<vec4<f32>, MATRIX_LOADS>,
    input: array<vec4<f32>, INPUT_LOADS>,
}

// One entry of the matrix; `strides` are the steps from row to row and along `inner` in the block.
fn entry(row: u32, k: u32, strides: vec2<u32>) -> f32 {
    if row >= shape.rows || k >= shape.inner {
        return 0.0;
    }
    return parameters[shape.weights + row * strides.x + k * strides.y];
}

// Where a vec4 of the matrix's slice belongs, as (row quad, k): threads side by side read what lies so in memory.
fn matrix_place(i: u32, strides: vec2<u32>) -> vec2<u32> {
    if strides.x == 1u {
        return vec2<u32>(i % TILE_ROW_QUADS, i / TILE_ROW_QUADS);
    }
    return vec2<u32>(i / SLICE, i % SLICE);
}

// What this thread brings of the slice that begins at `start`; zeros where the factors end. The checks stand apart:
// on every load they would slow down the whole product; docs/tuning.md.
fn fetch(group: vec3<u32>, thread: u32, start: u32, strides: vec2<u32>) -> Slice {
    let first_row = group.y * TILE_ROWS;
    let first_quad = group.x * TILE_QUADS;
    var slice: Slice;
    if start + SLICE <= shape.inner && first_row + TILE_ROWS <= shape.rows && first_quad + TILE_QUADS <= shape.quads {
        for (var n = 0u; n < MATRIX_LOADS; n++) {
            let place = matrix_place(thread + THREADS * n, strides);
            let at = shape.weights + (first_row + 4u * place.x) * strides.x + (start + place.y) * strides.y;
            slice.matrix[n] = vec4<f32>(parameters[at], parameters[at + strides.x],
                                        parameters[at + 2u * strides.x], parameters[at + 3u * strides.x]);
        }
        for (var n = 0u; n < INPUT_LOADS; n++) {
            let i = thread + THREADS * n;
            let row = shape.input_start + (start + i / TILE_QUADS) * shape.input_row;
            slice.input[n] = input[row + first_quad + i % TILE_QUADS];
        }
        return slice;
    }
    for (var n = 0u; n < MATRIX_LOADS; n++) {
        let place = matrix_place(thread + THREADS * n, strides);
        let row = first_row + 4u * place.x;
        let k = start + place.y;
        slice.matrix[n] = vec4<f32>(entry(row, k, strides), entry(row + 1u, k, strides),
                                    entry(row + 2u, k, strides), entry(row + 3u, k, strides));
    }
    for (var n = 0u; n < INPUT_LOADS; n++) {
        let i = thread + THREADS * n;
        let k = start + i / TILE_QUADS;
        let quad = first_quad + i % TILE_QUADS;
        if k < shape.inner && quad < shape.quads {
            slice.input[n] = input[shape.input_start + k * shape.input_row + quad];
        }
    }
    return slice;
}
