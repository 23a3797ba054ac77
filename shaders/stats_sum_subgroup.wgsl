// combine() over the lanes of a subgroup. Needs: stats_sum.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    let sum = subgroupAdd(own.sum - own.low);
    return stats_of(settled(Sum(sum, 0.0), subgroupOr(own.flags)));
}
