//! What can be asked for on the command line.

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::{Failure, Result};

/// Softmax, log-sum-exp and cross-entropy of array files, on any GPU.
///
/// LOGITS and other arrays are .npy files, or .safetensors files written as file.safetensors:tensor. They may be float32,
/// float16 or bfloat16, of any shape, and larger than memory; results are float32. Without --dim, the classes are dimension 1
/// of two or more, as in PyTorch. This version needs them in the last dimension.
///
/// Exit codes: 0 done, 1 the work failed, 2 bad input, which leaves no output file.
#[derive(Debug, Parser)]
#[command(name = "xent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Where to compute: part of an adapter's name, its index in `xent adapters`, or `reference` for the CPU in f64.
    #[arg(long, global = true, help_heading = "Common options", value_name = "NAME|INDEX|reference")]
    pub(crate) adapter: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the GPU adapters.
    Adapters(Adapters),
    /// Softmax of each row.
    Softmax(Softmax),
    /// Log-sum-exp of each row.
    Logsumexp(Logsumexp),
    /// Cross-entropy of logits and class indices, in nats.
    Loss(Loss),
    /// Losses of real models beside the CPU reference, with times and the likeliest classes.
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Adapters {
    /// Print a JSON array, with features and limits.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Softmax {
    /// The array to normalise.
    pub(crate) logits: String,
    /// Where to write the result, of the same shape.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// Log-softmax, in nats, instead of probabilities.
    #[arg(long)]
    pub(crate) log: bool,
    /// The dimension of the classes; negative ones count from the end.
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub(crate) dim: Option<i64>,
    /// Where to write the gradient with respect to the logits.
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub(crate) grad: Option<String>,
    /// The gradient with respect to the result, of the logits' shape.
    #[arg(long, value_name = "FILE", requires = "grad")]
    pub(crate) upstream: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Logsumexp {
    /// The array to reduce.
    pub(crate) logits: String,
    /// Where to write the result, of the logits' shape without the reduced dimension.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// The dimensions to reduce; negative ones count from the end.
    #[arg(long, value_name = "D[,D..]", allow_hyphen_values = true, value_delimiter = ',')]
    pub(crate) dim: Vec<i64>,
    /// Keep the reduced dimension, with size 1.
    #[arg(long)]
    pub(crate) keepdim: bool,
    /// Where to write the gradient with respect to the logits.
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub(crate) grad: Option<String>,
    /// The gradient with respect to the result: of its shape, or one element for all rows.
    #[arg(long, value_name = "FILE", requires = "grad")]
    pub(crate) upstream: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Loss {
    /// The scores of the classes.
    pub(crate) logits: String,
    /// The true classes, of any integer type and the logits' shape without the dimension of the classes.
    pub(crate) targets: String,
    /// How the losses of the rows become one.
    #[arg(long, value_enum, default_value_t = Reduction::Mean)]
    pub(crate) reduction: Reduction,
    /// The target of rows that are left out, or `none`.
    #[arg(long, value_name = "I|none", allow_hyphen_values = true, default_value = "-100", value_parser = ignore_index)]
    pub(crate) ignore_index: IgnoreIndex,
    /// The dimension of the classes; negative ones count from the end.
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    pub(crate) dim: Option<i64>,
    /// Where to write the loss: a scalar for mean and sum, one value a row for none.
    #[arg(long, value_name = "FILE")]
    pub(crate) loss: Option<String>,
    /// Where to write the gradient with respect to the logits (with --reduction none, that of the sum).
    #[arg(long, value_name = "FILE")]
    pub(crate) grad: Option<String>,
    /// Where to write the log-sum-exp of each row.
    #[arg(long, value_name = "FILE")]
    pub(crate) lse: Option<String>,
    /// A factor on the gradient: one element, or with --reduction none also one a row.
    #[arg(long, value_name = "FILE", requires = "grad")]
    pub(crate) upstream: Option<String>,
    /// Print a JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the data files of the repository lie.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data"), hide_default_value = true)]
    pub(crate) data: String,
}

/// The library's [`wgpu_xent::Reduction`], as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reduction {
    /// Their sum over the rows that are not left out, divided by the number of these.
    Mean,
    /// Their sum over the rows that are not left out.
    Sum,
    /// Not at all.
    None,
}

/// Which target marks a row that is left out, if any does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IgnoreIndex(pub(crate) Option<i64>);

fn ignore_index(text: &str) -> std::result::Result<IgnoreIndex, std::num::ParseIntError> {
    if text == "none" { Ok(IgnoreIndex(None)) } else { text.parse().map(|index| IgnoreIndex(Some(index))) }
}

/// Reads the command line. Asked for help or the version, prints it and exits.
pub(crate) fn parse() -> Result<Cli> {
    Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => Failure::input(without_usage(&error.to_string())),
    })
}

/// The message and its hint, which stand before the usage.
fn without_usage(text: &str) -> String {
    let of_message = |paragraph: &&str| !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more information");
    let paragraphs = text.trim_start_matches("error: ").split("\n\n").take_while(of_message);
    paragraphs.map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_hold_together() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
