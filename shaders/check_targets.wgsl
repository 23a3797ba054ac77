// Adds a window's targets to the summary, before the losses: the mean's gradient needs the denominator.
// Needs: params.wgsl, numerics.wgsl, vector.wgsl, stats_targets.wgsl, summary.wgsl.

// params.denominator: Denominator of the library.
const TARGET_WEIGHTS: u32 = 0u;
const ALL_ROWS: u32 = 1u;
const VALID_ROWS: u32 = 2u;
const ALL_WEIGHTS: u32 = 3u;

fn write_row(row: u32, stats: Stats, finish: Finish) {
    if summary.bad == 0u && stats.bad > 0u {
        summary.bad_row = params.row_base + stats.bad_row;
        summary.bad_target = stats.bad_target;
    }
    let weights = add(Sum(summary.weights, summary.weights_low), stats.weights);
    let all_weights = add(Sum(summary.all_weights, summary.all_weights_low), stats.all_weights);
    summary.ran = 1u;
    summary.rows += params.classes;
    summary.bad += stats.bad;
    summary.valid += stats.valid;
    summary.weights = weights.value;
    summary.weights_low = weights.low;
    summary.all_weights = all_weights.value;
    summary.all_weights_low = all_weights.low;
    switch params.denominator {
        case TARGET_WEIGHTS: {
            summary.denominator = value_of(weights);
        }
        case ALL_ROWS: {
            summary.denominator = f32(summary.rows);
        }
        case VALID_ROWS: {
            summary.denominator = f32(summary.valid);
        }
        case ALL_WEIGHTS: {
            summary.denominator = value_of(all_weights);
        }
        default: {
            summary.denominator = params.given;
        }
    }
}
