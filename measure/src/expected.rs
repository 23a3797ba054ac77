//! What the reference says of a case, and how near a result must come.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use wgpu_xent::{CrossEntropy, Logits, Reduction, Storage, Targets, reference};

use crate::data::Data;
use crate::values::rounding;

/// What the reference computes. The loss is the mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Softmax,
    LogSoftmax,
    LogSumExp,
    Loss,
    Gradient,
}

/// The largest relative difference from the reference that passes before rounding, elements far below the maximum included. For
/// logarithms below 1 it is the absolute difference.
const BOUND: f64 = 1e-5;

impl Answer {
    /// How its elements are stored, for logits stored so.
    pub(crate) fn storage(self, logits: Storage) -> Storage {
        if matches!(self, Self::LogSumExp | Self::Loss) { Storage::F32 } else { logits }
    }

    /// The elements of all rows.
    pub(crate) fn len(self, data: &Data) -> usize {
        match self {
            Self::Loss => 1,
            Self::LogSumExp => data.shape.rows,
            Self::Softmax | Self::LogSoftmax | Self::Gradient => data.shape.elements(),
        }
    }

    /// The largest difference of a result from the reference as a share of what passes; NaN if there is a NaN.
    pub(crate) fn worst(self, got: &[f32], expected: &[f64], storage: Storage) -> f64 {
        let least = if matches!(self, Self::LogSoftmax | Self::LogSumExp) { 1.0 } else { f64::from(f32::MIN_POSITIVE) };
        let (relative, absolute) = rounding(self.storage(storage));
        let share = |got: f64, want: f64| {
            let passes = BOUND * want.abs().max(least) + relative * want.abs() + absolute;
            if got == want { 0.0 } else { (got - want).abs() / passes }
        };
        let pairs = got.chunks(expected.len()).flat_map(|rows| rows.iter().zip(expected));
        let shares = pairs.map(|(&got, &want)| share(f64::from(got), want));
        shares.fold(0.0, |worst: f64, s| if s > worst || s.is_nan() { s } else { worst })
    }
}

/// A period of each answer, computed when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Reference(RefCell<HashMap<Answer, Rc<Vec<f64>>>>);

impl Reference {
    pub(crate) fn of(&self, data: &Data, answer: Answer) -> Rc<Vec<f64>> {
        Rc::clone(self.0.borrow_mut().entry(answer).or_insert_with(|| Rc::new(computed(data, answer))))
    }
}

fn computed(data: &Data, answer: Answer) -> Vec<f64> {
    let logits = Logits::new(&data.values, data.period, data.shape.classes).expect("a period of rows");
    let targets = Targets::new(&data.targets[..data.period]);
    let options = CrossEntropy::new().reduction(Reduction::None);
    let whole = |options| reference::cross_entropy(&logits, &targets, &options).expect("targets are classes");
    let rows = data.shape.rows;
    match answer {
        Answer::Softmax => reference::softmax(&logits),
        Answer::LogSoftmax => reference::log_softmax(&logits),
        Answer::LogSumExp => reference::logsumexp(&logits),
        Answer::Loss => {
            let losses = whole(options).row_loss.expect("losses of the rows");
            vec![(0..rows).map(|r| losses[r % data.period]).sum::<f64>() / rows as f64]
        }
        Answer::Gradient => whole(options.gradient(true)).gradient.expect("a gradient").iter().map(|g| g / rows as f64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_shows() {
        let expected = [0.5, 0.25];
        let worst = |got: &[f32], storage| Answer::Softmax.worst(got, &expected, storage);
        assert_eq!(worst(&[0.5, 0.25, 0.5], Storage::F32), 0.0);
        assert!(worst(&[0.5, 0.2501], Storage::F32) > 1.0);
        assert!(worst(&[0.5, 0.2501], Storage::Bf16) < 1.0);
        assert!(worst(&[0.5, 0.26], Storage::Bf16) > 1.0);
        assert!(worst(&[f32::NAN, 0.25], Storage::F32).is_nan());
    }
}
