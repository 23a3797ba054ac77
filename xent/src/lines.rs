//! Text files of results.

use std::fs::File;
use std::io::{BufWriter, Write};

use crate::failure::{Failure, Result};

/// A text file, complete after each line.
#[derive(Debug)]
pub(crate) struct Lines {
    path: String,
    file: BufWriter<File>,
}

impl Lines {
    /// Creates the file, or says which cannot be.
    pub(crate) fn create(path: &str) -> Result<Self> {
        let file = File::create(path).map_err(|error| Failure::input(format!("{path}: cannot create the file: {error}")))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        let written = writeln!(self.file, "{text}").and_then(|()| self.file.flush());
        written.map_err(|error| Failure::work(format!("{}: cannot write the file: {error}", self.path)))
    }
}
