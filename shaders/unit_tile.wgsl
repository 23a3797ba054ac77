// A unit is a thread, whose row is in its workgroup's tile. Needs: params.wgsl, tile.wgsl, fill_tile, empty_tile; serve of the strategy.

override WORKGROUP: u32 = 64u;

fn reduce(own: Stats, lane: u32) -> Stats {
    return own;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let first = (group.y * params.grid_x + group.x) * WORKGROUP;
    if first < params.items {
        tile_row = first;
        let rows = min(WORKGROUP, params.items - first);
        fill_tile(rows, local, WORKGROUP);
        workgroupBarrier();
        if local < rows {
            serve(first + local, 0u, 1u);
        }
        workgroupBarrier();
        empty_tile(rows, local, WORKGROUP);
    }
}
