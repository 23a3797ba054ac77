//! The command as its users run it: files in, files, text and exit codes out.
//!
//! Every test needs a GPU adapter, a software one at least; a machine without fails them.

mod adapters;
mod bad_input;
mod bench;
mod choices;
mod demo;
mod dims;
mod dtypes;
mod elements;
mod errors;
mod faults;
mod files;
mod interrupt;
mod logsumexp;
mod loss;
mod memory;
mod model;
mod nll;
mod option_errors;
mod options;
mod row_files;
mod soft;
mod softmax;
mod stress;
mod sums;
mod transforms;
mod tune;
mod values;
mod verify;
mod windows;

use std::process::Command;

use files::Files;

/// The best adapter, and the reference.
const ENGINES: [&[&str]; 2] = [&[], &["--adapter", "reference"]];

/// What a run left.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xent"));
    command.args(args);
    command
}

fn finished(mut command: Command) -> Run {
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the command, which succeeds; its stdout.
#[track_caller]
fn succeeds(args: &[&str]) -> String {
    let run = finished(command(args));
    assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
    run.stdout
}

/// Runs the command, which refuses its input with one line and leaves the files alone.
#[track_caller]
fn refused(files: &Files, args: &[&str], parts: &[&str]) {
    let run = refused_by_rows(files, args, parts);
    assert_eq!(run.stderr.lines().count(), 1, "{args:?}: {run:?}");
}

/// The same of input that shows to be wrong only on the engine, which may have been announced by then.
#[track_caller]
fn refused_by_rows(files: &Files, args: &[&str], parts: &[&str]) -> Run {
    let before = files.names();
    let run = finished(command(args));
    assert_eq!(run.code, Some(2), "{args:?}: {run:?}");
    assert_eq!(run.stdout, "", "{args:?}");
    assert!(run.stderr.starts_with("xent: "), "{args:?}: {run:?}");
    for part in parts {
        assert!(run.stderr.contains(part), "{args:?}: {part:?} is not in {:?}", run.stderr);
    }
    assert_eq!(files.names(), before, "{args:?}");
    run
}
