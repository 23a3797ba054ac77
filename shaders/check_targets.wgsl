// Adds a window's targets to the summary, before the losses: the mean's gradient needs the number of valid rows.
// Needs: params.wgsl, stats_targets.wgsl, summary_out.wgsl.

struct Finish {
    stats: Stats,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(stats);
}

fn write_row(row: u32, finish: Finish) {
    if summary.bad == 0u && finish.stats.bad > 0u {
        summary.bad_row = params.row_base + finish.stats.bad_row;
        summary.bad_target = finish.stats.bad_target;
    }
    summary.ran = 1u;
    summary.bad += finish.stats.bad;
    summary.valid += finish.stats.valid;
}
