//! Special rows with the default options, each between two ordinary ones.

use crate::common::{INF, NAN, all_nan, assert_close, assert_near, dense, everything, forward, narrow};
use wgpu_xent::reference::{cross_entropy, log_softmax, log_softmax_backward, logsumexp, logsumexp_backward, softmax, softmax_backward};
use wgpu_xent::{CrossEntropy, Factor, NO_CLASS, Reduction, Targets};

/// What a row gets: its log-sum-exp gradient with upstream 2, the others with 1.
struct Special {
    softmax: Vec<f64>,
    log_softmax: Vec<f64>,
    logsumexp: f64,
    logsumexp_backward: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
    argmax: u32,
}

/// Puts the row between two ordinary ones and checks that those get what they get alone, and that the reduced losses follow.
fn special(row: [f32; 3], target: i32) -> Special {
    let plain = [0.5, -1.25, 2.0];
    let x: Vec<f32> = [plain, row, plain].concat();
    let targets = [2, target, 0];
    let lse = narrow(&logsumexp(&dense(&x, 3)));
    let alone = forward(&[plain, plain].concat(), 3, &[2, 0]);
    let (alone_loss, alone_gradient) = (alone.row_loss.unwrap(), alone.gradient.unwrap());
    let middle = |all: Vec<f64>, neighbours: Option<&[f64]>| {
        let outer = [&all[..3], &all[6..]].concat();
        match neighbours {
            Some(expected) => assert_near(&outer, expected, 1e-6),
            None => assert!(outer.iter().all(|v| v.is_finite())),
        }
        all[3..6].to_vec()
    };
    let out = forward(&x, 3, &targets);
    let losses = out.row_loss.unwrap();
    assert_eq!([losses[0], losses[2]], alone_loss[..]);
    let gradient = middle(out.gradient.unwrap(), Some(&alone_gradient));
    let logsumexp = logsumexp(&dense(&x, 3))[1];
    assert_close(&[out.logsumexp.unwrap()[1]], &[logsumexp], 0.0);
    // The reduced losses follow the row's.
    for reduction in [Reduction::Sum, Reduction::Mean] {
        let loss = cross_entropy(&dense(&x, 3), &Targets::new(&targets), &CrossEntropy::new().reduction(reduction)).unwrap().loss.unwrap();
        let valid = if target < 0 { 2.0 } else { 3.0 };
        let total = (alone_loss[0] + losses[1]) + alone_loss[1];
        assert_close(&[loss], &[if reduction == Reduction::Sum { total } else { total / valid }], 1e-15);
    }
    Special {
        softmax: middle(softmax(&dense(&x, 3)), None),
        log_softmax: middle(log_softmax(&dense(&x, 3)), None),
        logsumexp,
        logsumexp_backward: middle(logsumexp_backward(&dense(&x, 3), &lse, &[2.0; 3]).unwrap(), None),
        loss: losses[1],
        gradient,
        argmax: out.argmax.unwrap()[1],
    }
}

#[test]
fn a_nan_in_a_row() {
    for row in [[NAN, 1.0, 2.0], [1.0, NAN, 2.0], [1.0, 2.0, NAN], [NAN, INF, -INF], [INF, 0.0, NAN], [-INF, -INF, NAN], [NAN; 3]] {
        let s = special(row, 1);
        all_nan(&s.softmax);
        all_nan(&s.log_softmax);
        all_nan(&s.logsumexp_backward);
        all_nan(&s.gradient);
        assert!(s.logsumexp.is_nan() && s.loss.is_nan());
        assert_eq!(s.argmax, NO_CLASS);
    }
}

#[test]
fn plus_infinity_in_a_row() {
    for (row, argmax) in [([0.0, INF, 1.0], 1), ([INF, INF, -INF], 0), ([3e38, 5.0, INF], 2)] {
        for target in 0..3 {
            let s = special(row, target);
            all_nan(&s.softmax);
            all_nan(&s.log_softmax);
            all_nan(&s.gradient);
            assert_eq!(s.logsumexp, f64::INFINITY);
            assert!(s.loss.is_nan());
            assert_eq!(s.argmax, argmax);
            let expected: Vec<f64> = row.iter().map(|&x| if x == INF { f64::NAN } else { 0.0 }).collect();
            assert_close(&s.logsumexp_backward, &expected, 0.0);
        }
    }
}

#[test]
fn a_row_of_minus_infinity() {
    let s = special([-INF; 3], 1);
    all_nan(&s.softmax);
    all_nan(&s.log_softmax);
    all_nan(&s.logsumexp_backward);
    all_nan(&s.gradient);
    assert_eq!(s.logsumexp, f64::NEG_INFINITY);
    assert!(s.loss.is_nan());
    assert_eq!(s.argmax, 0);
}

#[test]
fn some_logits_of_minus_infinity() {
    let minus = f64::NEG_INFINITY;
    let ln2 = std::f64::consts::LN_2;
    let s = special([-INF, 4.0, 4.0], 1);
    assert_close(&s.softmax, &[0.0, 0.5, 0.5], 1e-15);
    assert_close(&s.log_softmax, &[minus, -ln2, -ln2], 1e-15);
    assert_close(&[s.logsumexp, s.loss], &[4.0 + ln2, ln2], 1e-15);
    assert_close(&s.logsumexp_backward, &[0.0, 1.0, 1.0], 1e-6);
    assert_close(&s.gradient, &[0.0, -0.5, 0.5], 1e-15);
    assert_eq!(s.argmax, 1);
    // It is the target's: the loss is infinite, the gradient is not.
    let s = special([-INF, 4.0, 4.0], 0);
    assert_eq!(s.loss, f64::INFINITY);
    assert_close(&s.gradient, &[-1.0, 0.5, 0.5], 1e-15);
    // One finite logit: certainty.
    let s = special([-INF, -INF, -7.0], 2);
    assert_close(&s.softmax, &[0.0, 0.0, 1.0], 0.0);
    assert_close(&s.log_softmax, &[minus, minus, 0.0], 0.0);
    assert_close(&s.gradient, &[0.0; 3], 0.0);
    assert_eq!((s.logsumexp, s.loss, s.argmax), (-7.0, 0.0, 2));
}

#[test]
fn an_ignored_row_holds_anything() {
    let cases: [([f32; 3], f64, u32); 5] = [
        ([NAN, 1.0, 2.0], f64::NAN, NO_CLASS),
        ([-INF; 3], f64::NEG_INFINITY, 0),
        ([0.0, INF, 0.0], f64::INFINITY, 1),
        ([-INF, 4.0, -INF], 4.0, 1),
        ([0.0; 3], 1.098_612_288_668_109_8, 0),
    ];
    for (row, logsumexp, argmax) in cases {
        let s = special(row, -100);
        assert_eq!(s.loss, 0.0);
        assert_eq!(s.gradient, [0.0; 3]);
        assert_close(&[s.logsumexp], &[logsumexp], 1e-15);
        assert_eq!(s.argmax, argmax);
    }
    // Nor does the upstream factor matter.
    for factor in [0.0, INF, NAN] {
        let options = CrossEntropy::new().reduction(Reduction::None).upstream(Factor::Rows(std::slice::from_ref(&factor))).gradient(true);
        let x = [NAN, 1.0, INF];
        let out = cross_entropy(&dense(&x, 3), &Targets::new(&[-100]), &options).unwrap();
        assert_eq!(out.gradient.unwrap(), [0.0; 3]);
    }
}

#[test]
fn all_rows_ignored() {
    let x = [1.0, 2.0, 3.0, NAN, 0.0, INF];
    for (reduction, loss) in [(Reduction::Mean, Some(f64::NAN)), (Reduction::Sum, Some(0.0)), (Reduction::None, None)] {
        let options = everything().reduction(reduction);
        let out = cross_entropy(&dense(&x, 3), &Targets::new(&[-100, -100]), &options).unwrap();
        assert_close(&[out.loss.unwrap_or(-1.0)], &[loss.unwrap_or(-1.0)], 0.0);
        assert_eq!(out.row_loss.as_deref(), Some(&[0.0, 0.0][..]));
        assert_eq!(out.gradient.as_deref(), Some(&[0.0; 6][..]));
        assert_eq!((out.valid_rows, out.correct), (0, Some(0)));
        assert!(out.accuracy().unwrap().is_nan());
    }
}

#[test]
fn a_row_that_holds_nan_stays_nan_under_a_zero_factor() {
    let options = everything().reduction(Reduction::None).upstream(Factor::Scalar(0.0));
    let x = [NAN, 1.0, 2.0];
    all_nan(&cross_entropy(&dense(&x, 3), &Targets::new(&[1]), &options).unwrap().gradient.unwrap());
    all_nan(&logsumexp_backward(&dense(&x, 3), &[NAN], &[0.0]).unwrap());
}

#[test]
fn vector_jacobian_products_are_plain_arithmetic() {
    all_nan(&softmax_backward(&dense(&[0.5, NAN, 0.5], 3), &dense(&[1.0, 2.0, 3.0], 3)).unwrap());
    all_nan(&softmax_backward(&dense(&[0.0, 0.5, 0.5], 3), &dense(&[INF, 2.0, 3.0], 3)).unwrap());
    assert_close(&softmax_backward(&dense(&[0.0, 0.5, 0.5], 3), &dense(&[9.0, 2.0, 3.0], 3)).unwrap(), &[0.0, -0.25, 0.25], 0.0);
    let x = [-INF, 0.0, NAN];
    assert_close(&log_softmax_backward(&dense(&x, 3), &dense(&[1.0, 2.0, 3.0], 3)).unwrap(), &[1.0, -4.0, f64::NAN], 0.0);
}
