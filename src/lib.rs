#![doc = include_str!("../README.md")]

mod cancel;
mod caps;
mod copy;
mod device;
mod device_views;
mod elementwise;
mod error;
mod factor;
mod faults;
mod gpu;
mod host;
mod job;
mod launch;
#[cfg(xent_mutations)]
mod mutation;
mod ops;
mod options;
mod pipeline;
mod plan;
mod pool;
mod quirks;
pub mod reference;
mod route;
mod sampling;
mod shader;
mod state;
#[cfg(test)]
mod strike;
mod summary;
mod texels;
mod transfer;
mod transform;
mod tune;
mod turns;
#[cfg(test)]
mod unchecked;
mod views;
mod wait;
mod words;
#[cfg(test)]
mod wrong_kernels;

#[cfg(test)]
extern crate self as wgpu_xent;

pub use cancel::Cancel;
pub use caps::{AdapterDescription, Caps};
pub use device::{CrossEntropyBuffers, DeviceTargets, DeviceWeights, ElementLossBuffers, NllBuffers, PendingSummary, Summary};
pub use device_views::{DeviceMask, DeviceMatrix, DeviceVector, Output, TransformBuffers};
pub use elementwise::{BinaryCrossEntropy, ElementLoss, ElementLossResult, ElementReduction, Weights};
pub use error::{Error, Result};
pub use factor::Factor;
pub use faults::{FaultKind, FaultPolicy, FaultRows, Faults};
pub use gpu::{AdapterChoice, Gpu};
pub use options::{CrossEntropy, CrossEntropyResult, Denominator, EmptyMean, NO_CLASS, Reduction};
pub use plan::{Plan, Strategy, Work};
pub use pool::CallMemory;
pub use quirks::{Avoid, QUIRKS, QUIRKS_VERSION, Quirk, quirks_of};
pub use sampling::{Sampling, TopK};
pub use state::{ROW_STATE_WGSL, RowState};
pub use transform::{ClassMask, LogitTransform};
pub use tune::Tuning;
pub use views::{Element, Logits, Storage, TargetIndex, Targets};
/// The wgpu that devices and buffers come from.
pub use wgpu;
