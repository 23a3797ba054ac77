//! Softmax, log-sum-exp and cross-entropy of array files, on any GPU.

mod args;
mod arrays;
mod commands;
mod engine;
mod failure;
mod matrix;
mod outputs;
mod progress;
mod sum;
mod targets;
mod terminal;
mod upstream;

use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::show_warnings();
    match args::parse().and_then(|args| commands::run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
