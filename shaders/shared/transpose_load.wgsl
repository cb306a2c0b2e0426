// How columns of both factors of a weight gradient come to workgroup memory: with 4 rows of one column to a vec4, which lie in
// different rows of memory. A thread brings blocks of 4 rows by one quad and turns them in its registers. The places
// of a quad's blocks are moved by 8 / QUADS for the next quad, so that what a warp writes and reads lies in different banks.

const IN_QUADS: u32 = TILE_IN / 4u;
const OUT_QUADS: u32 = TILE_OUT / 4u;
const LANES: u32 = IN_QUADS / IN_EDGE;
const OUT_LANES: u32 = OUT_QUADS / OUT_EDGE;
const THREADS: u32 = LANES * OUT_LANES;
// Blocks of a slice: those of z_bar, then those of a.
const BLOCKS: u32 = (OUT_QUADS + IN_QUADS) * QUADS;
const LOADS: u32 = (BLOCKS + THREADS - 1u) / THREADS;
const TURN: u32 = 8u / QUADS;
// Where a begins in a column of a slice, and how long that is: in whole eights, for what turns.
const FIRST_IN: u32 = (OUT_QUADS + 7u) / 8u * 8u;
const ROWS: u32 = FIRST_IN + (IN_QUADS + 7u) / 8u * 8u;

// The second and the third pair of buffers.
@group(0) @binding(4) var<storage, read> z_bar_1: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> a_1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> z_bar_2: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> a_2: array<vec4<f32>>;

// (4 QUADS, ROWS)
var<workgroup> tile: array<vec4<f32>, 4u * QUADS * ROWS>;

// One of the four rows of a block. A layer alone has one pair in any case: the loads of wide layers are not to wait for a
// choice.
fn z_bar_at(layer: Layer, at: u32) -> vec4<f32> {
    if LAYERS > 1u && layer.pair == 1u {
        return z_bar_1[at];
    } else if LAYERS > 1u && layer.pair == 2u {
        return z_bar_2[at];
    }
    return z_bar[at];
}

fn a_at(layer: Layer, at: u32) -> vec4<f32> {
    if LAYERS > 1u && layer.pair == 1u {
        return a_1[at];
    } else if LAYERS > 1u && layer.pair == 2u {
        return a_2[at];
    }
    return a[at];
}

// Four rows of one of the quads from `start` on; zeros where there are no columns. What stands in for rows beyond the
// layer's goes into sums that nobody keeps.
fn fetch(part: Share, block: u32, start: u32) -> mat4x4<f32> {
    let layer = part.layer;
    let quad = start + block % QUADS;
    let row = 4u * (block / QUADS);
    var rows: mat4x4<f32>;
    if quad < part.end && row < TILE_OUT {
        for (var r = 0u; r < 4u; r++) {
            let output = min(part.first_out + row + r, layer.outputs - 1u);
            rows[r] = z_bar_at(layer, layer.z_bar_start + output * layer.quads + quad);
        }
    } else if quad < part.end && row < TILE_OUT + TILE_IN {
        for (var r = 0u; r < 4u; r++) {
            let input = min(part.first_in + row - TILE_OUT + r, layer.inputs - 1u);
            rows[r] = a_at(layer, layer.a_start + input * layer.quads + quad);
        }
    }
    return rows;
}

fn keep(rows: mat4x4<f32>, block: u32) {
    if block >= BLOCKS {
        return;
    }
    let quad = block % QUADS;
    let columns = transpose(rows);
    let row_quad = block / QUADS;
    let row = select(row_quad, row_quad - OUT_QUADS + FIRST_IN, row_quad >= OUT_QUADS);
    let at = 4u * quad * ROWS + (row ^ (quad * TURN));
    for (var k = 0u; k < 4u; k++) {
        tile[at + k * ROWS] = columns[k];
    }
}
