//! Every gradient against central differences of the reference's own results.

use crate::common::{U, X, assert_near, dense, dot, finite_differences, narrow};
use wgpu_xent::reference::{
    binary_cross_entropy_with_logits, cross_entropy, distribution_cross_entropy, entropy, kl_div, log_softmax_backward_with,
    log_softmax_with, logsumexp_backward_with, logsumexp_with, nll_loss, sigmoid, sigmoid_backward, signed_logsumexp,
    signed_logsumexp_backward, soft_cross_entropy, softmax_backward_with, softmax_with,
};
use wgpu_xent::{
    BinaryCrossEntropy, ClassMask, CrossEntropy, CrossEntropyResult, Denominator, ElementLoss, ElementReduction, Factor, LogitTransform,
    Logits, Reduction, Targets, Weights,
};

/// Six rows of four classes, as a matrix or as two blocks of three rows: multiples of 1/8.
const WIDE: [f32; 24] = [
    0.5, -1.25, 2.0, 0.125, 3.0, 3.0, -2.5, 0.0, -0.75, 1.5, 0.25, -4.0, 1.0, 0.875, -0.5, 2.25, -3.0, 0.375, 1.75, -1.0, 2.5, 0.625, -1.5,
    0.0,
];
const TARGETS: [i32; 6] = [2, -100, 0, 3, 1, 2];
const CLASS_WEIGHTS: [f32; 4] = [0.5, 2.0, -0.25, 1.25];
const ROW_WEIGHTS: [f32; 6] = [1.5, 2.0, -0.5, 1.0, 0.0, 3.0];
const SCALES: [f32; 6] = [1.0, 2.0, -0.75, 0.5, 1.5, 1.25];
const UPSTREAM: [f32; 6] = [0.5, -2.0, 3.0, 1.0, -1.5, 0.25];
/// Classes that take part; the target of the fifth row does not.
const MASK: [bool; 24] = [
    true, true, true, false, false, true, true, true, true, false, false, true, true, true, true, true, true, false, true, true, true,
    false, true, false,
];
/// Neither normalised nor all above 0: multiples of 1/8.
const Q: [f32; 24] =
    [0.5, 0.25, 0.25, 0.0, 0.0, 1.0, 0.0, 0.0, 0.125, 0.5, 0.75, -0.25, 1.5, 0.0, 0.25, 0.125, 0.0, 0.375, 0.0, 0.125, 0.0, 0.0, 0.0, 0.0];

type Layout = for<'a> fn(&'a [f32]) -> Logits<'a>;

fn matrix(data: &[f32]) -> Logits<'_> {
    dense(data, 4)
}

fn blocks(data: &[f32]) -> Logits<'_> {
    Logits::with_shape(data, &[2, 4, 3], 1).unwrap()
}

/// The options that the bits name, alone and together.
fn options<'a>(bits: usize, mask: &'a [u32]) -> CrossEntropy<'a> {
    let has = |bit: usize| bits >> bit & 1 == 1;
    let transform = LogitTransform::new()
        .scale(if has(0) { Factor::Rows(&SCALES) } else { Factor::Scalar(1.0) })
        .softcap(has(1).then_some(2.5))
        .mask(has(2).then(|| ClassMask::per_row(mask, 6, 4).unwrap()));
    CrossEntropy::new()
        .transform(transform)
        .class_weights(has(3).then_some(&CLASS_WEIGHTS[..]))
        .row_weights(has(4).then_some(&ROW_WEIGHTS[..]))
        .label_smoothing(if has(5) { 0.3 } else { 0.0 })
        .z_loss(if has(6) { 0.125 } else { 0.0 })
}

/// The derivative asked for, as a sum: the upstream factor is in the gradient only.
fn objective(out: &CrossEntropyResult<f64>, upstream: f64) -> f64 {
    match out.loss {
        Some(loss) => upstream * loss,
        None => dot(out.row_loss.as_ref().unwrap(), &UPSTREAM),
    }
}

fn reductions<'a>() -> [(Reduction, Denominator, Factor<'a>); 4] {
    [
        (Reduction::None, Denominator::TargetWeights, Factor::Rows(&UPSTREAM)),
        (Reduction::Sum, Denominator::TargetWeights, Factor::Scalar(-1.5)),
        (Reduction::Mean, Denominator::TargetWeights, Factor::Scalar(4.0)),
        (Reduction::Mean, Denominator::Value(7.0), Factor::Scalar(4.0)),
    ]
}

/// Relative to the largest derivative.
#[track_caller]
fn assert_same_gradient(got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(1.0_f64, |scale, e| scale.max(e.abs()));
    assert_near(got, expected, 2e-8 * scale);
}

#[test]
fn of_cross_entropy_with_all_options_alone_and_together() {
    let mask = ClassMask::pack(&MASK, 4);
    for layout in [matrix as Layout, blocks] {
        for bits in 0..128 {
            for (reduction, denominator, upstream) in reductions() {
                let options = options(bits, &mask).reduction(reduction).denominator(denominator).upstream(upstream).gradient(true);
                // A target that is masked has an infinite loss, which has no differences.
                let mut targets = TARGETS;
                targets[4] = if bits >> 2 & 1 == 1 { 2 } else { 1 };
                let run = |x: &[f32]| cross_entropy(&layout(x), &Targets::new(&targets), &options).unwrap();
                let expected = finite_differences(&WIDE, |x| objective(&run(x), f64::from(upstream.get(0))));
                assert_same_gradient(&run(&WIDE).gradient.unwrap(), &expected);
            }
        }
    }
}

#[test]
fn of_soft_cross_entropy_with_all_options_alone_and_together() {
    let mask = ClassMask::pack(&MASK, 4);
    for layout in [matrix as Layout, blocks] {
        for bits in 0..128 {
            for (reduction, denominator, upstream) in reductions() {
                let options = options(bits, &mask).reduction(reduction).denominator(denominator).upstream(upstream).gradient(true);
                let run = |x: &[f32], q: &[f32]| soft_cross_entropy(&layout(x), &layout(q), &options.target_gradient(true)).unwrap();
                let out = run(&WIDE, &Q);
                let expected = finite_differences(&WIDE, |x| objective(&run(x, &Q), f64::from(upstream.get(0))));
                assert_same_gradient(&out.gradient.unwrap(), &expected);
                let expected = finite_differences(&Q, |q| objective(&run(&WIDE, q), f64::from(upstream.get(0))));
                assert_same_gradient(&out.target_gradient.unwrap(), &expected);
            }
        }
    }
}

#[test]
fn of_a_mean_over_rows_or_weights() {
    let mask = ClassMask::pack(&MASK, 4);
    for denominator in [Denominator::Rows, Denominator::ValidRows, Denominator::AllWeights] {
        let options = options(0b0111_1011, &mask).denominator(denominator).gradient(true);
        let run = |x: &[f32]| cross_entropy(&dense(x, 4), &Targets::new(&TARGETS), &options).unwrap();
        assert_same_gradient(&run(&WIDE).gradient.unwrap(), &finite_differences(&WIDE, |x| run(x).loss.unwrap()));
        let run = |x: &[f32]| soft_cross_entropy(&dense(x, 4), &dense(&Q, 4), &options).unwrap();
        assert_same_gradient(&run(&WIDE).gradient.unwrap(), &finite_differences(&WIDE, |x| run(x).loss.unwrap()));
    }
}

#[test]
fn of_nll_loss() {
    for layout in [matrix as Layout, blocks] {
        for (reduction, denominator, upstream) in reductions() {
            let plain = CrossEntropy::new().reduction(reduction).denominator(denominator).upstream(upstream).gradient(true);
            for options in [plain, plain.class_weights(&CLASS_WEIGHTS[..]).row_weights(&ROW_WEIGHTS[..])] {
                let run = |x: &[f32]| nll_loss(&layout(x), &Targets::new(&TARGETS), &options).unwrap();
                let expected = finite_differences(&WIDE, |x| objective(&run(x), f64::from(upstream.get(0))));
                assert_same_gradient(&run(&WIDE).gradient.unwrap(), &expected);
            }
        }
    }
}

/// Scale, mask and, if the gradient can have one, softcap.
fn transforms(mask: &[u32], softcap: bool) -> Vec<LogitTransform<'_>> {
    let mask = ClassMask::per_row(mask, 6, 4).unwrap();
    let mut all = vec![LogitTransform::new(), LogitTransform::new().scale(&SCALES[..]), LogitTransform::new().temperature(0.5).mask(mask)];
    if softcap {
        all.extend(all.clone().into_iter().map(|transform| transform.softcap(1.5)));
    }
    all
}

#[test]
fn of_softmax_and_its_logarithm() {
    let mask = ClassMask::pack(&MASK, 4);
    let upstream: Vec<f32> = U.iter().chain(&U).copied().collect();
    for layout in [matrix as Layout, blocks] {
        for transform in transforms(&mask, false) {
            let finite = |values: Vec<f64>| values.into_iter().map(|v| if v == f64::NEG_INFINITY { 0.0 } else { v }).collect::<Vec<_>>();
            let expected = finite_differences(&WIDE, |x| dot(&softmax_with(&layout(x), &transform).unwrap(), &upstream));
            let p = narrow(&softmax_with(&layout(&WIDE), &transform).unwrap());
            assert_near(&softmax_backward_with(&layout(&p), &layout(&upstream), &transform).unwrap(), &expected, 2e-6);
            let expected = finite_differences(&WIDE, |x| dot(&finite(log_softmax_with(&layout(x), &transform).unwrap()), &upstream));
            let lp = narrow(&log_softmax_with(&layout(&WIDE), &transform).unwrap());
            assert_near(&log_softmax_backward_with(&layout(&lp), &layout(&upstream), &transform).unwrap(), &expected, 4e-6);
        }
    }
}

#[test]
fn of_logsumexp() {
    let mask = ClassMask::pack(&MASK, 4);
    for layout in [matrix as Layout, blocks] {
        for transform in transforms(&mask, true) {
            let expected = finite_differences(&WIDE, |x| dot(&logsumexp_with(&layout(x), &transform).unwrap(), &UPSTREAM));
            let lse = narrow(&logsumexp_with(&layout(&WIDE), &transform).unwrap());
            assert_near(&logsumexp_backward_with(&layout(&WIDE), &lse, &UPSTREAM, &transform).unwrap(), &expected, 4e-6);
        }
    }
}

#[test]
fn of_signed_logsumexp() {
    let mask = ClassMask::pack(&MASK, 4);
    let b: Vec<f32> = U.iter().chain(&U).copied().collect();
    for layout in [matrix as Layout, blocks] {
        for transform in transforms(&mask, true) {
            let run = |x: &[f32]| signed_logsumexp(&layout(x), &layout(&b), &transform).unwrap();
            let (lse, sign) = run(&WIDE);
            assert!(sign.contains(&1.0) && sign.contains(&-1.0));
            let expected = finite_differences(&WIDE, |x| dot(&run(x).0, &UPSTREAM));
            let got = signed_logsumexp_backward(&layout(&WIDE), &layout(&b), &narrow(&lse), &narrow(&sign), &UPSTREAM, &transform).unwrap();
            assert_near(&got, &expected, 1e-5);
        }
    }
}

#[test]
fn of_sigmoid() {
    let expected = finite_differences(&X, |x| dot(&sigmoid(&dense(x, 4)), &U));
    let y = narrow(&sigmoid(&dense(&X, 4)));
    assert_near(&sigmoid_backward(&dense(&y, 4), &dense(&U, 4)).unwrap(), &expected, 4e-7);
}

/// The reductions of a loss over elements, and their objective.
fn element_losses() -> Vec<ElementLoss> {
    let all = [ElementReduction::None, ElementReduction::Mean, ElementReduction::BatchMean, ElementReduction::Sum];
    let mut losses: Vec<_> = all.into_iter().map(|reduction| ElementLoss::new().reduction(reduction).upstream(-1.5)).collect();
    losses.push(ElementLoss::new().reduction(ElementReduction::BatchMean).batch(5).upstream(2.0));
    losses
}

/// Gradients of a loss of two arrays, against differences: `run` returns the result, `wants_target` whether the second has one too.
fn check_elements(
    a: &[f32],
    b: &[f32],
    wants_target: bool,
    first_is_input: bool,
    run: impl Fn(&[f32], &[f32], ElementLoss) -> wgpu_xent::ElementLossResult<f64>,
) {
    for (i, options) in element_losses().into_iter().enumerate() {
        let options = options.gradient(true).target_gradient(wants_target);
        let upstream = if i == 4 { 2.0 } else { -1.5 };
        let objective = |a: &[f32], b: &[f32]| {
            let out = run(a, b, options);
            upstream * out.loss.unwrap_or_else(|| out.elements.unwrap().iter().sum())
        };
        let out = run(a, b, options);
        let of_a = finite_differences(a, |a| objective(a, b));
        let of_b = finite_differences(b, |b| objective(a, b));
        let (of_input, of_target) = if first_is_input { (of_a, of_b) } else { (of_b, of_a) };
        assert_same_gradient(&out.gradient.unwrap(), &of_input);
        if wants_target {
            assert_same_gradient(&out.target_gradient.unwrap(), &of_target);
        }
    }
}

#[test]
fn of_binary_cross_entropy() {
    let y: Vec<f32> = Q.iter().map(|q| q.abs()).collect();
    let weight: Vec<f32> = WIDE.iter().map(|w| w * 0.25).collect();
    let pos_weight = [2.0, 0.5, 0.0, 3.0];
    for layout in [matrix as Layout, blocks] {
        let all = [
            BinaryCrossEntropy::new(),
            BinaryCrossEntropy::new().weight(Weights::Classes(&CLASS_WEIGHTS)),
            BinaryCrossEntropy::new().weight(Weights::Elements(layout(&weight))),
            BinaryCrossEntropy::new().pos_weight(&pos_weight[..]),
            BinaryCrossEntropy::new().weight(Weights::Elements(layout(&weight))).pos_weight(&pos_weight[..]),
        ];
        for options in all {
            check_elements(&WIDE, &y, false, true, |x, y, loss| {
                binary_cross_entropy_with_logits(&layout(x), &layout(y), &options.loss(loss)).unwrap()
            });
        }
    }
}

#[test]
fn of_divergences_and_entropies() {
    // Well above 0, where logarithms are smooth.
    let p: Vec<f32> = WIDE.iter().map(|x| 1.0 + x.abs()).collect();
    let q: Vec<f32> = WIDE.iter().rev().map(|x| 0.75 + x.abs()).collect();
    for layout in [matrix as Layout, blocks] {
        check_elements(&WIDE, &p, true, true, |x, q, loss| kl_div(&layout(x), &layout(q), false, &loss).unwrap());
        check_elements(&WIDE, &Q, true, true, |x, lq, loss| kl_div(&layout(x), &layout(lq), true, &loss).unwrap());
        check_elements(&p, &q, true, false, |p, q, loss| distribution_cross_entropy(&layout(p), &layout(q), &loss).unwrap());
        check_elements(&p, &q, false, true, |p, _, loss| entropy(&layout(p), &loss).unwrap());
    }
}
