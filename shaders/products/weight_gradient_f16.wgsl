// The weight gradient of weight_gradient.wgsl on a device's matrix units; shared/matrix_units.wgsl says how f32 travels as f16.
//
// Columns go through workgroup memory SLICE at a time as they lie in memory, row by row: z_bar is the left factor of
// TILE_OUT outputs, and a, read as its transpose, the right one of as many inputs. The sums of b_bar are f32's.

const QUADS: u32 = SLICE / 4u;
const ROW: u32 = QUADS + PAD;
// From the high halves to the low ones.
const PART: u32 = TILE_IN * ROW;
const LOADS: u32 = TILE_IN * QUADS / THREADS;

// (PARTS, TILE_IN, SLICE)
var<workgroup> z_bar_tile: array<vec4<f16>, PARTS * PART>;
var<workgroup> a_tile: array<vec4<f16>, PARTS * PART>;
var<workgroup> biases: array<f32, TILE_IN * QUADS>;

struct Slice {
    z_bar: array<vec4<f32>, LOADS>,
    a: array<vec4<f32>, LOADS>,
}

// What this thread brings of the slice that begins with quad `start`; zeros where there are no columns. What stands in for
// rows beyond the layer's goes into sums that nobody keeps.
fn fetch(part: Share, index: u32, start: u32) -> Slice {
    let layer = part.layer;
    var slice: Slice;
    for (var n = 0u; n < LOADS; n++) {
        let row = (index + THREADS * n) / QUADS;
        let quad = start + (index + THREADS * n) % QUADS;
        if quad < part.end {
            let output = min(part.first_out + row, layer.outputs - 1u);
            let input = min(part.first_in + row, layer.inputs - 1u);
            slice.z_bar[n] = z_bar[layer.z_bar_start + output * layer.quads + quad];
            slice.a[n] = a[layer.a_start + input * layer.quads + quad];
        }
    }
    return slice;
}

fn keep(fetched: Slice, index: u32, scale: vec2<f32>) {
    var slice = fetched;
    for (var n = 0u; n < LOADS; n++) {
        let i = index + THREADS * n;
        let at = i / QUADS * ROW + i % QUADS;
        let left = slice.z_bar[n] * scale.x;
        let right = slice.a[n] * scale.y;
        z_bar_tile[at] = high(left);
        a_tile[at] = high(right);
        if PARTS > 1u {
            z_bar_tile[PART + at] = low(left);
            a_tile[PART + at] = low(right);
        }
    }
}

@compute @workgroup_size(THREADS)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    at: Thread,
) {
    let index = at.index;
    let part = share(group.x + group.y * groups.x);
    let block = block_of(at);
    let sums_at = subgroup_of(at) * FRAGMENT;
    let bits = scales(at);
    let scale = bitcast<vec2<f32>>(bits);
    var sums: array<array<Sums, BLOCK_COLUMNS>, BLOCK_ROWS>;
    var bias: array<f32, LOADS>;
    var next = fetch(part, index, part.start);
    for (var start = part.start; start < part.end; start += QUADS) {
        workgroupBarrier();
        keep(next, index, scale);
        for (var n = 0u; n < LOADS; n++) {
            if start + (index + THREADS * n) % QUADS < part.layer.value_quads {
                bias[n] += dot(next.z_bar[n], vec4<f32>(1.0));
            }
        }
        workgroupBarrier();
        next = fetch(part, index, start + QUADS);
        for (var k = 0u; k < QUADS; k += SIZE / 4u) {
            var left: array<array<Left, PARTS>, BLOCK_ROWS>;
            for (var r = 0u; r < BLOCK_ROWS; r++) { // unrolled
                for (var p = 0u; p < PARTS; p++) { // unrolled
                    left[r][p] = coopLoadT<Left>(&z_bar_tile[p * PART + (block.x + r) * SIZE * ROW + k], ROW);
                }
            }
            for (var c = 0u; c < BLOCK_COLUMNS; c++) { // unrolled
                var right: array<Right, PARTS>;
                for (var p = 0u; p < PARTS; p++) { // unrolled
                    right[p] = coopLoad<Right>(&a_tile[p * PART + (block.y + c) * SIZE * ROW + k], ROW);
                }
                for (var r = 0u; r < BLOCK_ROWS; r++) { // unrolled
                    sums[r][c] = multiply(left[r], right, sums[r][c]);
                }
            }
        }
    }
    for (var r = 0u; r < BLOCK_ROWS; r++) { // unrolled
        for (var c = 0u; c < BLOCK_COLUMNS; c++) { // unrolled
            coopStoreT(sums[r][c], &fragments[sums_at], SIZE / 4u);
            workgroupBarrier();
            let first = vec2<u32>(part.first_out, part.first_in) + SIZE * (block + vec2<u32>(r, c));
            for (var i = at.lane; i < 4u * FRAGMENT; i += at.lanes) {
                let value = fragments[sums_at + i / 4u][i % 4u] * inverse(bits.x) * inverse(bits.y);
                put_weight(part, first + vec2<u32>(i / SIZE, i % SIZE), value);
            }
            workgroupBarrier();
        }
    }
    for (var n = 0u; n < LOADS; n++) {
        biases[index + THREADS * n] = bias[n];
    }
    workgroupBarrier();
    if part.first_in == 0u {
        for (var row = index; row < TILE_IN; row += THREADS) {
            var sum = 0.0;
            for (var q = 0u; q < QUADS; q++) {
                sum += biases[row * QUADS + q];
            }
            put_bias(part, part.first_out + row, sum);
        }
    }
}
