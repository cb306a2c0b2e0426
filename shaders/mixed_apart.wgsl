// Where the way back through a hidden layer leaves h to a product that follows: layers too wide for mixed_layer.wgsl.

// (H, M, B)
@group(0) @binding(6) var<storage, read_write> h: array<f32>;

fn keep(m: u32, unit: u32, point: u32, value: f32) {
    h[(unit * ADJOINTS + m) * layer.points + point] = value;
}

fn go_on(m: u32, point: u32, thread: u32) {}
