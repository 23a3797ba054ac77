//! Options that several commands have.

use clap::Args;
use wgpu_xent::Denominator;

use super::values::{Empty, FloatType, IgnoreIndex, NumberOrFile, Reduction, denominator};

/// Which dimension is that of the classes.
#[derive(Debug, Args)]
pub(crate) struct ClassDim {
    /// The dimension of the classes, by default 1 of two or more; negative ones count from the end.
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    dim: Option<i64>,
}

impl ClassDim {
    /// None or one, as commands take any number of dimensions.
    pub(crate) fn as_slice(&self) -> &[i64] {
        self.dim.as_slice()
    }
}

/// What happens to the logits first.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What happens to the logits first")]
pub(crate) struct Transform {
    /// Divide them by this number above 0, or by those of a file with one a row.
    #[arg(long, value_name = "T|FILE", conflicts_with = "scale", allow_negative_numbers = true)]
    pub(crate) temperature: Option<NumberOrFile>,
    /// Multiply them by this number, or by those of a file with one a row.
    #[arg(long, value_name = "S|FILE", allow_negative_numbers = true)]
    pub(crate) scale: Option<NumberOrFile>,
    /// Then limit their size softly to this number above 0: C tanh(x / C).
    #[arg(long, value_name = "C", allow_negative_numbers = true)]
    pub(crate) softcap: Option<f32>,
    /// Leave out the classes for which this bool or integer array is 0: of one element a class, or of the logits' shape.
    #[arg(long, visible_alias = "mask", value_name = "FILE")]
    pub(crate) class_mask: Option<String>,
}

/// How the losses of rows become one, and where they go.
#[derive(Debug, Args)]
#[command(next_help_heading = "The loss")]
pub(crate) struct RowLoss {
    /// How the losses of the rows become one.
    #[arg(long, value_enum, default_value_t = Reduction::Mean)]
    pub(crate) reduction: Reduction,
    /// What a mean divides by: the class weights of the targets, the rows, the rows that are not left out, class weights times row
    /// weights, or a number.
    #[arg(long, value_name = "weights|rows|valid|all-weights|NUMBER", default_value = "weights", value_parser = denominator)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) denominator: Denominator,
    /// What a mean over nothing is.
    #[arg(long, value_enum, default_value_t = Empty::Nan)]
    pub(crate) empty_mean: Empty,
    /// The target of rows that are left out, or `none`.
    #[arg(long, value_name = "I|none", allow_hyphen_values = true, default_value = "-100")]
    pub(crate) ignore_index: IgnoreIndex,
    /// A weight for each class.
    #[arg(long, value_name = "FILE")]
    pub(crate) weight: Option<String>,
    /// A weight for each row.
    #[arg(long, value_name = "FILE")]
    pub(crate) row_weight: Option<String>,
    #[command(flatten)]
    pub(crate) dim: ClassDim,
    /// A factor on the gradient: one element, or with --reduction none also one a row.
    #[arg(long, value_name = "FILE", requires = "grad")]
    pub(crate) upstream: Option<String>,
    #[command(flatten)]
    pub(crate) files: LossFiles,
}

/// What every loss gives.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct LossFiles {
    /// Print a JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to write the loss: a scalar, or without reduction all of them.
    #[arg(long, value_name = "FILE")]
    pub(crate) loss: Option<String>,
    /// Where to write the gradient with respect to the input (without reduction, that of the sum).
    #[arg(long, value_name = "FILE")]
    pub(crate) grad: Option<String>,
    /// The type of gradients.
    #[arg(long, value_enum, default_value_t = FloatType::Float32)]
    pub(crate) dtype: FloatType,
}
