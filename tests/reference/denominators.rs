//! What a mean of row losses divides by.

use crate::common::{INF, NAN, X, all_nan, assert_close, hard, soft};
use wgpu_xent::{CrossEntropy, Denominator, EmptyMean, Reduction};

#[test]
fn denominators() {
    let weights = [0.5, 2.0, 3.0, 4.0];
    let row_weights = [2.0, 5.0, -1.0];
    let run = |denominator, options: CrossEntropy<'_>| {
        let options = options.denominator(denominator).row_loss(true).z_loss_part(true).gradient(true).z_loss(0.25);
        let out = hard(&X, 4, &[3, -100, 1], options.reduction(Reduction::Mean));
        let total: f64 = out.row_loss.unwrap().iter().sum();
        assert_close(&[out.loss.unwrap()], &[total / out.denominator], 1e-15);
        let z_total: f64 = out.row_z_loss.unwrap().iter().sum();
        assert_close(&[out.z_loss.unwrap()], &[z_total / out.denominator], 1e-15);
        // What it would be, without a mean.
        let sum = hard(&X, 4, &[3, -100, 1], options.reduction(Reduction::Sum));
        assert_eq!(sum.denominator, out.denominator);
        assert_close(&[sum.loss.unwrap(), sum.z_loss.unwrap()], &[total, z_total], 1e-15);
        let expected: Vec<f64> = sum.gradient.unwrap().iter().map(|g| g / out.denominator).collect();
        assert_close(&out.gradient.unwrap(), &expected, 1e-15);
        out.denominator
    };
    let plain = CrossEntropy::new();
    let weighted = plain.class_weights(&weights[..]).row_weights(&row_weights[..]);
    let cases = [
        (Denominator::TargetWeights, 2.0, 6.0),
        (Denominator::Rows, 3.0, 3.0),
        (Denominator::ValidRows, 2.0, 2.0),
        (Denominator::AllWeights, 2.0, 6.0),
        (Denominator::Value(-2.5), -2.5, -2.5),
    ];
    for (denominator, unweighted, with_weights) in cases {
        assert_eq!((run(denominator, plain), run(denominator, weighted)), (unweighted, with_weights), "{denominator:?}");
    }
    // 2 * 4 - 1 * 2, by design the same as 4 + 2; row weights alone tell them apart.
    assert_eq!(run(Denominator::AllWeights, plain.row_weights(&row_weights[..])), 1.0);
    assert_eq!(run(Denominator::TargetWeights, plain.row_weights(&row_weights[..])), 2.0);
}

#[test]
fn denominators_of_probabilities() {
    let q = [0.25; 12];
    let run = |denominator| {
        let options = CrossEntropy::new().class_weights(&[0.5, 2.0, 3.0, 4.0][..]).row_weights(&[2.0, 5.0, -1.0][..]).row_loss(true);
        let out = soft(&X, 4, &q, options.denominator(denominator));
        assert_close(&[out.loss.unwrap()], &[out.row_loss.unwrap().iter().sum::<f64>() / out.denominator], 1e-15);
        assert_eq!(out.valid_rows, 3);
        out.denominator
    };
    for denominator in [Denominator::TargetWeights, Denominator::Rows, Denominator::ValidRows] {
        assert_eq!(run(denominator), 3.0);
    }
    assert_eq!((run(Denominator::AllWeights), run(Denominator::Value(8.0))), (6.0, 8.0));
}

#[test]
fn means_over_nothing() {
    // The second row has a coefficient, the others are ignored, of weight 0, or of class weight 0.
    let options = CrossEntropy::new()
        .denominator(Denominator::Value(0.0))
        .class_weights(&[1.0, 1.0, 0.0, 1.0][..])
        .row_weights(&[1.0, 1.0, 1.0, 0.0][..])
        .gradient(true)
        .row_loss(true)
        .z_loss_part(true);
    let x: Vec<f32> = X.iter().copied().chain([0.0; 4]).collect();
    let targets = [-100, 1, 2, 0];
    let out = hard(&x, 4, &targets, options);
    assert!(out.loss.unwrap().is_nan() && out.z_loss.unwrap().is_nan());
    assert!(out.faults.empty_denominator);
    let gradient = out.gradient.unwrap();
    all_nan(&gradient[4..8]);
    assert_eq!((&gradient[..4], &gradient[8..]), (&[0.0; 4][..], &[0.0; 8][..]));
    assert!(out.row_loss.unwrap()[1] > 0.0);
    // Smoothing or a z-loss give the third row a coefficient.
    for options in [options.label_smoothing(0.5), options.z_loss(0.5)] {
        let gradient = hard(&x, 4, &targets, options).gradient.unwrap();
        all_nan(&gradient[4..12]);
        assert_eq!((&gradient[..4], &gradient[12..]), (&[0.0; 4][..], &[0.0; 4][..]));
    }
    let out = hard(&x, 4, &targets, options.empty_mean(EmptyMean::Zero));
    assert_eq!((out.loss, out.z_loss, out.gradient), (Some(0.0), Some(0.0), Some(vec![0.0; 16])));
    assert!(out.faults.is_empty());
    // A sum has no denominator to be empty.
    let out = hard(&x, 4, &targets, options.reduction(Reduction::Sum));
    assert!(out.loss.unwrap() > 0.0 && out.faults.is_empty() && out.denominator == 0.0);
    let q = [0.25; 12];
    let options = CrossEntropy::new().denominator(Denominator::Value(0.0)).gradient(true).class_weights(&[1.0, 0.0, 1.0, 1.0][..]);
    let out = soft(&X, 4, &q, options);
    all_nan(&out.gradient.unwrap());
    let of_q = out.target_gradient.unwrap();
    assert!((0..12).all(|i| if i % 4 == 1 { of_q[i] == 0.0 } else { of_q[i].is_nan() }));
    let out = soft(&X, 4, &q, options.empty_mean(EmptyMean::Zero));
    assert_eq!((out.loss, out.gradient, out.target_gradient), (Some(0.0), Some(vec![0.0; 12]), Some(vec![0.0; 12])));
    // The 0 is that of rows at fault too.
    let zero = CrossEntropy::new().denominator(Denominator::Value(0.0)).empty_mean(EmptyMean::Zero).gradient(true).row_loss(true);
    let out = hard(&[NAN, 0.0, 0.0, INF], 2, &[0, 1], zero);
    assert_eq!((out.loss, out.gradient), (Some(0.0), Some(vec![0.0; 4])));
    all_nan(&out.row_loss.unwrap());
    assert_eq!((out.faults.nan.count, out.faults.positive_infinity.count), (1, 1));
    let out = soft(&[NAN, 0.0], 2, &[0.5, 0.5], zero);
    assert_eq!((out.gradient, out.target_gradient), (Some(vec![0.0; 2]), Some(vec![0.0; 2])));
    // All ignored: NaN, but no row has a gradient to be NaN.
    let out = hard(&X, 4, &[-100; 3], CrossEntropy::new().gradient(true));
    assert!(out.loss.unwrap().is_nan() && out.faults.empty_denominator);
    assert_eq!(out.gradient.unwrap(), [0.0; 12]);
}
