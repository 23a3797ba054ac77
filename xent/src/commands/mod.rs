//! One module for each subcommand.

mod adapters;
mod demo;
mod logsumexp;
mod loss;
mod softmax;

use crate::args::{Cli, Command};
use crate::failure::Result;

/// Does what the command line asks for.
pub(crate) fn run(cli: &Cli) -> Result<()> {
    let adapter = cli.adapter.as_deref();
    match &cli.command {
        Command::Adapters(args) => adapters::run(args),
        Command::Softmax(args) => softmax::run(args, adapter),
        Command::Logsumexp(args) => logsumexp::run(args, adapter),
        Command::Loss(args) => loss::run(args, adapter),
        Command::Demo(args) => demo::run(args, adapter),
    }
}
