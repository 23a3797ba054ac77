//! Values of options.

use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::RangedI64ValueParser;
use wgpu_xent::{Denominator, EmptyMean, FaultPolicy, Storage};

use crate::arrays::{EXTENSIONS, may_be_array};

/// The library's [`wgpu_xent::Reduction`], as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reduction {
    /// Their sum over the rows that are not left out, divided by the denominator.
    Mean,
    /// Their sum over the rows that are not left out.
    Sum,
    /// Not at all.
    None,
}

/// How the losses of elements, or the entropies of rows, become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ElementReduction {
    /// Their sum, divided by their number.
    Mean,
    /// Their sum.
    Sum,
    /// Not at all.
    None,
}

/// How the divergences of elements become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KlReduction {
    /// Their sum, divided by the number of elements.
    Mean,
    /// Their sum, divided by the size of the first dimension: the mean divergence of distributions.
    Batchmean,
    /// Their sum.
    Sum,
    /// Not at all.
    None,
}

/// Types of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloatType {
    Float32,
    Float16,
    /// Only in .safetensors files.
    Bfloat16,
}

impl From<FloatType> for Storage {
    fn from(dtype: FloatType) -> Self {
        match dtype {
            FloatType::Float32 => Self::F32,
            FloatType::Float16 => Self::F16,
            FloatType::Bfloat16 => Self::Bf16,
        }
    }
}

/// What a mean over nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Empty {
    /// NaN, as in PyTorch.
    Nan,
    /// 0, and so is the gradient.
    Zero,
}

impl From<Empty> for EmptyMean {
    fn from(empty: Empty) -> Self {
        match empty {
            Empty::Nan => Self::Nan,
            Empty::Zero => Self::Zero,
        }
    }
}

/// What becomes of rows that hold NaN, +inf, or nothing above -inf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFault {
    /// Their loss and gradient are NaN, and so is the loss of all rows.
    #[default]
    Propagate,
    /// Their loss and gradient are 0.
    Zero,
    /// The command fails, and names the first of them.
    Fail,
}

impl From<OnFault> for FaultPolicy {
    fn from(policy: OnFault) -> Self {
        match policy {
            OnFault::Propagate => Self::Propagate,
            OnFault::Zero => Self::Zero,
            OnFault::Fail => Self::Fail,
        }
    }
}

/// Which target marks a row that is left out, if any does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IgnoreIndex(pub(crate) Option<i64>);

impl FromStr for IgnoreIndex {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            _ => text.parse().map(|index| Self(Some(index))).map_err(|_| "expected an integer or none".to_owned()),
        }
    }
}

/// A number for all rows, or a file with one for each.
#[derive(Clone, Debug)]
pub(crate) enum NumberOrFile {
    Number(f32),
    File(String),
}

impl FromStr for NumberOrFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) if may_be_array(text) => Ok(Self::File(text.to_owned())),
            Err(_) => Err(format!("expected a number or a path ending in {EXTENSIONS}")),
        }
    }
}

/// Reads how many classes are asked for.
pub(crate) fn count() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// Reads a seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected an integer from 0 to {}", u64::MAX))
}

/// Reads what a mean divides by.
pub(crate) fn denominator(text: &str) -> Result<Denominator, String> {
    match text {
        "weights" => Ok(Denominator::TargetWeights),
        "rows" => Ok(Denominator::Rows),
        "valid" => Ok(Denominator::ValidRows),
        "all-weights" => Ok(Denominator::AllWeights),
        _ => match text.parse() {
            Ok(value) if f32::is_finite(value) => Ok(Denominator::Value(value)),
            _ => Err("expected weights, rows, valid, all-weights or a finite number".to_owned()),
        },
    }
}
