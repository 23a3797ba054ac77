//! Numbers for rows and classes: one for all, or one for each from a file.

use std::borrow::Cow;
use std::ops::Range;

use wgpu_xent::Factor;

use crate::arrays::Array;
use crate::failure::{Failure, Result};
use crate::form::chunks;
use crate::matrix::open_floats;
use crate::sum::Sum;

/// A number for each row.
#[derive(Debug)]
pub(crate) enum RowValues {
    /// The same for all rows.
    Scalar(f32),
    /// From a file.
    Rows(Array),
}

impl RowValues {
    /// Opens a file that holds one element, or an array of one of the shapes.
    pub(crate) fn open(spec: &str, what: &str, shapes: &[&[usize]]) -> Result<Self> {
        let array = open_floats(spec)?;
        if array.len() == 1 {
            return Ok(Self::Scalar(array.window_f32(0, 1)?[0]));
        }
        if shapes.contains(&array.shape()) {
            return Ok(Self::Rows(array));
        }
        let expected: String = shapes.iter().map(|shape| format!(" or shape {shape:?}")).collect();
        Err(Failure::input(format!("{spec}: {what} of shape {:?}, expected one element{expected}", array.shape())))
    }

    /// Opens an array of one element for each row.
    pub(crate) fn open_each(spec: &str, what: &str, shape: &[usize]) -> Result<Self> {
        let array = open_floats(spec)?;
        if is_one_each(array.shape(), shape) {
            return Ok(Self::Rows(array));
        }
        Err(Failure::input(format!("{spec}: {what} of shape {:?}, expected {shape:?}, one for each row", array.shape())))
    }

    /// Every number is as it must be, or an error that names the first that is not.
    pub(crate) fn check(&self, what: &'static str, must: &'static str, is_good: impl Fn(f32) -> bool) -> Result<()> {
        let wrong = |index, value: f32| Err(wgpu_xent::Error::Value { what, index, value: value.into(), must }.into());
        let array = match self {
            Self::Scalar(value) if is_good(*value) => return Ok(()),
            Self::Scalar(value) => return wrong(None, *value),
            Self::Rows(array) => array,
        };
        for rows in chunks(array.len()) {
            let values = array.window_f32(rows.start, rows.len())?;
            if let Some(index) = values.iter().position(|&value| !is_good(value)) {
                return wrong(Some(rows.start + index), values[index]);
            }
        }
        Ok(())
    }

    /// The sum of those of all rows.
    pub(crate) fn sum(&self, rows: usize) -> Result<f64> {
        let mut sum = Sum::default();
        for rows in chunks(rows) {
            self.read(&rows)?.iter().for_each(|&value| sum.add(value.into()));
        }
        Ok(sum.total())
    }

    /// Those of some rows.
    pub(crate) fn window(&self, rows: &Range<usize>) -> Result<Window<'_>> {
        Ok(match self {
            Self::Scalar(value) => Window::Scalar(*value),
            Self::Rows(array) => Window::Rows(array.window_f32(rows.start, rows.len())?),
        })
    }

    /// One number for each of these rows.
    pub(crate) fn read(&self, rows: &Range<usize>) -> Result<Cow<'_, [f32]>> {
        Ok(match self.window(rows)? {
            Window::Scalar(value) => vec![value; rows.len()].into(),
            Window::Rows(values) => values,
        })
    }
}

/// The numbers of a window's rows.
#[derive(Debug)]
pub(crate) enum Window<'a> {
    Scalar(f32),
    Rows(Cow<'a, [f32]>),
}

impl Window<'_> {
    pub(crate) fn factor(&self) -> Factor<'_> {
        match self {
            Self::Scalar(value) => Factor::Scalar(*value),
            Self::Rows(values) => Factor::Rows(values),
        }
    }
}

/// Whether an array has one element for each row. A single row, which has no row dimension, may have its element with one.
pub(crate) fn is_one_each(shape: &[usize], leading: &[usize]) -> bool {
    shape == leading || (leading.is_empty() && shape == [1])
}

/// Reads an array of one number for each class.
pub(crate) fn open_class_values(spec: &str, what: &str, classes: usize) -> Result<Vec<f32>> {
    let array = open_floats(spec)?;
    if array.shape() != [classes] {
        return Err(Failure::input(format!("{spec}: {what} of shape {:?}, expected [{classes}], one for each class", array.shape())));
    }
    Ok(array.window_f32(0, classes)?.into_owned())
}
