// The products of linear.wgsl on a device's matrix units; shared/matrix_units.wgsl says how f32 travels as f16.
//
// A workgroup has the tile of shared/matmul_operands.wgsl, of which each subgroup sums BLOCK_ROWS by BLOCK_COLUMNS fragments in f32.
// What is a slice of f32 in linear.wgsl is one or two of f16 here. Sums go to memory by way of workgroup
// memory, where a thread knows which they are: for the tile's edges, and the bias.

const MATRIX_ROW: u32 = TILE_ROW_QUADS + PAD;
const INPUT_ROW: u32 = TILE_QUADS + PAD;
// From the slices' high halves to the low ones.
const MATRIX_PART: u32 = SLICE * MATRIX_ROW;
const INPUT_PART: u32 = SLICE * INPUT_ROW;

// (PARTS, SLICE, TILE_ROWS) and (PARTS, SLICE, TILE_QUADS)
var<workgroup> matrix_tile: array<vec4<f16>, PARTS * MATRIX_PART>;
var<workgroup> input_tile: array<vec4<f16>, PARTS * INPUT_PART>;

fn keep(fetched: Slice, index: u32, strides: vec2<u32>, scale: vec2<f32>) {
    var slice = fetched;
    for (var n = 0u; n < MATRIX_LOADS; n++) {
        let i = index + THREADS * n;
        let place = matrix_place(i, strides);
        let at = place.y * MATRIX_ROW + place.x;
        let x = slice.matrix[n] * scale.x;
        matrix_tile[at] = high(x);
        if PARTS > 1u {
            matrix_tile[MATRIX_PART + at] = low(x);
        }
    }
    for (var n = 0u; n < INPUT_LOADS; n++) {
        let i = index + THREADS * n;
        let at = i / TILE_QUADS * INPUT_ROW + i % TILE_QUADS;
        let x = slice.input[n] * scale.y;
        input_tile[at] = high(x);
        if PARTS > 1u {
            input_tile[INPUT_PART + at] = low(x);
        }
    }
}

fn product(group: vec3<u32>, at: Thread, strides: vec2<u32>, biased: bool) {
    let block = block_of(at);
    let sums_at = subgroup_of(at) * FRAGMENT;
    let bits = scales(at);
    let scale = bitcast<vec2<f32>>(bits);
    var sums: array<array<Sums, BLOCK_COLUMNS>, BLOCK_ROWS>;
    var next = fetch(group, at.index, 0u, strides);
    keep(next, at.index, strides, scale);
    workgroupBarrier();
    for (var start = 0u; start < shape.inner; start += SLICE) {
        let is_more = start + SLICE < shape.inner;
        if is_more {
            next = fetch(group, at.index, start + SLICE, strides);
        }
        for (var k = 0u; k < SLICE; k += SIZE) {
            var left: array<array<Left, PARTS>, BLOCK_ROWS>;
            for (var r = 0u; r < BLOCK_ROWS; r++) { // unrolled
                let from_row = k * MATRIX_ROW + (block.x + r) * (SIZE / 4u);
                for (var p = 0u; p < PARTS; p++) { // unrolled
                    left[r][p] = coopLoad<Left>(&matrix_tile[p * MATRIX_PART + from_row], MATRIX_ROW);
                }
            }
            for (var c = 0u; c < BLOCK_COLUMNS; c++) { // unrolled
                let from_column = k * INPUT_ROW + (block.y + c) * (SIZE / 4u);
                var right: array<Right, PARTS>;
                for (var p = 0u; p < PARTS; p++) { // unrolled
                    right[p] = coopLoadT<Right>(&input_tile[p * INPUT_PART + from_column], INPUT_ROW);
                }
                for (var r = 0u; r < BLOCK_ROWS; r++) { // unrolled
                    sums[r][c] = multiply(left[r], right, sums[r][c]);
                }
            }
        }
        workgroupBarrier();
        if is_more {
            keep(next, at.index, strides, scale);
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < BLOCK_ROWS; r++) { // unrolled
        for (var c = 0u; c < BLOCK_COLUMNS; c++) { // unrolled
            coopStoreT(sums[r][c], &fragments[sums_at], SIZE / 4u);
            workgroupBarrier();
            for (var i = at.lane; i < FRAGMENT; i += at.lanes) {
                let row = group.y * TILE_ROWS + (block.x + r) * SIZE + i / (SIZE / 4u);
                let quad = group.x * TILE_QUADS + (block.y + c) * (SIZE / 4u) + i % (SIZE / 4u);
                if row < shape.rows && quad < shape.quads {
                    var value = fragments[sums_at + i] * inverse(bits.x) * inverse(bits.y);
                    if biased && quad < shape.value_quads {
                        value += parameters[shape.biases + row];
                    }
                    output[shape.output_start + row * shape.output_row + quad] = value;
                }
            }
            workgroupBarrier();
        }
    }
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) group: vec3<u32>, at: Thread) {
    product(group, at, vec2<u32>(shape.width, 1u), true);
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) group: vec3<u32>, at: Thread) {
    product(group, at, vec2<u32>(1u, shape.width), false);
}
