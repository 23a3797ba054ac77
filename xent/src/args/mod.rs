//! What can be asked for on the command line.

mod arrays;
mod bench;
mod losses;
mod shared;
mod stress;
mod tune;
mod values;
mod verify;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use wgpu_xent::Avoid;

pub(crate) use arrays::{Logsumexp, Sample, Sigmoid, Softmax, TopK};
pub(crate) use bench::Bench;
pub(crate) use losses::{BinaryCrossEntropy, Entropy, KlDiv, Loss, LossOnly, NegativeLogLikelihood, RowFiles};
pub(crate) use shared::{LossFiles, RowLoss, Transform};
pub(crate) use stress::Stress;
pub(crate) use tune::Tune;
pub(crate) use values::{ElementReduction, Empty, KlReduction, NumberOrFile, OnFault, Reduction};
pub(crate) use verify::Verify;

use crate::failure::{Failure, Result};

/// Softmax, log-sum-exp and cross-entropy of array files, on any GPU.
///
/// LOGITS and other arrays are .npy files, or .safetensors files written as file.safetensors:tensor. They may be float32,
/// float16 or bfloat16, of any shape, and larger than memory; results are float32 (softmax and gradients of any of these with --dtype), classes and ranks int64 with -1 for none.
/// Without --dim, the classes are dimension 1 of two or more, as in PyTorch. A row is one index into the other dimensions.
///
/// Exit codes: 0 done, 1 the work failed, 2 bad input, 130 stopped by Ctrl-C; the last two leave no output file.
#[derive(Debug, Parser)]
#[command(name = "xent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Where to compute: part of an adapter's name, its index in `xent adapters`, or `reference` for the CPU in f64.
    #[arg(long, global = true, help_heading = "Common options", value_name = "NAME|INDEX|reference")]
    pub(crate) adapter: Option<String>,

    /// What to do without on the adapter, where its driver breaks a kernel: subgroups, texture-reads, wide-words, loop-trips=N,
    /// or a strategy.
    #[arg(long, global = true, help_heading = "Common options", value_name = "WHAT[,WHAT..]", value_delimiter = ',')]
    #[arg(value_parser = str::parse::<Avoid>)]
    pub(crate) avoid: Vec<Avoid>,
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
    /// Cross-entropy of logits and class indices or probabilities, in nats.
    Loss(Box<Loss>),
    /// Negative log-likelihood: the loss of log-probabilities and class indices, in nats.
    Nll(NegativeLogLikelihood),
    /// Binary cross-entropy of logits and targets from 0 to 1, in nats.
    Bce(BinaryCrossEntropy),
    /// Kullback-Leibler divergence of targets from log-probabilities, in nats.
    Kl(KlDiv),
    /// Entropy of distributions, or their cross-entropy with others, in nats.
    Entropy(Entropy),
    /// The logistic function of each element.
    Sigmoid(Sigmoid),
    /// A class of each row, drawn at random from its softmax.
    Sample(Sample),
    /// The most probable classes of each row.
    TopK(TopK),
    /// Losses of real models beside the CPU reference, with times and the likeliest classes.
    Demo(Demo),
    /// How fast the operations are beside a copy of their bytes, on one adapter or all.
    ///
    /// Each result is compared with the reference before its time is taken. Buffers are resident on the device and reused; a
    /// sample is the wall time of submitting one recorded call and waiting for it, and the time between the adapter's own
    /// timestamps around it where it has them (gpu ms). The operations take turns with the ceilings: a copy, a read, a read with
    /// one exp an element, and a write of the logits' bytes. Where one matrix would stay in a cache, several sets of buffers are
    /// used in turn. The share is that of the copy's bandwidth.
    ///
    /// --adapter takes `all` here, and not `reference`.
    Bench(Box<Bench>),
    /// Measure which strategies are fastest on an adapter.
    ///
    /// Every strategy that can serve a shape is measured, for calls that only read the logits and for those that write as much; the
    /// fastest are written as text, with the times of the winner and of what would be chosen otherwise in milliseconds. With the
    /// environment variable `XENT_TUNING=FILE`, all commands use that text for shapes within a factor of two of those measured.
    Tune(Tune),
    /// Call from many threads on several devices for minutes: no failure, no wrong result, no thread stuck, no memory gained.
    ///
    /// Calls of mixed operations, shapes and storages, blocking and awaited, from slices and recorded. The first result of each is
    /// compared with the reference, every later one with the first, bit by bit. Memory is the process's own, when nothing is under
    /// way. The exit code is 1 if anything is wrong.
    Stress(Stress),
    /// Prove that every operation is right on an adapter, or on all of them.
    ///
    /// Every operation, option, strategy and storage type is compared with the reference in f64, on data that is chosen to hurt and at
    /// the sizes where plans change. The table shows, for each operation, the largest error as a share of its documented bound, in units
    /// of the last digit (ULP) and relative, and where it is. Where something fails, it is told what all failures have in common, and
    /// what --avoid can do about it.
    ///
    /// --adapter takes `all` here, and not `reference`. Exit code 1 if a result is beyond its bound.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(crate) struct Adapters {
    /// Print a JSON array, with features and limits.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the data files of the repository lie.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../data"), hide_default_value = true)]
    pub(crate) data: String,
}

/// What there is to know of the files, in the help of each command that takes some.
const FILES: &str = "Arrays are .npy files, or .safetensors files written as file.safetensors:tensor, of float32, float16 or bfloat16. \
                     Results are float32, classes and ranks int64.";

fn command() -> clap::Command {
    let with_files = |of: clap::Command| if of.get_positionals().next().is_some() { of.after_help(FILES) } else { of };
    Cli::command().mut_subcommands(with_files)
}

/// Reads the command line. Asked for help or the version, prints it and exits.
pub(crate) fn parse() -> Result<Cli> {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => Failure::input(without_usage(&error.to_string())),
    })
}

/// The message and its hint, which stand before the usage. That an unknown option could be a value helps nobody: no value looks so.
fn without_usage(text: &str) -> String {
    let of_message = |paragraph: &&str| !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more information");
    let paragraphs = text.trim_start_matches("error: ").split("\n\n").take_while(of_message).map(str::trim);
    paragraphs.filter(|paragraph| !paragraph.starts_with("tip: to pass ")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_hold_together() {
        command().debug_assert();
    }

    #[test]
    fn options_that_are_not_given_are_the_defaults() {
        let cli = Cli::try_parse_from(["xent", "loss", "x.npy", "t.npy"]).unwrap();
        let Command::Loss(loss) = cli.command else { panic!("no loss") };
        assert_eq!(format!("{:?}", loss.only), format!("{:?}", LossOnly::default()));
    }
}
