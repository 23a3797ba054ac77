//! What the tests share: views of small arrays, comparisons, finite differences.

use wgpu_xent::reference::{cross_entropy, soft_cross_entropy};
use wgpu_xent::{ClassMask, CrossEntropy, CrossEntropyResult, Logits, Reduction, Targets};

pub(crate) const INF: f32 = f32::INFINITY;
pub(crate) const NAN: f32 = f32::NAN;

pub(crate) fn dense(data: &[f32], classes: usize) -> Logits<'_> {
    Logits::new(data, data.len() / classes, classes).unwrap()
}

/// Every output that the defaults have.
pub(crate) fn everything<'a>() -> CrossEntropy<'a> {
    CrossEntropy::new().row_loss(true).logsumexp(true).argmax(true).gradient(true)
}

/// Cross-entropy of rows that fit, with every output.
pub(crate) fn forward(data: &[f32], classes: usize, targets: &[i32]) -> CrossEntropyResult<f64> {
    cross_entropy(&dense(data, classes), &Targets::new(targets), &everything().reduction(Reduction::None)).unwrap()
}

pub(crate) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// Equal up to `tolerance`, relative to the expected value; NaN, infinities and zeros exactly.
#[track_caller]
pub(crate) fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        let same = g == e || (g.is_nan() && e.is_nan());
        assert!(same || (g - e).abs() <= tolerance * e.abs(), "element {i}: {g:e}, expected {e:e}\nall: {got:?}\nexpected: {expected:?}");
    }
}

/// Equal up to an absolute `tolerance`.
#[track_caller]
pub(crate) fn assert_near(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= tolerance, "element {i}: {g:e}, expected {e:e}\nall: {got:?}\nexpected: {expected:?}");
    }
}

#[track_caller]
pub(crate) fn all_nan(values: &[f64]) {
    assert!(!values.is_empty() && values.iter().all(|v| v.is_nan()), "{values:?}");
}

/// The derivative of `f` at `x`: central differences of two widths, combined so that the error is of fourth order.
/// Inputs are `f32`: the steps are powers of two, and the difference that was really made is what is divided by.
pub(crate) fn finite_differences(x: &[f32], f: impl Fn(&[f32]) -> f64) -> Vec<f64> {
    let central = |i: usize, step: f32| {
        let (mut up, mut down) = (x.to_vec(), x.to_vec());
        up[i] += step;
        down[i] -= step;
        (f(&up) - f(&down)) / (f64::from(up[i]) - f64::from(down[i]))
    };
    (0..x.len()).map(|i| (4.0 * central(i, 1.0 / 1024.0) - central(i, 1.0 / 512.0)) / 3.0).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum()
}

/// Three rows of four classes, multiples of 1/8 so that small steps are exact.
pub(crate) const X: [f32; 12] = [0.5, -1.25, 2.0, 0.125, 3.0, 3.0, -2.5, 0.0, -0.75, 1.5, 0.25, -4.0];
pub(crate) const U: [f32; 12] = [1.0, -0.5, 0.25, 2.0, 0.0, 1.5, -3.0, 0.5, -1.0, 0.75, 1.25, -2.0];

/// No reduction, and every output that class indices have.
pub(crate) fn all<'a>() -> CrossEntropy<'a> {
    soft_all().log_prob(true).rank(true).top_k(2)
}

/// No reduction, and every output that probabilities have but their gradient.
pub(crate) fn soft_all<'a>() -> CrossEntropy<'a> {
    CrossEntropy::new().reduction(Reduction::None).logsumexp(true).argmax(true).entropy(true).z_loss_part(true).gradient(true)
}

pub(crate) fn hard(x: &[f32], classes: usize, targets: &[i32], options: CrossEntropy<'_>) -> CrossEntropyResult<f64> {
    cross_entropy(&dense(x, classes), &Targets::new(targets), &options).unwrap()
}

pub(crate) fn soft(x: &[f32], classes: usize, q: &[f32], options: CrossEntropy<'_>) -> CrossEntropyResult<f64> {
    soft_cross_entropy(&dense(x, classes), &dense(q, classes), &options.target_gradient(true)).unwrap()
}

pub(crate) fn one_mask(allowed: &[bool]) -> Vec<u32> {
    ClassMask::pack(allowed, allowed.len())
}
