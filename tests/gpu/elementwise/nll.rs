//! The negative log-likelihood.

use super::SHAPES;
use super::case::Inputs;
use crate::common::data::Random;
use crate::common::{Bound, TINY, assert_close, gpu, on_every_adapter, with_every_strategy};
use crate::shared::nll::check_refusals;
use wgpu_xent::{CrossEntropy, Denominator, EmptyMean, Gpu, Logits, Reduction, Targets, reference};

fn check(gpu: &Gpu, log_probs: &Logits<'_>, targets: &[i64], options: &CrossEntropy<'_>) {
    let options = options.row_loss(true).gradient(true);
    let targets = Targets::new(targets);
    let got = gpu.nll_loss(log_probs, &targets, &options).unwrap();
    let expected = reference::nll_loss(log_probs, &targets, &options).unwrap();
    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    let rows = expected.row_loss.unwrap();
    let terms = rows.iter().filter(|loss| loss.is_finite()).map(|loss| loss.abs()).sum::<f64>();
    let divisor = if expected.denominator == 0.0 { 1.0 } else { expected.denominator.abs().min(1.0) };
    assert_close("row loss", &got.row_loss.unwrap(), &rows, tight);
    assert_close("gradient", &got.gradient.unwrap(), &expected.gradient.unwrap(), |_| Bound { relative: 2e-6, absolute: TINY });
    assert_close("denominator", &[got.denominator], &[expected.denominator], tight);
    assert_eq!(got.loss.is_some(), expected.loss.is_some());
    if let (Some(got), Some(expected)) = (got.loss, expected.loss) {
        assert_close("loss", &[got], &[expected], |_| Bound { relative: 1e-6, absolute: 1e-6 * terms / divisor + TINY });
    }
    assert_eq!((got.valid_rows, got.faults), (expected.valid_rows, expected.faults));
}

fn targets(rows: usize, classes: usize) -> Vec<i64> {
    let mut random = Random::new(41);
    (0..rows).map(|r| if r % 5 == 3 { -100 } else { random.below(classes) as i64 }).collect()
}

#[test]
fn at_every_shape() {
    let all = SHAPES.map(|shape| Inputs::new(shape, 42));
    with_every_strategy(|gpu| {
        for inputs in &all {
            let x = inputs.log_probs();
            let mut random = Random::new(43);
            let mut weights =
                |count: usize| (0..count).map(|_| [0.0, 1.0, 0.5 + random.uniform() as f32][random.below(3)]).collect::<Vec<_>>();
            let (classes, rows, upstream) = (weights(x.classes()), weights(x.rows()), weights(x.rows()));
            let targets = targets(x.rows(), x.classes());
            let plain = CrossEntropy::new();
            let weighted = plain.class_weights(&classes[..]).row_weights(&rows[..]);
            for options in [plain, weighted] {
                check(gpu, &x, &targets, &options.upstream(-0.25));
                check(gpu, &x, &targets, &options.reduction(Reduction::Sum));
                check(gpu, &x, &targets, &options.reduction(Reduction::None).upstream(&upstream));
                for denominator in [Denominator::Rows, Denominator::ValidRows, Denominator::AllWeights, Denominator::Value(7.5)] {
                    check(gpu, &x, &targets, &options.denominator(denominator).empty_mean(EmptyMean::Zero));
                }
            }
        }
    });
}

#[test]
fn special_values() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    // Row by row: NaN elsewhere, NaN, -inf, +inf at the target, NaN in an ignored row, where the class or the row weighs 0.
    let x = [-1.0, nan, nan, -2.0, -inf, -2.0, inf, -2.0, nan, nan, -3.0, nan, nan, nan];
    let x = Logits::new(&x, 7, 2).unwrap();
    let targets = [0, 0, 0, 0, -100, 1, 0];
    let (classes, rows) = ([1.5, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    let options = CrossEntropy::new().class_weights(&classes[..]).row_weights(&rows[..]);
    with_every_strategy(|gpu| {
        for reduction in [Reduction::None, Reduction::Sum, Reduction::Mean] {
            check(gpu, &x, &targets, &options.reduction(reduction));
        }
        let out = gpu.nll_loss(&x, &Targets::new(&targets), &options.row_loss(true)).unwrap().row_loss.unwrap();
        assert!(out[0] == 1.5 && out[1].is_nan() && out[2] == inf && out[3] == -inf && out[4..] == [0.0; 3], "{out:?}");
        // The mean over nothing.
        let one = [nan, -1.0];
        let one = Logits::new(&one, 1, 2).unwrap();
        for empty_mean in [EmptyMean::Nan, EmptyMean::Zero] {
            check(gpu, &one, &[-100], &CrossEntropy::new().empty_mean(empty_mean));
            check(gpu, &one, &[1], &CrossEntropy::new().denominator(Denominator::Value(0.0)).empty_mean(empty_mean));
        }
    });
    let none = Logits::new::<f32>(&[], 0, 3).unwrap();
    for options in
        [CrossEntropy::new(), CrossEntropy::new().denominator(Denominator::Value(2.0)), CrossEntropy::new().reduction(Reduction::Sum)]
    {
        check(gpu(), &none, &[], &options);
        check(gpu(), &none, &[], &options.empty_mean(EmptyMean::Zero));
    }
}

#[test]
fn many_rows() {
    let rows = 13_000_000;
    let x = vec![-0.5_f32; rows * 2];
    let mut targets = vec![0_u8; rows];
    targets[rows - 1] = 7;
    let x = Logits::new(&x, rows, 2).unwrap();
    on_every_adapter(|gpu| {
        let out = gpu.nll_loss(&x, &Targets::new(&targets), &CrossEntropy::new().ignore_index(7)).unwrap();
        assert_eq!((out.loss, out.valid_rows, out.row_loss), (Some(0.5), rows - 1, None));
    });
}

#[test]
fn options_of_no_use_are_refused() {
    check_refusals(|x, targets, options| gpu().nll_loss(x, targets, options));
}
