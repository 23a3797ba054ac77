// The gradient of cross-entropy from what the forward pass saved:
//   d loss / d x_c = p_c - [c = t],   p_c = exp(x_c - lse), or exp((x_c - x_t) - loss) if the row's loss is saved too:
// that form loses nothing to the rounding of lse, and its expm1(-loss) at the target nothing to cancellation.
// Special rows as in cross_entropy.wgsl.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, stats_left_out.wgsl, targets.wgsl, target_left_out.wgsl, row_scale.wgsl, saved_lse.wgsl.

@group(0) @binding(10) var<storage, read> saved_loss: array<f32>;

struct Finish {
    shift: f32,
    log_sum: f32,
    scale: f32,
    column: u32,
    target_value: f32,
    filled: bool,
    fill: f32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & MAGNITUDE_BITS) < POSITIVE_INFINITY_BITS;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let column = left_out_class(row);
    let ignored = is_ignored(target_of(row));
    let logsumexp = saved_lse[params.saved_lse_start + row];
    let x = bitcast<f32>(stats.left_out);
    var shift = 0.0;
    var log_sum = logsumexp;
    var exponent = -logsumexp;
    if stats.left_out == NEGATIVE_INFINITY_BITS {
        exponent = EXP_LOWEST;
    } else {
        exponent = x - logsumexp;
    }
    if params.saved_loss_start != NONE {
        let loss = saved_loss[params.saved_loss_start + row];
        // A loss far above |lse| has lost more to rounding than lse; one of +inf belongs to a target of -inf.
        if loss <= max(abs(logsumexp), 1.0) && is_finite(loss) {
            shift = x;
            log_sum = loss;
            exponent = -loss;
        }
    }
    let scale = row_scale(row);
    return Finish(
        shift,
        log_sum,
        scale,
        column,
        expm1(exponent) * scale,
        ignored || column == NONE || !is_finite(logsumexp),
        select(not_a_number(), 0.0, ignored),
    );
}

fn write_row(row: u32, finish: Finish) {}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let value = exp_any((x - finish.shift) - finish.log_sum) * finish.scale;
    let gradient = select(value, vec4(finish.target_value), is_column(quad, finish.column));
    return select(gradient, vec4(finish.fill), finish.filled);
}
