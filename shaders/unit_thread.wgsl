// A unit is a thread: no barriers, nothing shared. Needs: params.wgsl; serve of the strategy.

override WORKGROUP: u32 = 64u;

fn reduce(own: Stats, lane: u32) -> Stats {
    return own;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let item = (group.y * params.grid_x + group.x) * WORKGROUP + local;
    if item < params.items {
        serve(item, 0u, 1u);
    }
}
