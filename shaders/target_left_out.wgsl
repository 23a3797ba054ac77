// Cross-entropy leaves the target out of its row's statistics, if the row has one. Needs: params.wgsl, targets.wgsl.

fn names_class(column: u32) -> bool {
    return column < params.classes && !is_ignored(column);
}

fn left_out_class(row: u32) -> u32 {
    let column = target_of(row);
    return select(NONE, column, names_class(column));
}
