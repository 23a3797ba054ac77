// The class index of each row. Needs: params.wgsl.

@group(0) @binding(3) var<storage, read> targets: array<u32>;

fn target_of(row: u32) -> u32 {
    return targets[params.targets_start + row];
}

fn is_ignored(column: u32) -> bool {
    return params.ignores == 1u && column == params.ignore_index;
}
