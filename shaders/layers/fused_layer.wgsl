// A hidden layer with its activation, for few channels: linear.wgsl and jet_rule.wgsl in one.
//
//     forward   z (H, C, B) = W a_prev + b,  a = the jet rule of z
//     backward  z_bar_prev (H', C, B) = the jet rule's adjoint of W^T z_bar
//
// Why: apart, z or a_bar goes out to memory and comes back for a handful of operations. Here a thread
// holds ROWS units at a quad of points with all channels, 4 C ROWS sums, and the rule runs on them: 3
// jets of memory traffic a layer forward instead of 4, and backward 3 instead of 5 (and their value
// channels). Beyond 8 channels the sums leave no registers for more than one row, and a row that reads
// all of its jets for 4 C multiply-adds waits for workgroup memory: those keep the two kernels.
//
// Workgroup (x: tile of QUADS quads, y: tile of TILE_ROWS rows). Slices of both factors, SLICE deep, pass
// through workgroup memory: 16 (SLICE C QUADS + SLICE TILE_ROWS / 4) bytes, 10 KiB for 8, 8, 8 and 64. A
// warp of 32 threads reads 4 C vec4 of 8 neighbouring quads and ROWS of 4 neighbouring rows for 16 C ROWS
// multiply-adds: from 2 rows on it waits for arithmetic.

struct Layer {
    // of the product: H forward, the layer's inputs backward
    rows: u32,
    inner: u32,
    // B / 4
    quads: u32,
    // where W (out, in) and b (out) start in the parameter block
    weights: u32,
    biases: u32,
}

@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
// (inner, C, B)
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;
// all (rows, C, B)
@group(0) @binding(3) var<storage, read_write> z: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> a: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> z_tape: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> a_tape: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> z_bar: array<vec4<f32>>;

fn product(sums: ptr<function, Rows>, matrix: Matrix, group: vec3<u32>, thread: u32) {
    let first_quad = group.x * QUADS;
    for (var start = 0u; start < layer.inner; start += SLICE) {
        workgroupBarrier();
        load_matrix(matrix, group.y * TILE_ROWS, start, thread);
        for (var i = thread; i < SLICE * CHANNELS * QUADS; i += THREADS) {
            let row = start * CHANNELS + i / QUADS;
            let quad = first_quad + i % QUADS;
            var value = vec4<f32>();
            if row < layer.inner * CHANNELS && quad < layer.quads {
                value = input[row * layer.quads + quad];
            }
            jet_tile[i] = value;
        }
        workgroupBarrier();
        multiply(sums, 0u, thread);
    }
}

// The unit of row r of this thread, and the quad; a unit beyond the last where there is none.
fn unit_and_quad(r: u32, group: vec3<u32>, thread: u32) -> vec2<u32> {
    let quad = group.x * QUADS + quad_of(thread);
    let unit = group.y * TILE_ROWS + r * ROW_GROUPS + row_of(thread);
    return vec2<u32>(select(unit, layer.rows, quad >= layer.quads), quad);
}

fn weights() -> Matrix {
    return Matrix(layer.rows, layer.inner, layer.weights, layer.inner, 1u);
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sums: Rows;
    product(&sums, weights(), group, thread);
    for (var r = 0u; r < ROWS; r++) {
        let at = unit_and_quad(r, group, thread);
        if at.x < layer.rows {
            sums[r][0] += parameters[layer.biases + at.x];
            var jet = jet_forward(sums[r]);
            for (var c = 0u; c < CHANNELS; c++) {
                let index = (at.x * CHANNELS + c) * layer.quads + at.y;
                z[index] = sums[r][c];
                a[index] = jet[c];
            }
        }
    }
}

// The same where no backward pass follows: z stays in registers.
@compute @workgroup_size(THREADS)
fn evaluate(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sums: Rows;
    product(&sums, weights(), group, thread);
    for (var r = 0u; r < ROWS; r++) {
        let at = unit_and_quad(r, group, thread);
        if at.x < layer.rows {
            sums[r][0] += parameters[layer.biases + at.x];
            var jet = jet_forward(sums[r]);
            for (var c = 0u; c < CHANNELS; c++) {
                a[(at.x * CHANNELS + c) * layer.quads + at.y] = jet[c];
            }
        }
    }
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sums: Rows;
    product(&sums, Matrix(layer.rows, layer.inner, layer.weights, 1u, layer.rows), group, thread);
    for (var r = 0u; r < ROWS; r++) {
        let at = unit_and_quad(r, group, thread);
        if at.x < layer.rows {
            let first = at.x * CHANNELS * layer.quads + at.y;
            var z_jet: Jet;
            for (var c = 0u; c < CHANNELS; c++) {
                z_jet[c] = z_tape[first + c * layer.quads];
            }
            var bar = jet_backward(z_jet, a_tape[first], sums[r]);
            for (var c = 0u; c < CHANNELS; c++) {
                z_bar[first + c * layer.quads] = bar[c];
            }
        }
    }
}
