// A matrix product of so few columns that one workgroup has them all: those of POINTS points, which its threads have kept
// in workgroup memory. Slices of the matrix, SLICE deep with 4 rows to a vec4, pass through it, too, while the next ones are on their
// way. SPLITS groups of threads share the depths of a slice out, and their sums are added in order.
//
// The including file's header says WIDTH, the most rows and the most depths, POINTS, SLICE and ADJOINT_THREADS;
// shared/matrix.wgsl stands before this.

const ROW_QUADS: u32 = WIDTH / 4u;
const POINT_QUADS: u32 = POINTS / 4u;
const LANES: u32 = ROW_QUADS * POINT_QUADS;
const SPLITS: u32 = ADJOINT_THREADS / LANES;
// A quad longer than it need be, so that what is written at once lies in different banks.
const MATRIX_ROW: u32 = ROW_QUADS + 1u;
const LOADS: u32 = ROW_QUADS * SLICE / ADJOINT_THREADS;

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

fn fetch(matrix: Matrix, start: u32, thread: u32) -> array<vec4<f32>, LOADS> {
    var slice: array<vec4<f32>, LOADS>;
    for (var n = 0u; n < LOADS; n++) {
        let place = matrix_place(thread + ADJOINT_THREADS * n, matrix);
        let row = 4u * place.x;
        let k = start + place.y;
        slice[n] = vec4<f32>(entry(matrix, row, k), entry(matrix, row + 1u, k),
                             entry(matrix, row + 2u, k), entry(matrix, row + 3u, k));
    }
    return slice;
}

// The product with the columns that the threads have kept.
fn product(matrix: Matrix, thread: u32) {
    let split = thread / LANES;
    let row_quad = thread % LANES / POINT_QUADS;
    let point_quad = thread % POINT_QUADS;
    var sums: array<vec4<f32>, 4>;
    var next = fetch(matrix, 0u, thread);
    for (var start = 0u; start < matrix.inner; start += SLICE) {
        workgroupBarrier();
        for (var n = 0u; n < LOADS; n++) {
            let place = matrix_place(thread + ADJOINT_THREADS * n, matrix);
            tile[place.y * MATRIX_ROW + place.x] = next[n];
        }
        workgroupBarrier();
        if start + SLICE < matrix.inner {
            next = fetch(matrix, start + SLICE, thread);
        }
        for (var n = 0u; n < SLICE / SPLITS; n++) {
            let k = split * (SLICE / SPLITS) + n;
            let w = tile[k * MATRIX_ROW + row_quad];
            let at = (start + k) * POINTS + 4u * point_quad;
            let column = vec4<f32>(columns[at], columns[at + 1u], columns[at + 2u], columns[at + 3u]);
            sums[0] = fma(vec4<f32>(w.x), column, sums[0]);
            sums[1] = fma(vec4<f32>(w.y), column, sums[1]);
            sums[2] = fma(vec4<f32>(w.z), column, sums[2]);
            sums[3] = fma(vec4<f32>(w.w), column, sums[3]);
        }
    }
    workgroupBarrier();
    for (var r = 0u; r < 4u; r++) {
        tile[(split * WIDTH + 4u * row_quad + r) * POINT_QUADS + point_quad] = sums[r];
    }
    workgroupBarrier();
}

fn product_at(row: u32, thread: u32) -> f32 {
    let point = thread % POINTS;
    var sum = 0.0;
    for (var split = 0u; split < SPLITS; split++) {
        sum += tile[(split * WIDTH + row) * POINT_QUADS + point / 4u][point % 4u];
    }
    return sum;
}
