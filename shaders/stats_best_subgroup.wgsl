// combine() over the lanes of a subgroup. Needs: stats_best.wgsl.

fn combine_subgroup(own: Stats) -> Stats {
    let key = subgroupMax(own.key);
    return Stats(key, subgroupMin(select(NONE, own.best, own.key == key)), subgroupOr(own.spoiled));
}
