// combine() over the lanes of a subgroup. Needs: stats_none.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    return own;
}
