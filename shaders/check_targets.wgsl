// Adds a window's targets to the summary, before the losses: the mean's gradient needs the number of valid rows.
// Needs: params.wgsl, vector.wgsl, stats_targets.wgsl, summary_out.wgsl.

fn write_row(row: u32, finish: Finish) {
    if summary.bad == 0u && finish.stats.bad > 0u {
        summary.bad_row = params.row_base + finish.stats.bad_row;
        summary.bad_target = finish.stats.bad_target;
    }
    summary.ran = 1u;
    summary.bad += finish.stats.bad;
    summary.valid += finish.stats.valid;
}
