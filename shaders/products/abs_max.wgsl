// The largest numbers of a factor, as bits: of the absolute values of f32, which are in the order of their bits, and NaN
// above all. LARGEST workgroups have some of the columns of some of the rows each; whoever needs the scale takes
// the largest of theirs.

struct Factor {
    rows: u32,
    columns: u32,
    // from row to row, and where the first one starts
    row: u32,
    start: u32,
    // workgroups that share a row
    across: u32,
}

@group(0) @binding(0) var<uniform> shape: Factor;
@group(0) @binding(1) var<storage, read> numbers: array<u32>;
@group(0) @binding(2) var<storage, read_write> largest: array<u32, LARGEST>;

// Loads of a thread that are on their way at once.
const AT_ONCE: u32 = 8u;

var<workgroup> group_largest: atomic<u32>;

@compute @workgroup_size(THREADS)
fn abs_max(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    if thread == 0u {
        atomicStore(&group_largest, 0u);
    }
    workgroupBarrier();
    var mine = 0u;
    for (var row = group.x / shape.across; row < shape.rows; row += LARGEST / shape.across) {
        let start = shape.start + row * shape.row;
        for (var column = group.x % shape.across * THREADS + thread; column < shape.columns;
             column += AT_ONCE * THREADS * shape.across) {
            for (var n = 0u; n < AT_ONCE; n++) {
                // The last one again, where there is none.
                let at = min(column + n * THREADS * shape.across, shape.columns - 1u);
                mine = max(mine, numbers[start + at] & 0x7fffffffu);
            }
        }
    }
    atomicMax(&group_largest, mine);
    workgroupBarrier();
    if thread == 0u {
        largest[group.x] = atomicLoad(&group_largest);
    }
}
