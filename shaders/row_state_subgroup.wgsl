// combine() over the lanes of a subgroup; what is not tracked costs nothing. Needs: row_state.wgsl, stats_row.wgsl.

fn combine_subgroup(lane: Stats) -> Stats {
    let m = subgroupMax(lane.max);
    let own = raised_to(lane, m);
    var whole = empty();
    whole.max = m;
    whole.count = subgroupAdd(own.count);
    whole.rest = subgroupAdd(own.rest);
    whole.magnitude = subgroupMax(own.magnitude);
    if TRACK_ARGMAX {
        whole.best = subgroupMin(select(NONE, lane.best, lane.max == m));
    }
    if TARGETED {
        whole.target_bits = subgroupOr(own.target_bits);
    }
    if TRACK_RANK {
        whole.ahead = subgroupAdd(own.ahead);
    }
    if TRACK_ENTROPY {
        whole.spread = subgroupAdd(own.spread);
    }
    if LABELS {
        whole.label_sum = subgroupAdd(own.label_sum);
        whole.label_dot = subgroupAdd(own.label_dot);
    }
    if SMOOTHS {
        whole.smooth_sum = subgroupAdd(own.smooth_sum);
        whole.smooth_dot = subgroupAdd(own.smooth_dot);
        whole.allowed = subgroupAdd(own.allowed);
    }
    if LABELS || SMOOTHS {
        whole.flags = subgroupOr(own.flags);
    }
    return whole;
}
