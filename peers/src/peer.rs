//! What every peer gives: named calls on one shape's data, timed one at a time, whose results can be fetched and checked.

use std::time::Instant;

use crate::data::Data;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// The mean loss of all rows.
    Loss,
    /// The mean loss and its gradient with respect to the logits.
    LossAndGradient,
    /// The softmax of every row.
    Softmax,
}

impl Op {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 3] = [Self::Loss, Self::LossAndGradient, Self::Softmax];

    /// Its name in results, that of `benches`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::LossAndGradient => "loss+gradient",
            Self::Softmax => "softmax",
        }
    }

    /// The operation of a name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name() == name)
    }

    /// The bytes that it cannot do without: every logit read once, every element written once, a word a row.
    pub(crate) fn bytes(self, data: &Data) -> u64 {
        let (rows, classes) = (data.rows as u64, data.classes as u64);
        4 * match self {
            Self::Loss => rows * classes + rows,
            Self::LossAndGradient => 2 * rows * classes + rows,
            Self::Softmax => 2 * rows * classes,
        }
    }
}

/// What one call took and, if it was asked for, gave.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// Milliseconds until the results are complete, and a loss is a number on the host.
    pub(crate) ms: f64,
    /// The mean loss.
    pub(crate) loss: Option<f64>,
    /// The gradient or the probabilities, fetched after the time was taken.
    pub(crate) elements: Option<Vec<f32>>,
}

/// One way of one peer to do one operation.
pub(crate) struct Variant<'a> {
    /// Whose code it is, and its version.
    pub(crate) peer: String,
    /// What it does.
    pub(crate) op: Op,
    /// How: the plan that ran, where outputs go.
    pub(crate) plan: String,
    /// Runs it once; `true` asks for the results.
    pub(crate) run: Box<dyn FnMut(bool) -> Ran + 'a>,
}

impl<'a> Variant<'a> {
    /// From its parts.
    pub(crate) fn new(peer: &str, op: Op, plan: impl Into<String>, run: impl FnMut(bool) -> Ran + 'a) -> Self {
        Self { peer: peer.into(), op, plan: plan.into(), run: Box::new(run) }
    }
}

/// The milliseconds of a call, and what it returns.
pub(crate) fn timed<T>(call: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = call();
    (start.elapsed().as_secs_f64() * 1e3, value)
}
