// A sum over the workgroup's threads in a fixed order: a tree of halves, the same bits every time.
// The including file's header says THREADS, a power of two.

var<workgroup> sums: array<f32, THREADS>;

fn workgroup_sum(value: f32, thread: u32) -> f32 {
    workgroupBarrier();
    sums[thread] = value;
    workgroupBarrier();
    for (var width = THREADS / 2u; width > 0u; width /= 2u) {
        if thread < width {
            sums[thread] += sums[thread + width];
        }
        workgroupBarrier();
    }
    return sums[0];
}
