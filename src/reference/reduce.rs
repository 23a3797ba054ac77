//! From row losses to one number, and from its gradient to the rows'.

use super::row::sum;
use crate::{CrossEntropy, Denominator, EmptyMean, Reduction};

/// The reduction of a call: what its mean divides by is known before any row is looked at.
pub(super) struct Reducer<'a> {
    options: &'a CrossEntropy<'a>,
    pub(super) valid_rows: usize,
    pub(super) denominator: f64,
}

impl<'a> Reducer<'a> {
    /// For class indices, `None` in ignored rows.
    pub(super) fn of_classes(options: &'a CrossEntropy<'a>, targets: &[Option<usize>]) -> Self {
        let valid: Vec<(usize, usize)> = targets.iter().enumerate().filter_map(|(r, target)| target.map(|t| (r, t))).collect();
        let sum_over_valid = |f: &dyn Fn(usize, usize) -> f64| sum(&valid.iter().map(|&(r, t)| f(r, t)).collect::<Vec<_>>());
        let denominator = match options.denominator {
            Denominator::TargetWeights => sum_over_valid(&|_, t| class_weight(options, t)),
            Denominator::AllWeights => sum_over_valid(&|r, t| row_weight(options, r) * class_weight(options, t)),
            Denominator::Rows => targets.len() as f64,
            Denominator::ValidRows => valid.len() as f64,
            Denominator::Value(value) => value.into(),
        };
        Self { options, valid_rows: valid.len(), denominator }
    }

    /// For probabilities: every row is valid, and no class weight is that of a target.
    pub(super) fn of_probabilities(options: &'a CrossEntropy<'a>, rows: usize) -> Self {
        let denominator = match options.denominator {
            Denominator::AllWeights => sum(&(0..rows).map(|r| row_weight(options, r)).collect::<Vec<_>>()),
            Denominator::TargetWeights | Denominator::Rows | Denominator::ValidRows => rows as f64,
            Denominator::Value(value) => value.into(),
        };
        Self { options, valid_rows: rows, denominator }
    }

    fn divides_by_0(&self) -> bool {
        self.options.reduction == Reduction::Mean && self.denominator == 0.0
    }

    /// A mean over nothing that is NaN.
    pub(super) fn is_at_fault(&self) -> bool {
        self.divides_by_0() && self.options.empty_mean == EmptyMean::Nan
    }

    /// A mean over nothing that is 0, and so are all gradients.
    pub(super) fn is_zero(&self) -> bool {
        self.divides_by_0() && self.options.empty_mean == EmptyMean::Zero
    }

    /// The reduced loss.
    pub(super) fn reduced(&self, row_loss: &[f64]) -> Option<f64> {
        match self.options.reduction {
            Reduction::None => None,
            Reduction::Sum => Some(sum(row_loss)),
            Reduction::Mean if self.is_zero() => Some(0.0),
            Reduction::Mean if self.divides_by_0() => Some(f64::NAN),
            Reduction::Mean => Some(sum(row_loss) / self.denominator),
        }
    }

    /// The derivative of the result with respect to a row's loss: the upstream factor, over the denominator with a mean.
    pub(super) fn factor(&self, r: usize) -> f64 {
        let upstream = f64::from(self.options.upstream.get(r));
        match self.options.reduction {
            Reduction::None | Reduction::Sum => upstream,
            Reduction::Mean if self.is_zero() => 0.0,
            Reduction::Mean if self.divides_by_0() => f64::NAN,
            Reduction::Mean => upstream / self.denominator,
        }
    }
}

/// `w_c`, 1 without class weights.
pub(super) fn class_weight(options: &CrossEntropy<'_>, class: usize) -> f64 {
    options.class_weights.map_or(1.0, |weights| weights[class].into())
}

/// `a_r`, 1 without row weights.
pub(super) fn row_weight(options: &CrossEntropy<'_>, r: usize) -> f64 {
    options.row_weights.map_or(1.0, |weights| weights[r].into())
}
