//! An array as rows of classes, and passes over it.

use std::borrow::Cow;
use std::ops::Range;

use wgpu_xent::Logits;

use crate::arrays::Array;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// The most rows of a window, however short they are: what is kept for each of them adds up.
const MOST_ROWS: usize = 1 << 20;

/// A float array in a file; its last dimension is that of the classes.
#[derive(Debug)]
pub(crate) struct Matrix {
    array: Array,
    rows: usize,
    classes: usize,
}

impl Matrix {
    /// Opens an array with the given dimensions, or by default the first of two or more, as its classes.
    pub(crate) fn open(spec: &str, dims: &[i64]) -> Result<Self> {
        let array = open_floats(spec)?;
        check_dims(array.shape(), dims).map_err(|reason| Failure::input(format!("{spec}: {reason}")))?;
        let (&classes, leading) = array.shape().split_last().expect("checked: a scalar has no dimensions");
        let rows = leading.iter().product();
        if classes == 0 && rows > 0 {
            return Err(wgpu_xent::Error::NoClasses { rows }.into());
        }
        Ok(Self { rows, classes, array })
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// The shape without the classes.
    pub(crate) fn leading(&self) -> &[usize] {
        &self.shape()[..self.shape().len() - 1]
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// The values of some rows.
    pub(crate) fn read(&self, rows: &Range<usize>) -> Result<Cow<'_, [f32]>> {
        Ok(self.array.window_f32(rows.start * self.classes, rows.len() * self.classes)?)
    }

    /// Lets go of the memory that some rows occupy.
    pub(crate) fn release(&self, rows: &Range<usize>) {
        self.array.release(rows.start * self.classes, rows.len() * self.classes);
    }

    /// Works on all rows, window by window of about `bytes` bytes.
    pub(crate) fn for_each_window(&self, bytes: usize, mut work: impl FnMut(&Range<usize>, &Logits<'_>) -> Result<()>) -> Result<()> {
        let row_bytes = self.classes * size_of::<f32>();
        let step = (bytes / row_bytes.max(1)).clamp(1, MOST_ROWS);
        let mut progress = Progress::new((self.rows * row_bytes) as u64);
        for first in (0..self.rows).step_by(step) {
            let rows = first..self.rows.min(first + step);
            work(&rows, &Logits::new(&self.read(&rows)?, rows.len(), self.classes)?)?;
            self.release(&rows);
            progress.advance((rows.len() * row_bytes) as u64);
        }
        Ok(())
    }
}

/// Opens an array whose elements can be read as f32.
pub(crate) fn open_floats(spec: &str) -> Result<Array> {
    let array = Array::open(spec)?;
    array.read_f32(0, &mut [])?;
    Ok(array)
}

/// The classes are the last dimension, or the reason why that cannot be had.
fn check_dims(shape: &[usize], asked: &[i64]) -> std::result::Result<(), String> {
    let count = shape.len();
    if count == 0 {
        return Err("a scalar has no dimension of classes".to_owned());
    }
    let dims = if asked.is_empty() { vec![usize::from(count > 1)] } else { resolved(count, asked)? };
    if dims == [count - 1] {
        return Ok(());
    }
    let dims = dims.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let by_default = if asked.is_empty() { " (the default, as in PyTorch)" } else { "" };
    Err(format!("classes in dimension {dims}{by_default} of shape {shape:?}: this version supports only the last, --dim=-1"))
}

/// Dimensions counted from the front.
fn resolved(count: usize, asked: &[i64]) -> std::result::Result<Vec<usize>, String> {
    let signed = count as i64;
    let mut dims = Vec::new();
    for &dim in asked {
        if !(-signed..signed).contains(&dim) {
            return Err(format!("dimension {dim} is not in {}..{count}, the array has {count} dimensions", -signed));
        }
        let resolved = dim.rem_euclid(signed) as usize;
        if dims.contains(&resolved) {
            return Err(format!("dimension {resolved} is given twice"));
        }
        dims.push(resolved);
    }
    Ok(dims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dimension_under_all_its_names() {
        let cases: &[(&[usize], &[i64])] =
            &[(&[3], &[]), (&[3], &[0]), (&[3], &[-1]), (&[2, 3], &[]), (&[2, 3], &[1]), (&[2, 3, 4], &[-1]), (&[2, 3, 4], &[2])];
        for (shape, asked) in cases {
            assert_eq!(check_dims(shape, asked), Ok(()), "{shape:?} {asked:?}");
        }
    }

    #[test]
    fn other_dimensions_are_named() {
        let cases: &[(&[usize], &[i64], &str)] = &[
            (&[], &[], "a scalar"),
            (&[2, 3, 4], &[], "dimension 1 (the default, as in PyTorch) of shape [2, 3, 4]"),
            (&[2, 3], &[-2], "dimension 0 of shape [2, 3]: this version supports only the last, --dim=-1"),
            (&[2, 3], &[0, -1], "dimension 0, 1 of shape"),
            (&[2, 3], &[2], "dimension 2 is not in -2..2, the array has 2 dimensions"),
            (&[2, 3], &[-3], "dimension -3 is not in -2..2"),
            (&[2, 3], &[i64::MIN], "is not in -2..2"),
            (&[2, 3], &[1, -1], "dimension 1 is given twice"),
        ];
        for (shape, asked, part) in cases {
            let reason = check_dims(shape, asked).unwrap_err();
            assert!(reason.contains(part), "{part:?} is not in {reason:?}");
        }
    }
}
