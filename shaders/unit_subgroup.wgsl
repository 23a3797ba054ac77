// A unit is a subgroup: its lanes share a row by subgroup operations alone. A workgroup serves ITEMS_PER_GROUP items,
// whatever the subgroup size turns out to be. The workgroup's size is a multiple of the largest, so that all subgroups are full.
// Needs: params.wgsl; combine_subgroup; serve of the strategy.

override WORKGROUP: u32 = 64u;
override ITEMS_PER_GROUP: u32 = 1u;

fn reduce(own: Stats, lane: u32) -> Stats {
    return combine_subgroup(own);
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) lanes: u32,
) {
    let first = (group.y * params.grid_x + group.x) * ITEMS_PER_GROUP;
    for (var item = first + subgroup; item < min(first + ITEMS_PER_GROUP, params.items); item += subgroups) {
        serve(item, lane, lanes);
    }
}
