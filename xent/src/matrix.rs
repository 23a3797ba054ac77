//! An array as rows of classes, and passes over it.

use std::borrow::Cow;
use std::ops::Range;

use half::{bf16, f16};
use wgpu_xent::Logits;

use crate::arrays::{Array, Float};
use crate::failure::{Failure, Result};
use crate::form::{Form, groups};
use crate::interrupt;
use crate::progress::Progress;

/// A float array in a file, some of whose dimensions are those of the classes.
#[derive(Debug)]
pub(crate) struct Matrix {
    array: Array,
    form: Form,
}

impl Matrix {
    /// Opens an array with the given dimensions, or by default the first of two or more, as its classes.
    pub(crate) fn open(spec: &str, dims: &[i64]) -> Result<Self> {
        let (array, groups) = open_with_groups(spec, dims)?;
        match &groups[..] {
            [dims] => Self::new(array, dims.clone()),
            _ => Err(Failure::input(format!("{spec}: dimensions {dims:?} of shape {:?} do not follow each other", array.shape()))),
        }
    }

    pub(crate) fn new(array: Array, dims: Range<usize>) -> Result<Self> {
        Ok(Self { form: Form::new(array.shape(), dims)?, array })
    }

    /// Opens an array whose elements do not depend on each other.
    pub(crate) fn open_flat(spec: &str) -> Result<Self> {
        let array = open_floats(spec)?;
        Ok(Self { form: Form::flat(array.shape())?, array })
    }

    /// Opens an array that has the shape of this one.
    pub(crate) fn open_like(&self, spec: &str, what: &str) -> Result<Self> {
        let array = open_floats(spec)?;
        if array.shape() == self.shape() {
            return Ok(Self { array, form: self.form.clone() });
        }
        let (got, expected) = (array.shape(), self.shape());
        Err(Failure::input(format!("{spec}: {what} of shape {got:?}, expected {expected:?}")))
    }

    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// The shape without the classes.
    pub(crate) fn leading(&self) -> Vec<usize> {
        self.form.leading()
    }

    pub(crate) fn rows(&self) -> usize {
        self.form.rows()
    }

    pub(crate) fn classes(&self) -> usize {
        self.form.classes()
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.array.len()
    }

    /// The values of some rows, as the form's [`view`](Form::view) takes them.
    pub(crate) fn read(&self, rows: &Range<usize>) -> Result<Cow<'_, [f32]>> {
        let mut runs = self.form.runs(rows);
        if let (1, Some(run)) = (runs.size_hint().0, runs.next()) {
            return Ok(self.array.window_f32(run.start, run.len())?);
        }
        let mut values = vec![0.0; rows.len() * self.classes()];
        for (run, values) in self.form.runs(rows).zip(values.chunks_mut(rows.len())) {
            self.array.read_f32(run.start, values)?;
            self.array.release_around(run.start, run.len());
        }
        Ok(values.into())
    }

    /// Some rows that the file holds side by side as `T`s: they need no copy, and of 16 bits half the upload.
    fn stored<T: Float>(&self, rows: &Range<usize>) -> Result<Option<&[T]>> {
        let mut runs = self.form.runs(rows);
        match (runs.next(), runs.next()) {
            (Some(run), None) => Ok(self.array.stored(run.start, run.len())?),
            _ => Ok(None),
        }
    }

    /// Lets go of the memory that some rows occupy.
    pub(crate) fn release(&self, rows: &Range<usize>) {
        self.form.runs(rows).for_each(|run| self.array.release(run.start, run.len()));
    }

    /// Works on all rows, window by window of about `bytes` bytes.
    pub(crate) fn for_each_window(&self, bytes: usize, mut work: impl FnMut(&Range<usize>, &Logits<'_>) -> Result<()>) -> Result<()> {
        let row_bytes = self.classes() * size_of::<f32>();
        let mut progress = Progress::new((self.rows() * row_bytes) as u64);
        for rows in self.form.windows(bytes) {
            interrupt::go_on()?;
            if let Some(halves) = self.stored::<f16>(&rows)? {
                work(&rows, &self.form.view(halves, &rows)?)?;
            } else if let Some(halves) = self.stored::<bf16>(&rows)? {
                work(&rows, &self.form.view(halves, &rows)?)?;
            } else {
                work(&rows, &self.form.view(&self.read(&rows)?, &rows)?)?;
            }
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

/// Opens an array, and the dimensions of its classes as groups that follow each other.
pub(crate) fn open_with_groups(spec: &str, dims: &[i64]) -> Result<(Array, Vec<Range<usize>>)> {
    let array = open_floats(spec)?;
    let groups = groups(array.shape(), dims).map_err(|reason| Failure::input(format!("{spec}: {reason}")))?;
    Ok((array, groups))
}
