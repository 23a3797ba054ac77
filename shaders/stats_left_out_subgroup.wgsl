// combine() over the lanes of a subgroup. Needs: stats_left_out.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    return Stats(subgroupOr(own.left_out));
}
