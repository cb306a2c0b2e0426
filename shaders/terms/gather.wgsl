// Brings a batch's rows together: from the set's rows (R, N), in the set's order, to the batch's
// columns (N, B), where N = the network's inputs + the residuals' columns + 1 weight. An input at
// several places is as many columns, one behind the other: a single row of all the network's points.
//
// One thread a number, neighbouring threads at neighbouring points of a column: what is written is whole cache
// lines, what is read lies wherever the order puts it. A set larger than one binding lies in blocks
// of rows; one dispatch a block copies the points whose row is in it. The threads beyond the last
// point fill the last quad with zeros, among them the weight, so that they add to no sum.

struct Block {
    // rows first .. first + rows of the set lie in this block
    first: u32,
    rows: u32,
    // N
    columns: u32,
    // the chunk's points, and the same rounded up to whole quads
    points: u32,
    padded: u32,
}

@group(0) @binding(0) var<uniform> block: Block;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<f32>;
@group(0) @binding(3) var<storage, read_write> batch: array<f32>;

@compute @workgroup_size(THREADS)
fn gather(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= block.columns * block.padded {
        return;
    }
    let column = index / block.padded;
    let point = index % block.padded;
    if point >= block.points {
        batch[index] = 0.0;
        return;
    }
    let row = order[now.start + point];
    if row >= block.first && row - block.first < block.rows {
        batch[index] = rows[(row - block.first) * block.columns + column];
    }
}
