//! A case: one operation with some options on some input, what it must give, and how to run it.

use wgpu_xent::{Gpu, Result, Storage};

use crate::bounds::Each;
use crate::data::{Data, make};
use crate::matrix::{Matrix, Shape};

/// An operation with a set of options: a line of the table in `ops`.
pub(crate) struct Operation {
    /// The method's name.
    pub(crate) name: &'static str,
    /// The options, in words.
    pub(crate) options: &'static str,
    /// Which inputs it takes.
    pub(crate) takes: Takes,
    /// What it is tried on.
    pub(crate) tried: Tried,
    /// Whether a result has the shape of the logits.
    pub(crate) writes: bool,
    pub(crate) prepare: fn(&Input) -> Case,
}

/// How much an operation is tried on, beyond all kinds of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tried {
    /// Nothing: its parts are those of others.
    Data,
    /// All storage types and layouts: it reads or writes in a way of its own.
    Stored,
    /// Every strategy and every size besides.
    Throughout,
}

/// Which inputs an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Logits of any kind.
    Logits,
    /// Logits as a slice of f32: no other storage, and no padding.
    Slices,
    /// What the losses over elements take: their own inputs, with special values in every pair or without.
    Elements,
}

impl Takes {
    /// What the inputs are called.
    pub(crate) fn name(self, data: Data) -> String {
        match (self, data) {
            (Self::Logits | Self::Slices, data) => data.to_string(),
            (Self::Elements, Data::Special) => "special pairs".to_owned(),
            (Self::Elements, _) => "elements".to_owned(),
        }
    }
}

/// What an operation is tried on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Input {
    pub(crate) shape: Shape,
    pub(crate) storage: Storage,
    pub(crate) data: Data,
}

impl Input {
    /// Logits, row after row, and a target for each.
    pub(crate) fn values(&self) -> (Vec<f32>, Vec<i64>) {
        make(self.data, self.shape.rows(), self.shape.classes, self.seed())
    }

    pub(crate) fn logits(&self) -> Matrix {
        self.matrix(&self.values().0)
    }

    /// Other values of this shape and storage, row after row.
    pub(crate) fn matrix(&self, rows: &[f32]) -> Matrix {
        Matrix::new(rows, self.shape, self.storage)
    }

    pub(crate) fn rows(&self) -> usize {
        self.shape.rows()
    }

    /// A scale above 1, or one below it where it would take logits beyond f32: those are infinite to kernels, and not to the reference.
    pub(crate) fn widest_scale(&self) -> f32 {
        if matches!(self.data, Data::Huge | Data::Special) { 0.125 } else { 2.0 }
    }

    /// Data differs by shape, not from run to run.
    pub(crate) fn seed(&self) -> u64 {
        (self.shape.rows() * 31 + self.shape.classes) as u64
    }
}

/// Where the values of a result belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the whole call.
    Call,
    /// One to each row.
    Rows,
    /// One to each element, dense.
    Elements(Shape),
    /// So many to each row, one after another.
    Lists(usize),
}

impl Place {
    /// The row and class, or place in the list, of a value.
    pub(crate) fn of(self, index: usize) -> (Option<usize>, Option<usize>) {
        match self {
            Self::Call => (None, None),
            Self::Rows => (Some(index), None),
            Self::Elements(shape) => {
                let (row, class) = shape.place(index);
                (Some(row), Some(class))
            }
            Self::Lists(len) => (Some(index / len), Some(index % len)),
        }
    }
}

/// What one result must be.
pub(crate) struct Expected {
    pub(crate) result: &'static str,
    pub(crate) values: Vec<f64>,
    pub(crate) bounds: Each,
    pub(crate) place: Place,
}

/// Runs an operation: its results in the order in which they are expected.
pub(crate) type Run = Box<dyn Fn(&Gpu) -> Result<Vec<Vec<f64>>>>;

/// What must come out, and how to get it.
pub(crate) struct Case {
    pub(crate) expected: Vec<Expected>,
    pub(crate) run: Run,
}

/// f32 results as they are compared.
pub(crate) fn wide(values: impl IntoIterator<Item = f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

/// Classes and counts as they are compared.
pub(crate) fn whole(values: &[u32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}
