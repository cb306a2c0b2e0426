// The weight gradient of an affine layer, over stacked channels:
//
//     W_bar (out, in) = z_bar (out, C B) a (in, C B)^T,    b_bar (out) = sum of the value's z_bar
//
// The sum runs over the columns, of which there are many, so it is split: a workgroup sums the columns of one split, of
// one tile of out and in, into a partial block, and `reduce` adds the partials in a fixed order (no float atomics).
// Small layers go together, so that they fill the device.
//
// A tile is TILE_OUT by TILE_IN, a thread has 4 OUT_EDGE by 4 IN_EDGE entries of it. Columns go through workgroup memory QUADS
// quads at a time, as shared/transpose_load.wgsl brings them, so that each column is an outer product of OUT_EDGE + IN_EDGE reads and
// 16 OUT_EDGE IN_EDGE multiply-adds; the next ones come while these are multiplied. shared/thread_swizzle.wgsl says which threads
// have which inputs (across) and outputs (down).
//
// docs/tuning.md has the rates of other tiles, edges and quads.

@compute @workgroup_size(THREADS)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let part = share(group.x + group.y * groups.x);
    let thread_in = thread_place(thread).x;
    let thread_out = thread_place(thread).y;
    var sums: array<array<vec4<f32>, IN_EDGE>, 4u * OUT_EDGE>;
    var biases: array<vec4<f32>, LOADS>;
    var next: array<mat4x4<f32>, LOADS>;
    for (var n = 0u; n < LOADS; n++) {
        next[n] = fetch(part, thread + THREADS * n, part.start);
    }
    for (var start = part.start; start < part.end; start += QUADS) {
        workgroupBarrier();
        for (var n = 0u; n < LOADS; n++) {
            let block = thread + THREADS * n;
            keep(next[n], block);
            // Those of a are never read.
            if start + block % QUADS < part.layer.value_quads {
                biases[n] += vec4<f32>(1.0) * next[n];
            }
        }
        workgroupBarrier();
        if start + QUADS < part.end {
            for (var n = 0u; n < LOADS; n++) {
                next[n] = fetch(part, thread + THREADS * n, start + QUADS);
            }
        }
        for (var quad = 0u; quad < QUADS; quad++) {
            for (var k = 0u; k < 4u; k++) {
                let row = (4u * quad + k) * ROWS;
                var right: array<vec4<f32>, IN_EDGE>;
                for (var i = 0u; i < IN_EDGE; i++) {
                    right[i] = tile[row + ((FIRST_IN + thread_in + LANES * i) ^ (quad * TURN))];
                }
                for (var o = 0u; o < OUT_EDGE; o++) {
                    let left = tile[row + ((thread_out + OUT_LANES * o) ^ (quad * TURN))];
                    for (var i = 0u; i < IN_EDGE; i++) {
                        sums[4u * o][i] = fma(vec4<f32>(left.x), right[i], sums[4u * o][i]);
                        sums[4u * o + 1u][i] = fma(vec4<f32>(left.y), right[i], sums[4u * o + 1u][i]);
                        sums[4u * o + 2u][i] = fma(vec4<f32>(left.z), right[i], sums[4u * o + 2u][i]);
                        sums[4u * o + 3u][i] = fma(vec4<f32>(left.w), right[i], sums[4u * o + 3u][i]);
                    }
                }
            }
        }
    }
    if OUT_EDGE > 1u || LAYERS > 1u {
        for (var o = 0u; o < 4u * OUT_EDGE; o++) {
            let row = part.first_out + 4u * (thread_out + OUT_LANES * (o / 4u)) + o % 4u;
            for (var i = 0u; i < 4u * IN_EDGE; i++) {
                let column = part.first_in + 4u * (thread_in + LANES * (i / 4u)) + i % 4u;
                put_weight(part, vec2<u32>(row, column), sums[o][i / 4u][i % 4u]);
            }
        }
    } else {
        // By way of workgroup memory, so that threads side by side write what lies so. Sums of an edge of 2 would not stay in
        // registers among the barriers; docs/tuning.md.
        for (var o = 0u; o < 4u; o++) { // unrolled
            workgroupBarrier();
            for (var i = 0u; i < IN_EDGE; i++) {
                tile[thread_out * IN_QUADS + LANES * i + thread_in] = sums[o][i];
            }
            workgroupBarrier();
            for (var n = thread; n < OUT_LANES * TILE_IN; n += THREADS) {
                let at = vec2<u32>(part.first_out + 4u * (n / TILE_IN) + o, part.first_in + n % TILE_IN);
                put_weight(part, at, tile[n / 4u][n % 4u]);
            }
        }
    }
    workgroupBarrier();
    if part.first_in == 0u {
        for (var n = 0u; n < LOADS; n++) {
            let block = thread + THREADS * n;
            if block < BLOCKS {
                tile[block] = biases[n];
            }
        }
        workgroupBarrier();
        for (var row = thread; row < TILE_OUT; row += THREADS) {
            var sum = 0.0;
            for (var quad = 0u; quad < QUADS; quad++) {
                sum += tile[row / 4u * QUADS + quad][row % 4u];
            }
            put_bias(part, part.first_out + row, sum);
        }
    }
}
