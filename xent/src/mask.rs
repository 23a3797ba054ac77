//! Which classes take part, from a file.

use std::borrow::Cow;
use std::ops::Range;

use wgpu_xent::ClassMask;

use crate::arrays::Array;
use crate::failure::{Failure, Result};
use crate::form::Form;

/// A mask for all rows, or one for each.
#[derive(Debug)]
pub(crate) enum MaskFile {
    /// The packed mask.
    Shared(Vec<u32>),
    /// Of the logits' shape.
    Elements(Array),
}

impl MaskFile {
    /// Opens a bool or integer array of one element for each class, or of the logits' shape.
    pub(crate) fn open(spec: &str, form: &Form) -> Result<Self> {
        let array = Array::open(spec)?;
        array.read_bool(0, &mut [])?;
        let classes = form.classes();
        if array.shape() == [classes] {
            let mut allowed = vec![false; classes];
            array.read_bool(0, &mut allowed)?;
            return Ok(Self::Shared(ClassMask::pack(&allowed, classes)));
        }
        if array.shape() == form.shape() {
            return Ok(Self::Elements(array));
        }
        let (got, shape) = (array.shape(), form.shape());
        Err(Failure::input(format!("{spec}: class mask of shape {got:?}, expected [{classes}] or the logits' {shape:?}")))
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// The words of the mask that all rows share, or of those of some rows.
    pub(crate) fn words(&self, form: &Form, rows: &Range<usize>) -> Result<Cow<'_, [u32]>> {
        let array = match self {
            Self::Shared(words) => return Ok(words.into()),
            Self::Elements(array) => array,
        };
        let mut allowed = vec![false; rows.len() * form.classes()];
        let mut rest = &mut allowed[..];
        for run in form.runs(rows) {
            let (elements, others) = rest.split_at_mut(run.len());
            array.read_bool(run.start, elements)?;
            array.release_around(run.start, run.len());
            rest = others;
        }
        Ok(pack(&allowed, form.classes(), form.columns(rows)).into())
    }
}

/// The words of blocks of `classes x columns` elements, row after row.
fn pack(allowed: &[bool], classes: usize, columns: usize) -> Vec<u32> {
    if columns == 1 {
        return ClassMask::pack(allowed, classes);
    }
    let rows = allowed.chunks(classes * columns).flat_map(|block| (0..columns).map(move |column| &block[column..]));
    rows.flat_map(|row| ClassMask::pack(&row.iter().step_by(columns).copied().collect::<Vec<_>>(), classes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_blocks_are_rows() {
        // Two blocks of three classes and two columns.
        let allowed = [1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1].map(|bit| bit == 1);
        assert_eq!(pack(&allowed, 3, 2), [0b101, 0b110, 0b000, 0b100]);
        assert_eq!(pack(&allowed, 3, 1), [0b001, 0b111, 0b000, 0b100]);
    }
}
