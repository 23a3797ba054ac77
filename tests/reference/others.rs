//! Softmax and log-sum-exp under a transform, over several dimensions, of signed terms; the most probable classes.

use crate::common::{INF, NAN, X, all_nan, assert_close, dense, narrow};
use wgpu_xent::reference::{
    log_softmax, log_softmax_backward_with, log_softmax_with, logsumexp, logsumexp_backward_with, logsumexp_over, logsumexp_with,
    signed_logsumexp, signed_logsumexp_backward, softmax, softmax_backward_with, softmax_with, top_k_log_probs,
};
use wgpu_xent::{ClassMask, LogitTransform, Logits, NO_CLASS};

const INFINITY: f64 = f64::INFINITY;
const LN_2: f64 = std::f64::consts::LN_2;

fn masked<'a>(words: &'a [u32], classes: usize) -> LogitTransform<'a> {
    LogitTransform::new().mask(ClassMask::shared(words, classes).unwrap())
}

#[test]
fn transforms_come_first() {
    let transform = LogitTransform::new().scale(&[2.0, -1.0, 0.5][..]).softcap(3.0);
    let z: Vec<f32> = (0..12).map(|i| (3.0 * (f64::from(X[i]) * [2.0, -1.0, 0.5][i / 4] / 3.0).tanh()) as f32).collect();
    assert_close(&softmax_with(&dense(&X, 4), &transform).unwrap(), &softmax(&dense(&z, 4)), 1e-6);
    assert_close(&log_softmax_with(&dense(&X, 4), &transform).unwrap(), &log_softmax(&dense(&z, 4)), 1e-5);
    assert_close(&logsumexp_with(&dense(&X, 4), &transform).unwrap(), &logsumexp(&dense(&z, 4)), 1e-6);
    let none = LogitTransform::new();
    assert_eq!(softmax_with(&dense(&X, 4), &none).unwrap(), softmax(&dense(&X, 4)));
    assert_eq!(log_softmax_with(&dense(&X, 4), &none).unwrap(), log_softmax(&dense(&X, 4)));
    assert_eq!(logsumexp_with(&dense(&X, 4), &none).unwrap(), logsumexp(&dense(&X, 4)));
}

#[test]
fn masked_classes_have_no_probability() {
    let words = ClassMask::pack(&[true, false, true, false], 4);
    let transform = masked(&words, 4);
    let x = [0.0, NAN, LN_2 as f32, INF];
    let p = softmax_with(&dense(&x, 4), &transform).unwrap();
    assert_close(&p, &[1.0 / 3.0, 0.0, 2.0 / 3.0, 0.0], 1e-7);
    let lp = log_softmax_with(&dense(&x, 4), &transform).unwrap();
    assert_close(&lp, &[-3_f64.ln(), -INFINITY, LN_2 - 3_f64.ln(), -INFINITY], 1e-7);
    assert_close(&logsumexp_with(&dense(&x, 4), &transform).unwrap(), &[3_f64.ln()], 1e-7);
    // Also in rows that have none at all.
    for row in [[NAN, 0.0, 0.0, 0.0], [INF, 0.0, 0.0, 0.0], [-INF, 0.0, -INF, 0.0]] {
        let (p, lp) = (softmax_with(&dense(&row, 4), &transform).unwrap(), log_softmax_with(&dense(&row, 4), &transform).unwrap());
        assert_close(&p, &[f64::NAN, 0.0, f64::NAN, 0.0], 0.0);
        assert_close(&lp, &[f64::NAN, -INFINITY, f64::NAN, -INFINITY], 0.0);
    }
    // No class takes part.
    let words = [0];
    assert_eq!(softmax_with(&dense(&x, 4), &masked(&words, 4)).unwrap(), [0.0; 4]);
    assert_eq!(log_softmax_with(&dense(&x, 4), &masked(&words, 4)).unwrap(), [-INFINITY; 4]);
    assert_eq!(logsumexp_with(&dense(&x, 4), &masked(&words, 4)).unwrap(), [-INFINITY]);
    assert_eq!(logsumexp_backward_with(&dense(&x, 4), &[-INF], &[1.0], &masked(&words, 4)).unwrap(), [0.0; 4]);
}

#[test]
fn backward_through_a_transform() {
    let words = ClassMask::pack(&[true, false, true], 3);
    let transform = masked(&words, 3).scale(-2.0);
    let p = dense(&[0.25, NAN, 0.75], 3);
    let u = dense(&[1.0, INF, 3.0], 3);
    assert_eq!(softmax_backward_with(&p, &u, &transform).unwrap(), [0.75, 0.0, -0.75]);
    let lp = narrow(&[0.25_f64.ln(), f64::NAN, 0.75_f64.ln()]);
    let got = log_softmax_backward_with(&dense(&lp, 3), &dense(&[4.0, NAN, 0.0], 3), &transform).unwrap();
    assert_close(&got, &[-6.0, 0.0, 6.0], 1e-6);
    // Log-sum-exp: NaN and +inf stay in their places, times 0 elsewhere.
    let got = logsumexp_backward_with(&dense(&[0.0, NAN, LN_2 as f32], 3), &[0.0], &[3.0], &masked(&words, 3).scale(2.0)).unwrap();
    assert_close(&got, &[6.0, 0.0, 24.0], 1e-6);
    let got = logsumexp_backward_with(&dense(&[0.0, 0.0, INF], 3), &[INF], &[3.0], &masked(&words, 3)).unwrap();
    assert_close(&got, &[0.0, 0.0, f64::NAN], 0.0);
    let got = logsumexp_backward_with(&dense(&[NAN, 0.0, 1.0], 3), &[NAN], &[3.0], &masked(&words, 3)).unwrap();
    assert_close(&got, &[f64::NAN, 0.0, f64::NAN], 0.0);
}

#[test]
fn results_are_in_the_logits_shape() {
    let middle = |data| Logits::with_shape(data, &[4, 3], 0).unwrap();
    let moved: Vec<f32> = (0..12).map(|i| X[i % 4 * 3 + i / 4]).collect();
    let back = |values: Vec<f64>| (0..12).map(|i| values[i % 4 * 3 + i / 4]).collect::<Vec<_>>();
    let (a, b) = (middle(&X), dense(&moved, 4));
    assert_eq!(back(softmax(&a)), softmax(&b));
    assert_eq!(back(log_softmax(&a)), log_softmax(&b));
    assert_eq!(logsumexp(&a), logsumexp(&b));
    let none = LogitTransform::new();
    assert_eq!(back(softmax_backward_with(&a, &a, &none).unwrap()), softmax_backward_with(&b, &b, &none).unwrap());
    assert_eq!(back(log_softmax_backward_with(&a, &a, &none).unwrap()), log_softmax_backward_with(&b, &b, &none).unwrap());
    let (lse, g) = ([1.0, 2.0, 3.0], [0.5, -1.0, 2.0]);
    assert_eq!(back(logsumexp_backward_with(&a, &lse, &g, &none).unwrap()), logsumexp_backward_with(&b, &lse, &g, &none).unwrap());
    assert_eq!(signed_logsumexp(&a, &a, &none).unwrap(), signed_logsumexp(&b, &b, &none).unwrap());
    let of = |x: &Logits<'_>| signed_logsumexp_backward(x, x, &lse, &[1.0, -1.0, 1.0], &g, &none).unwrap();
    assert_eq!(back(of(&a)), of(&b));
    assert_eq!(top_k_log_probs(&a, 2, &none).unwrap(), top_k_log_probs(&b, 2, &none).unwrap());
}

#[test]
fn over_several_dimensions() {
    let data: Vec<f32> = (0..24).map(|i| (i % 7) as f32 - (i % 5) as f32).collect();
    let shape = [2, 3, 4];
    let naive = |keep: &dyn Fn(usize) -> bool| (0..24).filter(|&i| keep(i)).map(|i| f64::from(data[i]).exp()).sum::<f64>().ln();
    let (d0, d1, d2) = (|i: usize| i / 12, |i: usize| i / 4 % 3, |i: usize| i % 4);
    for dims in [&[0, 2][..], &[2, 0], &[-1, 0], &[-3, -1]] {
        let expected: Vec<f64> = (0..3).map(|j| naive(&|i| d1(i) == j)).collect();
        assert_close(&logsumexp_over(&data, &shape, dims).unwrap(), &expected, 1e-14);
    }
    let expected: Vec<f64> = (0..8).map(|j| naive(&|i| d0(i) == j / 4 && d2(i) == j % 4)).collect();
    assert_close(&logsumexp_over(&data, &shape, &[1]).unwrap(), &expected, 1e-14);
    let expected: Vec<f64> = (0..2).map(|j| naive(&|i| d0(i) == j)).collect();
    assert_close(&logsumexp_over(&data, &shape, &[1, 2]).unwrap(), &expected, 1e-14);
    assert_close(&logsumexp_over(&data, &shape, &[0, 1, 2]).unwrap(), &[naive(&|_| true)], 1e-14);
    assert_eq!(logsumexp_over(&data, &shape, &[1]).unwrap(), logsumexp(&Logits::with_shape(&data, &shape, 1).unwrap()));
    // Of nothing.
    assert_eq!(logsumexp_over(&[], &[0, 3], &[1]).unwrap(), [0.0; 0]);
}

fn signed(x: &[f32], b: &[f32]) -> [f64; 2] {
    let (lse, sign) = signed_logsumexp(&dense(x, x.len()), &dense(b, x.len()), &LogitTransform::new()).unwrap();
    [lse[0], sign[0]]
}

#[test]
fn signed_sums() {
    assert_close(&signed(&[0.0, 0.0], &[3.0, 1.0]), &[4_f64.ln(), 1.0], 1e-15);
    assert_close(&signed(&[0.0, 0.0], &[1.0, -3.0]), &[LN_2, -1.0], 1e-15);
    assert_close(&signed(&[1e4, 0.0], &[-2.0, 1e30]), &[1e4 + LN_2, -1.0], 1e-15);
    // The larger term is not that of the larger logit.
    assert_close(&signed(&[1.0, 0.0], &[0.5, -8.0]), &[(8.0 - 0.5 * 1_f64.exp()).ln(), -1.0], 1e-15);
    // One factor each is the ordinary log-sum-exp, and keeps its accuracy: relative to the result where that is near 0.
    assert_close(&[signed(&X, &[1.0; 12])[0]], &logsumexp(&dense(&X, 12)), 1e-15);
    assert_close(&signed(&[0.0, -60.0], &[1.0, -1.0]), &[(-(-60_f64).exp()).ln_1p(), 1.0], 1e-15);
    // Terms that cancel.
    assert_eq!(signed(&[5.0, 5.0], &[2.0, -2.0]), [-INFINITY, 0.0]);
    assert_eq!(signed(&[5.0, 5.0, 5.0], &[1.0, 1.0, -2.0]), [-INFINITY, 0.0]);
    let step = 2_f32.powi(-23);
    assert_close(&signed(&[0.0, 0.0], &[1.0 + step, -1.0]), &[f64::from(step).ln(), 1.0], 1e-15);
}

#[test]
fn signed_sums_of_special_values() {
    let none = [-INFINITY, 0.0];
    assert_eq!(signed(&[0.0, 1.0], &[0.0, 0.0]), none);
    assert_eq!(signed(&[-INF, -INF], &[1.0, -1.0]), none);
    assert_eq!(signed(&[NAN, INF, 0.0], &[0.0, 0.0, -1.0]), [0.0, -1.0]);
    assert_eq!(signed(&[-INF, 0.0], &[5.0, 1.0]), [0.0, 1.0]);
    assert_eq!(signed(&[INF, 0.0], &[2.0, -5.0]), [INFINITY, 1.0]);
    assert_eq!(signed(&[INF, INF], &[-2.0, -5.0]), [INFINITY, -1.0]);
    assert_eq!(signed(&[INF, -INF], &[-2.0, 5.0]), [INFINITY, -1.0]);
    all_nan(&signed(&[INF, INF], &[2.0, -5.0]));
    all_nan(&signed(&[NAN, 0.0], &[2.0, 1.0]));
    all_nan(&signed(&[0.0, NAN], &[2.0, 1.0]));
    all_nan(&signed(&[0.0, 0.0], &[1.0, NAN]));
    all_nan(&signed(&[0.0, 0.0], &[NAN, 1.0]));
    all_nan(&signed(&[INF, 0.0], &[1.0, NAN]));
    assert_eq!(signed(&[0.0, 0.0], &[-INF, 1.0]), [INFINITY, -1.0]);
    all_nan(&signed(&[-INF, 0.0], &[INF, 1.0]));
    // Masked terms are not there.
    let words = ClassMask::pack(&[true, false, true], 3);
    let (lse, sign) = signed_logsumexp(&dense(&[0.0, NAN, 0.0], 3), &dense(&[1.0, NAN, -3.0], 3), &masked(&words, 3)).unwrap();
    assert_close(&[lse[0], sign[0]], &[LN_2, -1.0], 1e-15);
}

#[test]
fn signed_gradients_by_hand() {
    let words = ClassMask::pack(&[true, true, true, false], 4);
    let (x, b) = (dense(&[0.0, LN_2 as f32, NAN, NAN], 4), dense(&[3.0, -2.0, 0.0, 1.0], 4));
    let got = signed_logsumexp_backward(&x, &b, &[0.0], &[-1.0], &[5.0], &masked(&words, 4).scale(0.5)).unwrap();
    assert_close(&got, &[-7.5, 5.0 * 2_f64.sqrt(), 0.0, 0.0], 1e-7);
    // Plain arithmetic where the sum was nothing.
    let got = signed_logsumexp_backward(&dense(&[1.0, 1.0], 2), &dense(&[1.0, -1.0], 2), &[-INF], &[0.0], &[1.0], &LogitTransform::new());
    all_nan(&got.unwrap());
}

#[test]
fn the_most_probable_classes() {
    let x = [1.0, 3.0, -INF, 3.0, 2.0];
    let lp = log_softmax(&dense(&x, 5));
    let top = |k| top_k_log_probs(&dense(&x, 5), k, &LogitTransform::new()).unwrap();
    assert_eq!(top(1).classes, [1]);
    assert_eq!(top(3).classes, [1, 3, 4]);
    assert_eq!(top(3).log_probs, [lp[1], lp[3], lp[4]]);
    // The one of -inf is a class, unlike what follows it.
    let (first, words) = ([1.0, 3.0, -INF, 3.0, 2.0, 9.0], [0b01_1111]);
    let of_five = top_k_log_probs(&dense(&first, 6), 6, &masked(&words, 6)).unwrap();
    assert_eq!(of_five.classes, [1, 3, 4, 0, 2, NO_CLASS]);
    assert_eq!(of_five.log_probs, [lp[1], lp[3], lp[4], lp[0], -INFINITY, -INFINITY]);
    assert!(top(0).classes.is_empty() && top(0).log_probs.is_empty());
    let out = top_k_log_probs(&dense(&[20.0, 0.0], 2), 1, &LogitTransform::new().scale(3.0)).unwrap();
    assert_close(&out.log_probs, &[-(-60_f64).exp().ln_1p()], 1e-15);
}

#[test]
fn the_most_probable_classes_of_special_rows() {
    let x = [0.0, NAN, 2.0, /**/ 0.0, INF, 2.0, /**/ -INF, -INF, -INF, /**/ 0.0, 1.0, 0.0];
    let out = top_k_log_probs(&dense(&x, 3), 2, &LogitTransform::new()).unwrap();
    assert_eq!(out.classes, [NO_CLASS, NO_CLASS, 1, 2, 0, 1, 1, 0]);
    all_nan(&out.log_probs[..6]);
    assert!(out.log_probs[6..].iter().all(|lp| lp.is_finite()));
    let words = ClassMask::pack(&[true, false, true], 3);
    let out = top_k_log_probs(&dense(&x, 3), 3, &masked(&words, 3)).unwrap();
    assert_eq!(out.classes, [2, 0, NO_CLASS, 2, 0, NO_CLASS, 0, 2, NO_CLASS, 0, 2, NO_CLASS]);
    assert_eq!((out.log_probs[2], out.log_probs[8]), (-INFINITY, -INFINITY));
    let out = top_k_log_probs(&dense(&x, 3), 1, &masked(&[0], 3)).unwrap();
    assert_eq!((out.classes, out.log_probs), (vec![NO_CLASS; 4], vec![-INFINITY; 4]));
}
