// A unit is a workgroup: its threads share a row through workgroup memory, in a tree of fixed shape.
// WORKGROUP is a power of two. Needs: params.wgsl; Stats, combine; serve of the strategy.

override WORKGROUP: u32 = 64u;

var<workgroup> scratch: array<Stats, WORKGROUP>;

fn reduce(own: Stats, lane: u32) -> Stats {
    scratch[lane] = own;
    workgroupBarrier();
    for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
        if lane < width {
            scratch[lane] = combine(scratch[lane], scratch[lane + width]);
        }
        workgroupBarrier();
    }
    return scratch[0];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let item = group.y * params.grid_x + group.x;
    if item < params.items {
        serve(item, lane, WORKGROUP);
    }
}
