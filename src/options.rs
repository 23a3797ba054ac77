//! What a caller can ask of cross-entropy, and what it gets. The same words serve the kernels and the CPU reference.

/// How row losses become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reduction {
    /// Not at all: the per-row losses are the result.
    None,
    /// Their sum over the valid rows divided by the number of valid rows; NaN if there is none.
    #[default]
    Mean,
    /// Their sum over the valid rows.
    Sum,
}

/// The gradient that arrives from above, `dL/dloss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Upstream<'a> {
    /// One factor for all rows.
    Scalar(f32),
    /// A factor for each row; only with [`Reduction::None`].
    Rows(&'a [f32]),
}

/// The argmax of a row that holds NaN: no class.
pub const NO_CLASS: u32 = u32::MAX;

/// The options of cross-entropy with class-index targets.
///
/// The defaults are PyTorch's: mean, `ignore_index` -100, and nothing but the loss.
///
/// ```
/// use wgpu_xent::{CrossEntropy, Reduction};
/// let options = CrossEntropy::new().reduction(Reduction::Sum).ignore_index(None).gradient(true);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy<'a> {
    pub(crate) reduction: Reduction,
    pub(crate) ignore_index: Option<i64>,
    pub(crate) upstream: Upstream<'a>,
    pub(crate) row_loss: bool,
    pub(crate) logsumexp: bool,
    pub(crate) argmax: bool,
    pub(crate) gradient: bool,
}

impl Default for CrossEntropy<'_> {
    fn default() -> Self {
        Self {
            reduction: Reduction::Mean,
            ignore_index: Some(-100),
            upstream: Upstream::Scalar(1.0),
            row_loss: false,
            logsumexp: false,
            argmax: false,
            gradient: false,
        }
    }
}

impl<'a> CrossEntropy<'a> {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How the row losses are reduced.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The target that marks a row without loss and gradient; any value, inside the classes or not.
    #[must_use]
    pub fn ignore_index(mut self, ignore_index: impl Into<Option<i64>>) -> Self {
        self.ignore_index = ignore_index.into();
        self
    }

    /// A factor on the gradient (not on the loss).
    #[must_use]
    pub fn upstream(mut self, upstream: Upstream<'a>) -> Self {
        self.upstream = upstream;
        self
    }

    /// Whether to return the loss of each row (always with [`Reduction::None`]).
    #[must_use]
    pub fn row_loss(mut self, wanted: bool) -> Self {
        self.row_loss = wanted;
        self
    }

    /// Whether to return the log-sum-exp of each row.
    #[must_use]
    pub fn logsumexp(mut self, wanted: bool) -> Self {
        self.logsumexp = wanted;
        self
    }

    /// Whether to return the most probable class of each row, and count the rows where it is the target.
    #[must_use]
    pub fn argmax(mut self, wanted: bool) -> Self {
        self.argmax = wanted;
        self
    }

    /// Whether to return the gradient with respect to the logits.
    #[must_use]
    pub fn gradient(mut self, wanted: bool) -> Self {
        self.gradient = wanted;
        self
    }

    /// Whether the loss of each row is a result.
    pub(crate) fn wants_row_loss(&self) -> bool {
        self.row_loss || self.reduction == Reduction::None
    }

    /// The upstream factors fit the rows and the reduction.
    pub(crate) fn check(&self, rows: usize) -> crate::Result<()> {
        match self.upstream {
            Upstream::Rows(_) if self.reduction != Reduction::None => {
                Err(crate::Error::Options(format!("an upstream gradient for each row needs reduction none, not {:?}", self.reduction)))
            }
            Upstream::Rows(g) if g.len() != rows => Err(crate::Error::Length { what: "upstream", expected: rows, got: g.len() }),
            _ => Ok(()),
        }
    }
}

/// What cross-entropy returns: `f32` from the kernels, `f64` from the reference.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct CrossEntropyResult<F = f32> {
    /// The reduced loss in nats; `None` with [`Reduction::None`].
    pub loss: Option<F>,
    /// The loss of each row in nats, 0 for ignored ones.
    pub row_loss: Option<Vec<F>>,
    /// `log Σ exp(logits)` of each row; of ignored rows too.
    pub logsumexp: Option<Vec<F>>,
    /// The first class with the largest logit, [`NO_CLASS`] if the row holds NaN; of ignored rows too.
    pub argmax: Option<Vec<u32>>,
    /// `rows * classes` derivatives of the loss, rows dense.
    pub gradient: Option<Vec<F>>,
    /// The rows that are not ignored.
    pub valid_rows: usize,
    /// The valid rows whose argmax is the target, if argmax was asked for.
    pub correct: Option<usize>,
}

impl<F> CrossEntropyResult<F> {
    /// The share of valid rows whose argmax is the target; NaN without valid rows.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        self.correct.map(|correct| correct as f64 / self.valid_rows as f64)
    }
}

/// What a forward pass left for [`cross_entropy_backward`](crate::Gpu::cross_entropy_backward).
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// The log-sum-exp of each row.
    pub logsumexp: &'a [f32],
    /// The loss of each row. With it the gradient keeps its relative accuracy at any confidence and any common offset
    /// of the logits; without it, the error grows as that of the rounded log-sum-exp: `|logsumexp| * 2^-24`.
    pub row_loss: Option<&'a [f32]>,
}
