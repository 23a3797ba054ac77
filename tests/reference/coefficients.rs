//! Coefficients of cross-entropy against infinite values, and what coefficients of 0 and masks leave out.

use crate::common::{INF, NAN, X, all, all_nan, assert_close, hard, one_mask, soft, soft_all};
use wgpu_xent::{ClassMask, FaultPolicy, FaultRows, NO_CLASS};

const INFINITY: f64 = f64::INFINITY;
const LN_2: f64 = std::f64::consts::LN_2;

#[test]
fn no_coefficient_no_term() {
    let x = [-INF, LN_2 as f32, 0.0];
    let z = f64::from(x[1]);
    let lse = z.exp().ln_1p();
    // Smoothing against -inf, but of weight 0.
    let out = hard(&x, 3, &[1], all().label_smoothing(0.5).class_weights(&[0.0, 1.0, 1.0][..]));
    let sixth = 0.5 / 3.0;
    assert_close(&out.row_loss.unwrap(), &[(0.5 + sixth) * (lse - z) + sixth * lse], 1e-15);
    // The target at -inf, of weight 0: then nothing is left of the row.
    let out = hard(&x, 3, &[0], all().class_weights(&[0.0, 1.0, 1.0][..]).upstream(INF));
    assert_eq!((out.row_loss.unwrap(), out.gradient.unwrap()), (vec![0.0], vec![0.0; 3]));
    assert_eq!(out.log_prob.unwrap(), [-INFINITY]);
    // A smoothing of 1 leaves no target.
    let out = hard(&x, 3, &[0], all().label_smoothing(1.0).class_weights(&[0.0, 1.0, 1.0][..]));
    assert_close(&out.row_loss.unwrap(), &[((lse - z) + lse) / 3.0], 1e-15);
    // Probabilities of 0, of weight 0.
    let out = soft(&x, 3, &[0.0, 1.0, 0.0], soft_all());
    assert_close(&out.row_loss.unwrap(), &[lse - z], 1e-15);
    assert_close(&out.target_gradient.unwrap(), &[INFINITY, lse - z, lse], 1e-15);
    let out = soft(&x, 3, &[5.0, 1.0, 0.0], soft_all().class_weights(&[0.0, 1.0, 1.0][..]));
    assert_close(&out.row_loss.unwrap(), &[lse - z], 1e-15);
    assert_close(&out.target_gradient.unwrap(), &[0.0, lse - z, lse], 1e-15);
    // Only smoothing, and an upstream factor of 0: no derivative with respect to q, infinite or not.
    let out = soft(&x, 3, &[0.5, 1.0, 0.0], soft_all().label_smoothing(1.0));
    assert_eq!((out.row_loss.unwrap(), out.target_gradient.unwrap()), (vec![INFINITY], vec![0.0; 3]));
    let out = soft(&x, 3, &[0.0, 1.0, 0.0], soft_all().upstream(0.0));
    assert_eq!((out.gradient.unwrap(), out.target_gradient.unwrap()), (vec![0.0; 3], vec![0.0; 3]));
}

#[test]
fn coefficients_against_minus_infinity() {
    let x = [-INF, 0.0, 0.0];
    let uniform = [0.0, 0.5, 0.5];
    let out = hard(&x, 3, &[1], all().label_smoothing(0.75));
    assert_eq!(out.row_loss.unwrap(), [INFINITY]);
    assert_close(&out.gradient.unwrap(), &[-0.25, 0.0, 0.25], 1e-15);
    // The sign is the coefficient's, and the row weight's.
    assert_eq!(hard(&x, 3, &[0], all().class_weights(&[-1.0, 1.0, 1.0][..])).row_loss.unwrap(), [-INFINITY]);
    assert_eq!(hard(&x, 3, &[0], all().row_weights(&[-1.0][..])).row_loss.unwrap(), [-INFINITY]);
    let out = soft(&x, 3, &[-0.5, 1.0, 0.5], soft_all());
    assert_eq!(out.row_loss.unwrap(), [-INFINITY]);
    assert_close(&out.gradient.unwrap(), &[0.5, -0.5, 0.0], 1e-15);
    assert_eq!(out.target_gradient.unwrap()[0], INFINITY);
    let out = soft(&[-INF, -INF, 0.0], 3, &[-0.5, 1.0, 0.5], soft_all());
    assert!(out.row_loss.unwrap()[0].is_nan());
    assert_close(&out.gradient.unwrap(), &[0.5, -1.0, 0.5], 1e-15);
    // A target without probability: everything but the loss is finite.
    let out = hard(&x, 3, &[0], all());
    assert_eq!((out.row_loss.unwrap(), out.log_prob.unwrap(), out.rank.unwrap()), (vec![INFINITY], vec![-INFINITY], vec![2]));
    assert_close(&out.gradient.unwrap(), &[-1.0, uniform[1], uniform[2]], 1e-15);
    assert_close(&out.entropy.unwrap(), &[LN_2], 1e-15);
    assert_eq!((out.correct, out.correct_top_k), (Some(0), Some(0)));
    assert!(out.faults.is_empty());
}

#[test]
fn a_row_weight_of_0_is_a_valid_row_without_loss() {
    for row in [[NAN, 0.0, 0.0], [INF, 0.0, 0.0], [-INF; 3], [1.0, 2.0, 3.0]] {
        for policy in [FaultPolicy::Propagate, FaultPolicy::Zero, FaultPolicy::Fail] {
            let x = [&row[..], &[0.0; 3]].concat();
            let options = all().row_weights(&[0.0, 2.0][..]).z_loss(1.0).upstream(NAN).faults(policy).label_smoothing(0.5);
            let out = hard(&x, 3, &[2, 2], options);
            assert_eq!((out.row_loss.unwrap()[0], out.row_z_loss.unwrap()[0]), (0.0, 0.0));
            let gradient = out.gradient.unwrap();
            assert_eq!(gradient[..3], [0.0; 3]);
            all_nan(&gradient[3..]);
            assert!(out.faults.is_empty());
            assert_eq!((out.valid_rows, out.denominator), (2, 2.0));
            let regular = row == [1.0, 2.0, 3.0];
            assert_eq!(out.log_prob.unwrap()[0].is_nan(), !regular);
            assert_eq!((out.correct, out.entropy.unwrap()[0].is_nan()), (Some(usize::from(regular)), !regular));
        }
    }
    let out = soft(&[0.0; 6], 3, &[NAN, 0.0, 0.0, 1.0, 0.0, 0.0], soft_all().row_weights(&[0.0, 1.0][..]));
    assert_close(&out.row_loss.unwrap(), &[0.0, 3_f64.ln()], 1e-15);
    assert_eq!((&out.gradient.unwrap()[..3], &out.target_gradient.unwrap()[..3]), (&[0.0; 3][..], &[0.0; 3][..]));
    assert!(out.faults.is_empty());
}

#[test]
fn masked_classes_do_not_exist() {
    let allowed = [true, false, true, false, false, true, true, true, true, true, false, true];
    let words = ClassMask::pack(&allowed, 4);
    let mask = ClassMask::per_row(&words, 3, 4).unwrap();
    let targets = [2, 3, 1];
    let options = all().label_smoothing(0.25).z_loss(0.5).class_mask(mask).softcap(4.0);
    let expected = hard(&X, 4, &targets, options);
    let gradient = expected.gradient.as_ref().unwrap();
    assert!(gradient.iter().zip(allowed).all(|(g, allowed)| allowed == (*g != 0.0)));
    for other in [NAN, INF, -INF, 1e38, 100.0] {
        let x: Vec<f32> = X.iter().zip(allowed).map(|(&x, allowed)| if allowed { x } else { other }).collect();
        assert_eq!(hard(&x, 4, &targets, options), expected);
        // Nor does the upstream factor reach them.
        let gradient = hard(&x, 4, &targets, options.upstream(NAN)).gradient.unwrap();
        assert!(gradient.iter().zip(allowed).all(|(g, allowed)| if allowed { g.is_nan() } else { *g == 0.0 }));
        let q: Vec<f32> = allowed.iter().map(|&allowed| if allowed { 0.5 } else { other }).collect();
        let out = soft(&x, 4, &q, soft_all().class_mask(mask).label_smoothing(0.5).z_loss(0.5));
        assert!(out.row_loss.unwrap().iter().all(|l| l.is_finite()) && out.faults.is_empty());
        for gradient in [out.gradient.unwrap(), out.target_gradient.unwrap()] {
            assert!(gradient.iter().zip(allowed).all(|(g, allowed)| if allowed { g.is_finite() } else { *g == 0.0 }));
        }
    }
    // The same as with those classes cut out.
    let out = hard(&[X[0], X[2]], 2, &[1], all().label_smoothing(0.25).z_loss(0.5).softcap(4.0));
    assert_eq!(out.row_loss.unwrap()[0], expected.row_loss.unwrap()[0]);
    assert_eq!(out.entropy.unwrap()[0], expected.entropy.unwrap()[0]);
    assert_eq!(out.gradient.unwrap(), [gradient[0], gradient[2]]);
}

#[test]
fn a_masked_target() {
    let mask = one_mask(&[true, true, false, true]);
    let options = all().class_mask(ClassMask::shared(&mask, 4).unwrap());
    let x = [0.0, 0.0, 9.0, -INF];
    let out = hard(&x, 4, &[2], options);
    assert_eq!((out.row_loss.unwrap(), out.log_prob.unwrap(), out.rank.unwrap()), (vec![INFINITY], vec![-INFINITY], vec![3]));
    assert_eq!(out.gradient.unwrap(), [0.5, 0.5, 0.0, 0.0]);
    assert_eq!((out.correct, out.denominator), (Some(0), 1.0));
    assert!(out.faults.is_empty());
    // With smoothing of 1 the target does not matter.
    let out = hard(&x[..3], 3, &[2], all().class_mask(ClassMask::shared(&mask, 3).unwrap()).label_smoothing(1.0));
    assert_close(&out.row_loss.unwrap(), &[LN_2], 1e-15);
    assert_eq!(hard(&x, 4, &[2], options.class_weights(&[1.0, 1.0, 0.0, 1.0][..])).row_loss.unwrap(), [0.0]);
}

#[test]
fn no_class_takes_part() {
    let mask = one_mask(&[false; 3]);
    for targets in [0, 2] {
        let out = hard(&[NAN, INF, 1.0], 3, &[targets], all().class_mask(ClassMask::shared(&mask, 3).unwrap()).label_smoothing(0.5));
        assert!(out.row_loss.unwrap()[0].is_nan() && out.entropy.unwrap()[0].is_nan() && out.log_prob.unwrap()[0].is_nan());
        assert_eq!((out.gradient.unwrap(), out.logsumexp.unwrap()), (vec![0.0; 3], vec![-INFINITY]));
        assert_eq!((out.argmax.unwrap(), out.rank.unwrap()), (vec![NO_CLASS], vec![0]));
        assert_eq!((out.correct, out.correct_top_k), (Some(0), Some(0)));
        assert_eq!(out.faults.fully_masked, FaultRows { count: 1, first: Some(0) });
    }
}

#[test]
fn only_minus_infinity_takes_part() {
    let mask = one_mask(&[false, true, true]);
    let out = hard(&[5.0, -INF, -INF], 3, &[2], all().class_mask(ClassMask::shared(&mask, 3).unwrap()));
    all_nan(&out.gradient.as_ref().unwrap()[1..]);
    assert_eq!(out.gradient.unwrap()[0], 0.0);
    assert_eq!((out.argmax.unwrap(), out.rank.unwrap(), out.logsumexp.unwrap()), (vec![1], vec![1], vec![-INFINITY]));
    assert_eq!(out.faults.fully_masked.count, 1);
}
