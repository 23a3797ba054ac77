//! Why the command ends early: one line and an exit code.

use std::process::ExitCode;

use crate::arrays::ArrayError;

/// The line for stderr, and whose fault it is.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The exit code of a command that Ctrl-C has stopped, as shells have it.
    pub(crate) const INTERRUPTED: u8 = 130;

    /// Stopped by Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self { message: "interrupted".to_owned(), code: Self::INTERRUPTED }
    }

    /// What was asked for cannot be done: exit code 2.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// It could, but went wrong on the way: exit code 1.
    pub(crate) fn work(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// Prints the line. Paths and drivers' messages may hold line breaks.
    pub(crate) fn report(self) -> ExitCode {
        let lines = self.message.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.collect::<Vec<_>>().join(" ");
        eprintln!("xent: {line}");
        ExitCode::from(self.code)
    }
}

impl From<ArrayError> for Failure {
    fn from(error: ArrayError) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull, WriteZero};
        let message = error.to_string();
        match error {
            // Nothing was wrong with what was asked for.
            ArrayError::Io { cause, .. } if matches!(cause.kind(), StorageFull | QuotaExceeded | WriteZero) => Self::work(message),
            _ => Self::input(message),
        }
    }
}

impl From<wgpu_xent::Error> for Failure {
    fn from(error: wgpu_xent::Error) -> Self {
        use wgpu_xent::Error::{AdapterNotFound, Dimension, Fault, Length, NoAdapter, NoClasses, Options, Target, Value};
        let message = in_command_words(&error);
        match error {
            Length { .. } | NoClasses { .. } | Dimension { .. } | Target { .. } | Value { .. } | Fault { .. } | Options(_) => {
                Self::input(message)
            }
            NoAdapter | AdapterNotFound { .. } => Self::input(message),
            wgpu_xent::Error::Cancelled => Self::interrupted(),
            _ => Self::work(message),
        }
    }
}

/// The library's message, with the command's names of options.
pub(crate) fn in_command_words(error: &wgpu_xent::Error) -> String {
    use wgpu_xent::Error::{Options, Target, Value};
    let message = error.to_string();
    let renamed = |word: &str| {
        let name = word.trim_end_matches(',');
        // The library's names of options are the words with an underscore, and this one.
        if name.contains('_') || name == "rank" { word.replacen(name, &option_name(name), 1) } else { word.to_owned() }
    };
    match error {
        Value { what, .. } => message.replacen(what, &option_name(what), 1),
        Options(_) | Target { .. } => message.split(' ').map(renamed).collect::<Vec<_>>().join(" "),
        _ => message,
    }
}

/// What the command calls an option of the library.
fn option_name(name: &str) -> String {
    match name {
        "class_weights" => "--weight".to_owned(),
        "row_weights" => "--row-weight".to_owned(),
        "target_gradient" => "--target-grad".to_owned(),
        _ => format!("--{}", name.replace('_', "-")),
    }
}

/// The failure of a window whose first row this is: its rows count from the file's start.
pub(crate) fn in_window(error: wgpu_xent::Error, first: usize) -> Failure {
    match error {
        // The window's number of such rows is not the file's.
        wgpu_xent::Error::Fault { kind, row: Some(row), .. } => Failure::input(format!("row {} holds {kind}", first + row)),
        other => other.into(),
    }
}

/// The result of everything that may end the command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_full_disk_is_no_bad_input() {
        let io = |kind| ArrayError::Io { path: "x.npy".into(), action: "write", cause: Error::from(kind) };
        assert_eq!(Failure::from(io(ErrorKind::StorageFull)).code, 1);
        assert_eq!(Failure::from(io(ErrorKind::NotFound)).code, 2);
    }

    #[test]
    fn rows_count_from_the_files_start() {
        let fault = wgpu_xent::Error::Fault { kind: wgpu_xent::FaultKind::Nan, row: Some(3), count: 7 };
        assert_eq!(in_window(fault, 100).message, "row 103 holds NaN");
    }
}
