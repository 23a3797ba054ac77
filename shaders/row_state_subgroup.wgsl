// combine() over the lanes of a subgroup; what is not tracked costs nothing. Needs: row_state.wgsl, stats_row.wgsl.

fn combine_subgroup(lane: Stats) -> Stats {
    let m = subgroupMax(lane.max);
    let below = others_below(lane, m);
    let second = subgroupMax(below.second);
    let own = relative_to(below, second);
    var whole = empty();
    whole.max = m;
    whole.count = subgroupAdd(select(0.0, lane.count, lane.max == m));
    whole.second = second;
    whole.rest = subgroupAdd(own.rest);
    whole.magnitude = subgroupMax(lane.magnitude);
    if TRACK_ARGMAX {
        let is_best = lane.max == m && (lane.count > 0.0 || whole.count == 0.0);
        whole.best = subgroupMin(select(NONE, lane.best, is_best));
    }
    if TARGETED {
        whole.target_bits = subgroupOr(lane.target_bits);
    }
    if TRACK_RANK {
        whole.ahead = subgroupAdd(lane.ahead);
    }
    if TRACK_ENTROPY {
        whole.spread = subgroupAdd(own.spread);
    }
    if LABELS {
        whole.label_sum = subgroupAdd(lane.label_sum);
        whole.label_dot = subgroupAdd(moved(lane.label_dot, lane.label_sum, m - lane.max));
    }
    if SMOOTHS {
        whole.smooth_sum = subgroupAdd(lane.smooth_sum);
        whole.smooth_dot = subgroupAdd(moved(lane.smooth_dot, lane.smooth_sum, m - lane.max));
        whole.allowed = subgroupAdd(lane.allowed);
    }
    if LABELS || SMOOTHS {
        whole.flags = subgroupOr(lane.flags);
    }
    return whole;
}
