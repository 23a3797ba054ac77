//! The losses that are sums over elements: closed forms, special values, reductions.

use crate::common::{INF, NAN, X, all_nan, assert_close, dense};
use wgpu_xent::reference::{
    binary_cross_entropy_with_logits, distribution_cross_entropy, entropy, kl_div, nll_loss, sigmoid, sigmoid_backward,
};
use wgpu_xent::{
    BinaryCrossEntropy, CrossEntropy, Denominator, ElementLoss, ElementLossResult, ElementReduction, EmptyMean, Logits, Reduction, Targets,
    Weights,
};

const LN_2: f64 = std::f64::consts::LN_2;

/// One element: loss, gradient and target gradient.
type Parts = [f64; 3];

fn parts(out: &ElementLossResult<f64>) -> Parts {
    let first = |values: &Option<Vec<f64>>| values.as_ref().map_or(f64::NAN, |values| values[0]);
    [first(&out.elements), first(&out.gradient), first(&out.target_gradient)]
}

fn unreduced() -> ElementLoss {
    ElementLoss::new().reduction(ElementReduction::None).gradient(true)
}

fn bce(x: f32, y: f32, weight: f32, pos_weight: f32) -> [f64; 2] {
    let (weight, pos_weight) = ([weight], [pos_weight]);
    let options = BinaryCrossEntropy::new().loss(unreduced()).weight(Weights::Classes(&weight)).pos_weight(&pos_weight[..]);
    let [loss, gradient, _] = parts(&binary_cross_entropy_with_logits(&dense(&[x], 1), &dense(&[y], 1), &options).unwrap());
    [loss, gradient]
}

#[test]
fn sigmoids() {
    let x = [0.0, 1.0, -1.0, 60.0, -60.0, 300.0, -300.0, INF, -INF, NAN];
    let e = (-1_f64).exp();
    let expected = [0.5, 1.0 / (1.0 + e), e / (1.0 + e), 1.0, (-60_f64).exp(), 1.0, (-300_f64).exp(), 1.0, 0.0, f64::NAN];
    assert_close(&sigmoid(&dense(&x, 5)), &expected, 1e-15);
    let got = sigmoid_backward(&dense(&[0.5, 0.25, 1.0, 0.0, NAN], 5), &dense(&[4.0, -1.0, 2.0, 2.0, 1.0], 5)).unwrap();
    assert_close(&got, &[1.0, -0.1875, 0.0, 0.0, f64::NAN], 0.0);
}

#[test]
fn binary_cross_entropy_in_closed_form() {
    assert_close(&bce(0.0, 0.5, 1.0, 1.0), &[LN_2, 0.0], 1e-15);
    assert_close(&bce(0.0, 1.0, 3.0, 2.0), &[6.0 * LN_2, -3.0], 1e-15);
    assert_close(&bce(0.0, 0.25, -2.0, 4.0), &[-2.0 * 1.75 * LN_2, -2.0 * (0.375 - 0.5)], 1e-15);
    for x in [0.5_f32, 12.0, 20.0, 60.0, 200.0] {
        let e = (-f64::from(x)).exp();
        let (small, sigma) = (e.ln_1p(), e / (1.0 + e));
        // On the right side everything is small and accurate; on the wrong one it is the logit.
        assert_close(&bce(x, 1.0, 1.0, 3.0), &[3.0 * small, -3.0 * sigma], 1e-15);
        assert_close(&bce(-x, 0.0, 2.0, 3.0), &[2.0 * small, 2.0 * sigma], 1e-15);
        assert_close(&bce(-x, 1.0, 1.0, 3.0), &[3.0 * (f64::from(x) + small), -3.0 / (1.0 + e)], 1e-15);
        assert_close(&bce(x, 0.0, 1.0, 3.0), &[f64::from(x) + small, 1.0 / (1.0 + e)], 1e-15);
        // The documented formula, where it does not cancel.
        let (y, pos_weight) = (0.75, 2.5);
        let expected = (1.0 - y) * f64::from(x) + (1.0 + (pos_weight - 1.0) * y) * small;
        assert_close(&bce(x, 0.75, 1.0, 2.5)[..1], &[expected], 1e-14);
    }
}

#[test]
fn binary_cross_entropy_of_special_values() {
    let inf = f64::INFINITY;
    assert_eq!(bce(INF, 1.0, 1.0, 2.0), [0.0, 0.0]);
    assert_eq!(bce(INF, 0.0, 3.0, 2.0), [inf, 3.0]);
    assert_eq!(bce(-INF, 0.0, 1.0, 2.0), [0.0, 0.0]);
    assert_eq!(bce(-INF, 1.0, 1.0, 2.0), [inf, -2.0]);
    assert_eq!(bce(-INF, 1.0, -1.0, 2.0), [-inf, 2.0]);
    assert_eq!(bce(-INF, 1.0, 1.0, 0.0), [0.0, 0.0]);
    assert_eq!(bce(-INF, 0.5, 1.0, 1.0), [inf, -0.5]);
    // A weight of 0 wins over everything, otherwise NaN does.
    for x in [NAN, INF, -INF] {
        assert_eq!(bce(x, 0.5, 0.0, 1.0), [0.0, 0.0]);
    }
    let options = BinaryCrossEntropy::new().loss(unreduced().upstream(NAN)).weight(Weights::Classes(&[0.0, 1.0]));
    let out = binary_cross_entropy_with_logits(&dense(&[1.0; 2], 2), &dense(&[0.0; 2], 2), &options).unwrap();
    assert_close(&out.gradient.unwrap(), &[0.0, f64::NAN], 0.0);
    for (x, y, pos_weight) in [(NAN, 0.5, 1.0), (NAN, 1.0, 0.0), (NAN, 0.0, 1.0), (1.0, NAN, 1.0)] {
        all_nan(&bce(x, y, 1.0, pos_weight));
    }
    // Targets are not checked.
    assert_close(&bce(1.0, 2.0, 1.0, 1.0), &[1_f64.exp().ln_1p() - 2.0, 1.0 / (1.0 + (-1_f64).exp()) - 2.0], 1e-14);
}

#[test]
fn weights_of_elements_and_classes() {
    let y = [0.5; 12];
    let of = |weight: Weights<'_>| {
        let options = BinaryCrossEntropy::new().loss(unreduced().row_loss(true)).weight(weight);
        binary_cross_entropy_with_logits(&dense(&X, 4), &dense(&y, 4), &options).unwrap()
    };
    let classes = [1.0, 2.0, 0.0, -1.0];
    assert_eq!(of(Weights::Classes(&classes)), of(Weights::Elements(dense(&classes.repeat(3), 4))));
    let plain = of(Weights::Elements(dense(&[1.0; 12], 4))).elements.unwrap();
    let weight: Vec<f32> = (0..12).map(|i| i as f32 * 0.5 - 2.0).collect();
    let out = of(Weights::Elements(dense(&weight, 4)));
    let expected: Vec<f64> = plain.iter().zip(&weight).map(|(l, &w)| l * f64::from(w)).collect();
    assert_close(out.elements.as_ref().unwrap(), &expected, 1e-15);
    let rows: Vec<f64> = expected.chunks(4).map(|row| row.iter().sum()).collect();
    assert_close(&out.row_loss.unwrap(), &rows, 1e-14);
    // Classes in the middle: weights by class, elements in place.
    let middle = Logits::with_shape(&X, &[4, 3], 0).unwrap();
    let options = BinaryCrossEntropy::new().loss(unreduced()).weight(Weights::Classes(&classes)).pos_weight(&[1.0, 2.0, 3.0, 4.0][..]);
    let out = binary_cross_entropy_with_logits(&middle, &Logits::with_shape(&y, &[4, 3], 0).unwrap(), &options).unwrap();
    let one = bce(X[4], 0.5, 2.0, 2.0);
    assert_eq!([out.elements.unwrap()[4], out.gradient.unwrap()[4]], one);
}

fn kl(x: f32, q: f32, log_target: bool) -> Parts {
    parts(&kl_div(&dense(&[x], 1), &dense(&[q], 1), log_target, &unreduced().target_gradient(true)).unwrap())
}

#[test]
fn divergence_values() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    assert_close(&kl(-1.0, 0.5, false), &[0.5 * (1.0 - LN_2), -0.5, 2.0 - LN_2], 1e-15);
    assert_close(&kl(-1.0, -2.0, true), &[-(-2_f64).exp(), -(-2_f64).exp(), 0.0], 1e-15);
    for x in [-1.0, -INF, NAN] {
        assert_eq!(kl(x, 0.0, false), [0.0; 3]);
    }
    assert_eq!(kl(-INF, 0.5, false), [inf, -0.5, inf]);
    assert_close(&kl(-1.0, -0.5, false), &[nan, 0.5, nan], 0.0);
    assert_close(&kl(NAN, 0.5, false), &[nan, -0.5, nan], 0.0);
    assert_close(&kl(-1.0, NAN, false), &[nan; 3], 0.0);
    for x in [-INF, -1.0, NAN] {
        assert_eq!(kl(x, -INF, true), [0.0; 3]);
    }
    assert_close(&kl(-INF, -1.0, true), &[inf, -(-1_f64).exp(), inf], 1e-15);
    assert_eq!(kl(-INF, -1e4, true), [inf, 0.0, inf]);
    assert_close(&kl(-1.0, NAN, true), &[nan; 3], 0.0);
    assert_close(&kl(NAN, 0.0, true), &[nan, -1.0, nan], 0.0);
    // Equal distributions have none.
    assert_eq!(kl(0.0, 1.0, false), [0.0, -1.0, 1.0]);
    assert_eq!(kl(-3.0, -3.0, true)[0], 0.0);
}

#[test]
fn entropy_values() {
    let of = |p: f32| {
        let out = entropy(&dense(&[p], 1), &unreduced()).unwrap();
        assert_eq!(out.target_gradient, None);
        [parts(&out)[0], parts(&out)[1]]
    };
    assert_close(&of(0.5), &[0.5 * LN_2, LN_2 - 1.0], 1e-15);
    assert_eq!(of(1.0), [0.0, -1.0]);
    assert_eq!(of(0.0), [0.0, f64::INFINITY]);
    all_nan(&of(-0.5));
    all_nan(&of(NAN));
    let p = 1.0 - 2_f32.powi(-24);
    assert_close(&of(p)[..1], &[-f64::from(p) * (-2_f64.powi(-24)).ln_1p()], 1e-14);
}

#[test]
fn distribution_cross_entropy_values() {
    let of =
        |p: f32, q: f32| parts(&distribution_cross_entropy(&dense(&[p], 1), &dense(&[q], 1), &unreduced().target_gradient(true)).unwrap());
    let inf = f64::INFINITY;
    assert_close(&of(0.75, 0.5), &[0.75 * LN_2, -1.5, LN_2], 1e-15);
    assert_eq!(of(0.0, 0.0), [0.0, 0.0, 0.0]);
    assert_eq!(of(0.5, 0.0), [inf, -inf, inf]);
    assert_close(&of(0.0, -1.0), &[0.0, 0.0, f64::NAN], 0.0);
    assert_close(&of(0.0, NAN), &[0.0, 0.0, f64::NAN], 0.0);
    assert_close(&of(0.5, -1.0), &[f64::NAN, 0.5, f64::NAN], 0.0);
    all_nan(&of(NAN, 0.5)[..2]);
    assert_close(&of(-1.0, 0.5), &[-LN_2, 2.0, LN_2], 1e-15);
}

#[test]
fn element_reductions() {
    let q: Vec<f32> = X.iter().map(|x| x.abs() * 0.25).collect();
    let run =
        |loss: ElementLoss| kl_div(&dense(&X, 4), &dense(&q, 4), false, &loss.row_loss(true).gradient(true).target_gradient(true)).unwrap();
    let none = run(ElementLoss::new().reduction(ElementReduction::None));
    let elements = none.elements.unwrap();
    let total: f64 = elements.iter().sum();
    assert_eq!(none.loss, None);
    let rows: Vec<f64> = elements.chunks(4).map(|row| row.iter().sum()).collect();
    assert_close(none.row_loss.as_ref().unwrap(), &rows, 1e-14);
    let plain = ElementLoss::new();
    let batch = plain.reduction(ElementReduction::BatchMean);
    let cases = [(plain, 12.0), (batch, 3.0), (batch.batch(6), 6.0), (plain.reduction(ElementReduction::Sum), 1.0)];
    for (options, divisor) in cases {
        let out = run(options.upstream(-3.0));
        assert_close(&[out.loss.unwrap()], &[total / divisor], 1e-14);
        assert_eq!((out.elements, &out.row_loss), (None, &none.row_loss));
        let times = |values: &Option<Vec<f64>>| values.as_ref().unwrap().iter().map(|v| v * -3.0 / divisor).collect::<Vec<_>>();
        assert_close(&out.gradient.unwrap(), &times(&none.gradient), 1e-15);
        assert_close(&out.target_gradient.unwrap(), &times(&none.target_gradient), 1e-15);
    }
    let nothing = Logits::new::<f32>(&[], 0, 4).unwrap();
    let run = |reduction| entropy(&nothing, &ElementLoss::new().reduction(reduction).gradient(true).row_loss(true)).unwrap();
    assert!(run(ElementReduction::Mean).loss.unwrap().is_nan() && run(ElementReduction::BatchMean).loss.unwrap().is_nan());
    assert_eq!(run(ElementReduction::Sum).loss, Some(0.0));
    let out = run(ElementReduction::None);
    assert_eq!((out.elements, out.gradient, out.row_loss), (Some(vec![]), Some(vec![]), Some(vec![])));
    // Only what is asked for.
    let out = entropy(&dense(&X, 4), &ElementLoss::new()).unwrap();
    assert_eq!((out.elements, out.gradient, out.target_gradient, out.row_loss), (None, None, None, None));
}

#[test]
fn nll_of_log_probabilities() {
    let log_probs = [-0.5, -1.0, -INF, /**/ NAN, -2.0, -3.0, /**/ -1.0, -INF, NAN, /**/ NAN, -INF, -4.0];
    let options = CrossEntropy::new().reduction(Reduction::None).gradient(true);
    let run = |targets: &[i32], options: CrossEntropy<'_>| nll_loss(&dense(&log_probs, 3), &Targets::new(targets), &options).unwrap();
    let out = run(&[1, 2, 0, -100], options);
    assert_eq!(out.row_loss.unwrap(), [1.0, 3.0, 1.0, 0.0]);
    assert_eq!(out.gradient.unwrap(), [0.0, -1.0, 0.0, 0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!((out.loss, out.valid_rows, out.denominator), (None, 3, 3.0));
    let out = run(&[2, 0, 2, 1], options);
    assert_close(&out.row_loss.unwrap(), &[f64::INFINITY, f64::NAN, f64::NAN, f64::INFINITY], 0.0);
    assert!(out.faults.is_empty() && out.gradient.unwrap().iter().all(|g| *g == 0.0 || *g == -1.0));
    // Coefficients of 0, and the others.
    let weighted = options.class_weights(&[2.0, 0.5, 0.0][..]).row_weights(&[3.0, -1.0, 1.0, 0.0][..]).upstream(-2.0);
    let out = run(&[1, 1, 2, 0], weighted);
    assert_eq!(out.row_loss.unwrap(), [1.5, -1.0, 0.0, 0.0]);
    assert_eq!(out.gradient.unwrap(), [0.0, 3.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(out.denominator, 3.0);
    let mean = weighted.reduction(Reduction::Mean);
    assert_close(&[run(&[1, 1, 2, 0], mean).loss.unwrap()], &[0.5 / 3.0], 1e-15);
    let out = run(&[1, 1, 2, 0], mean.denominator(Denominator::AllWeights));
    assert_eq!((out.denominator, out.loss, out.row_loss), (1.0, Some(0.5), None));
    // A mean over nothing.
    let out = run(&[-100, 2, 2, -100], mean);
    assert!(out.loss.unwrap().is_nan() && out.faults.empty_denominator);
    assert_eq!(out.gradient.unwrap(), [0.0; 12]);
    let out = run(&[-100, 2, 1, -100], mean.denominator(Denominator::Value(0.0)).class_weights(None));
    assert!(out.loss.unwrap().is_nan());
    let gradient = out.gradient.unwrap();
    assert!((0..12).all(|i| if [5, 7].contains(&i) { gradient[i].is_nan() } else { gradient[i] == 0.0 }));
    let out = run(&[-100, 2, 2, -100], mean.empty_mean(EmptyMean::Zero));
    assert_eq!((out.loss, out.faults.is_empty(), out.gradient.unwrap()), (Some(0.0), true, vec![0.0; 12]));
}
