// A matrix product of so few columns that one workgroup has them all: those of POINTS points, which its threads keep in
// workgroup memory. The whole matrix is on its way to registers while they make these columns; slices of it, with 4 rows to
// a vec4, then pass through workgroup memory. SPLITS groups of threads share the depths of a slice out, and their sums
// are added in order.
//
// The including file's header says WIDTH, the most rows and the most depths, POINTS, ADJOINT_THREADS, SLICES and LOADS;
// shared/matrix.wgsl stands before this.

const ROW_QUADS: u32 = WIDTH / 4u;
const POINT_QUADS: u32 = POINTS / 4u;
const LANES: u32 = ROW_QUADS * POINT_QUADS;
const SPLITS: u32 = ADJOINT_THREADS / LANES;
// A quad longer than it need be, so that what is written at once lies in different banks.
const MATRIX_ROW: u32 = ROW_QUADS + 1u;
// How deep the slices are.
const SLICE: u32 = WIDTH / SLICES;

// What a thread brings of the matrix: LOADS vec4 of each slice.
alias Share = array<vec4<f32>, SLICES * LOADS>;

// (WIDTH, POINTS)
var<workgroup> columns: array<f32, WIDTH * POINTS>;
// (SLICE, WIDTH), and afterwards the splits' sums (SPLITS, WIDTH, POINTS)
var<workgroup> tile: array<vec4<f32>, SLICE * MATRIX_ROW>;

// Where a vec4 of a slice belongs, as (row quad, k): threads side by side read what lies so in memory.
fn matrix_place(i: u32, matrix: Matrix) -> vec2<u32> {
    if matrix.row_step == 1u {
        return vec2<u32>(i % ROW_QUADS, i / ROW_QUADS);
    }
    return vec2<u32>(i / SLICE, i % SLICE);
}

// What stands in for rows and depths beyond the matrix's goes into sums that nobody reads, or meets columns of zeros.
fn fetch(matrix: Matrix, thread: u32) -> Share {
    var share: Share;
    for (var n = 0u; n < SLICES * LOADS; n++) { // unrolled
        let place = matrix_place(thread + ADJOINT_THREADS * (n % LOADS), matrix);
        let k = min(n / LOADS * SLICE + place.y, matrix.inner - 1u);
        for (var r = 0u; r < 4u; r++) {
            let row = min(4u * place.x + r, matrix.rows - 1u);
            share[n][r] = parameters[matrix.start + row * matrix.row_step + k * matrix.inner_step];
        }
    }
    return share;
}

// One entry of the columns, zero beyond the matrix's depths; the thread has the point.
fn keep(k: u32, thread: u32, value: f32) {
    columns[k * POINTS + thread % POINTS] = value;
}

// The product with the columns that the threads have kept.
fn product(matrix: Matrix, from_memory: Share, thread: u32) {
    let split = thread / LANES;
    let row_quad = thread % LANES / POINT_QUADS;
    let point_quad = thread % POINT_QUADS;
    var share = from_memory;
    var sums: array<vec4<f32>, 4>;
    for (var s = 0u; s < SLICES; s++) { // unrolled
        if s * SLICE < matrix.inner {
            workgroupBarrier();
            for (var n = 0u; n < LOADS; n++) { // unrolled
                let place = matrix_place(thread + ADJOINT_THREADS * n, matrix);
                tile[place.y * MATRIX_ROW + place.x] = share[s * LOADS + n];
            }
            workgroupBarrier();
            for (var n = 0u; n < SLICE / SPLITS; n++) {
                let k = split * (SLICE / SPLITS) + n;
                let w = tile[k * MATRIX_ROW + row_quad];
                let at = (s * SLICE + k) * POINTS + 4u * point_quad;
                let column = vec4<f32>(columns[at], columns[at + 1u], columns[at + 2u], columns[at + 3u]);
                sums[0] = fma(vec4<f32>(w.x), column, sums[0]);
                sums[1] = fma(vec4<f32>(w.y), column, sums[1]);
                sums[2] = fma(vec4<f32>(w.z), column, sums[2]);
                sums[3] = fma(vec4<f32>(w.w), column, sums[3]);
            }
        }
    }
    workgroupBarrier();
    for (var r = 0u; r < 4u; r++) {
        tile[(split * WIDTH + 4u * row_quad + r) * POINT_QUADS + point_quad] = sums[r];
    }
    workgroupBarrier();
}

// A row of it at the thread's point.
fn product_at(row: u32, thread: u32) -> f32 {
    let point = thread % POINTS;
    var sum = 0.0;
    for (var split = 0u; split < SPLITS; split++) {
        sum += tile[(split * WIDTH + row) * POINT_QUADS + point / 4u][point % 4u];
    }
    return sum;
}
