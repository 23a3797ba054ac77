// combine() over the lanes of a subgroup. Needs: stats_dot.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    return Stats(subgroupAdd(own.sum));
}
