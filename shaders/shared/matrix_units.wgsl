// Factors as f16 numbers for a device's matrix units, which multiply fragments of SIZE by SIZE halves and add them up in f32.
//
// A number x is (high + low) / scale: high is x scale rounded to a half, low what is left of it. With PARTS = 2 that are 22
// bits, and of (high + low) (high' + low') all is computed but low low', 2^-22 of the whole; with PARTS = 1 it is high
// alone, 11 bits. The scale is a power of two that brings the largest number of the factor to 2^14 and more, for halves
// end at 65504. They begin at 2^-14: below 2^-16 of the largest a number loses one of its 22 bits with each power of two,
// down to 11 at 2^-28. Where it meets the large ones in a sum, that does not show.
//
// A subgroup has BLOCK_ROWS by BLOCK_COLUMNS fragments of a workgroup's tile; ACROSS subgroups lie side by side. Rows of a
// slice are PAD quads longer than they need be, so that eight of them begin in different banks.

const FRAGMENT: u32 = SIZE * SIZE / 4u;

// Of the left factor and the right one, as abs_max.wgsl leaves them.
@group(0) @binding(4) var<storage, read> left_largest: array<u32, LARGEST>;
@group(0) @binding(5) var<storage, read> right_largest: array<u32, LARGEST>;

// What one subgroup sums at a time, on its way to memory.
var<workgroup> fragments: array<vec4<f32>, SUBGROUPS * FRAGMENT>;

struct Thread {
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_id) subgroup: u32,
    // of the subgroup, and how many it has
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) lanes: u32,
}

// The subgroup of a thread. Where a device has smaller ones than it might, those too many do again what the last one does.
fn subgroup_of(at: Thread) -> u32 {
    return min(at.subgroup, SUBGROUPS - 1u);
}

// Its block in the tile, in fragments.
fn block_of(at: Thread) -> vec2<u32> {
    let subgroup = subgroup_of(at);
    return vec2<u32>(subgroup / ACROSS * BLOCK_ROWS, subgroup % ACROSS * BLOCK_COLUMNS);
}

// The bits of a factor's scale from its largest number's.
fn scale_bits(largest: u32) -> u32 {
    return u32(clamp(268 - i32(largest >> 23u), 1, 253)) << 23u;
}

// The bits of both factors' scales.
fn scales(at: Thread) -> vec2<u32> {
    var largest = vec2<u32>();
    for (var i = at.lane; i < LARGEST; i += at.lanes) {
        largest = max(largest, vec2<u32>(left_largest[i], right_largest[i]));
    }
    let all = subgroupMax(largest);
    return vec2<u32>(scale_bits(all.x), scale_bits(all.y));
}

fn inverse(scale: u32) -> f32 {
    return bitcast<f32>((254u << 23u) - scale);
}

// Rounded to the 11 bits of a half, by its bits: a compiler may take a number that became a half and came back for itself.
// NaN may become 0 here; what is left of it is NaN still.
fn rounded(x: vec4<f32>) -> vec4<f32> {
    return bitcast<vec4<f32>>((bitcast<vec4<u32>>(x) + 0x1000u) & vec4<u32>(0xffffe000u));
}

fn high(x: vec4<f32>) -> vec4<f16> {
    if PARTS > 1u {
        return vec4<f16>(rounded(x));
    }
    return vec4<f16>(x);
}

fn low(x: vec4<f32>) -> vec4<f16> {
    return vec4<f16>(x - rounded(x));
}

// left right + sums, but for low times low. Matrix units cut off the sums that they go on with, where f32's are
// rounded, so what a fragment adds is f32's to add; docs/tuning.md.
fn multiply(left: array<Left, PARTS>, right: array<Right, PARTS>, sums: Sums) -> Sums {
    if PARTS > 1u {
        var few: Sums;
        few = coopMultiplyAdd(left[0], right[PARTS - 1u], few);
        few = coopMultiplyAdd(left[PARTS - 1u], right[0], few);
        return sums + coopMultiplyAdd(left[0], right[0], few);
    }
    return coopMultiplyAdd(left[0], right[0], sums);
}
