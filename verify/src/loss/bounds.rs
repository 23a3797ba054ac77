//! What the results of a loss may be off by, each from the coefficients of its own row.

use wgpu_xent::{CrossEntropyResult, Denominator, Reduction};

use super::row::Row;
use super::{Goal, LossCall};
use crate::bounds::{DOCUMENTED, Each, TIGHT};
use crate::compare::{Bound, TINY};
use crate::matrix::Shape;
use crate::results::Bounds;

/// The rows of a call, and what their losses are divided by.
pub struct LossBounds {
    rows: Vec<Row>,
    shape: Shape,
    reduction: Reduction,
    /// The factors of the rows' gradients, without the denominator.
    upstream: Vec<f64>,
    /// What the denominator adds up, as absolute values.
    divided_by: f64,
    /// No options that act on the loss: the gradient at a target is a single term.
    is_plain: bool,
    slack: f64,
}

impl LossBounds {
    /// So many times the documented bounds, for a call.
    #[must_use]
    pub fn new(call: &LossCall, slack: f64) -> Self {
        let shape = call.logits.shape();
        let count = shape.rows();
        let rows: Vec<Row> = (0..count).map(|r| Row::new(call, r, slack)).collect();
        let valid = || (0..count).filter(|&r| call.is_soft() || rows[r].target.is_some());
        let class_weight = |r: usize| match (rows[r].target, &call.class_weights) {
            (Some(t), Some(weights)) => f64::from(weights[t].abs()),
            _ => 1.0,
        };
        let divided_by = match call.denominator {
            Denominator::TargetWeights => valid().map(class_weight).sum(),
            Denominator::AllWeights => valid().map(|r| rows[r].weight.abs() * class_weight(r)).sum(),
            Denominator::Rows => count as f64,
            Denominator::ValidRows => valid().count() as f64,
            Denominator::Value(value) => value.abs().into(),
        };
        let upstream = |r: usize| call.row_upstream.as_ref().filter(|_| call.reduction == Reduction::None).map_or(call.upstream, |u| u[r]);
        Self {
            shape,
            reduction: call.reduction,
            upstream: (0..count).map(|r| upstream(r).abs().into()).collect(),
            divided_by,
            is_plain: matches!(call.goal, Goal::Classes(_)) && !call.transforms() && call.label_smoothing == 0.0 && call.z_loss == 0.0,
            rows,
            slack,
        }
    }

    /// Those of all numbers that the call returns.
    #[must_use]
    pub fn of(&self, expected: &CrossEntropyResult<f64>) -> Bounds {
        let each = |has: fn(&Row) -> bool, off_by_of: fn(&Row) -> f64| {
            Each::Of(self.rows.iter().map(|row| if has(row) { Bound::absolute(off_by_of(row)) } else { Bound::EXACT }).collect())
        };
        let denominator = if self.is_mean() { expected.denominator.abs() } else { 1.0 };
        let cancelled = self.cancelled(denominator);
        let reduced = |result: Option<f64>, off_by_of: fn(&Row) -> f64| {
            let of_rows: f64 = self.rows.iter().filter(|row| row.has_loss).map(off_by_of).sum();
            let divided = result.map_or(0.0, |result| cancelled_part(result, cancelled));
            if denominator == 0.0 { Bound::EXACT } else { Bound::absolute(of_rows / denominator + divided + TINY) }
        };
        let regular = |row: &Row| row.is_regular;
        let has_loss = |row: &Row| row.has_loss;
        let has_target = |row: &Row| row.is_regular && row.target.is_some();
        Bounds {
            row_loss: each(has_loss, Row::loss_off_by),
            loss: reduced(expected.loss, Row::loss_off_by),
            logsumexp: each(regular, Row::logsumexp_off_by),
            log_prob: each(has_target, |row| row.target.map_or(0.0, |target| row.surprise_off_by(target))),
            entropy: each(regular, Row::entropy_off_by),
            row_z_loss: each(has_loss, Row::z_loss_off_by),
            z_loss: reduced(expected.z_loss, Row::z_loss_off_by),
            gradient: self.elements(expected.gradient.as_ref(), denominator, Row::gradient_off_by),
            target_gradient: self.elements(expected.target_gradient.as_ref(), denominator, Row::target_gradient_off_by),
            denominator: Bound::absolute(self.slack * DOCUMENTED * self.divided_by + TINY),
        }
    }

    fn is_mean(&self) -> bool {
        self.reduction == Reduction::Mean
    }

    /// Weights of both signs cancel: a denominator is known as well as its terms are, and so is its reciprocal.
    fn cancelled(&self, denominator: f64) -> f64 {
        let relative = self.slack * DOCUMENTED;
        let cancelled = if self.is_mean() && denominator > 0.0 { relative * (self.divided_by / denominator - 1.0).max(0.0) } else { 0.0 };
        if cancelled < 0.5 { 2.0 * cancelled } else { f64::INFINITY }
    }

    fn elements(&self, values: Option<&Vec<f64>>, denominator: f64, off_by_of: fn(&Row, usize, f64) -> f64) -> Each {
        let cancelled = self.cancelled(denominator);
        let bound_of = |(i, &value): (usize, &f64)| {
            let (r, c) = self.shape.place(i);
            let row = &self.rows[r];
            let mut bound = off_by_of(row, c, self.upstream[r] / denominator);
            if self.is_plain && row.target == Some(c) {
                bound = bound.min(self.slack * TIGHT.allowed(value));
            }
            // Against -inf there is infinity or, without a coefficient, exactly nothing.
            let is_exact = !row.has_loss || !row.takes_part[c] || denominator == 0.0 || row.surprise(c).is_infinite() && value == 0.0;
            if is_exact { Bound::EXACT } else { Bound::absolute(bound + cancelled_part(value, cancelled)) }
        };
        Each::Of(values.into_iter().flatten().enumerate().map(bound_of).collect())
    }

    /// Whether an argmax is the expected one, or as good before rounding.
    #[must_use]
    pub fn is_argmax(&self, row: usize, class: u32, expected: u32) -> bool {
        self.rows[row].is_argmax(class, expected)
    }

    /// Whether the rank of a target is the expected one, or as good before rounding.
    #[must_use]
    pub fn is_rank(&self, row: usize, rank: u32, expected: u32) -> bool {
        self.rows[row].is_rank(rank, expected)
    }

    /// How many rows that have a target and probabilities have a value that is right for their target.
    pub fn count(&self, values: &[u32], is_right: impl Fn(usize, u32) -> bool) -> usize {
        let counts = |(row, &value): (&Row, &u32)| row.target.is_some_and(|target| row.is_regular && is_right(target, value));
        self.rows.iter().zip(values).filter(|pair| counts(*pair)).count()
    }
}

/// What a quotient may be off by because of its denominator.
fn cancelled_part(value: f64, cancelled: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.abs() * cancelled }
}
