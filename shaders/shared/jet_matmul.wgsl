// A matrix product of which every thread holds whole jets: ROWS units at one quad of points, each with
// all of its channels, so that the jet rule follows in registers.
//
// The including file's header says THREADS, QUADS of a tile, ROWS of a thread, SLICE (how deep a slice
// of the matrix is) and UNITS (rows of the jets' tile); the file binds `parameters`. A thread's rows lie
// ROW_GROUPS apart: neighbouring groups read neighbouring vec4, and the threads of a group the same one.
//
// Threads side by side have the same quad, and those two apart the same rows: where such neighbours read the same vec4,
// NVIDIA's workgroup memory gives it to half a warp at once, and else to a quarter; docs/tuning.md.

const ROW_GROUPS: u32 = THREADS / QUADS;
const TILE_ROWS: u32 = ROW_GROUPS * ROWS;
const SLICE_QUADS: u32 = SLICE / 4u;
// Rows that lie side by side among the threads: two, but for an odd number of groups.
const PAIR: u32 = 2u - ROW_GROUPS % 2u;

alias Rows = array<Jet, ROWS>;

// (SLICE / 4, TILE_ROWS): quads along the inner dimension, so that one read serves 4 ROWS CHANNELS products. Rows
// change places from quad to quad, so that those which are written at once lie in different banks.
var<workgroup> matrix_tile: array<vec4<f32>, SLICE_QUADS * TILE_ROWS>;
// (UNITS, C, QUADS)
var<workgroup> jet_tile: array<vec4<f32>, UNITS * CHANNELS * QUADS>;

// A thread's quad of its tile, and the first of its rows.
fn quad_of(thread: u32) -> u32 {
    return thread / PAIR % QUADS;
}

fn row_of(thread: u32) -> u32 {
    return thread / (PAIR * QUADS) * PAIR + thread % PAIR;
}

// W or its transpose in the parameter block.
struct Matrix {
    rows: u32,
    inner: u32,
    // where it starts in the parameter block, and the steps from row to row and along `inner`
    start: u32,
    row_step: u32,
    inner_step: u32,
}

// Zero where the matrix ends.
fn entry(matrix: Matrix, row: u32, k: u32) -> f32 {
    if row >= matrix.rows || k >= matrix.inner {
        return 0.0;
    }
    return parameters[matrix.start + row * matrix.row_step + k * matrix.inner_step];
}

fn place(quad: u32, row: u32) -> u32 {
    return quad * TILE_ROWS + (row ^ (quad % 8u));
}

// Brings SLICE columns of TILE_ROWS rows; zeros where the matrix ends. Neighbouring threads read what lies side by side
// in memory: along a row of W, or of its transpose.
fn load_matrix(matrix: Matrix, first_row: u32, first_inner: u32, thread: u32) {
    for (var i = thread; i < SLICE_QUADS * TILE_ROWS; i += THREADS) {
        var quad = i / TILE_ROWS;
        var row = i % TILE_ROWS;
        if matrix.inner_step == 1u {
            quad = i % SLICE_QUADS;
            row = i / SLICE_QUADS;
        }
        let k = first_inner + 4u * quad;
        let at = first_row + row;
        matrix_tile[place(quad, row)] = vec4<f32>(entry(matrix, at, k), entry(matrix, at, k + 1u),
                                                  entry(matrix, at, k + 2u), entry(matrix, at, k + 3u));
    }
}

// sums (ROWS, C) += slice (ROWS, SLICE) jets (SLICE, C), the jets from row `unit` of their tile on.
fn multiply(sums: ptr<function, Rows>, unit: u32, thread: u32) {
    const STEP = CHANNELS * QUADS;
    for (var k = 0u; k < SLICE_QUADS; k++) {
        var w: array<vec4<f32>, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
            w[r] = matrix_tile[place(k, r * ROW_GROUPS + row_of(thread))];
        }
        for (var c = 0u; c < CHANNELS; c++) {
            let at = ((unit + 4u * k) * CHANNELS + c) * QUADS + quad_of(thread);
            let a0 = jet_tile[at];
            let a1 = jet_tile[at + STEP];
            let a2 = jet_tile[at + 2u * STEP];
            let a3 = jet_tile[at + 3u * STEP];
            for (var r = 0u; r < ROWS; r++) {
                var sum = fma(vec4<f32>(w[r].x), a0, (*sums)[r][c]);
                sum = fma(vec4<f32>(w[r].y), a1, sum);
                sum = fma(vec4<f32>(w[r].z), a2, sum);
                (*sums)[r][c] = fma(vec4<f32>(w[r].w), a3, sum);
            }
        }
    }
}
