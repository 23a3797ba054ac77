//! What a caller can ask of the losses that are sums over elements: binary cross-entropy, divergence, entropy.

use crate::factor::{check_len, check_values};
use crate::{Error, Logits, Result};

/// How the losses of elements become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ElementReduction {
    /// Not at all: the losses of the elements are the result.
    None,
    /// Their sum over the number of elements.
    #[default]
    Mean,
    /// Their sum over the size of the batch: the number of rows, or what [`ElementLoss::batch`] says.
    BatchMean,
    /// Their sum.
    Sum,
}

/// The options of losses that are sums over elements. The defaults: mean over the elements, nothing but the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ElementLoss {
    pub(crate) reduction: ElementReduction,
    pub(crate) batch: Option<usize>,
    pub(crate) upstream: f32,
    pub(crate) row_loss: bool,
    pub(crate) gradient: bool,
    pub(crate) target_gradient: bool,
}

impl Default for ElementLoss {
    fn default() -> Self {
        Self { reduction: ElementReduction::Mean, batch: None, upstream: 1.0, row_loss: false, gradient: false, target_gradient: false }
    }
}

impl ElementLoss {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How the losses are reduced.
    #[must_use]
    pub fn reduction(self, reduction: ElementReduction) -> Self {
        Self { reduction, ..self }
    }

    /// The size of the batch that [`ElementReduction::BatchMean`] divides by, if it is not the number of rows; 1 or more.
    #[must_use]
    pub fn batch(self, batch: impl Into<Option<usize>>) -> Self {
        Self { batch: batch.into(), ..self }
    }

    /// A factor on the gradients (not on the loss).
    #[must_use]
    pub fn upstream(self, upstream: f32) -> Self {
        Self { upstream, ..self }
    }

    /// Whether to return the sum of each row's losses.
    #[must_use]
    pub fn row_loss(self, wanted: bool) -> Self {
        Self { row_loss: wanted, ..self }
    }

    /// Whether to return the gradient with respect to the input, of the reduced loss or, without reduction, of the sum.
    #[must_use]
    pub fn gradient(self, wanted: bool) -> Self {
        Self { gradient: wanted, ..self }
    }

    /// Whether to return the gradient with respect to the targets.
    #[must_use]
    pub fn target_gradient(self, wanted: bool) -> Self {
        Self { target_gradient: wanted, ..self }
    }

    /// The options are in their ranges.
    pub(crate) fn check(&self) -> Result<()> {
        match self.batch {
            Some(0) => Err(Error::Value { what: "batch", index: None, value: 0.0, must: "1 or more" }),
            _ => Ok(()),
        }
    }

    /// The loss of no rows: their sum is 0, and their mean too if what it divides by is given.
    pub(crate) fn of_no_rows(&self) -> f32 {
        (0.0 / self.divisor(0, 0)) as f32
    }

    /// What the sum of all losses is divided by.
    pub(crate) fn divisor(&self, rows: usize, classes: usize) -> f64 {
        match self.reduction {
            ElementReduction::None | ElementReduction::Sum => 1.0,
            ElementReduction::Mean => rows as f64 * classes as f64,
            ElementReduction::BatchMean => self.batch.unwrap_or(rows) as f64,
        }
    }
}

/// Weights of binary cross-entropy's elements, finite.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// One for each class.
    Classes(&'a [f32]),
    /// One for each element, in the logits' shape.
    Elements(Logits<'a>),
}

/// The options of [`Gpu::binary_cross_entropy_with_logits`](crate::Gpu::binary_cross_entropy_with_logits).
///
/// ```text
/// loss = weight ((1 - y) x + (1 + (pos_weight - 1) y) (log1p(exp(-|x|)) + max(-x, 0)))
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropy<'a> {
    pub(crate) loss: ElementLoss,
    pub(crate) weight: Option<Weights<'a>>,
    pub(crate) pos_weight: Option<&'a [f32]>,
}

impl<'a> BinaryCrossEntropy<'a> {
    /// Without weights, and the defaults of [`ElementLoss`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reduction and outputs. There is no gradient with respect to the targets.
    #[must_use]
    pub fn loss(self, loss: ElementLoss) -> Self {
        Self { loss, ..self }
    }

    /// A weight for each class or element.
    #[must_use]
    pub fn weight(self, weight: impl Into<Option<Weights<'a>>>) -> Self {
        Self { weight: weight.into(), ..self }
    }

    /// A weight for the positive side of each class: above 1 it raises the recall, below 1 the precision.
    #[must_use]
    pub fn pos_weight(self, pos_weight: impl Into<Option<&'a [f32]>>) -> Self {
        Self { pos_weight: pos_weight.into(), ..self }
    }

    pub(crate) fn check(&self, logits: &Logits<'_>) -> Result<()> {
        let per_class = |what, weights: &[f32]| {
            check_len(what, weights.len(), logits.classes())?;
            check_values(what, weights, "finite", f32::is_finite)
        };
        match &self.weight {
            Some(Weights::Classes(weights)) => per_class("weight", weights)?,
            Some(Weights::Elements(weights)) => logits.check_same_shape("weight", weights)?,
            None => {}
        }
        self.pos_weight.map_or(Ok(()), |weights| per_class("pos_weight", weights))?;
        if self.loss.target_gradient {
            return Err(Error::Options("binary cross-entropy has no gradient with respect to its targets here".into()));
        }
        Ok(())
    }
}

/// What a loss that is a sum over elements returns: `f32` from the kernels, `f64` from the reference.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct ElementLossResult<F = f32> {
    /// The reduced loss in nats; `None` with [`ElementReduction::None`].
    pub loss: Option<F>,
    /// The losses of the elements in nats, with [`ElementReduction::None`] only; dense, in the input's shape.
    pub elements: Option<Vec<F>>,
    /// The sum of each row's losses in nats.
    pub row_loss: Option<Vec<F>>,
    /// The derivatives with respect to the input, dense, in its shape.
    pub gradient: Option<Vec<F>>,
    /// The derivatives with respect to the targets, dense, in their shape.
    pub target_gradient: Option<Vec<F>>,
}
