// Many channels shared out: a workgroup has POINTS neighbouring points of one unit, and GROUPS threads for each
// of them, of which every one takes each GROUPS-th channel. One thread that walks through 100 channels waits for memory
// 100 times; where there are few channels, GROUPS is 1. `reduce` shares splits out in the same way, at neighbouring
// parameters. The header says whether a Number is f32 or, where POINTS counts quads, vec4<f32>.

const THREADS: u32 = POINTS * GROUPS;

var<workgroup> group_parts: array<Number, THREADS>;

// The sum of a point's parts over its groups, in their order; all threads of the workgroup come here.
fn sum_over_groups(part: Number, thread: u32) -> Number {
    if GROUPS == 1u {
        return part;
    }
    workgroupBarrier();
    group_parts[thread] = part;
    workgroupBarrier();
    var sum = Number();
    for (var g = 0u; g < GROUPS; g++) {
        sum += group_parts[g * POINTS + thread % POINTS];
    }
    return sum;
}
