// combine() over the lanes of a subgroup. Needs: stats_signed.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    let m = subgroupMax(own.max);
    return Stats(m, subgroupAdd(own.sum * exp1(own.max - m)), subgroupOr(own.flags));
}
