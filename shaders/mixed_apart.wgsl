// Where the way back through a hidden layer leaves h to a product that follows: layers too wide for mixed_layer.wgsl.

// (H, M, B)
@group(0) @binding(6) var<storage, read_write> h: array<f32>;

fn way_back(m: u32, point: u32, thread: u32) {
    if point >= layer.points {
        return;
    }
    for (var unit = thread / POINTS; unit < layer.units; unit += UNIT_GROUPS) {
        h[(unit * ADJOINTS + m) * layer.points + point] = h_of(m, unit, point);
    }
}
