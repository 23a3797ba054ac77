//! What a caller can ask of sampling.

use crate::factor::Factor;
use crate::transform::{ClassMask, LogitTransform};
use crate::{Error, Result};

/// The options of [`Gpu::sample`](crate::Gpu::sample): one class a row, drawn from the softmax of the transformed logits.
///
/// `top_k` and `top_p` narrow the choice, in this order, before the draw; classes as probable as the last one kept are kept too.
/// The randomness is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011), keyed by the seed and counted by draw, row and class, and all
/// arithmetic from the transformed logits on gives the same bits everywhere: the same seed gives the same classes on every adapter,
/// whatever the strategy, and in [`reference::sample`](crate::reference::sample). A softcap is the exception: it is computed to within
/// 1e-6, so that classes whose logit and noise come out equal to that may change places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling<'a> {
    pub(crate) transform: LogitTransform<'a>,
    pub(crate) top_k: Option<u32>,
    pub(crate) top_p: Option<f32>,
    pub(crate) seed: u64,
    pub(crate) draw: u32,
    pub(crate) first_row: u64,
}

impl<'a> Sampling<'a> {
    /// From the softmax of the logits as they are.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { transform: LogitTransform::new(), top_k: None, top_p: None, seed, draw: 0, first_row: 0 }
    }

    /// What happens to the logits first.
    #[must_use]
    pub fn transform(self, transform: LogitTransform<'a>) -> Self {
        Self { transform, ..self }
    }

    /// [`LogitTransform::temperature`]. For the most probable class itself, ask for `top_k(1)`.
    #[must_use]
    pub fn temperature(self, temperature: impl Into<Factor<'a>>) -> Self {
        Self { transform: self.transform.temperature(temperature), ..self }
    }

    /// Which classes may be drawn: [`LogitTransform::mask`].
    #[must_use]
    pub fn class_mask(self, mask: impl Into<Option<ClassMask<'a>>>) -> Self {
        Self { transform: self.transform.mask(mask), ..self }
    }

    /// Only among the `k` most probable classes, at least 1.
    #[must_use]
    pub fn top_k(self, k: impl Into<Option<u32>>) -> Self {
        Self { top_k: k.into(), ..self }
    }

    /// Only among the fewest most probable classes that together have the probability `p`, above 0 and at most 1.
    #[must_use]
    pub fn top_p(self, p: impl Into<Option<f32>>) -> Self {
        Self { top_p: p.into(), ..self }
    }

    /// Which of the seed's independent draws: the step of an episode, the position of a token.
    #[must_use]
    pub fn draw(self, draw: u32) -> Self {
        Self { draw, ..self }
    }

    /// The number of the first row, 0 by default: rows drawn in several calls are drawn as in one if each call goes on counting.
    #[must_use]
    pub fn first_row(self, first_row: usize) -> Self {
        Self { first_row: first_row as u64, ..self }
    }

    pub(crate) fn check(&self, rows: usize, classes: usize) -> Result<()> {
        self.transform.check(rows, classes)?;
        if self.top_k == Some(0) {
            return Err(Error::Value { what: "top_k", index: None, value: 0.0, must: "at least 1" });
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => {
                Err(Error::Value { what: "top_p", index: None, value: f64::from(p), must: "above 0 and at most 1" })
            }
            _ => Ok(()),
        }
    }
}

/// The most probable classes of each row.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct TopK<F = f32> {
    /// `rows * k` classes, the most probable first, of equally probable ones the first; [`NO_CLASS`](crate::NO_CLASS) where a
    /// row has fewer that take part.
    pub classes: Vec<u32>,
    /// Their log-probabilities in nats; -inf where there is no class.
    pub log_probs: Vec<F>,
}

/// There are so many classes to list.
pub(crate) fn check_k(k: u32, classes: usize) -> Result<()> {
    if k as usize > classes {
        return Err(Error::Options(format!("the {k} most probable of {classes} classes")));
    }
    Ok(())
}
