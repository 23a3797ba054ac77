//! Rows that cannot have a loss, and the fault policies.

use crate::common::{INF, NAN, all, all_nan, assert_close, dense, hard, one_mask, soft, soft_all};
use wgpu_xent::reference::{cross_entropy, soft_cross_entropy};
use wgpu_xent::{ClassMask, CrossEntropy, EmptyMean, Error, FaultKind, FaultPolicy, FaultRows, NO_CLASS, Reduction, Targets};

const INFINITY: f64 = f64::INFINITY;
const LN_2: f64 = std::f64::consts::LN_2;

/// An ordinary row, then NaN, +inf, only -inf, NaN with +inf, and an ignored NaN.
const FAULTY: [f32; 18] = [0.0, 1.0, 2.0, 0.0, NAN, 0.0, 0.0, INF, 0.0, -INF, -INF, -INF, INF, 0.0, NAN, NAN, 0.0, 0.0];
const FAULTY_TARGETS: [i32; 6] = [0, 0, 1, 0, 1, -100];

#[test]
fn faults_are_counted_and_propagate() {
    let out = hard(&FAULTY, 3, &FAULTY_TARGETS, all().z_loss(1.0));
    assert_eq!(out.faults.nan, FaultRows { count: 2, first: Some(1) });
    assert_eq!(out.faults.positive_infinity, FaultRows { count: 1, first: Some(2) });
    assert_eq!(out.faults.fully_masked, FaultRows { count: 1, first: Some(3) });
    assert_eq!(out.faults.bad_targets, FaultRows::default());
    assert!(!out.faults.empty_denominator);
    for of_row in [&out.row_loss, &out.row_z_loss, &out.log_prob] {
        let of_row = of_row.as_ref().unwrap();
        assert!(of_row[0].is_finite() && of_row[5] == 0.0);
        all_nan(&of_row[1..5]);
    }
    let entropy = out.entropy.unwrap();
    assert!(entropy[0].is_finite());
    all_nan(&entropy[1..]);
    let gradient = out.gradient.unwrap();
    all_nan(&gradient[3..15]);
    assert_eq!(gradient[15..], [0.0; 3]);
    let lse = out.logsumexp.unwrap();
    assert_close(&lse[1..], &[f64::NAN, INFINITY, -INFINITY, f64::NAN, f64::NAN], 0.0);
    assert_eq!(out.argmax.unwrap(), [2, NO_CLASS, 1, 0, NO_CLASS, NO_CLASS]);
    assert_eq!(out.rank.unwrap(), [2, NO_CLASS, 0, 0, NO_CLASS, NO_CLASS]);
    // The argmax of the +inf and of the -inf row is the target, and yet they are not correct.
    assert_eq!((out.correct, out.correct_top_k, out.valid_rows), (Some(0), Some(0), 5));
    // No z-loss, no z-loss part, not even of NaN.
    assert_eq!(hard(&FAULTY, 3, &FAULTY_TARGETS, all()).row_z_loss.unwrap(), [0.0; 6]);
    let reduced = |reduction| hard(&FAULTY, 3, &FAULTY_TARGETS, CrossEntropy::new().reduction(reduction)).loss.unwrap();
    assert!(reduced(Reduction::Mean).is_nan() && reduced(Reduction::Sum).is_nan());
}

#[test]
fn faults_can_be_zero() {
    let options = all().faults(FaultPolicy::Zero).z_loss(1.0);
    let out = hard(&FAULTY, 3, &FAULTY_TARGETS, options.upstream(NAN));
    let alone = hard(&FAULTY[..3], 3, &FAULTY_TARGETS[..1], options);
    assert_eq!(out.row_loss.as_ref().unwrap()[0], alone.row_loss.unwrap()[0]);
    assert_eq!((&out.row_loss.unwrap()[1..], &out.row_z_loss.unwrap()[1..]), (&[0.0; 5][..], &[0.0; 5][..]));
    assert_eq!(out.gradient.unwrap()[3..], [0.0; 15]);
    all_nan(&out.log_prob.unwrap()[1..5]);
    all_nan(&out.entropy.unwrap()[1..]);
    assert_eq!(out.faults.nan.count, 2);
    // The mean's denominator counts them.
    let out = hard(&FAULTY, 3, &FAULTY_TARGETS, options.reduction(Reduction::Mean).row_loss(true));
    assert_eq!((out.denominator, out.loss.unwrap()), (5.0, out.row_loss.unwrap()[0] / 5.0));
}

#[test]
fn faults_can_fail() {
    let run = |x: &[f32], targets: &[i32], options: CrossEntropy<'_>| {
        cross_entropy(&dense(x, 3), &Targets::new(targets), &options.faults(FaultPolicy::Fail))
    };
    let error = |result: wgpu_xent::Result<_>| match result {
        Err(Error::Fault { kind, row, count }) => (kind, row, count),
        other => panic!("{other:?}"),
    };
    let plain = CrossEntropy::new();
    assert_eq!(error(run(&FAULTY, &FAULTY_TARGETS, plain)), (FaultKind::Nan, Some(1), 2));
    assert_eq!(error(run(&FAULTY[6..], &FAULTY_TARGETS[2..], plain)), (FaultKind::PositiveInfinity, Some(0), 1));
    assert_eq!(error(run(&FAULTY[9..], &FAULTY_TARGETS[3..], plain)), (FaultKind::FullyMasked, Some(0), 1));
    assert!(run(&FAULTY[15..], &[-100], plain.reduction(Reduction::Sum)).is_ok());
    assert_eq!(error(run(&FAULTY[15..], &[-100], plain)), (FaultKind::EmptyDenominator, None, 0));
    assert!(run(&FAULTY[15..], &[-100], plain.empty_mean(EmptyMean::Zero)).is_ok());
    let q = dense(&[1.0, 0.0, NAN], 3);
    let result = soft_cross_entropy(&dense(&[0.0; 3], 3), &q, &plain.faults(FaultPolicy::Fail));
    assert_eq!(error(result), (FaultKind::Nan, Some(0), 1));
}

#[test]
fn faults_of_probabilities() {
    for bad in [NAN, INF, -INF] {
        // Whatever its coefficient, and before a +inf of the logits.
        let x = [0.0, 0.0, 0.0, INF, 0.0, 0.0];
        let q = [1.0, bad, 0.0, 1.0, bad, 0.0];
        let out = soft(&x, 3, &q, soft_all().class_weights(&[1.0, 0.0, 1.0][..]).label_smoothing(1.0));
        assert_eq!(out.faults.nan, FaultRows { count: 2, first: Some(0) });
        all_nan(&out.row_loss.unwrap());
        all_nan(&out.gradient.unwrap());
        all_nan(&out.target_gradient.unwrap());
        // The prediction has an entropy whatever the labels are.
        let entropy = out.entropy.unwrap();
        assert!((entropy[0] - 3_f64.ln()).abs() < 1e-15 && entropy[1].is_nan(), "{entropy:?}");
        assert_eq!((out.logsumexp.unwrap()[1], out.argmax.unwrap()), (INFINITY, vec![0, 0]));
        let out = soft(&x, 3, &q, soft_all().faults(FaultPolicy::Zero));
        assert_eq!((out.row_loss.unwrap(), out.gradient.unwrap()), (vec![0.0; 2], vec![0.0; 6]));
        assert_eq!(out.target_gradient.unwrap(), [0.0; 6]);
        let mask = one_mask(&[true, false, true]);
        let out = soft(&x[..3], 3, &q[..3], soft_all().class_mask(ClassMask::shared(&mask, 3).unwrap()));
        assert_close(&out.row_loss.unwrap(), &[LN_2], 1e-15);
        assert!(out.faults.is_empty());
    }
}

#[test]
fn infinite_logits_under_a_transform() {
    // A softcap makes numbers of them.
    let out = hard(&[INF, -INF, 0.0], 3, &[1], all().softcap(2.0));
    let lse = (2_f64.exp() + (-2_f64).exp() + 1.0).ln();
    assert_close(&out.row_loss.unwrap(), &[lse + 2.0], 1e-15);
    assert_close(&out.gradient.unwrap(), &[0.0, 0.0, (-lse).exp()], 1e-14);
    assert!(out.faults.is_empty());
    // A scale is plain arithmetic.
    let out = hard(&[-INF, 0.0, 1.0], 3, &[1], all().scale(-1.0));
    assert_eq!((out.faults.positive_infinity.count, out.argmax.unwrap()), (1, vec![0]));
    let out = hard(&[-INF, 0.0, 1.0], 3, &[1], all().scale(0.0));
    assert_eq!((out.faults.nan.count, out.argmax.unwrap()), (1, vec![NO_CLASS]));
    let out = hard(&[5.0, 0.0, 1.0], 3, &[1], all().scale(0.0));
    assert_close(&out.row_loss.unwrap(), &[3_f64.ln()], 1e-15);
    assert_eq!(out.gradient.unwrap(), [0.0; 3]);
    let out = hard(&[-INF, 0.0, 0.0], 3, &[0], all().scale(0.5));
    assert_close(&out.gradient.unwrap(), &[-0.5, 0.25, 0.25], 1e-15);
}
