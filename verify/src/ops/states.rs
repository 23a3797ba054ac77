//! A vocabulary in two pieces: states of each, merged, finish the loss of the whole.

use wgpu_xent::{CrossEntropyResult, Gpu, Result, RowState, Targets};

use super::loss::{SLACK, call, soft_call, weights};
use super::results::{expected_of, settle, values_of};
use crate::bounds::Each;
use crate::case::{Case, Expected, Input, Place, wide};
use crate::compare::Bound;
use crate::loss::{Goal, LossBounds, LossCall};
use crate::matrix::{Matrix, Shape};
use crate::results::Bounds;

pub(super) fn hard(input: &Input) -> Case {
    in_pieces(input, LossCall { argmax: true, entropy: true, gradient: true, ..call(input) })
}

pub(super) fn soft(input: &Input) -> Case {
    let class_weights = Some(weights(input.shape.classes, input.seed() + 4));
    let call = LossCall { class_weights, label_smoothing: 0.125, argmax: true, entropy: true, ..soft_call(input) };
    in_pieces(input, LossCall { gradient: true, target_gradient: true, ..call })
}

/// The classes from here on of a matrix, up to there.
fn columns(input: &Input, matrix: &Matrix, first: usize, end: usize) -> Matrix {
    let view = matrix.view();
    let rows: Vec<f32> =
        (0..view.rows()).flat_map(|row| view.row(row).skip(first).take(end - first).map(|x| x as f32).collect::<Vec<_>>()).collect();
    Matrix::new(&rows, Shape { classes: end - first, ..input.shape }, input.storage)
}

/// A part of the classes, and where it begins.
struct Piece {
    first: usize,
    call: LossCall,
}

impl Piece {
    fn new(input: &Input, whole: &LossCall, first: usize, end: usize) -> Self {
        let goal = match &whole.goal {
            Goal::Classes(targets) => Goal::Classes(targets.clone()),
            Goal::Probabilities(q) => Goal::Probabilities(columns(input, q, first, end)),
        };
        Self { first, call: LossCall { logits: columns(input, &whole.logits, first, end), goal, ..whole.clone() } }
    }

    fn states(&self, gpu: &Gpu, vocabulary: usize) -> Result<Vec<RowState>> {
        let options = self.call.options().piece(self.first, vocabulary);
        match &self.call.goal {
            Goal::Classes(targets) => gpu.row_states(&self.call.logits.view(), &Targets::new(targets), &options),
            Goal::Probabilities(q) => gpu.soft_row_states(&self.call.logits.view(), &q.view(), &options),
        }
    }

    fn finish(&self, gpu: &Gpu, vocabulary: usize, states: &[RowState]) -> Result<CrossEntropyResult> {
        let options = self.call.options().piece(self.first, vocabulary);
        let logits = self.call.logits.view();
        match &self.call.goal {
            Goal::Classes(targets) => gpu.cross_entropy_from_states(&logits, &Targets::new(targets), states, &options),
            Goal::Probabilities(q) => gpu.soft_cross_entropy_from_states(&logits, &q.view(), states, &options),
        }
    }
}

/// What the whole expects of the classes from here on.
fn of_piece(input: &Input, expected: &mut CrossEntropyResult<f64>, bounds: &mut Bounds, first: usize) {
    let shape = Shape { padding: 0, ..input.shape };
    let is_in = |i: &usize| shape.place(*i).1 >= first;
    for (matrix, bounds) in [(&mut expected.gradient, &mut bounds.gradient), (&mut expected.target_gradient, &mut bounds.target_gradient)] {
        let Some(values) = matrix else { continue };
        let kept: Vec<usize> = (0..values.len()).filter(is_in).collect();
        *bounds = Each::Of(kept.iter().map(|&i| bounds.get(i)).collect());
        *values = kept.iter().map(|&i| values[i]).collect();
    }
}

fn in_pieces(input: &Input, whole: LossCall) -> Case {
    // The pieces end within a quad, if the row is long enough. A single class is a piece of its own.
    let (classes, cut) = (input.shape.classes, input.shape.classes * 2 / 5);
    let of_call = LossBounds::new(&whole, SLACK);
    let mut expected = whole.on_cpu().expect("options that fit");
    let mut bounds = of_call.of(&expected);
    let lse = Expected {
        result: "logsumexp of the states",
        values: expected.logsumexp.clone().unwrap_or_default(),
        bounds: bounds.logsumexp.clone(),
        place: Place::Rows,
    };
    of_piece(input, &mut expected, &mut bounds, cut);
    let last = Piece::new(input, &whole, cut, classes);
    let first = (cut > 0).then(|| Piece::new(input, &whole, 0, cut));
    let mut list = vec![lse];
    list.extend(expected_of(&last.call, &expected, bounds, Bound::absolute(0.0)));
    let run = move |gpu: &Gpu| {
        let mut states = last.states(gpu, classes)?;
        if let Some(first) = &first {
            states = first.states(gpu, classes)?.into_iter().zip(states).map(|(a, b)| a.merge(b)).collect();
        }
        let mut got = last.finish(gpu, classes, &states)?;
        settle(&whole, &of_call, &mut got, &expected);
        let (gradient, target_gradient) = (got.gradient.take().map(wide), got.target_gradient.take().map(wide));
        let mut values = vec![wide(states.iter().map(RowState::logsumexp))];
        values.extend(values_of(&last.call, &got, gradient, target_gradient));
        Ok(values)
    };
    Case { expected: list, run: Box::new(run) }
}
