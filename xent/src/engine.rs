//! What computes: a GPU, or the CPU reference in its place.

use serde_json::{Value, json};
use wgpu_xent::{AdapterChoice, CrossEntropy, CrossEntropyResult, Error, Gpu, Logits, Targets, reference};

use crate::failure::{Failure, Result};

/// A GPU or the reference. The reference's results are rounded to f32 as well.
#[derive(Debug)]
pub(crate) enum Engine {
    Gpu(Gpu),
    Reference,
}

/// What a window of cross-entropy gives; what was not asked for is empty.
#[derive(Debug)]
pub(crate) struct Losses {
    pub(crate) reduced: Option<f64>,
    pub(crate) rows: Vec<f64>,
    pub(crate) lse: Vec<f32>,
    pub(crate) gradient: Vec<f32>,
    pub(crate) correct: usize,
}

impl Engine {
    /// Opens the adapter asked for, or the best one; the reference if there is none.
    pub(crate) fn open(adapter: Option<&str>) -> Result<Self> {
        let choice = match adapter {
            Some("reference") => return Ok(Self::Reference),
            Some(text) => text.parse().map_or_else(|_| AdapterChoice::Name(text.to_owned()), AdapterChoice::Index),
            None => AdapterChoice::Best,
        };
        match Gpu::open(&choice) {
            Ok(gpu) => Ok(Self::Gpu(gpu)),
            Err(error @ Error::NoAdapter) if adapter.is_none() => {
                log::warn!("{error}; continuing on the CPU reference");
                Ok(Self::Reference)
            }
            Err(Error::NoAdapter | Error::AdapterNotFound { .. }) if let Some(asked) = adapter => Err(unknown_adapter(asked)),
            Err(error) => Err(error.into()),
        }
    }

    /// The size of the windows that suit it: large enough for a GPU to be busy, small enough to be far from filling memory.
    /// On the CPU, smaller ones stay nearer to its caches: 8 MiB were a third faster than 32 on llvmpipe with the gradient.
    pub(crate) fn window_bytes(&self) -> usize {
        match self {
            Self::Gpu(gpu) if gpu.is_software() => 8 << 20,
            Self::Gpu(_) => 32 << 20,
            Self::Reference => 4 << 20,
        }
    }

    /// Softmax, or its logarithm.
    pub(crate) fn softmax(&self, logits: &Logits<'_>, log: bool) -> Result<Vec<f32>> {
        Ok(match (self, log) {
            (Self::Gpu(gpu), false) => gpu.softmax(logits)?,
            (Self::Gpu(gpu), true) => gpu.log_softmax(logits)?,
            (Self::Reference, false) => rounded(reference::softmax(logits)),
            (Self::Reference, true) => rounded(reference::log_softmax(logits)),
        })
    }

    /// The gradient of [`softmax`](Self::softmax) from its result.
    pub(crate) fn softmax_backward(&self, output: &Logits<'_>, upstream: &Logits<'_>, log: bool) -> Result<Vec<f32>> {
        Ok(match (self, log) {
            (Self::Gpu(gpu), false) => gpu.softmax_backward(output, upstream)?,
            (Self::Gpu(gpu), true) => gpu.log_softmax_backward(output, upstream)?,
            (Self::Reference, false) => rounded(reference::softmax_backward(output, upstream)?),
            (Self::Reference, true) => rounded(reference::log_softmax_backward(output, upstream)?),
        })
    }

    pub(crate) fn logsumexp(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        Ok(match self {
            Self::Gpu(gpu) => gpu.logsumexp(logits)?,
            Self::Reference => rounded(reference::logsumexp(logits)),
        })
    }

    pub(crate) fn logsumexp_backward(&self, logits: &Logits<'_>, lse: &[f32], upstream: &[f32]) -> Result<Vec<f32>> {
        Ok(match self {
            Self::Gpu(gpu) => gpu.logsumexp_backward(logits, lse, upstream)?,
            Self::Reference => rounded(reference::logsumexp_backward(logits, lse, upstream)?),
        })
    }

    pub(crate) fn cross_entropy(&self, logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<Losses> {
        Ok(match self {
            Self::Gpu(gpu) => losses(gpu.cross_entropy(logits, targets, options)?, std::convert::identity),
            Self::Reference => losses(reference::cross_entropy(logits, targets, options)?, rounded),
        })
    }

    /// One line for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Gpu(gpu) => gpu.describe(),
            Self::Reference => "reference (CPU, f64)".to_owned(),
        }
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Gpu(gpu) => {
                let info = gpu.info();
                json!({
                    "name": info.name,
                    "backend": format!("{:?}", info.backend),
                    "type": format!("{:?}", info.device_type),
                    "driver": driver(&info.driver, &info.driver_info),
                })
            }
            Self::Reference => json!({"name": "reference", "backend": null, "type": "Cpu", "driver": null}),
        }
    }
}

/// A driver's name and version in one text.
pub(crate) fn driver(name: &str, version: &str) -> String {
    format!("{name} {version}").trim().to_owned()
}

fn rounded(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

fn losses<F: Into<f64>>(result: CrossEntropyResult<F>, round: impl Fn(Vec<F>) -> Vec<f32>) -> Losses {
    Losses {
        reduced: result.loss.map(Into::into),
        rows: result.row_loss.unwrap_or_default().into_iter().map(Into::into).collect(),
        lse: round(result.logsumexp.unwrap_or_default()),
        gradient: round(result.gradient.unwrap_or_default()),
        correct: result.correct.unwrap_or_default(),
    }
}

fn unknown_adapter(asked: &str) -> Failure {
    let adapters: String = Gpu::adapters().iter().map(|adapter| format!("{} {}, ", adapter.index, adapter.info.name)).collect();
    Failure::input(format!("no adapter \"{asked}\", there are: {adapters}reference"))
}
