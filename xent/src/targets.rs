//! The class indices of all rows, checked before anything is computed.

use std::ops::Range;

use wgpu_xent::{Error, Targets};

use crate::arrays::Array;
use crate::failure::{Failure, Result};
use crate::matrix::Matrix;

/// Rows checked at a time.
const CHUNK: usize = 1 << 20;

/// An integer array in a file, with one class index a row.
#[derive(Debug)]
pub(crate) struct TargetFile {
    array: Array,
    valid: usize,
}

impl TargetFile {
    /// Opens the targets of logits. Every one is a class or ignored, or this is an error.
    pub(crate) fn open(spec: &str, logits: &Matrix, ignore_index: Option<i64>) -> Result<Self> {
        let array = Array::open(spec)?;
        // A single row of logits, which has no row dimension, may have its target with one.
        let fits = array.shape() == logits.leading() || (logits.leading().is_empty() && array.shape() == [1]);
        if !fits {
            let (got, logits, expected) = (array.shape(), logits.shape(), logits.leading());
            return Err(Failure::input(format!(
                "{spec}: targets of shape {got:?} do not fit logits of shape {logits:?}, which need {expected:?}"
            )));
        }
        let mut targets = Self { array, valid: 0 };
        for first in (0..logits.rows()).step_by(CHUNK) {
            let rows = first..logits.rows().min(first + CHUNK);
            let resolved = count_valid(&targets.read(&rows)?, first, logits.classes(), ignore_index);
            targets.valid += resolved.map_err(|error| Failure::input(format!("{spec}: {error}")))?;
            targets.release(&rows);
        }
        Ok(targets)
    }

    /// The number of rows that are not ignored.
    pub(crate) fn valid(&self) -> usize {
        self.valid
    }

    pub(crate) fn read(&self, rows: &Range<usize>) -> Result<Vec<i64>> {
        let mut targets = vec![0; rows.len()];
        self.array.read_i64(rows.start, &mut targets)?;
        Ok(targets)
    }

    pub(crate) fn release(&self, rows: &Range<usize>) {
        self.array.release(rows.start, rows.len());
    }
}

fn count_valid(targets: &[i64], first: usize, classes: usize, ignore_index: Option<i64>) -> wgpu_xent::Result<usize> {
    let resolved = Targets::new(targets).resolve(targets.len(), classes, ignore_index).map_err(|error| match error {
        Error::Target { row, target, classes, ignore_index } => Error::Target { row: first + row, target, classes, ignore_index },
        other => other,
    })?;
    Ok(resolved.flatten().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_count_from_the_files_start() {
        assert_eq!(count_valid(&[0, -100, 2], 10, 3, Some(-100)).unwrap(), 2);
        let error = count_valid(&[0, -100, 3], 10, 3, Some(-100)).unwrap_err();
        assert!(matches!(error, Error::Target { row: 12, target: 3, .. }), "{error}");
    }
}
