//! The defaults: values by hand, reductions, layouts, accuracy.

use crate::common::{INF, NAN, X, assert_close, assert_near, dense, everything, forward};
use wgpu_xent::reference::{cross_entropy, log_softmax, log_softmax_backward, logsumexp, logsumexp_backward, softmax, softmax_backward};
use wgpu_xent::{CrossEntropy, CrossEntropyResult, Factor, Logits, Reduction, Targets};

#[test]
fn values_by_hand() {
    let x = [1.0, 2.0, 3.0, 0.0, 0.0, 0.0];
    let third = 1.0 / 3.0;
    let p = [0.090_030_573_170_380_46, 0.244_728_471_054_797_64, 0.665_240_955_774_821_8, third, third, third];
    let lse = [3.407_605_964_444_380_6, 3_f64.ln()];
    assert_close(&softmax(&dense(&x, 3)), &p, 1e-15);
    assert_close(&logsumexp(&dense(&x, 3)), &lse, 1e-15);
    let lp = [1.0 - lse[0], 2.0 - lse[0], 3.0 - lse[0], -lse[1], -lse[1], -lse[1]];
    assert_close(&log_softmax(&dense(&x, 3)), &lp, 4e-15);

    let out = forward(&x, 3, &[0, 2]);
    assert_eq!(out.loss, None);
    assert_close(&out.row_loss.unwrap(), &[2.407_605_964_444_380_6, 3_f64.ln()], 1e-15);
    assert_close(&out.logsumexp.unwrap(), &lse, 1e-15);
    assert_close(&out.gradient.unwrap(), &[p[0] - 1.0, p[1], p[2], third, third, -2.0 * third], 1e-15);
    assert_eq!(out.argmax.unwrap(), [2, 0]);
    assert_eq!((out.valid_rows, out.correct), (2, Some(0)));
}

#[test]
fn gradients_by_hand() {
    // Uniform over two classes: p = 1/2, u = (3, 1), Σpu = 2.
    assert_eq!(softmax_backward(&dense(&[0.5, 0.5], 2), &dense(&[3.0, 1.0], 2)).unwrap(), [0.5, -0.5]);
    // p = (1/2, 1/2), Σu = 4.
    let lp = [-std::f32::consts::LN_2; 2];
    assert_near(&log_softmax_backward(&dense(&lp, 2), &dense(&[3.0, 1.0], 2)).unwrap(), &[1.0, -1.0], 1e-7);
    // lse = 0 by choice: the derivative is g exp(x).
    let gradient = logsumexp_backward(&dense(&[0.0, 1.0, -1.0, 2.0], 2), &[0.0, 1.0], &[2.0, -1.0]).unwrap();
    assert_close(&gradient, &[2.0, 2.0 * 1_f64.exp(), -(-2_f64).exp(), -1_f64.exp()], 1e-15);
}

#[test]
fn one_class() {
    let out = forward(&[7.0, -3.0], 1, &[0, 0]);
    assert_eq!(out.row_loss.unwrap(), [0.0, 0.0]);
    assert_eq!(out.gradient.unwrap(), [0.0, 0.0]);
    assert_eq!(out.logsumexp.unwrap(), [7.0, -3.0]);
    assert_eq!(out.correct, Some(2));
    assert_eq!(softmax(&dense(&[7.0], 1)), [1.0]);
    assert_eq!(log_softmax(&dense(&[7.0], 1)), [0.0]);
}

#[test]
fn only_what_is_asked_for() {
    let run = |options: CrossEntropy<'_>| cross_entropy(&dense(&X, 4), &Targets::new(&[0_u8, 1, 2]), &options).unwrap();
    let parts = |out: CrossEntropyResult<f64>| {
        [
            out.loss.is_some(),
            out.row_loss.is_some(),
            out.logsumexp.is_some(),
            out.argmax.is_some(),
            out.gradient.is_some(),
            out.correct.is_some(),
        ]
    };
    assert_eq!(parts(run(CrossEntropy::new())), [true, false, false, false, false, false]);
    assert_eq!(parts(run(CrossEntropy::new().reduction(Reduction::None))), [false, true, false, false, false, false]);
    assert_eq!(parts(run(CrossEntropy::new().row_loss(true))), [true, true, false, false, false, false]);
    assert_eq!(parts(run(CrossEntropy::new().logsumexp(true))), [true, false, true, false, false, false]);
    assert_eq!(parts(run(CrossEntropy::new().argmax(true))), [true, false, false, true, false, true]);
    assert_eq!(parts(run(CrossEntropy::new().gradient(true))), [true, false, false, false, true, false]);
    assert_eq!(parts(run(everything())), [true; 6]);
}

#[test]
fn reductions_and_upstream() {
    let targets = [2, -100, 0];
    let rows = forward(&X, 4, &targets);
    let (losses, plain) = (rows.row_loss.unwrap(), rows.gradient.unwrap());
    assert_eq!(losses[1], 0.0);
    assert_eq!(plain[4..8], [0.0; 4]);
    let run = |options: CrossEntropy<'_>| {
        let out = cross_entropy(&dense(&X, 4), &Targets::new(&targets), &options.gradient(true)).unwrap();
        assert_eq!(out.valid_rows, 2);
        (out.loss, out.gradient.unwrap())
    };
    let times = |factors: [f64; 3]| -> Vec<f64> { plain.iter().enumerate().map(|(i, g)| g * factors[i / 4]).collect() };
    let total = losses[0] + losses[2];
    let three = Factor::Scalar(3.0);

    // The mean divides by the two valid rows; the upstream factor is in the gradient only.
    for (reduction, loss, by) in
        [(Reduction::Mean, Some(total / 2.0), 0.5), (Reduction::Sum, Some(total), 1.0), (Reduction::None, None, 1.0)]
    {
        let (got, gradient) = run(CrossEntropy::new().reduction(reduction));
        assert_eq!(got, loss);
        assert_close(&gradient, &times([by; 3]), 1e-15);
        let (got, gradient) = run(CrossEntropy::new().reduction(reduction).upstream(three));
        assert_eq!(got, loss);
        assert_close(&gradient, &times([3.0 * by; 3]), 1e-15);
    }
    let factors = [2.0, INF, -0.5];
    let (_, gradient) = run(CrossEntropy::new().reduction(Reduction::None).upstream(Factor::Rows(&factors)));
    assert_close(&gradient, &times([2.0, 1.0, -0.5]), 1e-15);
}

#[test]
fn argmax_takes_the_first_and_counts_valid_rows() {
    let x = [1.0, 5.0, 5.0, /**/ 9.0, 0.0, 0.0, /**/ 0.0, 0.0, 8.0, /**/ 0.0, 3.0, 1.0];
    let run = |targets: &[i32], ignored: i64| {
        let out = cross_entropy(&dense(&x, 3), &Targets::new(targets), &CrossEntropy::new().argmax(true).ignore_index(ignored)).unwrap();
        assert_eq!(out.argmax.as_deref(), Some(&[1, 0, 2, 1][..]));
        (out.valid_rows, out.correct.unwrap(), out.accuracy().unwrap())
    };
    assert_eq!(run(&[1, 0, 2, 1], -1), (4, 4, 1.0));
    assert_eq!(run(&[2, 0, 2, 0], -1), (4, 2, 0.5)); // The second of two largest is not the argmax.
    assert_eq!(run(&[1, 0, -1, 0], -1), (3, 2, 2.0 / 3.0));
    assert_eq!(run(&[1, 0, 2, 0], 0), (2, 2, 1.0)); // An index that is a class too.
}

#[test]
fn an_ignored_class_stays_in_the_sum() {
    let options = everything().ignore_index(0).reduction(Reduction::None);
    let out = cross_entropy(&dense(&[0.0; 8], 4), &Targets::new(&[0_u16, 1]), &options).unwrap();
    assert_close(&out.row_loss.unwrap(), &[0.0, 4_f64.ln()], 1e-15);
    assert_close(&out.logsumexp.unwrap(), &[4_f64.ln(); 2], 1e-15);
    assert_eq!(out.gradient.unwrap(), [0.0, 0.0, 0.0, 0.0, 0.25, -0.75, 0.25, 0.25]);
    // No index at all: -100 is then an ordinary mistake.
    let options = CrossEntropy::new().ignore_index(None);
    assert!(cross_entropy(&dense(&[0.0; 4], 4), &Targets::new(&[-100_i64]), &options).is_err());
}

#[test]
fn padding_is_skipped() {
    let padded = [0.5, -1.25, 2.0, NAN, NAN, 3.0, 3.0, -2.5, NAN, NAN, -0.75, 1.5, 0.25];
    let tight = [0.5, -1.25, 2.0, 3.0, 3.0, -2.5, -0.75, 1.5, 0.25];
    let (a, b) = (Logits::with_stride(&padded, 3, 3, 5).unwrap(), dense(&tight, 3));
    assert_eq!(softmax(&a), softmax(&b));
    assert_eq!(log_softmax(&a), log_softmax(&b));
    assert_eq!(logsumexp(&a), logsumexp(&b));
    let ones = [1.0; 9];
    assert_eq!(softmax_backward(&a, &dense(&ones, 3)).unwrap(), softmax_backward(&b, &dense(&ones, 3)).unwrap());
    assert_eq!(log_softmax_backward(&dense(&ones, 3), &a).unwrap(), log_softmax_backward(&dense(&ones, 3), &b).unwrap());
    assert_eq!(logsumexp_backward(&a, &[1.0; 3], &[1.0; 3]).unwrap(), logsumexp_backward(&b, &[1.0; 3], &[1.0; 3]).unwrap());
    let targets = Targets::new(&[0_u32, 1, 2]);
    assert_eq!(cross_entropy(&a, &targets, &everything()).unwrap(), cross_entropy(&b, &targets, &everything()).unwrap());
}

#[test]
fn no_rows() {
    let none = Logits::new::<f32>(&[], 0, 5).unwrap();
    assert!(softmax(&none).is_empty() && log_softmax(&none).is_empty() && logsumexp(&none).is_empty());
    assert!(softmax_backward(&none, &none).unwrap().is_empty() && log_softmax_backward(&none, &none).unwrap().is_empty());
    assert!(logsumexp_backward(&none, &[], &[]).unwrap().is_empty());
    let targets = Targets::new::<i64>(&[]);
    let run = |reduction| cross_entropy(&none, &targets, &everything().reduction(reduction)).unwrap();
    assert!(run(Reduction::Mean).loss.unwrap().is_nan());
    assert_eq!(run(Reduction::Sum).loss, Some(0.0));
    let out = run(Reduction::None);
    assert_eq!((out.loss, out.valid_rows, out.correct), (None, 0, Some(0)));
    assert_eq!((out.row_loss, out.logsumexp, out.argmax, out.gradient), (Some(vec![]), Some(vec![]), Some(vec![]), Some(vec![])));
}

// ---- Accuracy ----

#[test]
fn confident_rows_follow_the_closed_form() {
    for ahead in [0.0_f32, 1.0, 12.0, 20.0, 60.0, 100.0] {
        let d = f64::from(ahead);
        for base in [0.0, -1e4, 1e4] {
            let x = [base + ahead, base, base + ahead, base];
            // The target leads, then it trails.
            let out = forward(&x, 2, &[0, 1]);
            let small = (-d).exp().ln_1p();
            assert_close(&out.row_loss.unwrap(), &[small, d + small], 1e-15);
            let other = 1.0 / (1.0 + d.exp());
            let lead = 1.0 / (1.0 + (-d).exp());
            assert_close(&out.gradient.unwrap(), &[-other, other, lead, -lead], 2e-15);
            assert_close(&log_softmax(&dense(&x[..2], 2)), &[-small, -d - small], 1e-15);
            assert_close(&softmax(&dense(&x[..2], 2)), &[lead, other], 2e-15);
        }
        // The log-sum-exp of a row with its maximum at 0 is as small as a loss.
        assert_close(&logsumexp(&dense(&[-ahead, 0.0], 2)), &[(-d).exp().ln_1p()], 1e-15);
        // A thousand classes, the target in the middle.
        let mut x = [0.0; 1000];
        x[500] = ahead;
        let out = forward(&x, 1000, &[500]);
        let rest = 999.0 * (-d).exp();
        assert_close(&out.row_loss.unwrap(), &[rest.ln_1p()], 1e-14);
        assert_close(&out.gradient.unwrap()[499..501], &[(-d).exp() / (1.0 + rest), -rest / (1.0 + rest)], 1e-14);
    }
}

#[test]
fn a_common_offset_changes_nothing_but_the_logsumexp() {
    // Multiples of 1/8: with 1e4 added they are still exact in f32.
    let moved: Vec<f32> = X.iter().map(|x| x + 1e4).collect();
    let (a, b) = (forward(&X, 4, &[0, 1, 2]), forward(&moved, 4, &[0, 1, 2]));
    assert_eq!(a.row_loss, b.row_loss);
    assert_eq!(a.gradient, b.gradient);
    assert_eq!(a.argmax, b.argmax);
    let shifted: Vec<f64> = a.logsumexp.unwrap().iter().map(|lse| lse + 1e4).collect();
    assert_close(&b.logsumexp.unwrap(), &shifted, 1e-15);
    assert_eq!(softmax(&dense(&X, 4)), softmax(&dense(&moved, 4)));
    assert_eq!(log_softmax(&dense(&X, 4)), log_softmax(&dense(&moved, 4)));
}

#[test]
fn the_largest_finite_logits() {
    let out = forward(&[f32::MAX, -f32::MAX, f32::MAX], 3, &[0]);
    assert_close(&out.row_loss.unwrap(), &[2_f64.ln()], 1e-15);
    assert_eq!(out.gradient.unwrap(), [-0.5, 0.0, 0.5]);
    assert_eq!(out.logsumexp.unwrap(), [f64::from(f32::MAX)]);
    let out = forward(&[-f32::MAX; 4], 4, &[3]);
    assert_close(&out.row_loss.unwrap(), &[4_f64.ln()], 1e-15);
    assert_eq!(out.argmax.unwrap(), [0]);
    assert_eq!(softmax(&dense(&[-2e30; 4], 4)), [0.25; 4]);
}

#[test]
fn long_rows_are_summed_without_drift() {
    // Added one after the other, this many equal terms lose more than 1e-14 of their sum.
    let rows = (1 << 20) + 1;
    let x: Vec<f32> = [0.0, 0.3].repeat(rows);
    let options = CrossEntropy::new().reduction(Reduction::Sum);
    let out = cross_entropy(&dense(&x, 2), &Targets::new(&vec![0_u8; rows]), &options).unwrap();
    let each = f64::from(0.3_f32).exp().ln_1p();
    assert_close(&[out.loss.unwrap()], &[each * rows as f64], 1e-14);
}
