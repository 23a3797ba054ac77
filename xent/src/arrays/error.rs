//! What can go wrong with an array's file, each in one line.

use std::io;
use std::path::PathBuf;

use super::Dtype;

/// Most tensor names that an error lists.
const LISTED_NAMES: usize = 20;

/// Why an array could not be read or written.
///
/// Every message is one line and begins with the path it is about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArrayError {
    #[error("{}: cannot {action}: {cause}", .path.display())]
    Io {
        path: PathBuf,
        action: &'static str,
        // Not `source`: the message holds it already, and a reporter that
        // walks the chain would print it twice.
        cause: io::Error,
    },
    #[error("{}: not a regular file", .path.display())]
    NotAFile { path: PathBuf },
    #[error("{}: .npy files have no bfloat16, write .safetensors or float16", .path.display())]
    NoBf16 { path: PathBuf },
    #[error("{}: unknown format, expected a path ending in {}", .path.display(), super::EXTENSIONS)]
    UnknownFormat { path: PathBuf },
    #[error("{}: the tensor name after the colon is empty", .path.display())]
    EmptyName { path: PathBuf },
    #[error("{}: malformed header: {reason}", .path.display())]
    Header { path: PathBuf, reason: String },
    #[error("{}: expected {expected} bytes as its header says, found {actual} ({})", .path.display(), mismatch(*.expected, *.actual))]
    Size { path: PathBuf, expected: u64, actual: u64 },
    #[error("{}: array of shape {shape:?} is in fortran order, save it again with numpy.ascontiguousarray(array)", .path.display())]
    FortranOrder { path: PathBuf, shape: Vec<usize> },
    #[error("{}: unsupported dtype {dtype}, {fix}", .path.display())]
    UnsupportedDtype { path: PathBuf, dtype: String, fix: &'static str },
    #[error("{}: no tensor named {}, the file has {}", .path.display(), quoted(.name), listed(.names))]
    NoSuchTensor { path: PathBuf, name: String, names: Vec<String> },
    #[error("{}: {} tensors, name one as {}:TENSOR: {}", .path.display(), .names.len(), .path.display(), listed(.names))]
    AmbiguousTensor { path: PathBuf, names: Vec<String> },
    #[error("{}: the file has no tensors", .path.display())]
    NoTensors { path: PathBuf },
    #[error("{}: dtype is {dtype}, expected {expected}, convert it with .astype('{convert}')", .path.display())]
    WrongDtype { path: PathBuf, dtype: Dtype, expected: &'static str, convert: Dtype },
    #[error("{}: {len} elements from {start} on are not all within the array's {total}", .path.display())]
    OutOfRange { path: PathBuf, start: usize, len: usize, total: usize },
    #[error("{}: element {index} is {value}, more than the largest int64", .path.display())]
    IntegerTooLarge { path: PathBuf, index: usize, value: u64 },
    #[error("{}: directory {} does not exist", .path.display(), .parent.display())]
    NoDirectory { path: PathBuf, parent: PathBuf },
    #[error("{}: the file is read-only", .path.display())]
    ReadOnly { path: PathBuf },
    #[error("{}: the name __metadata__ is reserved", .path.display())]
    ReservedName { path: PathBuf },
    #[error("{}: the file holds {count} tensors, which writing one would replace, name another file", .path.display())]
    OtherTensors { path: PathBuf, count: usize },
    #[error("{}: {written} elements written, its shape has {expected}", .path.display())]
    ElementCount { path: PathBuf, expected: usize, written: usize },
}

fn mismatch(expected: u64, actual: u64) -> &'static str {
    if actual < expected { "the file is truncated" } else { "the file has trailing bytes" }
}

/// Text from a file made fit for one line of a message: cut and escaped.
pub(super) fn clipped(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut clipped: String = text.chars().take(LONGEST).collect();
    let cut = clipped.len() < text.len();
    clipped = clipped.escape_debug().collect();
    if cut {
        clipped.push_str("...");
    }
    clipped
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", clipped(name))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<_> = names.iter().take(LISTED_NAMES).map(|n| quoted(n)).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(LISTED_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_files_stays_on_one_short_line() {
        assert_eq!(clipped("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        let long = clipped(&"é".repeat(1000));
        assert_eq!(long, format!("{}...", "é".repeat(120)));
    }

    #[test]
    fn at_most_twenty_names_are_listed() {
        let names: Vec<_> = (0..23).map(|i| format!("t{i:02}")).collect();
        let text = listed(&names);
        assert!(text.ends_with("\"t19\" and 3 more"), "{text}");
        assert_eq!(listed(&names[..2]), "\"t00\", \"t01\"");
        assert_eq!(listed(&[]), "none");
    }
}
