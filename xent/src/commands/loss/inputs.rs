//! What a loss is computed from.

use std::ops::Range;

use wgpu_xent::{CrossEntropy, Denominator, FaultKind, FaultPolicy, Logits, Targets, reference};

use super::Request;
use crate::args::{Empty, OnFault, Reduction};
use crate::engine::{Engine, Losses};
use crate::failure::{Failure, Result, in_window};
use crate::matrix::Matrix;
use crate::rows::{RowValues, open_class_values};
use crate::targets::{Goal, TargetFile};
use crate::transform::Transform;

/// The open files, and the denominator of all rows.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) logits: Matrix,
    pub(super) targets: Goal,
    class_weights: Option<Vec<f32>>,
    row_weights: Option<RowValues>,
    upstream: RowValues,
    transform: Transform,
    pub(super) denominator: f64,
    are_log_probs: bool,
}

impl Inputs {
    pub(super) fn open(request: &Request<'_>) -> Result<Self> {
        let common = request.common;
        let logits = Matrix::open(request.logits, common.dim.as_slice())?;
        let ignore_index = common.ignore_index.0;
        let targets = match request.only {
            Some(_) => Goal::open(request.targets, &logits, ignore_index)?,
            None => Goal::Classes(TargetFile::open(request.targets, &logits, ignore_index)?),
        };
        let leading = logits.leading();
        let weights = common.weight.as_deref().map(|spec| open_class_values(spec, "weights", logits.classes()));
        let row_weights = common.row_weight.as_deref().map(|spec| RowValues::open_each(spec, "row weights", &leading));
        let shapes: &[&[usize]] = if common.reduction == Reduction::None { &[&leading] } else { &[] };
        let upstream = match &common.upstream {
            Some(spec) => RowValues::open(spec, "upstream gradient", shapes)?,
            None => RowValues::Scalar(1.0),
        };
        let transform = match request.only {
            Some(only) => Transform::open(&only.transform, logits.form())?,
            None => Transform::default(),
        };
        let row_weights = row_weights.transpose()?;
        row_weights.as_ref().map_or(Ok(()), |weights| weights.check("row_weights", "finite", f32::is_finite))?;
        let mut inputs = Self {
            class_weights: weights.transpose()?,
            row_weights,
            upstream,
            transform,
            denominator: 0.0,
            are_log_probs: request.only.is_none(),
            logits,
            targets,
        };
        inputs.denominator = inputs.divisor(common.denominator)?;
        Ok(inputs)
    }

    /// What a mean over all rows divides by: no window knows it.
    fn divisor(&self, denominator: Denominator) -> Result<f64> {
        let valid = self.targets.valid() as f64;
        let row_weights = self.row_weights.as_ref();
        match (denominator, &self.targets) {
            (Denominator::Value(value), _) => Ok(value.into()),
            (Denominator::Rows, _) => Ok(self.logits.rows() as f64),
            (Denominator::ValidRows, _) | (Denominator::TargetWeights, Goal::Probabilities(_)) => Ok(valid),
            (Denominator::TargetWeights, Goal::Classes(targets)) => targets.sum_weights(self.class_weights.as_deref(), None),
            (Denominator::AllWeights, Goal::Classes(targets)) => targets.sum_weights(self.class_weights.as_deref(), row_weights),
            (Denominator::AllWeights, Goal::Probabilities(_)) => row_weights.map_or(Ok(valid), |weights| weights.sum(self.logits.rows())),
        }
    }

    /// The options that are the same for all windows, with no outputs but the loss of each row.
    pub(super) fn options(&self, request: &Request<'_>) -> CrossEntropy<'static> {
        let common = request.common;
        let reduction = match common.reduction {
            Reduction::Mean => wgpu_xent::Reduction::Mean,
            Reduction::Sum => wgpu_xent::Reduction::Sum,
            Reduction::None => wgpu_xent::Reduction::None,
        };
        let options = CrossEntropy::new()
            .reduction(reduction)
            .denominator(Denominator::Value(self.denominator as f32))
            .empty_mean(common.empty_mean.into())
            .ignore_index(common.ignore_index.0)
            .row_loss(true);
        let Some(only) = request.only else { return options };
        let options = options.label_smoothing(only.label_smoothing).z_loss(only.z_loss).faults(only.on_fault.into()).top_k(only.top_k);
        options.argmax(true)
    }

    /// The options fit each other and the targets, so far as can be told without rows.
    pub(super) fn check(&self, request: &Request<'_>, options: &CrossEntropy<'_>) -> Result<()> {
        if self.has_empty_denominator(request) && request.only.is_some_and(|only| only.on_fault == OnFault::Fail) {
            let rows = self.logits.rows();
            return Err(Failure::input(format!("{}: {} of {rows} rows", request.targets, FaultKind::EmptyDenominator)));
        }
        let no_rows = self.logits.form().no_rows()?;
        // A mean over these no rows is no fault yet.
        let options = options.class_weights(self.class_weights.as_deref()).faults(FaultPolicy::Propagate);
        match &self.targets {
            Goal::Classes(_) => reference::cross_entropy(&no_rows, &Targets::new::<i64>(&[]), &options)?,
            Goal::Probabilities(_) => reference::soft_cross_entropy(&no_rows, &no_rows, &options)?,
        };
        Ok(())
    }

    /// Whether the loss is a mean over nothing, which is no number.
    pub(super) fn has_empty_denominator(&self, request: &Request<'_>) -> bool {
        let common = request.common;
        common.reduction == Reduction::Mean && common.empty_mean == Empty::Nan && self.denominator == 0.0
    }

    /// The losses of a window.
    pub(super) fn losses(&self, engine: &Engine, rows: &Range<usize>, window: &Logits<'_>, options: CrossEntropy<'_>) -> Result<Losses> {
        let row_weights = self.row_weights.as_ref().map(|weights| weights.read(rows)).transpose()?;
        let (upstream, transform) = (self.upstream.window(rows)?, self.transform.window(self.logits.form(), rows)?);
        let options = options.class_weights(self.class_weights.as_deref()).row_weights(row_weights.as_deref());
        let options = options.upstream(upstream.factor()).transform(transform.view()?);
        let losses = match &self.targets {
            Goal::Classes(targets) => {
                let indices = targets.read(rows)?;
                let targets = Targets::new(&indices);
                if self.are_log_probs {
                    engine.nll_loss(window, &targets, &options)
                } else {
                    engine.cross_entropy(window, &targets, &options)
                }
            }
            Goal::Probabilities(targets) => {
                let values = targets.read(rows)?;
                engine.soft_cross_entropy(window, &targets.form().view(&values, rows)?, &options)
            }
        };
        losses.map_err(|error| in_window(error, rows.start))
    }

    /// Which of these rows are not ignored.
    pub(super) fn counted(&self, rows: &Range<usize>) -> Result<Vec<bool>> {
        match &self.targets {
            Goal::Classes(targets) => Ok(targets.read(rows)?.into_iter().map(|target| targets.counts(target)).collect()),
            Goal::Probabilities(_) => Ok(vec![true; rows.len()]),
        }
    }

    /// Lets go of the memory that some rows occupy.
    pub(super) fn release(&self, rows: &Range<usize>) {
        match &self.targets {
            Goal::Classes(targets) => targets.release(rows),
            Goal::Probabilities(targets) => targets.release(rows),
        }
    }

    /// Whether classes and rows all weigh the same.
    pub(super) fn is_unweighted(&self) -> bool {
        self.class_weights.is_none() && self.row_weights.is_none()
    }
}
