// Products and combinations of vectors of P numbers: the parameters, the gradient, and those that an
// optimizer keeps. What is kept lies in chunks of columns, (rows, columns) each; one dispatch a chunk.

struct Lengths {
    // the number of a vector that is the chunk's first column, and the columns
    first: u32,
    columns: u32,
    // parts of a combination
    count: u32,
}

struct Part {
    // a row of what is kept, or one of the two below
    vector: u32,
    factor: f32,
}

const PARAMETERS = 0xffffffffu;
const GRADIENT = 0xfffffffeu;

@group(0) @binding(0) var<uniform> lengths: Lengths;
// products: the vectors on the left, then those on the right; combination: the parts, then the sum
@group(0) @binding(1) var<storage, read> parts: array<Part>;
// both (P)
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
// (rows, columns)
@group(0) @binding(4) var<storage, read_write> kept: array<f32>;
// (left, right, threads)
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

fn number(vector: u32, column: u32) -> f32 {
    if vector == PARAMETERS {
        return parameters[lengths.first + column];
    }
    if vector == GRADIENT {
        return gradient[lengths.first + column];
    }
    return kept[vector * lengths.columns + column];
}

// One row of threads a vector on the right: each sums its products with all LEFT on the left over
// every so manieth column. The host adds the threads' sums, in f64.
@compute @workgroup_size(THREADS)
fn dots(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let threads = groups.x * THREADS;
    let right = parts[LEFT + id.y].vector;
    var sums = array<f32, LEFT>();
    for (var column = id.x; column < lengths.columns; column += threads) {
        let factor = number(right, column);
        for (var left = 0u; left < LEFT; left++) {
            sums[left] += number(parts[left].vector, column) * factor;
        }
    }
    for (var left = 0u; left < LEFT; left++) {
        partials[(left * groups.y + id.y) * threads + id.x] = sums[left];
    }
}

// One thread a number.
@compute @workgroup_size(THREADS)
fn combine(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let column = id.x + id.y * groups.x * THREADS;
    if column >= lengths.columns {
        return;
    }
    var sum = 0.0;
    for (var part = 0u; part < lengths.count; part++) {
        sum += parts[part].factor * number(parts[part].vector, column);
    }
    let into = parts[lengths.count].vector;
    if into == PARAMETERS {
        parameters[lengths.first + column] = sum;
    } else if into == GRADIENT {
        gradient[lengths.first + column] = sum;
    } else {
        kept[into * lengths.columns + column] = sum;
    }
}
