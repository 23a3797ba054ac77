// A unit is a subgroup: its lanes share a row by subgroup operations alone. A workgroup serves ITEMS_PER_GROUP items: as many as it
// has subgroups of the largest size. If they turn out smaller, and more of them, the others are idle. No loop over the items:
// SwiftShader takes minutes to compile a large kernel inside of one.
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
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) lanes: u32,
) {
    let item = (group.y * params.grid_x + group.x) * ITEMS_PER_GROUP + subgroup;
    if subgroup < ITEMS_PER_GROUP && item < params.items {
        serve(item, lane, lanes);
    }
}
