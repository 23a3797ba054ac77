//! A vocabulary in pieces: states of each, merged, finish the loss of the whole.
//!
//! Pipelines: states, and a loss from states, for each of three sets of options.

use crate::common::data::{Data, Random, make};
use crate::common::{Bound, assert_close, gpu, on_every_adapter};
use std::ops::Range;
use wgpu_xent::{
    ClassMask, CrossEntropy, CrossEntropyResult, Error, Gpu, LogitTransform, Logits, Reduction, Result, RowState, Targets, reference,
};
use wgpu_xent_verify::{Bounds, assert_results};

const ROWS: usize = 8;
const CLASSES: usize = 110;
const PIECES: [Range<usize>; 3] = [0..41, 41..44, 44..CLASSES];

/// The columns of a piece, row after row.
fn columns<T: Copy>(whole: &[T], piece: &Range<usize>) -> Vec<T> {
    whole.chunks(CLASSES).flat_map(|row| &row[piece.clone()]).copied().collect()
}

/// The whole, and what its options borrow.
struct Whole {
    logits: Vec<f32>,
    targets: Vec<i64>,
    probabilities: Vec<f32>,
    class_weights: Vec<f32>,
    row_weights: Vec<f32>,
    allowed: Vec<bool>,
}

impl Whole {
    fn new() -> Self {
        let mut random = Random::new(61);
        let (mut logits, mut targets) = make(Data::Normal, ROWS, CLASSES, 62);
        // A target in each piece, an ignored row.
        targets[..4].copy_from_slice(&[7, 42, 99, -100]);
        // Nothing in a piece, NaN in one that is not the target's, +inf, nothing at all.
        logits[4 * CLASSES..][PIECES[1].clone()].fill(f32::NEG_INFINITY);
        (targets[4], targets[5]) = (3, 3);
        logits[5 * CLASSES + 50] = f32::NAN;
        logits[6 * CLASSES + 43] = f32::INFINITY;
        logits[7 * CLASSES..].fill(f32::NEG_INFINITY);
        let mut positive = |n: usize| (0..n).map(|_| 0.25 + random.uniform() as f32).collect::<Vec<f32>>();
        Self {
            probabilities: positive(ROWS * CLASSES).into_iter().map(|q| q / CLASSES as f32).collect(),
            class_weights: positive(CLASSES),
            row_weights: positive(ROWS),
            // The targets, and three of four others.
            allowed: (0..ROWS * CLASSES).map(|i| i % 4 != 2 || i % CLASSES == 42 || i % CLASSES == 99).collect(),
            logits,
            targets,
        }
    }

    fn weighted(&self) -> CrossEntropy<'_> {
        let plain = CrossEntropy::new().class_weights(&self.class_weights[..]).row_weights(&self.row_weights[..]);
        plain.label_smoothing(0.125).z_loss(0.01).z_loss_part(true)
    }
}

/// What a loss is computed from, in the whole and in a piece.
#[derive(Clone, Copy)]
enum Goal<'a> {
    Classes(Targets<'a>),
    Probabilities(Logits<'a>),
}

impl Goal<'_> {
    fn states(&self, gpu: &Gpu, logits: &Logits<'_>, options: &CrossEntropy<'_>) -> Result<Vec<RowState>> {
        match self {
            Self::Classes(targets) => gpu.row_states(logits, targets, options),
            Self::Probabilities(q) => gpu.soft_row_states(logits, q, options),
        }
    }

    fn finish(&self, gpu: &Gpu, logits: &Logits<'_>, states: &[RowState], options: &CrossEntropy<'_>) -> Result<CrossEntropyResult> {
        match self {
            Self::Classes(targets) => gpu.cross_entropy_from_states(logits, targets, states, options),
            Self::Probabilities(q) => gpu.soft_cross_entropy_from_states(logits, q, states, options),
        }
    }

    fn reference(&self, logits: &Logits<'_>, options: &CrossEntropy<'_>) -> CrossEntropyResult<f64> {
        match self {
            Self::Classes(targets) => reference::cross_entropy(logits, targets, options).unwrap(),
            Self::Probabilities(q) => reference::soft_cross_entropy(logits, q, options).unwrap(),
        }
    }
}

/// What is here of a piece.
struct Piece {
    range: Range<usize>,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
    mask: Vec<u32>,
}

impl Piece {
    fn new(whole: &Whole, range: Range<usize>) -> Self {
        Self {
            logits: columns(&whole.logits, &range),
            probabilities: columns(&whole.probabilities, &range),
            mask: ClassMask::pack(&columns(&whole.allowed, &range), range.len()),
            range,
        }
    }

    fn view<'a>(&self, values: &'a [f32]) -> Logits<'a> {
        Logits::new(values, ROWS, self.range.len()).unwrap()
    }

    /// The piece's share of the goal.
    fn goal<'a>(&'a self, of: &Goal<'a>) -> Goal<'a> {
        match of {
            Goal::Classes(targets) => Goal::Classes(*targets),
            Goal::Probabilities(_) => Goal::Probabilities(self.view(&self.probabilities)),
        }
    }

    fn options<'a>(&'a self, of: CrossEntropy<'a>, masked: bool) -> CrossEntropy<'a> {
        let mask = masked.then(|| ClassMask::per_row(&self.mask, ROWS, self.range.len()).unwrap());
        of.transform(LogitTransform::new().mask(mask)).piece(self.range.start, CLASSES)
    }
}

fn merged(states: &[Vec<RowState>], order: [usize; 3]) -> Vec<RowState> {
    (0..ROWS).map(|row| order.iter().map(|&piece| states[piece][row]).fold(RowState::EMPTY, RowState::merge)).collect()
}

/// Every piece finishes to the results of the whole, and to its own columns of the gradients.
fn check(gpu: &Gpu, whole: &Whole, goal: &Goal<'_>, options: CrossEntropy<'_>, masked: bool) {
    let pieces = PIECES.map(|range| Piece::new(whole, range));
    let words = ClassMask::pack(&whole.allowed, CLASSES);
    let mask = masked.then(|| ClassMask::per_row(&words, ROWS, CLASSES).unwrap());
    let logits = Logits::new(&whole.logits, ROWS, CLASSES).unwrap();
    let expected = goal.reference(&logits, &options.class_mask(mask));
    let states_of = |piece: &Piece| piece.goal(goal).states(gpu, &piece.view(&piece.logits), &piece.options(options, masked)).unwrap();
    let states: Vec<Vec<RowState>> = pieces.iter().map(states_of).collect();
    for (order, piece) in [[0, 1, 2], [2, 0, 1], [1, 2, 0]].into_iter().zip(&pieces) {
        let merged = merged(&states, order);
        let lse: Vec<f32> = merged.iter().map(RowState::logsumexp).collect();
        assert_close("the states' logsumexp", &lse, expected.logsumexp.as_ref().unwrap(), |_| Bound { relative: 2e-6, absolute: 2e-6 });
        let got = piece.goal(goal).finish(gpu, &piece.view(&piece.logits), &merged, &piece.options(options, masked)).unwrap();
        let mut of_piece = expected.clone();
        for matrix in [&mut of_piece.gradient, &mut of_piece.target_gradient].into_iter().flatten() {
            *matrix = columns(matrix, &piece.range);
        }
        assert_results(&format!("piece {:?}", piece.range), &got, &of_piece, &Bounds::PLAIN);
    }
}

/// What class indices and probabilities both have, and pieces can tell.
fn outputs(options: CrossEntropy<'_>) -> CrossEntropy<'_> {
    options.reduction(Reduction::Sum).row_loss(true).logsumexp(true).argmax(true).entropy(true).gradient(true)
}

#[test]
fn pieces_are_the_whole() {
    let whole = Whole::new();
    let classes = Goal::Classes(Targets::new(&whole.targets));
    let probabilities = Goal::Probabilities(Logits::new(&whole.probabilities, ROWS, CLASSES).unwrap());
    on_every_adapter(|gpu| {
        check(gpu, &whole, &classes, outputs(CrossEntropy::new()).log_prob(true), false);
        check(gpu, &whole, &classes, outputs(whole.weighted()).log_prob(true), true);
        check(gpu, &whole, &probabilities, outputs(whole.weighted()).target_gradient(true), true);
    });
}

/// The log-sum-exp of merged states, of rows with special values and with several of the largest class.
#[test]
fn merged_states_tell_the_logsumexp() {
    let (inf, nan, rows) = (f32::INFINITY, f32::NAN, 7);
    let left =
        [[0.5, -3.0, 2.0], [-inf; 3], [nan, 0.0, 0.0], [5.0; 3], [inf, 2.0, inf], [inf, 0.0, 0.0], [f32::MIN, -inf, f32::MIN]].concat();
    let right = [[2.0, 1.0], [-inf; 2], [0.0, 1.0], [5.0; 2], [0.0; 2], [inf; 2], [-inf, f32::MIN]].concat();
    let expected =
        [0.5_f64.exp() + (-3.0_f64).exp() + 2.0 * 2.0_f64.exp() + 1.0_f64.exp(), 0.0, f64::NAN, 5.0 * 5.0_f64.exp()].map(f64::ln);
    let expected = expected.into_iter().chain([f64::INFINITY, f64::INFINITY, f64::from(f32::MIN)]);
    on_every_adapter(|gpu| {
        let states = |values, classes, first| {
            let (targets, options) = (vec![0; rows], CrossEntropy::new().piece(first, 5));
            gpu.row_states(&Logits::new(values, rows, classes).unwrap(), &Targets::new(&targets), &options).unwrap()
        };
        for ((a, b), expected) in states(&left, 3, 0).into_iter().zip(states(&right, 2, 3)).zip(expected.clone()) {
            let got = f64::from(a.merge(b).logsumexp());
            let close = (got - expected).abs() <= 1e-6 * (1.0 + expected.abs());
            assert!(close || got == expected || got.is_nan() && expected.is_nan(), "{got} instead of {expected}");
        }
    });
}

#[test]
fn what_does_not_fit() {
    let (values, targets) = ([0.0_f32; 6], Targets::new(&[0, 4]));
    let logits = Logits::new(&values, 2, 3).unwrap();
    let piece = CrossEntropy::new().piece(2, 5);
    let message = |error: Error| error.to_string();
    let text = message(gpu().cross_entropy(&logits, &targets, &piece).unwrap_err());
    assert_eq!(text, "the loss of a piece of a vocabulary needs the states of all pieces");
    let states = |options: &CrossEntropy<'_>| message(gpu().row_states(&logits, &targets, options).unwrap_err());
    let ranked = "the rank of a target needs the whole vocabulary, not the states of its pieces";
    assert_eq!(states(&piece.rank(true)), ranked);
    assert_eq!(states(&piece.top_k(2)), ranked);
    assert_eq!(states(&piece.piece(3, 5)), "a piece of classes 3..6 is not within a vocabulary of 5");
    assert_eq!(states(&piece.class_weights(&[1.0; 3][..])), "class_weights holds 3 elements, but 5 are needed");
    let wrong = message(gpu().row_states(&logits, &Targets::new(&[0, 5]), &piece).unwrap_err());
    assert_eq!(wrong, "target 5 of row 1 is not in 0..5 and is not ignore_index -100");
    let finish = |count, options: &CrossEntropy<'_>| {
        message(gpu().cross_entropy_from_states(&logits, &targets, &vec![RowState::EMPTY; count], options).unwrap_err())
    };
    assert_eq!(finish(1, &piece), "states holds 1 elements, but 2 are needed");
    assert_eq!(finish(3, &piece.reduction(Reduction::Sum)), "states holds 3 elements, but 2 are needed");
    assert_eq!(
        finish(2, &piece.piece(usize::MAX, 5)),
        "a piece of classes 18446744073709551615..18446744073709551615 is not within a vocabulary of 5"
    );
    let q = gpu().soft_cross_entropy(&logits, &logits, &piece).unwrap_err();
    assert_eq!(message(q), "the loss of a piece of a vocabulary needs the states of all pieces");
}

/// States of pieces hold no rank: a loss from them must not answer with one.
#[test]
fn the_rank_of_a_target_in_a_piece_is_refused() {
    let (values, targets) = ([0.0_f32, 1.0, 2.0], Targets::new(&[0]));
    let logits = Logits::new(&values, 1, 3).unwrap();
    let piece = CrossEntropy::new().piece(0, 5);
    let states = gpu().row_states(&logits, &targets, &piece).unwrap();
    for wanted in [piece.rank(true), piece.top_k(1)] {
        let result = gpu().cross_entropy_from_states(&logits, &targets, &states, &wanted);
        assert!(matches!(result, Err(Error::Options(_))), "the target is behind two classes: {result:?}");
    }
}
