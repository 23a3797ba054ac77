#![doc = include_str!("../README.md")]

mod caps;
mod device;
mod device_views;
mod error;
mod gpu;
mod host;
mod launch;
mod ops;
mod options;
mod pipeline;
mod plan;
pub mod reference;
mod shader;
mod summary;
mod transfer;
mod views;
#[cfg(test)]
mod wrong_kernels;

#[cfg(test)]
extern crate self as wgpu_xent;

pub use caps::{AdapterDescription, Caps};
pub use device::{CrossEntropyBackwardBuffers, CrossEntropyBuffers, PendingSummary, Summary};
pub use device_views::{DeviceMatrix, DeviceVector, Output};
pub use error::{Error, Result};
pub use gpu::{AdapterChoice, Gpu};
pub use options::{CrossEntropy, CrossEntropyResult, NO_CLASS, Reduction, Saved, Upstream};
pub use plan::{Plan, Strategy, Work};
pub use views::{Element, Logits, Storage, TargetIndex, Targets};
/// The wgpu that devices and buffers come from.
pub use wgpu;
