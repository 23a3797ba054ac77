// combine() over the lanes of a subgroup: four times, the lane with the first class gives it away. Needs: stats_top.wgsl.

struct Taken {
    key: u32,
    best: u32,
    rest: Stats,
}

fn take_first(own: Stats) -> Taken {
    let key = subgroupMax(own.keys.x);
    let best = subgroupMin(select(NONE, own.best.x, own.keys.x == key));
    let taken = vec4(own.best.x == best);
    let keys = select(own.keys, vec4(own.keys.yzw, 0u), taken);
    return Taken(key, best, Stats(keys, select(own.best, vec4(own.best.yzw, NONE), taken)));
}

fn combine_subgroup(own: Stats) -> Stats {
    let a = take_first(own);
    let b = take_first(a.rest);
    let c = take_first(b.rest);
    let d = take_first(c.rest);
    return Stats(vec4(a.key, b.key, c.key, d.key), vec4(a.best, b.best, c.best, d.best));
}
