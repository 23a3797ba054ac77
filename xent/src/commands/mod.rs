//! One module for each subcommand.

mod adapters;
mod bce;
mod bench;
mod demo;
mod elements;
mod entropy;
mod kl;
mod logsumexp;
mod loss;
mod sample;
mod sigmoid;
mod softmax;
mod stress;
mod top_k;
mod tune;
mod verify;

use crate::args::{Cli, Command};
use crate::engine::Adapter;
use crate::failure::Result;
use crate::interrupt;

/// Does what the command line asks for.
pub(crate) fn run(cli: &Cli) -> Result<()> {
    // What these find out is worth nothing in part, and they leave no files: Ctrl-C ends them at once.
    if !matches!(cli.command, Command::Verify(_) | Command::Bench(_)) {
        interrupt::listen();
    }
    let adapter = Adapter { name: cli.adapter.as_deref(), avoid: &cli.avoid };
    match &cli.command {
        Command::Adapters(args) => adapters::run(args),
        Command::Softmax(args) => softmax::run(args, adapter),
        Command::Logsumexp(args) => logsumexp::run(args, adapter),
        Command::Loss(args) => loss::run(args, adapter),
        Command::Nll(args) => loss::run_nll(args, adapter),
        Command::Bce(args) => bce::run(args, adapter),
        Command::Kl(args) => kl::run(args, adapter),
        Command::Entropy(args) => entropy::run(args, adapter),
        Command::Sigmoid(args) => sigmoid::run(args, adapter),
        Command::Sample(args) => sample::run(args, adapter),
        Command::TopK(args) => top_k::run(args, adapter),
        Command::Demo(args) => demo::run(args, adapter),
        Command::Bench(args) => bench::run(args, adapter),
        Command::Tune(args) => tune::run(args, adapter),
        Command::Stress(args) => stress::run(args, adapter),
        Command::Verify(args) => verify::run(args, adapter),
    }
}
