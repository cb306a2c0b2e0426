// Where a thread of a product of blocks stands among LANES threads across and as many down as there are: the threads of a warp
// are 8 wide and 4 high, so that they share what they read. Those side by side stand in one column, and those two apart in one
// row, for which shared/jet_matmul.wgsl has the reason.

const WARPS: u32 = LANES / 8u;

// (across, down)
fn thread_place(thread: u32) -> vec2<u32> {
    let warp = thread / 32u;
    let lane = thread % 32u;
    return vec2<u32>(warp % WARPS * 8u + lane / 2u % 8u, warp / WARPS * 4u + lane / 16u * 2u + lane % 2u);
}
