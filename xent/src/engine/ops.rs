//! The library's operations, on whichever engine; results of the reference are rounded to f32, but for losses.

use std::convert::identity;

use wgpu_xent::{
    BinaryCrossEntropy, CrossEntropy, CrossEntropyResult, ElementLoss, ElementLossResult, LogitTransform, Logits, Result, Sampling,
    Targets, TopK, reference,
};

use super::Engine;

/// What a window of row losses gives; what was not asked for is empty.
#[derive(Debug)]
pub(crate) struct Losses {
    pub(crate) reduced: Option<f64>,
    pub(crate) rows: Vec<f64>,
    pub(crate) lse: Vec<f32>,
    pub(crate) entropy: Vec<f64>,
    pub(crate) log_prob: Vec<f32>,
    pub(crate) z_loss: Vec<f64>,
    pub(crate) argmax: Vec<u32>,
    pub(crate) rank: Vec<u32>,
    pub(crate) gradient: Vec<f32>,
    pub(crate) target_gradient: Vec<f32>,
    pub(crate) correct: Option<usize>,
    pub(crate) correct_top_k: Option<usize>,
    pub(crate) faults: wgpu_xent::Faults,
}

/// What a window of element losses gives; what was not asked for is empty.
#[derive(Debug)]
pub(crate) struct ElementLosses {
    pub(crate) rows: Vec<f64>,
    pub(crate) elements: Vec<f32>,
    pub(crate) gradient: Vec<f32>,
    pub(crate) target_gradient: Vec<f32>,
}

/// The most probable classes of a window's rows, the same number of each row.
#[derive(Debug)]
pub(crate) struct TopClasses {
    pub(crate) classes: Vec<u32>,
    pub(crate) log_probs: Vec<f32>,
}

/// An operation on the engine at hand. A function takes the result in, with one that makes f32 values of the result's own.
macro_rules! dispatch {
    ($engine:expr, $op:ident($($arg:expr),*), $take:expr) => {
        match $engine {
            Engine::Gpu(gpu) => gpu.$op($($arg),*).map(|result| $take(result, identity)),
            Engine::Reference => reference::$op($($arg),*).map(|result| $take(result, rounded)),
        }
    };
    ($engine:expr, $op:ident($($arg:expr),*)) => {
        match $engine {
            Engine::Gpu(gpu) => gpu.$op($($arg),*),
            Engine::Reference => reference::$op($($arg),*).map(rounded),
        }
    };
}

impl Engine {
    /// Softmax, or its logarithm.
    pub(crate) fn softmax(&self, logits: &Logits<'_>, log: bool, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        if log { dispatch!(self, log_softmax_with(logits, transform)) } else { dispatch!(self, softmax_with(logits, transform)) }
    }

    /// The gradient of [`softmax`](Self::softmax) from its result.
    pub(crate) fn softmax_backward(
        &self,
        output: &Logits<'_>,
        upstream: &Logits<'_>,
        log: bool,
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        if log {
            dispatch!(self, log_softmax_backward_with(output, upstream, transform))
        } else {
            dispatch!(self, softmax_backward_with(output, upstream, transform))
        }
    }

    pub(crate) fn logsumexp(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        dispatch!(self, logsumexp_with(logits, transform))
    }

    pub(crate) fn logsumexp_backward(
        &self,
        logits: &Logits<'_>,
        lse: &[f32],
        upstream: &[f32],
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        dispatch!(self, logsumexp_backward_with(logits, lse, upstream, transform))
    }

    /// The logarithm of each row's sum with factors, and the sum's sign.
    pub(crate) fn signed_logsumexp(
        &self,
        logits: &Logits<'_>,
        b: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        match self {
            Self::Gpu(gpu) => gpu.signed_logsumexp(logits, b, transform),
            Self::Reference => reference::signed_logsumexp(logits, b, transform).map(|(log, sign)| (rounded(log), rounded(sign))),
        }
    }

    /// The gradient of [`signed_logsumexp`](Self::signed_logsumexp) from its result.
    pub(crate) fn signed_logsumexp_backward(
        &self,
        logits: &Logits<'_>,
        b: &Logits<'_>,
        (lse, sign): (&[f32], &[f32]),
        upstream: &[f32],
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        dispatch!(self, signed_logsumexp_backward(logits, b, lse, sign, upstream, transform))
    }

    pub(crate) fn cross_entropy(&self, logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<Losses> {
        dispatch!(self, cross_entropy(logits, targets, options), losses)
    }

    pub(crate) fn soft_cross_entropy(&self, logits: &Logits<'_>, targets: &Logits<'_>, options: &CrossEntropy<'_>) -> Result<Losses> {
        dispatch!(self, soft_cross_entropy(logits, targets, options), losses)
    }

    pub(crate) fn nll_loss(&self, log_probs: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<Losses> {
        dispatch!(self, nll_loss(log_probs, targets, options), losses)
    }

    pub(crate) fn binary_cross_entropy(
        &self,
        logits: &Logits<'_>,
        targets: &Logits<'_>,
        options: &BinaryCrossEntropy<'_>,
    ) -> Result<ElementLosses> {
        dispatch!(self, binary_cross_entropy_with_logits(logits, targets, options), element_losses)
    }

    pub(crate) fn kl_div(
        &self,
        input: &Logits<'_>,
        targets: &Logits<'_>,
        log_target: bool,
        options: &ElementLoss,
    ) -> Result<ElementLosses> {
        dispatch!(self, kl_div(input, targets, log_target, options), element_losses)
    }

    pub(crate) fn entropy(&self, probabilities: &Logits<'_>, options: &ElementLoss) -> Result<ElementLosses> {
        dispatch!(self, entropy(probabilities, options), element_losses)
    }

    pub(crate) fn distribution_cross_entropy(&self, p: &Logits<'_>, q: &Logits<'_>, options: &ElementLoss) -> Result<ElementLosses> {
        dispatch!(self, distribution_cross_entropy(p, q, options), element_losses)
    }

    pub(crate) fn sigmoid(&self, x: &Logits<'_>) -> Result<Vec<f32>> {
        match self {
            Self::Gpu(gpu) => gpu.sigmoid(x),
            Self::Reference => Ok(rounded(reference::sigmoid(x))),
        }
    }

    /// One class a row, drawn at random.
    pub(crate) fn sample(&self, logits: &Logits<'_>, sampling: &Sampling<'_>) -> Result<Vec<u32>> {
        match self {
            Self::Gpu(gpu) => gpu.sample(logits, sampling),
            Self::Reference => reference::sample(logits, sampling),
        }
    }

    pub(crate) fn top_k(&self, logits: &Logits<'_>, k: u32, transform: &LogitTransform<'_>) -> Result<TopClasses> {
        dispatch!(self, top_k_log_probs(logits, k, transform), top_classes)
    }
}

fn rounded(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

fn widened<F: Into<f64>>(values: Option<Vec<F>>) -> Vec<f64> {
    values.unwrap_or_default().into_iter().map(Into::into).collect()
}

fn losses<F: Into<f64>>(result: CrossEntropyResult<F>, round: impl Fn(Vec<F>) -> Vec<f32>) -> Losses {
    Losses {
        reduced: result.loss.map(Into::into),
        rows: widened(result.row_loss),
        lse: round(result.logsumexp.unwrap_or_default()),
        entropy: widened(result.entropy),
        log_prob: round(result.log_prob.unwrap_or_default()),
        z_loss: widened(result.row_z_loss),
        argmax: result.argmax.unwrap_or_default(),
        rank: result.rank.unwrap_or_default(),
        gradient: round(result.gradient.unwrap_or_default()),
        target_gradient: round(result.target_gradient.unwrap_or_default()),
        correct: result.correct,
        correct_top_k: result.correct_top_k,
        faults: result.faults,
    }
}

fn element_losses<F: Into<f64>>(result: ElementLossResult<F>, round: impl Fn(Vec<F>) -> Vec<f32>) -> ElementLosses {
    ElementLosses {
        rows: widened(result.row_loss),
        elements: round(result.elements.unwrap_or_default()),
        gradient: round(result.gradient.unwrap_or_default()),
        target_gradient: round(result.target_gradient.unwrap_or_default()),
    }
}

fn top_classes<F>(result: TopK<F>, round: impl Fn(Vec<F>) -> Vec<f32>) -> TopClasses {
    TopClasses { classes: result.classes, log_probs: round(result.log_probs) }
}
