//! The losses.

use clap::Args;

use super::shared::{ClassDim, LossFiles, RowLoss, Transform};
use super::values::{ElementReduction, KlReduction, OnFault, count};

#[derive(Debug, Args)]
pub(crate) struct Loss {
    /// The scores of the classes.
    pub(crate) logits: String,
    /// The true classes: of any integer type and the logits' shape without the dimension of the classes; or their probabilities:
    /// floats of the logits' shape.
    pub(crate) targets: String,
    #[command(flatten)]
    pub(crate) common: RowLoss,
    #[command(flatten)]
    pub(crate) only: LossOnly,
}

/// The options that need logits, not only log-probabilities.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The loss")]
pub(crate) struct LossOnly {
    /// The share of the targets that is spread evenly over all classes, from 0 to 1.
    #[arg(long, value_name = "E", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) label_smoothing: f32,
    /// The factor of the squared log-sum-exp, which is added to each row's loss.
    #[arg(long, value_name = "L", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) z_loss: f32,
    /// What becomes of rows that hold NaN, +inf, or nothing above -inf.
    #[arg(long, value_enum, default_value_t = OnFault::Propagate)]
    pub(crate) on_fault: OnFault,
    /// Print the share of rows whose target is among the K most probable classes.
    #[arg(long, value_name = "K", value_parser = count(), allow_negative_numbers = true)]
    pub(crate) top_k: Option<u32>,
    #[command(flatten)]
    pub(crate) transform: Transform,
    #[command(flatten)]
    pub(crate) files: RowFiles,
}

impl LossOnly {
    /// Whether the z-loss is to be told apart.
    pub(crate) fn has_z_loss(&self) -> bool {
        self.z_loss != 0.0 || self.files.z_loss_part.is_some()
    }
}

/// What else there is to know of each row, in the order of the logits' shape without the classes.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct RowFiles {
    /// Where to write the gradient with respect to targets that are probabilities.
    #[arg(long, value_name = "FILE")]
    pub(crate) target_grad: Option<String>,
    /// Where to write the log-sum-exp of each row.
    #[arg(long, value_name = "FILE")]
    pub(crate) lse: Option<String>,
    /// Where to write the entropy of each row's prediction; its mean is printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) entropy: Option<String>,
    /// Where to write the log-probability of each row's target.
    #[arg(long, value_name = "FILE")]
    pub(crate) log_prob: Option<String>,
    /// Where to write the most probable class of each row.
    #[arg(long, value_name = "FILE")]
    pub(crate) argmax: Option<String>,
    /// Where to write how many classes are more probable than each row's target.
    #[arg(long, value_name = "FILE")]
    pub(crate) rank: Option<String>,
    /// Where to write the part of each row's loss that is the z-loss.
    #[arg(long, value_name = "FILE")]
    pub(crate) z_loss_part: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NegativeLogLikelihood {
    /// The log-probabilities of the classes.
    pub(crate) log_probs: String,
    /// The true classes, of any integer type and the log-probabilities' shape without the dimension of the classes.
    pub(crate) targets: String,
    #[command(flatten)]
    pub(crate) common: RowLoss,
}

#[derive(Debug, Args)]
pub(crate) struct BinaryCrossEntropy {
    /// The scores.
    pub(crate) logits: String,
    /// What each of them should say, from 0 to 1; of the logits' shape.
    pub(crate) targets: String,
    /// How the losses of the elements become one.
    #[arg(long, value_enum, default_value_t = ElementReduction::Mean)]
    pub(crate) reduction: ElementReduction,
    /// A weight for each class, or for each element.
    #[arg(long, value_name = "FILE")]
    pub(crate) weight: Option<String>,
    /// A weight for the positive side of each class.
    #[arg(long, value_name = "FILE")]
    pub(crate) pos_weight: Option<String>,
    /// The dimension of the classes that have weights; negative ones count from the end.
    #[arg(long, value_name = "D", allow_hyphen_values = true, default_value_t = -1)]
    pub(crate) dim: i64,
    #[command(flatten)]
    pub(crate) files: LossFiles,
}

#[derive(Debug, Args)]
pub(crate) struct KlDiv {
    /// Log-probabilities.
    pub(crate) input: String,
    /// Probabilities of the same shape.
    pub(crate) targets: String,
    /// The targets are log-probabilities too.
    #[arg(long)]
    pub(crate) log_target: bool,
    /// How the divergences of the elements become one.
    #[arg(long, value_enum, default_value_t = KlReduction::Mean)]
    pub(crate) reduction: KlReduction,
    #[command(flatten)]
    pub(crate) files: LossFiles,
    /// Where to write the gradient with respect to the targets.
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub(crate) target_grad: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Entropy {
    /// Probabilities.
    pub(crate) p: String,
    /// Predicted probabilities of the same shape; with them, the cross-entropies -p log q.
    pub(crate) q: Option<String>,
    /// How the entropies of the rows become one.
    #[arg(long, value_enum, default_value_t = ElementReduction::Mean)]
    pub(crate) reduction: ElementReduction,
    #[command(flatten)]
    pub(crate) dim: ClassDim,
    /// Where to write the entropy of each row.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<String>,
    #[command(flatten)]
    pub(crate) files: LossFiles,
    /// With Q, where to write the gradient with respect to P; --grad is with respect to Q then.
    #[arg(long, value_name = "FILE", requires = "q", help_heading = "Results")]
    pub(crate) target_grad: Option<String>,
}
