//! One row of logits, and what its special values decide.

use crate::{Logits, NO_CLASS};

/// What a row holds, as far as the results differ.
pub(super) enum RowKind {
    /// The largest logit is finite; others may be -inf.
    Regular {
        /// The first class with the largest logit.
        at: usize,
        /// The largest logit.
        max: f64,
        /// `Σ exp(x_c - max)` over all classes but `at`: the whole sum is `1 + rest`.
        rest: f64,
    },
    /// Nothing but -inf.
    AllNegInf,
    /// No NaN, and +inf first at this class.
    PosInf(usize),
    /// A NaN somewhere.
    NaN,
}

/// One row of logits and what it holds.
pub(super) struct Row {
    pub(super) x: Vec<f64>,
    pub(super) kind: RowKind,
}

impl Row {
    fn new(x: impl Iterator<Item = f64>) -> Self {
        let x: Vec<f64> = x.collect();
        // The first of the largest; meaningless, and unused, in a row that holds NaN.
        let at = (1..x.len()).fold(0, |best, c| if x[c] > x[best] { c } else { best });
        let kind = if x.iter().any(|x| x.is_nan()) {
            RowKind::NaN
        } else if x[at] == f64::INFINITY {
            RowKind::PosInf(at)
        } else if x[at] == f64::NEG_INFINITY {
            RowKind::AllNegInf
        } else {
            RowKind::Regular { at, max: x[at], rest: sum_but(at, &exp_from(&x, x[at])) }
        };
        Self { x, kind }
    }

    pub(super) fn logsumexp(&self) -> f64 {
        match self.kind {
            RowKind::Regular { max, rest, .. } => max + rest.ln_1p(),
            RowKind::AllNegInf => f64::NEG_INFINITY,
            RowKind::PosInf(_) => f64::INFINITY,
            RowKind::NaN => f64::NAN,
        }
    }

    pub(super) fn argmax(&self) -> u32 {
        match self.kind {
            // A class index of more than 32 bits cannot be asked for.
            RowKind::Regular { at, .. } | RowKind::PosInf(at) => u32::try_from(at).unwrap_or(NO_CLASS),
            RowKind::AllNegInf => 0,
            RowKind::NaN => NO_CLASS,
        }
    }

    /// `log Σ exp(x_c - x_t)` without the term of the largest logit, which is 1: of the target itself if it leads.
    pub(super) fn loss(&self, target: usize) -> f64 {
        match self.kind {
            RowKind::Regular { max, rest, .. } => (max - self.x[target]) + rest.ln_1p(),
            _ => f64::NAN,
        }
    }

    /// `p_c - [c = t]`.
    pub(super) fn loss_gradient(&self, target: usize) -> Vec<f64> {
        let RowKind::Regular { max, rest, .. } = self.kind else { return self.all_nan() };
        let terms = exp_from(&self.x, max);
        let total = 1.0 + rest;
        let mut gradient: Vec<f64> = terms.iter().map(|e| e / total).collect();
        gradient[target] = -sum_but(target, &terms) / total;
        gradient
    }

    pub(super) fn all_nan(&self) -> Vec<f64> {
        vec![f64::NAN; self.x.len()]
    }
}

/// `exp(x_c - origin)` of each class.
pub(super) fn exp_from(x: &[f64], origin: f64) -> Vec<f64> {
    x.iter().map(|x| (x - origin).exp()).collect()
}

/// The sum by halves: its error grows with the logarithm of the length, and infinities stay infinities.
pub(super) fn sum(values: &[f64]) -> f64 {
    if values.len() <= 8 {
        return values.iter().fold(0.0, |sum, v| sum + v);
    }
    let (left, right) = values.split_at(values.len() / 2);
    sum(left) + sum(right)
}

/// The sum without one of the values: left out, not subtracted.
fn sum_but(left_out: usize, values: &[f64]) -> f64 {
    sum(&values[..left_out]) + sum(&values[left_out + 1..])
}

/// The rows, read and looked at one by one.
pub(super) fn rows_of<'a>(logits: &Logits<'a>) -> impl Iterator<Item = Row> + use<'a> {
    let logits = *logits;
    (0..logits.rows()).map(move |r| Row::new(logits.row(r)))
}
