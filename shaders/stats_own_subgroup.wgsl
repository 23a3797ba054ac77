// combine() over the lanes of a subgroup. Needs: stats_own.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    return Stats(subgroupOr(own.bits));
}
