//! The CPU reference against values computed by hand, closed forms, finite differences and PyTorch.

mod coefficients;
mod common;
mod denominators;
mod elements;
mod errors;
mod faults;
mod gradients;
mod options;
mod others;
mod plain;
#[path = "../common/mod.rs"]
mod shared;
mod special;
mod torch;
