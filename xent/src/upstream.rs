//! The gradient that arrives from above, one factor a row or one for all.

use std::borrow::Cow;
use std::ops::Range;

use crate::arrays::Array;
use crate::failure::{Failure, Result};
use crate::matrix::open_floats;

/// The factors on the rows' gradients.
#[derive(Debug)]
pub(crate) enum RowFactors {
    /// The same for all rows.
    Scalar(f32),
    /// From a file.
    Rows(Array),
}

impl RowFactors {
    /// Opens a file that holds one element, or an array of one of the shapes.
    pub(crate) fn open(spec: &str, shapes: &[&[usize]]) -> Result<Self> {
        let array = open_floats(spec)?;
        if array.len() == 1 {
            return Ok(Self::Scalar(array.window_f32(0, 1)?[0]));
        }
        if shapes.contains(&array.shape()) {
            return Ok(Self::Rows(array));
        }
        let expected: String = shapes.iter().map(|shape| format!(" or shape {shape:?}")).collect();
        Err(Failure::input(format!("{spec}: upstream gradient of shape {:?}, expected one element{expected}", array.shape())))
    }

    /// One factor for each of these rows.
    pub(crate) fn read(&self, rows: &Range<usize>) -> Result<Cow<'_, [f32]>> {
        match self {
            Self::Scalar(factor) => Ok(vec![*factor; rows.len()].into()),
            Self::Rows(array) => Ok(array.window_f32(rows.start, rows.len())?),
        }
    }
}
