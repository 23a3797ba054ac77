//! What happens to logits before anything is made of them: scale, softcap, class mask.

use crate::factor::{Factor, check_len};
use crate::{Error, Result};

/// Which classes take part, one bit for each: bit `c % 32` of word `c / 32` is class `c`, 1 if it takes part.
///
/// A class that does not take part is as if it were not there: not in the log-sum-exp, not in the smoothing, with
/// probability 0 and gradient exactly 0, whatever its logit holds.
///
/// ```
/// use wgpu_xent::ClassMask;
/// let words = ClassMask::pack(&[true, false, true], 3);
/// let mask = ClassMask::shared(&words, 3)?;
/// assert!(mask.allows(7, 2) && !mask.allows(7, 1));
/// # Ok::<(), wgpu_xent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassMask<'a> {
    words: &'a [u32],
    classes: usize,
    /// `None`: one mask for all rows.
    rows: Option<usize>,
}

impl<'a> ClassMask<'a> {
    /// One mask for all rows: `ceil(classes / 32)` words.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of words.
    pub fn shared(words: &'a [u32], classes: usize) -> Result<Self> {
        check_len("class_mask", words.len(), classes.div_ceil(32))?;
        Ok(Self { words, classes, rows: None })
    }

    /// A mask for each row: `rows * ceil(classes / 32)` words, each row begins with a new word.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of words.
    pub fn per_row(words: &'a [u32], rows: usize, classes: usize) -> Result<Self> {
        check_len("class_mask", words.len(), rows.saturating_mul(classes.div_ceil(32)))?;
        Ok(Self { words, classes, rows: Some(rows) })
    }

    /// The words of masks given as one `bool` a class, row after row.
    #[must_use]
    pub fn pack(allowed: &[bool], classes: usize) -> Vec<u32> {
        let pack_word = |bits: &[bool]| bits.iter().enumerate().fold(0, |word, (i, &bit)| word | u32::from(bit) << i);
        allowed.chunks(classes.max(1)).flat_map(|row| row.chunks(32).map(pack_word)).collect()
    }

    /// Whether a class takes part in a row.
    ///
    /// # Panics
    /// If there is no such row or class.
    #[must_use]
    pub fn allows(&self, row: usize, class: usize) -> bool {
        assert!(class < self.classes, "class {class} of {}", self.classes);
        let first = if self.rows.is_some() { row * self.row_words() } else { 0 };
        self.words[first + class / 32] >> (class % 32) & 1 == 1
    }

    /// Words from one row to the next; 0 if all rows share one mask.
    pub(crate) fn stride(&self) -> usize {
        if self.rows.is_some() { self.row_words() } else { 0 }
    }

    pub(crate) fn words(&self) -> &'a [u32] {
        self.words
    }

    fn row_words(&self) -> usize {
        self.classes.div_ceil(32)
    }

    fn check(&self, rows: usize, classes: usize) -> Result<()> {
        check_len("a row of class_mask", self.classes, classes)?;
        self.rows.map_or(Ok(()), |got| check_len("class_mask's rows", got, rows))
    }
}

/// What happens to each logit `x` first: `z = cap tanh(scale x / cap)`, or `z = scale x` without a cap; and which classes take part.
///
/// Everything that an operation computes is about `z`; gradients are with respect to `x`. The default changes nothing.
///
/// ```
/// use wgpu_xent::LogitTransform;
/// let transform = LogitTransform::new().temperature(0.7).softcap(30.0);
/// # let _ = transform;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitTransform<'a> {
    pub(crate) scale: Factor<'a>,
    /// Whether `scale` holds temperatures, to be divided by.
    pub(crate) is_temperature: bool,
    pub(crate) softcap: Option<f32>,
    pub(crate) mask: Option<ClassMask<'a>>,
}

impl Default for LogitTransform<'_> {
    fn default() -> Self {
        Self { scale: Factor::Scalar(1.0), is_temperature: false, softcap: None, mask: None }
    }
}

impl<'a> LogitTransform<'a> {
    /// Changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A factor on the logits: finite.
    #[must_use]
    pub fn scale(self, scale: impl Into<Factor<'a>>) -> Self {
        Self { scale: scale.into(), is_temperature: false, ..self }
    }

    /// The reciprocal of [`scale`](Self::scale): finite and above 0. Small ones sharpen, large ones flatten the distribution.
    #[must_use]
    pub fn temperature(self, temperature: impl Into<Factor<'a>>) -> Self {
        Self { scale: temperature.into(), is_temperature: true, ..self }
    }

    /// A soft limit on the size of the scaled logits, finite and above 0: `cap tanh(z / cap)`.
    #[must_use]
    pub fn softcap(self, softcap: impl Into<Option<f32>>) -> Self {
        Self { softcap: softcap.into(), ..self }
    }

    /// Which classes take part.
    #[must_use]
    pub fn mask(self, mask: impl Into<Option<ClassMask<'a>>>) -> Self {
        Self { mask: mask.into(), ..self }
    }

    /// The factor on the logits of a row, rounded as the kernels get it.
    ///
    /// # Panics
    /// If there is none for this row.
    #[must_use]
    pub fn scale_of(&self, row: usize) -> f32 {
        if self.is_temperature { 1.0 / self.scale.get(row) } else { self.scale.get(row) }
    }

    /// Whether a class of a row takes part.
    ///
    /// # Panics
    /// If there is no such row or class.
    #[must_use]
    pub fn allows(&self, row: usize, class: usize) -> bool {
        self.mask.is_none_or(|mask| mask.allows(row, class))
    }

    pub(crate) fn check(&self, rows: usize, classes: usize) -> Result<()> {
        if self.is_temperature {
            self.scale.check_len("temperature", rows)?;
            // So small that its reciprocal is infinite is too small.
            self.scale.check_values("temperature", "finite, above 0 and of finite reciprocal", |t| {
                t > 0.0 && t.is_finite() && (1.0 / t).is_finite()
            })?;
        } else {
            self.scale.check_len("scale", rows)?;
            self.scale.check_values("scale", "finite", f32::is_finite)?;
        }
        match self.softcap {
            Some(cap) if !(cap > 0.0 && cap.is_finite()) => {
                return Err(Error::Value { what: "softcap", index: None, value: f64::from(cap), must: "finite and above 0" });
            }
            _ => {}
        }
        self.mask.map_or(Ok(()), |mask| mask.check(rows, classes))
    }
}
