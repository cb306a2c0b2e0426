// W or its transpose as the left factor of a product; the including file binds `parameters`.

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
