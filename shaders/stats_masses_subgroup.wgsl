// combine() over the lanes of a subgroup: the low words in halves, whose sums do not overflow. Needs: stats_masses.wgsl, wide.wgsl.

fn add_lanes(own: vec2<u32>) -> vec2<u32> {
    let low = subgroupAdd(own.x & 0xffffu);
    let middle = subgroupAdd(own.x >> 16u);
    let high = subgroupAdd(own.y);
    return add_wide(vec2(low, high), vec2(middle << 16u, middle >> 16u));
}

fn combine_subgroup(own: Stats) -> Stats {
    return Stats(
        add_lanes(own.from_1),
        add_lanes(own.from_2),
        add_lanes(own.from_3),
        add_lanes(own.from_4),
        add_lanes(own.from_5),
        add_lanes(own.from_6),
        add_lanes(own.from_7),
    );
}
