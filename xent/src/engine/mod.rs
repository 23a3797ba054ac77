//! What computes: a GPU, or the CPU reference in its place.

mod ops;

use serde_json::{Value, json};
use wgpu_xent::{AdapterChoice, Avoid, Error, Gpu};

use crate::failure::{Failure, Result};
use crate::interrupt;
pub(crate) use ops::{ElementLosses, Losses};

/// Where to compute, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adapter<'a> {
    /// Part of a name, an index, `reference`, or a word of a command's own; the best one if there is none.
    pub(crate) name: Option<&'a str>,
    /// What plans do without.
    pub(crate) avoid: &'a [Avoid],
}

/// A GPU or the reference. The reference's results are rounded to f32 as well.
#[derive(Debug)]
pub(crate) enum Engine {
    Gpu(Gpu),
    Reference,
}

impl Engine {
    /// Opens the adapter asked for, or the best one, tuned if there is a tuning; the reference if there is none.
    pub(crate) fn open(adapter: Adapter<'_>) -> Result<Self> {
        match Self::open_plain(adapter)? {
            Self::Gpu(gpu) => Ok(Self::Gpu(tuned(gpu)?)),
            reference => Ok(reference),
        }
    }

    /// [`open`](Self::open), whatever tuning there is.
    pub(crate) fn open_plain(adapter: Adapter<'_>) -> Result<Self> {
        let choice = match adapter.name {
            Some("reference") => return Ok(Self::Reference),
            Some(text) => text.parse().map_or_else(|_| AdapterChoice::Name(text.to_owned()), AdapterChoice::Index),
            None => AdapterChoice::Best,
        };
        match Gpu::open(&choice) {
            Ok(gpu) => Ok(Self::Gpu(gpu.avoiding(adapter.avoid).with_cancel(interrupt::cancel()))),
            Err(error @ Error::NoAdapter) if adapter.name.is_none() => {
                log::warn!("{error}; continuing on the CPU reference");
                Ok(Self::Reference)
            }
            Err(Error::NoAdapter | Error::AdapterNotFound { .. }) if let Some(asked) = adapter.name => Err(unknown_adapter(asked)),
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

/// A GPU that uses the tuning in the file that `XENT_TUNING` names, if it does.
pub(crate) fn tuned(gpu: Gpu) -> Result<Gpu> {
    let Ok(path) = std::env::var("XENT_TUNING") else { return Ok(gpu) };
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::input(format!("XENT_TUNING={path}: {error}")))?;
    let tuning = text.parse().and_then(|tuning| gpu.with_tuning(&tuning));
    tuning.map_err(|error| Failure::input(format!("XENT_TUNING={path}: {error}")))
}

/// A driver's name and version in one text.
pub(crate) fn driver(name: &str, version: &str) -> String {
    format!("{name} {version}").trim().to_owned()
}

/// That nothing is called so, and what there is.
pub(crate) fn unknown_adapter(asked: &str) -> Failure {
    let adapters: String = Gpu::adapters().iter().map(|adapter| format!("{} {}, ", adapter.index, adapter.info.name)).collect();
    Failure::input(format!("no adapter \"{asked}\", there are: {adapters}reference"))
}
