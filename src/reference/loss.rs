//! Cross-entropy and its gradients.

use super::one_a_row;
use super::row::{RowKind, exp_from, rows_of, sum};
use crate::{CrossEntropy, CrossEntropyResult, Logits, Reduction, Result, Saved, Targets, Upstream};

/// Cross-entropy with one class index a row: `loss_r = log Σ_c exp(x_c) - x_t`, and its gradient with respect to the
/// logits, `scale_r (p_c - [c = t])`.
///
/// The row losses, in nats, are reduced as [`Reduction`] says; the reduced loss does not contain the upstream factor.
/// `scale_r` is that factor, divided by the number of valid rows with [`Reduction::Mean`]. Only what `options` asks for
/// is `Some`: `row_loss`, `logsumexp` and `argmax` hold `rows` values, `gradient` holds `rows * classes`.
///
/// The loss is `log(1 + Σ_{c≠t} exp(x_c - x_t))` where the target leads, and its entry of the gradient always
/// `-Σ_{c≠t} p_c`: both keep their relative accuracy however confident the row is.
///
/// Without valid rows the mean is NaN, the sum is 0 and all gradients are 0. Rows that hold NaN, +inf or only -inf have
/// loss NaN and gradient NaN; a target logit of -inf beside finite ones has loss +inf and a finite gradient; ignored rows
/// have loss 0 and gradient 0 whatever they hold. `correct` counts valid rows only.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) unless there is one target, and with [`Upstream::Rows`] one factor, for each
/// row; [`Error::Target`](crate::Error::Target) for a target that is neither a class nor ignored;
/// [`Error::Options`](crate::Error::Options) for [`Upstream::Rows`] with a reduction.
pub fn cross_entropy(logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult<f64>> {
    let targets = checked_targets(logits, targets, options)?;
    let valid_rows = targets.iter().flatten().count();
    let (mut row_loss, mut logsumexp, mut argmax, mut gradient, mut correct) = (vec![], vec![], vec![], vec![], 0);
    for (r, (row, &target)) in rows_of(logits).zip(&targets).enumerate() {
        logsumexp.push(row.logsumexp());
        argmax.push(row.argmax());
        row_loss.push(target.map_or(0.0, |t| row.loss(t)));
        correct += usize::from(target.is_some_and(|t| row.argmax() as usize == t));
        if options.gradient {
            gradient.extend(match target {
                Some(t) => scaled(row.loss_gradient(t), scale(options, r, valid_rows)),
                None => vec![0.0; row.x.len()],
            });
        }
    }
    Ok(CrossEntropyResult {
        loss: match options.reduction {
            Reduction::None => None,
            Reduction::Mean => Some(sum(&row_loss) / valid_rows as f64),
            Reduction::Sum => Some(sum(&row_loss)),
        },
        row_loss: options.wants_row_loss().then_some(row_loss),
        logsumexp: options.logsumexp.then_some(logsumexp),
        argmax: options.argmax.then_some(argmax),
        gradient: options.gradient.then_some(gradient),
        valid_rows,
        correct: options.argmax.then_some(correct),
    })
}

/// The gradient of [`cross_entropy`] from what its forward pass saved: `scale_r p_c`, and `scale_r (p_t - 1)` for the
/// target. Returns `rows * classes` derivatives with respect to the logits.
///
/// From the saved loss, `p_c = exp((x_c - x_t) - loss)` and `p_t - 1 = expm1(-loss)`; from the saved log-sum-exp,
/// `p_c = exp(x_c - lse)` and `p_t - 1 = expm1(x_t - lse)`. They agree but for the rounding of the saved value, which
/// grows with its size. So the loss, if saved, is used up to the larger of 1 and `|lse|`, and the log-sum-exp beyond: a
/// loss of +inf (target logit -inf, or a difference that `f32` cannot hold) says nothing about the other classes.
///
/// `options.reduction`, `ignore_index` and `upstream` must be those of the forward pass; what else they ask for does not
/// matter. Special and ignored rows are told by the logits and targets, not by the saved values, and have the gradients
/// that [`cross_entropy`] gives them.
///
/// # Errors
/// As [`cross_entropy`], and [`Error::Length`](crate::Error::Length) unless each saved slice holds one value for each row.
pub fn cross_entropy_backward(
    logits: &Logits<'_>,
    targets: &Targets<'_>,
    saved: &Saved<'_>,
    options: &CrossEntropy<'_>,
) -> Result<Vec<f64>> {
    let targets = checked_targets(logits, targets, options)?;
    one_a_row("logsumexp", logits, saved.logsumexp)?;
    saved.row_loss.map_or(Ok(()), |row_loss| one_a_row("row_loss", logits, row_loss))?;
    let valid_rows = targets.iter().flatten().count();
    let mut gradient = Vec::with_capacity(logits.rows() * logits.classes());
    for (r, (row, &target)) in rows_of(logits).zip(&targets).enumerate() {
        let Some(t) = target else {
            gradient.extend(vec![0.0; row.x.len()]);
            continue;
        };
        let RowKind::Regular { .. } = row.kind else {
            gradient.extend(row.all_nan());
            continue;
        };
        let lse = f64::from(saved.logsumexp[r]);
        let loss = saved.row_loss.map(|row_loss| f64::from(row_loss[r])).filter(|loss| *loss <= lse.abs().max(1.0));
        let mut of_row: Vec<f64> = match loss {
            Some(loss) => row.x.iter().map(|x| ((x - row.x[t]) - loss).exp()).collect(),
            None => exp_from(&row.x, lse),
        };
        of_row[t] = loss.map_or(row.x[t] - lse, |loss| -loss).exp_m1();
        gradient.extend(scaled(of_row, scale(options, r, valid_rows)));
    }
    Ok(gradient)
}

/// The target of each row, `None` if ignored, once the options and the targets are known to fit the logits.
fn checked_targets(logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<Vec<Option<usize>>> {
    options.check(logits.rows())?;
    Ok(targets.resolve(logits.rows(), logits.classes(), options.ignore_index)?.collect())
}

/// `dL/dloss_r` of a valid row.
fn scale(options: &CrossEntropy<'_>, r: usize, valid_rows: usize) -> f64 {
    let upstream = f64::from(match options.upstream {
        Upstream::Scalar(g) => g,
        Upstream::Rows(g) => g[r],
    });
    match options.reduction {
        Reduction::Mean => upstream / valid_rows as f64,
        Reduction::None | Reduction::Sum => upstream,
    }
}

fn scaled(values: Vec<f64>, by: f64) -> Vec<f64> {
    values.into_iter().map(|v| v * by).collect()
}
