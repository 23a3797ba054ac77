//! The shipped data sets.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use wgpu_xent::{Logits, Targets};

use crate::failure::{Failure, Result};
use crate::matrix::Matrix;
use crate::targets::TargetFile;

/// Logits of a model with their targets, in memory.
#[derive(Debug)]
pub(super) struct DataSet {
    pub(super) title: &'static str,
    pub(super) rows: usize,
    pub(super) classes: usize,
    pub(super) values: Vec<f32>,
    pub(super) indices: Vec<i64>,
}

impl DataSet {
    pub(super) fn open(directory: &Path, name: &str, title: &'static str) -> Result<Self> {
        let path = |what: &str| directory.join(format!("{name}_{what}.npy")).display().to_string();
        let logits = Matrix::open(&path("logits"), &[])?;
        let targets = TargetFile::open(&path("targets"), &logits, None)?;
        let (rows, classes) = (logits.rows(), logits.classes());
        let values = logits.read(&(0..rows))?.into_owned();
        Ok(Self { title, rows, classes, values, indices: targets.read(&(0..rows))? })
    }

    pub(super) fn logits(&self) -> wgpu_xent::Result<Logits<'_>> {
        Logits::new(&self.values, self.rows, self.classes)
    }

    pub(super) fn targets(&self) -> Targets<'_> {
        Targets::new(&self.indices)
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.classes..][..self.classes]
    }
}

/// The text that the language model read, and its tokens' texts.
#[derive(Debug)]
pub(super) struct Tokens {
    text: Vec<String>,
    pieces: HashMap<usize, String>,
}

impl Tokens {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        let json: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        Self::parse(&json).ok_or_else(|| failed(&"expected `text`, a list of strings, and `pieces`, token ids with strings"))
    }

    fn parse(json: &Value) -> Option<Self> {
        let string = |value: &Value| value.as_str().map(str::to_owned);
        let text = json["text"].as_array()?.iter().map(string).collect::<Option<_>>()?;
        let pieces = json["pieces"].as_object()?.iter();
        let pieces = pieces.map(|(id, piece)| Some((id.parse().ok()?, string(piece)?))).collect::<Option<_>>()?;
        Some(Self { text, pieces })
    }

    /// The last words before a row's target.
    pub(super) fn before(&self, row: usize) -> String {
        const WORDS: usize = 8;
        let end = row.min(self.text.len());
        self.text[end.saturating_sub(WORDS)..end].concat()
    }

    /// A token in quotes, since most begin with a blank.
    pub(super) fn name(&self, class: usize) -> String {
        self.pieces.get(&class).map_or_else(|| format!("token {class}"), |piece| format!("{piece:?}"))
    }
}
