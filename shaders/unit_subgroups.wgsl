// A unit is a workgroup with subgroups: each reduces by subgroup operations and leaves its part in workgroup memory, then each
// reduces all parts: one barrier. Needs: params.wgsl; Stats, empty, combine, combine_subgroup; serve of the strategy.

override WORKGROUP: u32 = 64u;

// The most subgroups of a workgroup.
override SUBGROUPS: u32 = 16u;

var<workgroup> scratch: array<Stats, SUBGROUPS>;

// Where this thread stands: its subgroup, its lane there, the lanes of a subgroup, the subgroups.
var<private> place: vec4<u32>;

fn reduce(own: Stats, lane: u32) -> Stats {
    let part = combine_subgroup(own);
    if place.y == 0u {
        scratch[place.x] = part;
    }
    workgroupBarrier();
    var parts = empty();
    for (var i = place.y; i < place.w; i += place.z) {
        parts = combine(parts, scratch[i]);
    }
    return combine_subgroup(parts);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) subgroup_lane: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(num_subgroups) count: u32,
) {
    place = vec4(subgroup, subgroup_lane, size, count);
    let item = group.y * params.grid_x + group.x;
    if item < params.items {
        serve(item, lane, WORKGROUP);
    }
}
