//! The targets of all rows, checked before anything is computed.

use std::ops::Range;

use wgpu_xent::{Error, Targets};

use crate::arrays::Array;
use crate::failure::{Failure, Result, in_command_words};
use crate::form::chunks;
use crate::matrix::Matrix;
use crate::rows::{RowValues, is_one_each};
use crate::sum::Sum;

/// The targets of logits.
#[derive(Debug)]
pub(crate) enum Goal {
    /// A class for each row.
    Classes(TargetFile),
    /// A distribution for each row, of the logits' shape.
    Probabilities(Matrix),
}

impl Goal {
    /// Opens the targets: a float array of the logits' shape holds probabilities, another one classes.
    pub(crate) fn open(spec: &str, logits: &Matrix, ignore_index: Option<i64>) -> Result<Self> {
        let array = Array::open(spec)?;
        if array.is_float() && array.shape() == logits.shape() {
            return logits.open_like(spec, "targets").map(Self::Probabilities);
        }
        TargetFile::new(spec, array, logits, ignore_index).map(Self::Classes)
    }

    /// The number of rows that are not ignored.
    pub(crate) fn valid(&self) -> usize {
        match self {
            Self::Classes(targets) => targets.valid,
            Self::Probabilities(targets) => targets.rows(),
        }
    }
}

/// An integer array in a file, with one class index a row.
#[derive(Debug)]
pub(crate) struct TargetFile {
    array: Array,
    rows: usize,
    valid: usize,
    ignore_index: Option<i64>,
}

impl TargetFile {
    /// Opens the targets of logits. Every one is a class or ignored, or this is an error.
    pub(crate) fn open(spec: &str, logits: &Matrix, ignore_index: Option<i64>) -> Result<Self> {
        Self::new(spec, Array::open(spec)?, logits, ignore_index)
    }

    fn new(spec: &str, array: Array, logits: &Matrix, ignore_index: Option<i64>) -> Result<Self> {
        let expected = logits.leading();
        if !is_one_each(array.shape(), &expected) {
            let (got, logits) = (array.shape(), logits.shape());
            return Err(Failure::input(format!(
                "{spec}: targets of shape {got:?} do not fit logits of shape {logits:?}, which need {expected:?} \
                 (classes, as integers) or {logits:?} (probabilities, as floats)"
            )));
        }
        let mut targets = Self { array, rows: logits.rows(), valid: 0, ignore_index };
        for rows in chunks(targets.rows) {
            let resolved = count_valid(&targets.read(&rows)?, rows.start, logits.classes(), ignore_index);
            targets.valid += resolved.map_err(|error| Failure::input(format!("{spec}: {}", in_command_words(&error))))?;
            targets.release(&rows);
        }
        Ok(targets)
    }

    /// The sum over the rows that are not ignored of the target's class weight times the row's weight.
    pub(crate) fn sum_weights(&self, class_weights: Option<&[f32]>, row_weights: Option<&RowValues>) -> Result<f64> {
        let mut sum = Sum::default();
        for rows in chunks(self.rows) {
            let row_weights = row_weights.map(|weights| weights.read(&rows)).transpose()?;
            for (row, &target) in self.read(&rows)?.iter().enumerate().filter(|(_, target)| self.counts(**target)) {
                let class_weight = class_weights.map_or(1.0, |weights| f64::from(weights[target as usize]));
                let row_weight = row_weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]));
                sum.add(class_weight * row_weight);
            }
            self.release(&rows);
        }
        Ok(sum.total())
    }

    /// Whether a row with this target is not ignored.
    pub(crate) fn counts(&self, target: i64) -> bool {
        Some(target) != self.ignore_index
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
