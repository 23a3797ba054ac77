//! From the options of a cross-entropy to what kernels are told: the same at host and device level.

use crate::job::{Done, Job};
use crate::launch::Params;
use crate::options::{CrossEntropy, Denominator, EmptyMean, Outputs, Reduction};
use crate::shader::Features;
use crate::summary::SummaryWords;
use crate::words::{ClassInput, RowInput, RowOutput};
use crate::{Factor, FaultPolicy, Faults};

/// The options that are numbers, as parameters. Targets are told by their words: `ignore_index` is that of the targets there.
pub(crate) fn set_params(params: &mut Params, options: &CrossEntropy<'_>, bound: u64, ignore_index: Option<u32>) {
    params.bound = bound as u32;
    params.first_class = options.piece.map_or(0, |(first, _)| first as u32);
    params.ignore_index = ignore_index.unwrap_or(0);
    params.ignores = u32::from(ignore_index.is_some());
    params.mean = u32::from(options.reduction == Reduction::Mean);
    (params.denominator, params.given) = match options.denominator {
        Denominator::TargetWeights => (0, 0.0),
        Denominator::Rows => (1, 0.0),
        Denominator::ValidRows => (2, 0.0),
        Denominator::AllWeights => (3, 0.0),
        Denominator::Value(value) => (4, value),
    };
    params.empty_zero = u32::from(options.empty_mean == EmptyMean::Zero);
    params.zero_faults = u32::from(options.faults == FaultPolicy::Zero);
    params.top_k = options.top_k.unwrap_or(0);
    params.smoothing = options.label_smoothing;
    params.z_loss = options.z_loss;
    if let Factor::Scalar(factor) = options.upstream {
        params.factor = factor;
    }
}

/// What of the options is one value a class or a row, at host level.
pub(super) fn set_coefficients<'a>(job: &mut Job<'a>, options: &CrossEntropy<'a>) {
    job.features.weighted = options.class_weights.is_some();
    job.class_input(ClassInput::Weights, options.class_weights);
    if let Some(weights) = options.row_weights {
        job.row_floats(RowInput::Weights, weights);
    }
    if let Factor::Rows(upstream) = options.upstream {
        job.row_floats(RowInput::Upstream, upstream);
    }
}

/// Which parts the options need, besides those of the logit transform.
pub(crate) fn set_features(features: &mut Features, options: &CrossEntropy<'_>, labels: bool) {
    let Outputs { argmax, entropy, states, target_gradient, .. } = options.outputs;
    features.labels = labels;
    features.smooths = options.label_smoothing > 0.0;
    features.argmax = argmax;
    features.rank = wants_rank(options);
    features.entropy = entropy;
    features.details = features.rank || row_outputs(&options.outputs).iter().any(|(_, wanted)| *wanted);
    features.states = states;
    features.target_gradient = target_gradient;
}

pub(crate) fn wants_rank(options: &CrossEntropy<'_>) -> bool {
    options.outputs.rank || options.top_k.is_some()
}

/// The results of one word a row that options ask for, besides the loss and the status.
pub(crate) fn row_outputs(outputs: &Outputs) -> [(RowOutput, bool); 6] {
    [
        (RowOutput::Logsumexp, outputs.logsumexp),
        (RowOutput::LogProb, outputs.log_prob),
        (RowOutput::Argmax, outputs.argmax),
        (RowOutput::Rank, outputs.rank),
        (RowOutput::Entropy, outputs.entropy),
        (RowOutput::ZLoss, outputs.z_loss),
    ]
}

/// Whether a denominator of 0 is a fault of the call.
pub(crate) fn is_empty_fault(options: &CrossEntropy<'_>, denominator: f32) -> bool {
    options.reduction == Reduction::Mean && options.empty_mean == EmptyMean::Nan && denominator == 0.0
}

/// The faults under the call's policy: an error, or what to return.
pub(crate) fn checked(faults: Faults, options: &CrossEntropy<'_>) -> crate::Result<Faults> {
    faults.check(options.faults)?;
    Ok(faults)
}

/// What came back of all rows together. Of no rows the kernels tell nothing.
pub(super) fn summary_of(done: &Done, rows: usize, options: &CrossEntropy<'_>) -> SummaryWords {
    if rows > 0 { done.summary } else { of_no_rows(options) }
}

/// The sum of no rows is 0, and what a mean divides by is 0 or given.
pub(crate) fn of_no_rows(options: &CrossEntropy<'_>) -> SummaryWords {
    let denominator = if let Denominator::Value(value) = options.denominator { value } else { 0.0 };
    let loss = if is_empty_fault(options, denominator) { f32::NAN } else { 0.0 };
    SummaryWords { denominator, loss, ..SummaryWords::default() }
}
