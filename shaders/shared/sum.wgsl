// Sums over threads in a fixed order: a tree of halves, the same bits every time. What comes before says THREADS, a
// power of two.

var<workgroup> sums: array<f32, THREADS>;

// Over each `lanes` neighbouring threads, a power of two; all threads of the workgroup come here.
fn sum_over_lanes(value: f32, lanes: u32, thread: u32) -> f32 {
    workgroupBarrier();
    sums[thread] = value;
    workgroupBarrier();
    for (var width = lanes / 2u; width > 0u; width /= 2u) {
        if thread % lanes < width {
            sums[thread] += sums[thread + width];
        }
        workgroupBarrier();
    }
    return sums[thread - thread % lanes];
}

fn workgroup_sum(value: f32, thread: u32) -> f32 {
    return sum_over_lanes(value, THREADS, thread);
}
