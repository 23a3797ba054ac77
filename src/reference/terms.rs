//! The terms of a row's loss, and their gradients.

use super::reduce::class_weight;
use super::row::{Row, RowKind, exp_from, sum, sum_but};
use crate::CrossEntropy;

/// What a row is to be like.
pub(super) enum Label {
    Ignored,
    Class(usize),
    Probabilities(Vec<f64>),
}

/// The loss of a regular row before its row weight, `Σ_c k_c (lse - z_c) + λ lse²`, as its coefficients.
pub(super) struct Terms {
    /// `k_c = w_c ((1 - ε) q_c + ε / K)`: 0 for classes that do not take part, unless such a class is the target.
    k: Vec<f64>,
    /// Whether label and smoothing pull a class to opposite sides: against a `z` of -inf that is infinity less infinity.
    is_opposed: Vec<bool>,
    /// `(1 - ε) w_c`: the derivative of `k_c` with respect to `q_c`, 0 for classes that do not take part.
    dk_dq: Vec<f64>,
    /// `λ`.
    lambda: f64,
}

impl Terms {
    pub(super) fn new(row: &Row, label: &Label, options: &CrossEntropy<'_>) -> Self {
        let smoothing = f64::from(options.label_smoothing);
        let taking_part = row.takes_part.iter().filter(|&&takes_part| takes_part).count();
        let parts = |c: usize| {
            let is_target = matches!(label, Label::Class(t) if *t == c);
            let spread = if row.takes_part[c] { smoothing / taking_part as f64 } else { 0.0 };
            let given = match label {
                Label::Probabilities(q) if row.takes_part[c] => (1.0 - smoothing) * q[c],
                _ => (1.0 - smoothing) * f64::from(u8::from(is_target)),
            };
            (class_weight(options, c) * given, class_weight(options, c) * spread)
        };
        let of_class = |c: usize| parts(c).0 + parts(c).1;
        let is_opposed = |c: usize| parts(c).0 * parts(c).1 < 0.0;
        // A label of 0 against -inf is not there.
        let is_absent = |c: usize| matches!(label, Label::Probabilities(q) if q[c] == 0.0) && row.z[c] == f64::NEG_INFINITY;
        let slope = |c: usize| if row.takes_part[c] && !is_absent(c) { class_weight(options, c) * (1.0 - smoothing) } else { 0.0 };
        let classes = 0..row.z.len();
        Self {
            k: classes.clone().map(of_class).collect(),
            is_opposed: classes.clone().map(is_opposed).collect(),
            dk_dq: classes.map(slope).collect(),
            lambda: options.z_loss.into(),
        }
    }

    /// No term has a coefficient: loss and gradient are exactly 0.
    pub(super) fn is_empty(&self) -> bool {
        self.lambda == 0.0 && self.k.iter().all(|k| *k == 0.0)
    }

    /// The whole loss.
    pub(super) fn loss(&self, row: &Row) -> f64 {
        let of_class = |((k, is_opposed), surprise): ((&f64, &bool), f64)| match (*k, *is_opposed) {
            (_, true) if surprise.is_infinite() => f64::NAN,
            (0.0, _) => 0.0,
            (k, _) => k * surprise,
        };
        let terms = self.k.iter().zip(&self.is_opposed).zip(row.surprise()).map(of_class);
        sum(&terms.collect::<Vec<_>>()) + self.z_loss(row)
    }

    /// `λ lse²`.
    pub(super) fn z_loss(&self, row: &Row) -> f64 {
        if self.lambda == 0.0 { 0.0 } else { self.lambda * row.logsumexp() * row.logsumexp() }
    }

    /// The derivatives with respect to `z`: `A p_c - k_c + 2 λ lse p_c` with `A = Σ k`.
    ///
    /// For the largest `z`, where `p` may be 1, the first two are `p Σ_{j≠c} k_j - k_c Σ_{j≠c} p_j`: no other `p` is above 1/2.
    pub(super) fn gradient(&self, row: &Row) -> Vec<f64> {
        let RowKind::Regular { at, max, rest } = row.kind else { return row.all_nan() };
        let (total, total_k) = (1.0 + rest, sum(&self.k));
        let of_class = |(c, e): (usize, f64)| {
            let p = e / total;
            let of_labels = if c == at { p * sum_but(at, &self.k) - self.k[at] * (rest / total) } else { total_k * p - self.k[c] };
            if self.lambda == 0.0 { of_labels } else { of_labels + 2.0 * self.lambda * row.logsumexp() * p }
        };
        exp_from(&row.z, max).into_iter().enumerate().map(of_class).collect()
    }

    /// The derivatives with respect to the target probabilities, times a factor: `factor (1 - ε) w_c (lse - z_c)`.
    pub(super) fn target_gradient(&self, row: &Row, factor: f64) -> Vec<f64> {
        let of_class = |(&slope, surprise): (&f64, f64)| if slope == 0.0 { 0.0 } else { times(factor * slope, surprise) };
        self.dk_dq.iter().zip(row.surprise()).map(of_class).collect()
    }
}

/// A product in which a factor of 0 wins over infinity.
fn times(factor: f64, value: f64) -> f64 {
    if factor == 0.0 { 0.0 } else { factor * value }
}
