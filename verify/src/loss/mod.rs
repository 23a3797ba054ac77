//! A call of cross-entropy that owns what its options borrow, so that its bounds can be told from its coefficients.

mod bounds;
mod row;

use wgpu_xent::{
    ClassMask, CrossEntropy, CrossEntropyResult, Denominator, EmptyMean, Factor, FaultPolicy, Gpu, LogitTransform, Reduction, Result,
    RowState, Targets, reference,
};

use crate::Matrix;
pub use bounds::LossBounds;

/// What the rows aim at.
#[derive(Clone, Debug)]
pub enum Goal {
    /// A class index a row, or the index that is ignored.
    Classes(Vec<i64>),
    /// A distribution a row.
    Probabilities(Matrix),
}

/// The factor on the logits.
#[derive(Clone, Debug, Default)]
pub enum Scale {
    /// None.
    #[default]
    One,
    /// A temperature for all rows.
    Temperature(f32),
    /// A factor for each row.
    Rows(Vec<f32>),
}

/// Which classes take part.
#[derive(Clone, Debug)]
pub struct Mask {
    words: Vec<u32>,
    per_row: bool,
}

impl Mask {
    /// One `bool` a class, for one row that all share or, if `per_row`, for each.
    #[must_use]
    pub fn new(allowed: &[bool], classes: usize, per_row: bool) -> Self {
        Self { words: ClassMask::pack(allowed, classes), per_row }
    }

    pub(crate) fn view(&self, rows: usize, classes: usize) -> ClassMask<'_> {
        let mask = if self.per_row { ClassMask::per_row(&self.words, rows, classes) } else { ClassMask::shared(&self.words, classes) };
        mask.expect("a mask of the logits' shape")
    }
}

/// A loss with all its options. What is returned besides the losses is chosen by the `bool`s at the end.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the options of CrossEntropy, by their names there")]
pub struct LossCall {
    pub logits: Matrix,
    pub goal: Goal,
    pub scale: Scale,
    pub softcap: Option<f32>,
    pub ignore_index: i64,
    pub mask: Option<Mask>,
    pub class_weights: Option<Vec<f32>>,
    pub row_weights: Option<Vec<f32>>,
    pub label_smoothing: f32,
    pub z_loss: f32,
    pub reduction: Reduction,
    pub denominator: Denominator,
    pub empty_mean: EmptyMean,
    pub upstream: f32,
    /// One for each row in place of that for all, where nothing is reduced.
    pub row_upstream: Option<Vec<f32>>,
    pub faults: FaultPolicy,
    pub top_k: Option<u32>,
    pub logsumexp: bool,
    pub argmax: bool,
    /// The rank of the target, and its log-probability.
    pub rank: bool,
    pub entropy: bool,
    pub states: bool,
    pub gradient: bool,
    pub target_gradient: bool,
}

impl LossCall {
    /// With the defaults of [`CrossEntropy`], and nothing wanted but losses and log-sum-exps.
    #[must_use]
    pub fn new(logits: Matrix, goal: Goal) -> Self {
        Self {
            logits,
            goal,
            scale: Scale::One,
            softcap: None,
            ignore_index: -100,
            mask: None,
            class_weights: None,
            row_weights: None,
            label_smoothing: 0.0,
            z_loss: 0.0,
            reduction: Reduction::Mean,
            denominator: Denominator::TargetWeights,
            empty_mean: EmptyMean::Nan,
            upstream: 1.0,
            row_upstream: None,
            faults: FaultPolicy::Propagate,
            top_k: None,
            logsumexp: true,
            argmax: false,
            rank: false,
            entropy: false,
            states: false,
            gradient: false,
            target_gradient: false,
        }
    }

    /// Whether targets are probabilities.
    #[must_use]
    pub fn is_soft(&self) -> bool {
        matches!(self.goal, Goal::Probabilities(_))
    }

    /// What happens to the logits first.
    #[must_use]
    pub fn transform(&self) -> LogitTransform<'_> {
        let shape = self.logits.shape();
        let mask = self.mask.as_ref().map(|mask| mask.view(shape.rows(), shape.classes));
        let transform = LogitTransform::new().softcap(self.softcap).mask(mask);
        match &self.scale {
            Scale::One => transform,
            Scale::Temperature(temperature) => transform.temperature(*temperature),
            Scale::Rows(scales) => transform.scale(scales),
        }
    }

    /// The options as the library takes them.
    #[must_use]
    pub fn options(&self) -> CrossEntropy<'_> {
        let upstream = match &self.row_upstream {
            Some(rows) if self.reduction == Reduction::None => Factor::Rows(rows),
            _ => Factor::Scalar(self.upstream),
        };
        CrossEntropy::new()
            .reduction(self.reduction)
            .ignore_index((!self.is_soft()).then_some(self.ignore_index))
            .denominator(self.denominator)
            .empty_mean(self.empty_mean)
            .upstream(upstream)
            .class_weights(self.class_weights.as_deref())
            .row_weights(self.row_weights.as_deref())
            .label_smoothing(self.label_smoothing)
            .z_loss(self.z_loss)
            .transform(self.transform())
            .faults(self.faults)
            .top_k(self.top_k)
            .row_loss(true)
            .logsumexp(self.logsumexp)
            .argmax(self.argmax)
            .log_prob(self.rank)
            .rank(self.rank)
            .entropy(self.entropy)
            .z_loss_part(self.z_loss != 0.0)
            .states(self.states)
            .gradient(self.gradient)
            .target_gradient(self.target_gradient)
    }

    /// Runs it.
    ///
    /// # Errors
    /// As [`Gpu::cross_entropy`].
    pub fn on_gpu(&self, gpu: &Gpu) -> Result<CrossEntropyResult> {
        match &self.goal {
            Goal::Classes(targets) => gpu.cross_entropy(&self.logits.view(), &Targets::new(targets), &self.options()),
            Goal::Probabilities(q) => gpu.soft_cross_entropy(&self.logits.view(), &q.view(), &self.options()),
        }
    }

    /// What it must give.
    ///
    /// # Errors
    /// As [`reference::cross_entropy`].
    pub fn on_cpu(&self) -> Result<CrossEntropyResult<f64>> {
        match &self.goal {
            Goal::Classes(targets) => reference::cross_entropy(&self.logits.view(), &Targets::new(targets), &self.options()),
            Goal::Probabilities(q) => reference::soft_cross_entropy(&self.logits.view(), &q.view(), &self.options()),
        }
    }

    /// The gradient from the states of the rows.
    ///
    /// # Errors
    /// As [`Gpu::cross_entropy_backward`].
    pub fn backward(&self, gpu: &Gpu, states: &[RowState]) -> Result<Vec<f32>> {
        match &self.goal {
            Goal::Classes(targets) => gpu.cross_entropy_backward(&self.logits.view(), &Targets::new(targets), states, &self.options()),
            Goal::Probabilities(q) => gpu.soft_cross_entropy_backward(&self.logits.view(), &q.view(), states, &self.options()),
        }
    }

    /// Whether `z` is not the logit itself.
    fn transforms(&self) -> bool {
        self.softcap.is_some() || !matches!(self.scale, Scale::One)
    }
}
