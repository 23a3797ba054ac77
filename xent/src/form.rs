//! How a shape divides into rows and classes.

use std::ops::Range;

use wgpu_xent::{Element, Logits};

use crate::failure::Result;

/// The most rows of a window, however short they are: what is kept for each of them adds up.
const MOST_ROWS: usize = 1 << 20;
/// The rows that a window should have which is a part of a block, so that what lies together fills a page of memory, and the size
/// to which the window may grow for that: well below what adapters can bind.
const PAGE_OF_COLUMNS: usize = 1024;
const LARGEST_PART: usize = 64 << 20;
/// The longest last dimension that makes the rows of arrays whose elements do not depend on each other.
const LONGEST_FLAT_ROW: usize = 1 << 20;

/// An array as blocks of `classes x inner` elements: element `c` of row `r` is element `c * inner + r % inner` of block `r / inner`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    shape: Vec<usize>,
    dims: Range<usize>,
    rows: usize,
    classes: usize,
    inner: usize,
}

impl Form {
    /// The classes are these dimensions, which follow each other.
    pub(crate) fn new(shape: &[usize], dims: Range<usize>) -> Result<Self> {
        let product = |dims: &[usize]| dims.iter().product::<usize>();
        let (classes, inner) = (product(&shape[dims.clone()]), product(&shape[dims.end..]));
        let rows = product(&shape[..dims.start]) * inner;
        if classes == 0 && rows > 0 {
            return Err(wgpu_xent::Error::NoClasses { rows }.into());
        }
        Ok(Self { shape: shape.to_vec(), dims, rows, classes, inner })
    }

    /// Rows of any length, for elements that do not depend on each other.
    pub(crate) fn flat(shape: &[usize]) -> Result<Self> {
        let len: usize = shape.iter().product();
        let classes = shape.last().copied().filter(|last| (1..=LONGEST_FLAT_ROW).contains(last)).unwrap_or(1);
        Self::new(&[len / classes, classes], 1..2)
    }

    /// The same rows, with another number of classes in one dimension.
    pub(crate) fn with_classes(&self, classes: usize) -> Self {
        let (shape, dims) = (self.with_dims(&[classes]), self.dims.start..self.dims.start + 1);
        Self { shape, dims, classes, ..*self }
    }

    /// The shape without the classes, in whose order rows count.
    pub(crate) fn leading(&self) -> Vec<usize> {
        self.with_dims(&[])
    }

    /// The shape with each dimension of the classes as 1.
    pub(crate) fn kept(&self) -> Vec<usize> {
        self.with_dims(&vec![1; self.dims.len()])
    }

    fn with_dims(&self, classes: &[usize]) -> Vec<usize> {
        [&self.shape[..self.dims.start], classes, &self.shape[self.dims.end..]].concat()
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// The columns of each block that some rows are: all of them, or those of a part of one block.
    pub(crate) fn columns(&self, rows: &Range<usize>) -> usize {
        self.inner.min(rows.len()).max(1)
    }

    /// Where the elements of these rows lie: in one run if they are whole blocks, else in one for each class.
    pub(crate) fn runs(&self, rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (inner, len) = (self.inner, rows.len());
        let in_parts = !rows.is_empty() && len < inner;
        let first = if in_parts { rows.start / inner * inner * self.classes + rows.start % inner } else { rows.start * self.classes };
        let (count, step, len) = if in_parts { (self.classes, inner, len) } else { (1, 0, len * self.classes) };
        (0..count).map(move |i| first + i * step..first + i * step + len)
    }

    /// A view of the elements of these rows, read run after run.
    pub(crate) fn view<'a, T: Element>(&self, data: &'a [T], rows: &Range<usize>) -> wgpu_xent::Result<Logits<'a>> {
        let columns = self.columns(rows);
        Logits::with_blocks(data, rows.len() / columns, self.classes, columns, self.classes * columns)
    }

    /// A view of no rows: to have options checked before anything is computed.
    pub(crate) fn no_rows(&self) -> wgpu_xent::Result<Logits<'static>> {
        Logits::new::<f32>(&[], 0, self.classes)
    }

    /// Windows of about `bytes` bytes of float32: whole blocks, or parts of one if a block is larger.
    pub(crate) fn windows(&self, bytes: usize) -> Vec<Range<usize>> {
        let row_bytes = self.classes * size_of::<f32>();
        let fitting = (bytes / row_bytes.max(1)).clamp(1, MOST_ROWS);
        if fitting >= self.inner {
            return steps(0..self.rows, fitting - fitting % self.inner.max(1));
        }
        let columns = fitting.max(PAGE_OF_COLUMNS.min(LARGEST_PART / row_bytes.max(1)));
        let blocks = (0..self.rows).step_by(self.inner);
        blocks.flat_map(|first| steps(first..first + self.inner, columns)).collect()
    }
}

/// Parts of a file of one value a row.
pub(crate) fn chunks(rows: usize) -> Vec<Range<usize>> {
    steps(0..rows, MOST_ROWS)
}

fn steps(rows: Range<usize>, step: usize) -> Vec<Range<usize>> {
    rows.clone().step_by(step.max(1)).map(|first| first..rows.end.min(first + step)).collect()
}

/// The dimensions asked for, by default the first of two or more, as groups that follow each other, in rising order.
pub(crate) fn groups(shape: &[usize], asked: &[i64]) -> std::result::Result<Vec<Range<usize>>, String> {
    let count = shape.len();
    if count == 0 {
        return Err("a scalar has no dimension of classes".to_owned());
    }
    let mut dims = if asked.is_empty() { vec![usize::from(count > 1)] } else { resolved(count, asked)? };
    dims.sort_unstable();
    let mut groups: Vec<Range<usize>> = Vec::new();
    for dim in dims {
        match groups.last_mut() {
            Some(group) if group.end == dim => group.end += 1,
            _ => groups.push(dim..dim + 1),
        }
    }
    Ok(groups)
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
    fn dimensions_under_all_their_names() {
        let ends = |shape: &[usize], asked: &[i64]| pairs(groups(shape, asked).unwrap());
        assert_eq!(ends(&[3], &[]), [(0, 1)]);
        assert_eq!(ends(&[2, 3], &[]), [(1, 2)]);
        assert_eq!(ends(&[2, 3, 4], &[]), [(1, 2)]);
        assert_eq!(ends(&[2, 3, 4], &[-3]), [(0, 1)]);
        assert_eq!(ends(&[2, 3, 4], &[-1, 1]), [(1, 3)]);
        assert_eq!(ends(&[2, 3, 4, 5], &[3, 0, 1]), [(0, 2), (3, 4)]);
    }

    fn pairs(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<(usize, usize)> {
        ranges.into_iter().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn wrong_dimensions_are_named() {
        let cases: &[(&[usize], &[i64], &str)] = &[
            (&[], &[], "a scalar"),
            (&[2, 3], &[2], "dimension 2 is not in -2..2, the array has 2 dimensions"),
            (&[2, 3], &[-3], "dimension -3 is not in -2..2"),
            (&[2, 3], &[i64::MIN], "is not in -2..2"),
            (&[2, 3], &[1, -1], "dimension 1 is given twice"),
        ];
        for (shape, asked, part) in cases {
            let reason = groups(shape, asked).unwrap_err();
            assert!(reason.contains(part), "{part:?} is not in {reason:?}");
        }
    }

    #[test]
    fn windows_are_whole_blocks_or_parts_of_one() {
        let form = Form::new(&[10, 3, 4], 1..2).unwrap();
        assert_eq!(form.windows(12 * 9), [0..8, 8..16, 16..24, 24..32, 32..40]);
        assert_eq!(pairs(form.runs(&(8..16))), [(24, 48)]);
        let wide = Form::new(&[2, 3, 3000], 1..2).unwrap();
        assert_eq!(wide.windows(1 << 10), [0..1024, 1024..2048, 2048..3000, 3000..4024, 4024..5048, 5048..6000]);
        assert_eq!(wide.runs(&(4024..5048)).collect::<Vec<_>>(), [10024..11048, 13024..14048, 16024..17048]);
        let deep = Form::new(&[1 << 20, 100], 0..1).unwrap();
        assert_eq!(deep.windows(1 << 10)[..2], [0..16, 16..32]);
        assert!(Form::new(&[0, 3, 4], 1..2).unwrap().windows(100).is_empty());
        assert!(Form::new(&[2, 3, 0], 1..2).unwrap().windows(100).is_empty());
    }
}
