//! What a caller can ask of cross-entropy, and what it gets. The same words serve the kernels and the CPU reference.

use crate::factor::{Factor, check_len, check_values};
use crate::faults::{FaultPolicy, Faults};
use crate::transform::{ClassMask, LogitTransform};
use crate::{Error, Result, RowState};

/// How row losses become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Reduction {
    /// Not at all: the per-row losses are the result.
    None,
    /// Their sum over the valid rows, divided by the [`Denominator`].
    #[default]
    Mean,
    /// Their sum over the valid rows.
    Sum,
}

/// What [`Reduction::Mean`] divides by. A valid row is one that is not ignored; `w` are the class weights (1 without),
/// `a` the row weights (1 without), `t` the target of a row.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Denominator {
    /// `Σ w_t` over the valid rows, as PyTorch; for targets that are probabilities the number of rows, also as PyTorch.
    #[default]
    TargetWeights,
    /// The number of rows, ignored ones included.
    Rows,
    /// The number of valid rows.
    ValidRows,
    /// `Σ a w_t` over the valid rows; `Σ a` for targets that are probabilities.
    AllWeights,
    /// This number: for gradient accumulation, the denominator of all parts together.
    Value(f32),
}

/// What a mean with denominator 0 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EmptyMean {
    /// NaN, as PyTorch; the gradient of rows that count NaN too.
    #[default]
    Nan,
    /// 0, and so is the gradient.
    Zero,
}

/// "No class": the argmax of a row that holds NaN, the rank of a target in it or in an ignored row.
pub const NO_CLASS: u32 = u32::MAX;

/// The options of cross-entropy, all of which combine. The defaults are PyTorch's: mean, `ignore_index` -100, and nothing but the loss.
///
/// With `z` the transformed logits ([`LogitTransform`]), `lse` their log-sum-exp over the `K` classes that take part, `w` the
/// class weights, `a` the row weights, `ε` the label smoothing and `q` the target distribution (1 at the target if it is a class index):
///
/// ```text
/// loss_r = a_r ( Σ_c w_c ((1 - ε) q_c + ε / K) (lse - z_c) + λ lse² )
/// ```
///
/// A term whose coefficient is exactly 0 contributes exactly 0, also against a logit of -inf.
///
/// ```
/// use wgpu_xent::{CrossEntropy, Reduction};
/// let options = CrossEntropy::new().reduction(Reduction::Sum).ignore_index(None).label_smoothing(0.1).gradient(true);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy<'a> {
    pub(crate) reduction: Reduction,
    pub(crate) denominator: Denominator,
    pub(crate) empty_mean: EmptyMean,
    pub(crate) ignore_index: Option<i64>,
    pub(crate) upstream: Factor<'a>,
    pub(crate) class_weights: Option<&'a [f32]>,
    pub(crate) row_weights: Option<&'a [f32]>,
    pub(crate) label_smoothing: f32,
    pub(crate) z_loss: f32,
    pub(crate) transform: LogitTransform<'a>,
    pub(crate) faults: FaultPolicy,
    pub(crate) top_k: Option<u32>,
    /// The first class of the logits and the classes of the whole vocabulary, if the logits are a piece of it.
    pub(crate) piece: Option<(usize, usize)>,
    pub(crate) outputs: Outputs,
}

/// What cross-entropy can return besides the reduced loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Outputs {
    pub(crate) row_loss: bool,
    pub(crate) logsumexp: bool,
    pub(crate) log_prob: bool,
    pub(crate) argmax: bool,
    pub(crate) rank: bool,
    pub(crate) entropy: bool,
    pub(crate) z_loss: bool,
    pub(crate) states: bool,
    pub(crate) gradient: bool,
    pub(crate) target_gradient: bool,
}

impl Default for CrossEntropy<'_> {
    fn default() -> Self {
        Self {
            reduction: Reduction::Mean,
            denominator: Denominator::TargetWeights,
            empty_mean: EmptyMean::Nan,
            ignore_index: Some(-100),
            upstream: Factor::Scalar(1.0),
            class_weights: None,
            row_weights: None,
            label_smoothing: 0.0,
            z_loss: 0.0,
            transform: LogitTransform::default(),
            faults: FaultPolicy::Propagate,
            top_k: None,
            piece: None,
            outputs: Outputs::default(),
        }
    }
}

/// A builder method that asks for an output.
macro_rules! outputs {
    ($($(#[$doc:meta])* $name:ident => $field:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, wanted: bool) -> Self {
            self.outputs.$field = wanted;
            self
        }
    )*};
}

impl<'a> CrossEntropy<'a> {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How the row losses are reduced.
    #[must_use]
    pub fn reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// What a mean divides by.
    #[must_use]
    pub fn denominator(self, denominator: Denominator) -> Self {
        Self { denominator, ..self }
    }

    /// What a mean over nothing is.
    #[must_use]
    pub fn empty_mean(self, empty_mean: EmptyMean) -> Self {
        Self { empty_mean, ..self }
    }

    /// The target that marks a row without loss and gradient; any value, inside the classes or not. A negative one says nothing
    /// about targets that are probabilities, one of 0 or above is refused with these.
    #[must_use]
    pub fn ignore_index(self, ignore_index: impl Into<Option<i64>>) -> Self {
        Self { ignore_index: ignore_index.into(), ..self }
    }

    /// A factor on the gradient (not on the loss); one for each row needs [`Reduction::None`].
    #[must_use]
    pub fn upstream(self, upstream: impl Into<Factor<'a>>) -> Self {
        Self { upstream: upstream.into(), ..self }
    }

    /// A weight for each class, finite, `w` of the formula.
    #[must_use]
    pub fn class_weights(self, class_weights: impl Into<Option<&'a [f32]>>) -> Self {
        Self { class_weights: class_weights.into(), ..self }
    }

    /// A weight for each row, finite, `a` of the formula.
    #[must_use]
    pub fn row_weights(self, row_weights: impl Into<Option<&'a [f32]>>) -> Self {
        Self { row_weights: row_weights.into(), ..self }
    }

    /// The share of the target distribution that is spread over all classes that take part, from 0 to 1: `ε` of the formula.
    #[must_use]
    pub fn label_smoothing(self, label_smoothing: f32) -> Self {
        Self { label_smoothing, ..self }
    }

    /// The coefficient of the squared log-sum-exp, finite: `λ` of the formula.
    #[must_use]
    pub fn z_loss(self, z_loss: f32) -> Self {
        Self { z_loss, ..self }
    }

    /// What happens to the logits first.
    #[must_use]
    pub fn transform(self, transform: LogitTransform<'a>) -> Self {
        Self { transform, ..self }
    }

    /// A factor on the logits: [`LogitTransform::scale`].
    #[must_use]
    pub fn scale(self, scale: impl Into<Factor<'a>>) -> Self {
        Self { transform: self.transform.scale(scale), ..self }
    }

    /// Its reciprocal: [`LogitTransform::temperature`].
    #[must_use]
    pub fn temperature(self, temperature: impl Into<Factor<'a>>) -> Self {
        Self { transform: self.transform.temperature(temperature), ..self }
    }

    /// A soft limit on the logits: [`LogitTransform::softcap`].
    #[must_use]
    pub fn softcap(self, softcap: impl Into<Option<f32>>) -> Self {
        Self { transform: self.transform.softcap(softcap), ..self }
    }

    /// Which classes take part: [`LogitTransform::mask`].
    #[must_use]
    pub fn class_mask(self, mask: impl Into<Option<ClassMask<'a>>>) -> Self {
        Self { transform: self.transform.mask(mask), ..self }
    }

    /// What becomes of rows that hold NaN, +inf, or nothing above -inf.
    #[must_use]
    pub fn faults(self, faults: FaultPolicy) -> Self {
        Self { faults, ..self }
    }

    /// Whether to count the valid rows whose target is among the `k` most probable classes. Class-index targets only.
    #[must_use]
    pub fn top_k(self, k: impl Into<Option<u32>>) -> Self {
        Self { top_k: k.into(), ..self }
    }

    /// The logits (and probabilities, and masks) are a piece of a larger vocabulary: their first class is its class `first_class`.
    /// Targets and class weights are those of the whole. For [`row_states`](crate::Gpu::row_states) and
    /// [`cross_entropy_from_states`](crate::Gpu::cross_entropy_from_states).
    #[must_use]
    pub fn piece(self, first_class: usize, vocabulary: usize) -> Self {
        Self { piece: Some((first_class, vocabulary)), ..self }
    }

    outputs! {
        /// Whether to return the loss of each row (always with [`Reduction::None`]).
        row_loss => row_loss;
        /// Whether to return the log-sum-exp of each row.
        logsumexp => logsumexp;
        /// Whether to return the log-probability of each row's target. Class-index targets only.
        log_prob => log_prob;
        /// Whether to return the most probable class of each row and, for class-index targets, count the rows where it is the target.
        argmax => argmax;
        /// Whether to return how many classes are more probable than each row's target. Class-index targets only.
        rank => rank;
        /// Whether to return the entropy of each row's prediction, `-Σ p log p`.
        entropy => entropy;
        /// Whether to return the part of the loss that is the z-loss: of each row, and reduced.
        z_loss_part => z_loss;
        /// Whether to return the state of each row, from which [`cross_entropy_backward`](crate::Gpu::cross_entropy_backward) starts.
        states => states;
        /// Whether to return the gradient with respect to the logits.
        gradient => gradient;
        /// Whether to return the gradient with respect to targets that are probabilities.
        target_gradient => target_gradient;
    }

    /// The same loss, with nothing wanted but the gradient. The states already tell of faults.
    pub(crate) fn only_gradient(self) -> Self {
        Self { outputs: Outputs { gradient: true, ..Outputs::default() }, top_k: None, ..self }
    }

    /// The same rows, with nothing wanted but their states: what follows from these is for the call that has those of all pieces.
    pub(crate) fn only_states(self) -> Self {
        let Outputs { argmax, rank, entropy, .. } = self.outputs;
        let outputs = Outputs { argmax, rank, entropy, states: true, ..Outputs::default() };
        Self { outputs, reduction: Reduction::None, upstream: Factor::Scalar(1.0), ..self }
    }

    /// No option is set that has no meaning without logits: what the negative log-likelihood takes.
    pub(crate) fn check_without_logits(&self) -> Result<()> {
        let Outputs { row_loss: _, gradient: _, logsumexp, log_prob, argmax, rank, entropy, z_loss, states, target_gradient } =
            self.outputs;
        let unused = [
            ("label_smoothing", self.label_smoothing != 0.0),
            ("z_loss", self.z_loss != 0.0),
            ("transform", self.transform != LogitTransform::new()),
            ("piece", self.piece.is_some()),
            ("faults", self.faults != FaultPolicy::Propagate),
            ("top_k", self.top_k.is_some()),
            ("logsumexp", logsumexp),
            ("log_prob", log_prob),
            ("argmax", argmax),
            ("rank", rank),
            ("entropy", entropy),
            ("z_loss_part", z_loss),
            ("states", states),
            ("target_gradient", target_gradient),
        ];
        let refuse = |name| Err(Error::Options(format!("the negative log-likelihood has no use for the option {name}")));
        unused.iter().find(|(_, is_set)| *is_set).map_or(Ok(()), |(name, _)| refuse(name))
    }

    /// The classes that targets may name.
    pub(crate) fn vocabulary(&self, classes: usize) -> usize {
        self.piece.map_or(classes, |(_, vocabulary)| vocabulary)
    }

    /// Whether the loss of each row is a result.
    pub(crate) fn wants_row_loss(&self) -> bool {
        self.outputs.row_loss || self.reduction == Reduction::None
    }

    /// The options fit the shape, each other and targets that are class indices or, if `soft`, probabilities.
    pub(crate) fn check(&self, rows: usize, classes: usize, soft: bool) -> Result<()> {
        let refuse = |text: String| Err(Error::Options(text));
        if matches!(self.upstream, Factor::Rows(_)) && self.reduction != Reduction::None {
            return refuse(format!("an upstream gradient for each row needs reduction none, not {:?}", self.reduction));
        }
        self.upstream.check_len("upstream", rows)?;
        if let Some(weights) = self.class_weights {
            check_len("class_weights", weights.len(), self.vocabulary(classes))?;
            check_values("class_weights", weights, "finite", f32::is_finite)?;
        }
        if let Some(weights) = self.row_weights {
            check_len("row_weights", weights.len(), rows)?;
            check_values("row_weights", weights, "finite", f32::is_finite)?;
        }
        Factor::Scalar(self.label_smoothing).check_values("label_smoothing", "from 0 to 1", |e| (0.0..=1.0).contains(&e))?;
        Factor::Scalar(self.z_loss).check_values("z_loss", "finite", f32::is_finite)?;
        if let Denominator::Value(value) = self.denominator {
            Factor::Scalar(value).check_values("denominator", "finite", f32::is_finite)?;
        }
        if self.top_k == Some(0) {
            return Err(Error::Value { what: "top_k", index: None, value: 0.0, must: "1 or more" });
        }
        self.transform.check(rows, classes)?;
        if let Some((first, vocabulary)) = self.piece {
            let end = first.saturating_add(classes);
            if end > vocabulary || vocabulary > u32::MAX as usize {
                return refuse(format!("a piece of classes {first}..{end} is not within a vocabulary of {vocabulary}"));
            }
            if self.outputs.rank || self.top_k.is_some() {
                return refuse("the rank of a target needs the whole vocabulary, not the states of its pieces".into());
            }
        }
        let Outputs { log_prob, rank, target_gradient, .. } = self.outputs;
        if soft {
            if let Some(index) = self.ignore_index.filter(|&i| i >= 0) {
                return refuse(format!("ignore_index {index} needs targets that are class indices, these are probabilities"));
            }
            if log_prob || rank || self.top_k.is_some() {
                return refuse("log_prob, rank and top_k need targets that are class indices, these are probabilities".into());
            }
        } else if target_gradient {
            return refuse("target_gradient needs targets that are probabilities, these are class indices".into());
        }
        Ok(())
    }
}

/// What cross-entropy returns: `f32` from the kernels, `f64` from the reference; gradients as `G`.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct CrossEntropyResult<F = f32, G = F> {
    /// The reduced loss in nats; `None` with [`Reduction::None`].
    pub loss: Option<F>,
    /// The loss of each row in nats, 0 for ignored ones.
    pub row_loss: Option<Vec<F>>,
    /// `log Σ exp z` of each row; of ignored rows too.
    pub logsumexp: Option<Vec<F>>,
    /// `z_t - lse` of each row, 0 and below; 0 for ignored rows.
    pub log_prob: Option<Vec<F>>,
    /// The first class with the largest `z`, [`NO_CLASS`] if the row holds NaN; of ignored rows too.
    pub argmax: Option<Vec<u32>>,
    /// The classes ahead of the target: of larger `z`, or as large and before it. [`NO_CLASS`] for ignored rows and rows with NaN.
    pub rank: Option<Vec<u32>>,
    /// `-Σ p log p` of each row, in nats; of ignored rows too.
    pub entropy: Option<Vec<F>>,
    /// The z-loss part `a λ lse²` of each row's loss, 0 for ignored ones.
    pub row_z_loss: Option<Vec<F>>,
    /// The z-loss part of the reduced loss; `None` with [`Reduction::None`].
    pub z_loss: Option<F>,
    /// The derivatives of the loss with respect to the logits, dense, in their shape.
    pub gradient: Option<Vec<G>>,
    /// The derivatives of the loss with respect to targets that are probabilities, dense, in their shape.
    pub target_gradient: Option<Vec<G>>,
    /// What the backward pass, or a merge with other pieces of the vocabulary, needs of each row.
    pub states: Option<Vec<RowState>>,
    /// The rows that are not ignored.
    pub valid_rows: usize,
    /// What a mean divides by, with the other reductions what it would.
    pub denominator: F,
    /// The valid rows whose argmax is the target, if argmax was asked for and targets are class indices.
    pub correct: Option<usize>,
    /// The valid rows whose target is among the `k` most probable classes, if that was asked for.
    pub correct_top_k: Option<usize>,
    /// The rows that cannot have a loss.
    pub faults: Faults,
}

impl<F, G> CrossEntropyResult<F, G> {
    /// The share of valid rows whose argmax is the target; NaN without valid rows.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        self.correct.map(|correct| correct as f64 / self.valid_rows as f64)
    }

    /// The share of valid rows whose target is among the `k` most probable classes; NaN without valid rows.
    #[must_use]
    pub fn top_k_accuracy(&self) -> Option<f64> {
        self.correct_top_k.map(|correct| correct as f64 / self.valid_rows as f64)
    }
}
