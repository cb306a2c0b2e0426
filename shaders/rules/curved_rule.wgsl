// The jet rule of an activation above order 2 on z-jets (H, C, B), forward and backward. One thread a unit and point, or
// quad of points, with all channels in registers; neighbouring threads at neighbouring ones. In adjoint mode the rows of `a`
// have room for adjoints behind these channels: they are ROW_CHANNELS apart.

struct Rows {
    // H
    units: u32,
    // B, or B / 4 where a Number is a quad
    points: u32,
}

@group(0) @binding(0) var<uniform> shape: Rows;
// (H, C, B)
@group(0) @binding(1) var<storage, read> z: array<Number>;
// (H, ROW_CHANNELS, B)
@group(0) @binding(2) var<storage, read_write> a: array<Number>;
// the same a as the backward pass reads it, and the cotangents: of a before, of z after
@group(0) @binding(3) var<storage, read> a_tape: array<Number>;
@group(0) @binding(4) var<storage, read_write> bar: array<Number>;

fn z_jet(at: u32) -> Jet {
    var jet: Jet;
    for (var c = 0u; c < CHANNELS; c++) { // unrolled
        jet[c] = z[at + c * shape.points];
    }
    return jet;
}

// Where a thread's jet begins, in rows of so many channels.
fn start(index: u32, channels: u32) -> u32 {
    return index / shape.points * channels * shape.points + index % shape.points;
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= shape.units * shape.points {
        return;
    }
    let jet = jet_forward(z_jet(start(index, CHANNELS)));
    let to = start(index, ROW_CHANNELS);
    for (var c = 0u; c < CHANNELS; c++) { // unrolled
        a[to + c * shape.points] = jet[c];
    }
}

// In place: everything is read before anything is written.
@compute @workgroup_size(THREADS)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index >= shape.units * shape.points {
        return;
    }
    let at = start(index, CHANNELS);
    var jet_bar: Jet;
    for (var c = 0u; c < CHANNELS; c++) { // unrolled
        jet_bar[c] = bar[at + c * shape.points];
    }
    let z_bar = jet_backward(z_jet(at), a_tape[at], jet_bar);
    for (var c = 0u; c < CHANNELS; c++) { // unrolled
        bar[at + c * shape.points] = z_bar[c];
    }
}
