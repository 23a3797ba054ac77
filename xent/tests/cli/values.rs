//! What to expect: the formulas in f64, written down once more.

use serde_json::Value;

use crate::files::{Floats, read};

/// Three rows of four classes; the bits of half and bfloat16 hold them as well.
pub(crate) const LOGITS: [f32; 12] = [1.0, -2.0, 0.5, 3.0, 0.0, 0.25, -1.5, 8.0, -4.0, 2.0, 2.0, -0.5];
pub(crate) const TARGETS: [i64; 3] = [3, 0, 2];
pub(crate) const CLASSES: usize = 4;

pub(crate) fn logsumexp(logits: &[f32]) -> Vec<f64> {
    logits.chunks(CLASSES).map(|row| row.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln()).collect()
}

pub(crate) fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let lse = logsumexp(logits);
    logits.iter().enumerate().map(|(i, &x)| f64::from(x) - lse[i / CLASSES]).collect()
}

pub(crate) fn softmax(logits: &[f32]) -> Vec<f64> {
    log_softmax(logits).into_iter().map(f64::exp).collect()
}

/// The loss of each row; 0 for targets that are no class.
pub(crate) fn losses(logits: &[f32], targets: &[i64]) -> Vec<f64> {
    let log = log_softmax(logits);
    let loss = |(row, &target): (usize, &i64)| usize::try_from(target).map_or(0.0, |t| -log[row * CLASSES + t]);
    targets.iter().enumerate().map(loss).collect()
}

/// The gradient of the losses, with a factor for each row.
pub(crate) fn gradient(logits: &[f32], targets: &[i64], factors: &[f64]) -> Vec<f64> {
    let of_element = |(i, p): (usize, f64)| {
        let (row, class) = (i / CLASSES, (i % CLASSES) as i64);
        let target = targets[row];
        if target < 0 { 0.0 } else { factors[row] * (p - f64::from(u8::from(class == target))) }
    };
    softmax(logits).into_iter().enumerate().map(of_element).collect()
}

/// The file holds an array of this shape and, within the rounding of f32, these values.
#[track_caller]
pub(crate) fn assert_file(path: &str, shape: &[usize], expected: &[f64]) {
    assert_file_to(path, shape, expected, |i| 1.0 + expected[i].abs());
}

/// The same, each value to 1e-6 of its own measure.
#[track_caller]
pub(crate) fn assert_file_to(path: &str, shape: &[usize], expected: &[f64], measure: impl Fn(usize) -> f64) {
    let Floats { shape: got, values } = read(path);
    assert_eq!((got.as_slice(), values.len()), (shape, expected.len()), "{path}");
    for (i, (&value, &expected)) in values.iter().zip(expected).enumerate() {
        let value = f64::from(value);
        let same = value == expected || (value.is_nan() && expected.is_nan());
        // A gradient that starts from a rounded log-sum-exp has its rounding.
        assert!(same || (value - expected).abs() <= 1e-6 * measure(i), "{path}: element {i} is {value}, expected {expected}");
    }
}

/// A number in a report, within the rounding of f32.
#[track_caller]
pub(crate) fn assert_near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((value - expected).abs() <= 1e-6 * (1e-2 + expected.abs()), "{value}, expected {expected}");
}
