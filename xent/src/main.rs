//! Softmax, log-sum-exp and cross-entropy of array files, on any GPU.

mod args;
mod arrays;
mod commands;
mod engine;
mod failure;
mod form;
mod interrupt;
mod lines;
mod mask;
mod matrix;
mod outputs;
mod page;
mod progress;
mod report;
mod rows;
mod sum;
mod targets;
mod terminal;
mod transform;

use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: no other thread runs yet, which could read the environment meanwhile.
    #[expect(unsafe_code, reason = "changing the environment is unsafe while others read it")]
    unsafe {
        terminal::expect_no_desktop();
    }
    terminal::show_warnings();
    match args::parse().and_then(|args| commands::run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
