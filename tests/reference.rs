//! The CPU reference against values computed by hand, closed forms and finite differences.

use wgpu_xent::reference::{
    cross_entropy, cross_entropy_backward, log_softmax, log_softmax_backward, logsumexp, logsumexp_backward, softmax, softmax_backward,
};
use wgpu_xent::{CrossEntropy, CrossEntropyResult, Error, Logits, NO_CLASS, Reduction, Saved, Targets, Upstream};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

fn dense(data: &[f32], classes: usize) -> Logits<'_> {
    Logits::new(data, data.len() / classes, classes).unwrap()
}

fn everything<'a>() -> CrossEntropy<'a> {
    CrossEntropy::new().row_loss(true).logsumexp(true).argmax(true).gradient(true)
}

/// Cross-entropy of rows that fit, with every output.
fn forward(data: &[f32], classes: usize, targets: &[i32]) -> CrossEntropyResult<f64> {
    cross_entropy(&dense(data, classes), &Targets::new(targets), &everything().reduction(Reduction::None)).unwrap()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// The backward pass from what the forward pass leaves in `f32`.
fn backward(data: &[f32], classes: usize, targets: &[i32], with_loss: bool, options: &CrossEntropy<'_>) -> Vec<f64> {
    let out = forward(data, classes, targets);
    let (lse, loss) = (narrow(&out.logsumexp.unwrap()), narrow(&out.row_loss.unwrap()));
    let saved = Saved { logsumexp: &lse, row_loss: with_loss.then_some(&loss[..]) };
    cross_entropy_backward(&dense(data, classes), &Targets::new(targets), &saved, options).unwrap()
}

/// Equal up to `tolerance`, relative to the expected value; NaN, infinities and zeros exactly.
#[track_caller]
fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        let same = g == e || (g.is_nan() && e.is_nan());
        assert!(same || (g - e).abs() <= tolerance * e.abs(), "element {i}: {g:e}, expected {e:e}\nall: {got:?}\nexpected: {expected:?}");
    }
}

/// Equal up to an absolute `tolerance`.
#[track_caller]
fn assert_near(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= tolerance, "element {i}: {g:e}, expected {e:e}");
    }
}

/// The derivative of `f` at `x`: central differences of two widths, combined so that the error is of fourth order.
/// Logits are `f32`: the steps are powers of two, and the difference that was really made is what is divided by.
fn finite_differences(x: &[f32], f: impl Fn(&[f32]) -> f64) -> Vec<f64> {
    let central = |i: usize, step: f32| {
        let (mut up, mut down) = (x.to_vec(), x.to_vec());
        up[i] += step;
        down[i] -= step;
        (f(&up) - f(&down)) / (f64::from(up[i]) - f64::from(down[i]))
    };
    (0..x.len()).map(|i| (4.0 * central(i, 1.0 / 1024.0) - central(i, 1.0 / 512.0)) / 3.0).collect()
}

fn dot(a: &[f64], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum()
}

/// Three rows of four classes, multiples of 1/8 so that small steps are exact.
const X: [f32; 12] = [0.5, -1.25, 2.0, 0.125, 3.0, 3.0, -2.5, 0.0, -0.75, 1.5, 0.25, -4.0];
const U: [f32; 12] = [1.0, -0.5, 0.25, 2.0, 0.0, 1.5, -3.0, 0.5, -1.0, 0.75, 1.25, -2.0];

// ---- Values ----

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
    let three = Upstream::Scalar(3.0);

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
    let (_, gradient) = run(CrossEntropy::new().reduction(Reduction::None).upstream(Upstream::Rows(&factors)));
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
    let saved = Saved { logsumexp: &[1.0; 3], row_loss: None };
    let gradient = |x| cross_entropy_backward(x, &targets, &saved, &everything()).unwrap();
    assert_eq!(gradient(&a), gradient(&b));
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
    let saved = Saved { logsumexp: &[], row_loss: Some(&[]) };
    assert!(cross_entropy_backward(&none, &targets, &saved, &everything()).unwrap().is_empty());
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
fn the_backward_pass_keeps_confident_rows() {
    let options = everything().reduction(Reduction::None);
    for ahead in [0.0, 1.0, 5.0, 12.0, 20.0, 60.0, 85.0] {
        for base in [0.0, 1e4] {
            let x = [base + ahead, base, base + ahead, base];
            let exact = forward(&x, 2, &[0, 1]).gradient.unwrap();
            assert_close(&backward(&x, 2, &[0, 1], true, &options), &exact, 6e-6);
            // Without the losses the error is that of the rounded log-sum-exp.
            let tolerance = f64::from(base + ahead + 1.0) * 2_f64.powi(-24);
            assert_near(&backward(&x, 2, &[0, 1], false, &options), &exact, tolerance);
        }
    }
    // Proof that the case above needs the losses: without them the true class has lost everything.
    let lost = backward(&[1e4 + 12.0, 1e4], 2, &[0], false, &options);
    assert!(lost[0] == 0.0, "{lost:?}");
    // A log-sum-exp that cancelled to 0 is smaller than the loss, and yet the loss is the better of the two.
    let x = [0.0, -12.0];
    let exact = forward(&x, 2, &[0]);
    let loss = narrow(&exact.row_loss.unwrap());
    let saved = Saved { logsumexp: &[0.0], row_loss: Some(&loss) };
    let got = cross_entropy_backward(&dense(&x, 2), &Targets::new(&[0]), &saved, &options).unwrap();
    assert_close(&got, &exact.gradient.unwrap(), 1e-7);
}

#[test]
fn the_backward_pass_survives_enormous_losses() {
    let options = everything().reduction(Reduction::None);
    // The loss of the second row does not fit f32; that of the third is rounded by more than any logit of an ordinary row.
    let x = [0.0, 2000.3, 0.0, f32::MAX, -f32::MAX, 0.0, 1.000_000_2e30, -3.3e23, 0.0];
    let targets = [0, 1, 1];
    let exact = forward(&x, 3, &targets).gradient.unwrap();
    assert_close(&exact, &[-1.0, 1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0], 1e-15);
    for with_loss in [true, false] {
        let got = backward(&x, 3, &targets, with_loss, &options);
        assert_near(&got[..6], &exact[..6], 1e-4);
        assert_near(&got[6..], &exact[6..], 1e-4);
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

// ---- Finite differences ----

#[test]
fn softmax_and_log_softmax_backward_match_finite_differences() {
    let expected = finite_differences(&X, |x| dot(&softmax(&dense(x, 4)), &U));
    let p = narrow(&softmax(&dense(&X, 4)));
    assert_near(&softmax_backward(&dense(&p, 4), &dense(&U, 4)).unwrap(), &expected, 4e-7);
    let expected = finite_differences(&X, |x| dot(&log_softmax(&dense(x, 4)), &U));
    let lp = narrow(&log_softmax(&dense(&X, 4)));
    assert_near(&log_softmax_backward(&dense(&lp, 4), &dense(&U, 4)).unwrap(), &expected, 4e-7);
}

#[test]
fn logsumexp_backward_matches_finite_differences() {
    let g = [0.5, -2.0, 3.0];
    let expected = finite_differences(&X, |x| dot(&logsumexp(&dense(x, 4)), &g));
    let lse = narrow(&logsumexp(&dense(&X, 4)));
    assert_near(&logsumexp_backward(&dense(&X, 4), &lse, &g).unwrap(), &expected, 6e-7);
}

#[test]
fn cross_entropy_gradients_match_finite_differences() {
    let g = [0.5, -2.0, 3.0];
    for targets in [[2, 0, 3], [0, 1, -100], [1, -100, -100]] {
        let losses = |x: &[f32]| forward(x, 4, &targets).row_loss.unwrap();
        let reduced = |x: &[f32], reduction| {
            cross_entropy(&dense(x, 4), &Targets::new(&targets), &CrossEntropy::new().reduction(reduction)).unwrap().loss.unwrap()
        };
        let cases = [
            (Reduction::None, Upstream::Rows(&g), finite_differences(&X, |x| dot(&losses(x), &g))),
            (Reduction::None, Upstream::Scalar(2.0), finite_differences(&X, |x| dot(&losses(x), &[2.0; 3]))),
            (Reduction::Sum, Upstream::Scalar(-1.5), finite_differences(&X, |x| -1.5 * reduced(x, Reduction::Sum))),
            (Reduction::Mean, Upstream::Scalar(4.0), finite_differences(&X, |x| 4.0 * reduced(x, Reduction::Mean))),
        ];
        for (reduction, upstream, expected) in cases {
            let options = CrossEntropy::new().reduction(reduction).upstream(upstream).gradient(true);
            let out = cross_entropy(&dense(&X, 4), &Targets::new(&targets), &options).unwrap();
            assert_near(&out.gradient.unwrap(), &expected, 1e-10);
            for with_loss in [false, true] {
                assert_near(&backward(&X, 4, &targets, with_loss, &options), &expected, 1e-6);
            }
        }
    }
}

// ---- Special rows, each between two ordinary ones ----

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

/// Puts the row between two ordinary ones and checks that those get what they get alone, that the backward pass agrees
/// with the forward gradient with and without saved losses, and that the reduced losses follow.
fn special(row: [f32; 3], target: i32) -> Special {
    let plain = [0.5, -1.25, 2.0];
    let x: Vec<f32> = [plain, row, plain].concat();
    let targets = [2, target, 0];
    let options = everything().reduction(Reduction::None);
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
    for with_loss in [true, false] {
        let again = middle(backward(&x, 3, &targets, with_loss, &options), Some(&alone_gradient));
        assert_close(&again, &gradient, 1e-6);
    }
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

#[track_caller]
fn all_nan(values: &[f64]) {
    assert!(values.len() == 3 && values.iter().all(|v| v.is_nan()), "{values:?}");
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
        let options = CrossEntropy::new().reduction(Reduction::None).upstream(Upstream::Rows(std::slice::from_ref(&factor))).gradient(true);
        let x = [NAN, 1.0, INF];
        let out = cross_entropy(&dense(&x, 3), &Targets::new(&[-100]), &options).unwrap();
        assert_eq!(out.gradient.unwrap(), [0.0; 3]);
        assert_eq!(backward(&x, 3, &[-100], true, &options), [0.0; 3]);
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
        assert_eq!(backward(&x, 3, &[-100, -100], true, &options), [0.0; 6]);
    }
}

#[test]
fn a_row_that_holds_nan_stays_nan_under_a_zero_factor() {
    let options = everything().reduction(Reduction::None).upstream(Upstream::Scalar(0.0));
    let x = [NAN, 1.0, 2.0];
    all_nan(&cross_entropy(&dense(&x, 3), &Targets::new(&[1]), &options).unwrap().gradient.unwrap());
    all_nan(&backward(&x, 3, &[1], true, &options));
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

// ---- Errors ----

#[test]
fn shapes_that_do_not_fit() {
    let (a, b, c) = (dense(&X, 4), dense(&X, 3), dense(&X[..8], 4));
    for wrong in [softmax_backward(&a, &c), log_softmax_backward(&a, &c)] {
        assert!(matches!(wrong, Err(Error::Length { what: "upstream", expected: 12, got: 8 })), "{wrong:?}");
    }
    for wrong in [softmax_backward(&a, &b), log_softmax_backward(&a, &b)] {
        assert!(matches!(wrong, Err(Error::Length { what: "a row of upstream", expected: 4, got: 3 })), "{wrong:?}");
    }
    let wrong = logsumexp_backward(&a, &[0.0; 2], &[0.0; 3]);
    assert!(matches!(wrong, Err(Error::Length { what: "logsumexp", expected: 3, got: 2 })), "{wrong:?}");
    let wrong = logsumexp_backward(&a, &[0.0; 3], &[0.0; 4]);
    assert!(matches!(wrong, Err(Error::Length { what: "upstream", expected: 3, got: 4 })), "{wrong:?}");

    let targets = Targets::new(&[0_u8, 1, 2]);
    let saved = |lse, row_loss| cross_entropy_backward(&a, &targets, &Saved { logsumexp: lse, row_loss }, &CrossEntropy::new());
    assert!(saved(&[0.0; 3], None).is_ok() && saved(&[0.0; 3], Some(&[0.0; 3])).is_ok());
    let wrong = saved(&[0.0; 4], None);
    assert!(matches!(wrong, Err(Error::Length { what: "logsumexp", expected: 3, got: 4 })), "{wrong:?}");
    let wrong = saved(&[0.0; 3], Some(&[]));
    assert!(matches!(wrong, Err(Error::Length { what: "row_loss", expected: 3, got: 0 })), "{wrong:?}");
}

#[test]
fn targets_and_options_that_do_not_fit() {
    let saved = Saved { logsumexp: &[0.0; 3], row_loss: None };
    let both = |targets: &Targets<'_>, options: CrossEntropy<'_>| {
        let x = dense(&X, 4);
        [cross_entropy(&x, targets, &options).unwrap_err(), cross_entropy_backward(&x, targets, &saved, &options).unwrap_err()]
    };
    for error in both(&Targets::new(&[0_u8, 1]), CrossEntropy::new()) {
        assert!(matches!(error, Error::Length { what: "targets", expected: 3, got: 2 }), "{error:?}");
    }
    for error in both(&Targets::new(&[0, -100, 4]), CrossEntropy::new()) {
        assert!(matches!(error, Error::Target { row: 2, target: 4, classes: 4, ignore_index: Some(-100) }), "{error:?}");
    }
    for error in both(&Targets::new(&[0, -1, 4]), CrossEntropy::new().ignore_index(4)) {
        assert!(matches!(error, Error::Target { row: 1, target: -1, .. }), "{error:?}");
    }
    let good = Targets::new(&[0_u8, 1, 2]);
    for error in both(&good, CrossEntropy::new().upstream(Upstream::Rows(&[1.0; 3]))) {
        assert!(matches!(error, Error::Options(_)), "{error:?}");
    }
    for error in both(&good, CrossEntropy::new().reduction(Reduction::None).upstream(Upstream::Rows(&[1.0; 2]))) {
        assert!(matches!(error, Error::Length { what: "upstream", expected: 3, got: 2 }), "{error:?}");
    }
}
