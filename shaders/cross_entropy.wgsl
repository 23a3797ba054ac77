// Cross-entropy with class indices, t the target of the row:
//   loss = log(sum_c exp x_c) - x_t,   d loss / d x_c = p_c - [c = t],   p_c = exp x_c / sum exp x.
// The target is left out of the row's (m, s), so that with r = s exp(m - x_t), the mass of all others relative to its own,
//   loss = log1p(r)   and   d loss / d x_t = -r / (1 + r)
// keep their relative accuracy at any confidence, where lse - x_t and p_t - 1 cancel.
// An ignored row has loss 0 and gradient 0, whatever it holds; a row whose target is no class has NaN, and the summary tells.
// NaN and +inf in a row, or nothing but -inf, give NaN; a target of -inf gives loss +inf and a finite gradient.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, stats_exp.wgsl, targets.wgsl, target_left_out.wgsl, row_scale.wgsl, row_out.wgsl.

const LEAVES_OUT: bool = true;

struct Finish {
    max: f32,
    factor: f32,        // scale / sum exp(x - max)
    column: u32,        // the target
    target_value: f32,  // the gradient there
    filled: bool,       // the whole gradient is `fill`
    fill: f32,
    loss: f32,
    logsumexp: f32,
    best: u32,
}

fn skips(row: u32) -> bool {
    return params.lse_start == NONE && params.argmax_start == NONE && is_ignored(target_of(row));
}

// What the target and the others make together: the largest logit, the sum relative to it, its log,
// the share of the others, and the loss.
struct Row {
    max: f32,
    sum: f32,
    log_sum: f32,
    others: f32,
    loss: f32,
}

fn with_target(stats: Stats, x: f32) -> Row {
    let d = two_difference(stats.max, x);
    if stats.sum == 0.0 {
        return Row(x, 1.0, 0.0, 0.0, 0.0);
    }
    if d.x <= 0.0 {
        // In two halves: exp(d) alone may be too small for an f32 where s exp(d) is not.
        let half = exp1(0.5 * d.x);
        let whole = exp1(d.x);
        let r = select(stats.sum * half * half, stats.sum * whole, d.x > -80.0) * (1.0 + d.y);
        let loss = log1p(r);
        return Row(x, 1.0 + r, loss, r / (1.0 + r), loss);
    }
    let sum = stats.sum + exp1(-d.x) * (1.0 - d.y);
    let log_sum = log_from_one(sum);
    return Row(stats.max, sum, log_sum, stats.sum / sum, d.x + log_sum);
}

fn first_of_larger(stats: Stats, column: u32, x: f32) -> u32 {
    if x > stats.max {
        return column;
    }
    return select(stats.best, min(stats.best, column), x == stats.max);
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let column = target_of(row);
    let ignored = is_ignored(column);
    let named = names_class(column);
    let own_infinite = named && stats.left_out == NEGATIVE_INFINITY_BITS;
    var parts = Row(stats.max, stats.sum, log_from_one(max(stats.sum, 1.0)), 1.0, special(POSITIVE_INFINITY_BITS));
    var best = stats.best;
    if named && !own_infinite {
        let x = bitcast<f32>(stats.left_out);
        parts = with_target(stats, x);
        best = first_of_larger(stats, column, x);
    }
    var logsumexp = parts.max + parts.log_sum;
    let magnitude = max(stats.magnitude, stats.left_out & MAGNITUDE_BITS);
    let not_number = magnitude > POSITIVE_INFINITY_BITS;
    let infinite = bitcast<u32>(stats.max) == POSITIVE_INFINITY_BITS || stats.left_out == POSITIVE_INFINITY_BITS;
    let nothing = stats.sum == 0.0 && (own_infinite || !named) && !infinite;
    if nothing {
        logsumexp = negative_infinity();
        best = 0u;
    }
    if infinite {
        logsumexp = special(POSITIVE_INFINITY_BITS);
    }
    if not_number {
        logsumexp = not_a_number();
        best = NONE;
    }
    let spoiled = not_number || infinite || nothing || !named;
    let scale = row_scale(row);
    var finish = Finish(
        parts.max,
        scale / parts.sum,
        select(NONE, column, named),
        -parts.others * scale,
        spoiled || ignored,
        not_a_number(),
        parts.loss,
        logsumexp,
        best,
    );
    if spoiled {
        finish.loss = not_a_number();
    }
    if ignored {
        finish.loss = 0.0;
        finish.fill = 0.0;
    }
    return finish;
}

fn write_row(row: u32, finish: Finish) {
    put_row(params.loss_start, row, bitcast<u32>(finish.loss));
    put_row(params.lse_start, row, bitcast<u32>(finish.logsumexp));
    put_row(params.argmax_start, row, finish.best);
}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let value = exp4(x - finish.max) * finish.factor;
    let gradient = select(value, vec4(finish.target_value), is_column(quad, finish.column));
    return select(gradient, vec4(finish.fill), finish.filled);
}
