// combine() over the lanes of a subgroup. Needs: stats_exp.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    let m = subgroupMax(own.max);
    let sum = subgroupAdd(own.sum * exp1(own.max - m));
    let best = subgroupMin(select(NONE, own.best, own.max == m));
    return Stats(m, sum, subgroupMax(own.magnitude), best, subgroupOr(own.left_out));
}
