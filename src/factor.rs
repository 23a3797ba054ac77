//! A number for all rows, or one for each.

use crate::{Error, Result};

/// A factor: the same for all rows, or one for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Factor<'a> {
    /// One for all rows.
    Scalar(f32),
    /// One for each row.
    Rows(&'a [f32]),
}

impl Factor<'_> {
    /// The factor of a row.
    ///
    /// # Panics
    /// If there is none for this row.
    #[must_use]
    pub fn get(&self, row: usize) -> f32 {
        match self {
            Self::Scalar(factor) => *factor,
            Self::Rows(factors) => factors[row],
        }
    }

    /// There is one for each row.
    pub(crate) fn check_len(&self, what: &'static str, rows: usize) -> Result<()> {
        match self {
            Self::Rows(factors) => check_len(what, factors.len(), rows),
            Self::Scalar(_) => Ok(()),
        }
    }

    /// Every value is as it must be, or an error that names the first that is not.
    pub(crate) fn check_values(&self, what: &'static str, must: &'static str, is_good: impl Fn(f32) -> bool) -> Result<()> {
        match self {
            Self::Scalar(factor) if is_good(*factor) => Ok(()),
            Self::Scalar(factor) => Err(Error::Value { what, index: None, value: f64::from(*factor), must }),
            Self::Rows(factors) => check_values(what, factors, must, is_good),
        }
    }
}

impl From<f32> for Factor<'_> {
    fn from(factor: f32) -> Self {
        Self::Scalar(factor)
    }
}

impl<'a> From<&'a [f32]> for Factor<'a> {
    fn from(factors: &'a [f32]) -> Self {
        Self::Rows(factors)
    }
}

impl<'a> From<&'a Vec<f32>> for Factor<'a> {
    fn from(factors: &'a Vec<f32>) -> Self {
        Self::Rows(factors)
    }
}

/// A slice holds as many values as the shape asks for.
pub(crate) fn check_len(what: &'static str, got: usize, expected: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Length { what, expected, got }) }
}

/// Every value is as it must be, or an error that names the first that is not.
pub(crate) fn check_values(what: &'static str, values: &[f32], must: &'static str, is_good: impl Fn(f32) -> bool) -> Result<()> {
    match values.iter().position(|&value| !is_good(value)) {
        None => Ok(()),
        Some(index) => Err(Error::Value { what, index: Some(index), value: f64::from(values[index]), must }),
    }
}
