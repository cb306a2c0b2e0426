// A layer with a skip: what it reads of an earlier one is copied, then added. And a network that reads another one's
// value: a row is copied. One thread a quad of numbers, whose order does not matter here.

struct Quads {
    quads: u32,
    // the first quad that is read, and the first that is written
    source_start: u32,
    start: u32,
}

@group(0) @binding(0) var<uniform> shape: Quads;
// (H, C, B)
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
// (H, C, B)
@group(0) @binding(2) var<storage, read_write> to: array<vec4<f32>>;

// to = source
@compute @workgroup_size(THREADS)
fn copy(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index < shape.quads {
        to[shape.start + index] = source[shape.source_start + index];
    }
}

// to += source
@compute @workgroup_size(THREADS)
fn add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.x + id.y * groups.x * THREADS;
    if index < shape.quads {
        to[shape.start + index] += source[shape.source_start + index];
    }
}
