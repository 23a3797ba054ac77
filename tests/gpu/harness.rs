//! The comparison itself: a wrong result must not pass.

use crate::common::{Bound, compare, gpu};
use wgpu_xent::{Logits, reference};

fn bound(_: usize) -> Bound {
    Bound { relative: 1e-6, absolute: 1e-30 }
}

#[test]
fn what_is_wrong_fails() {
    let good = [1.0_f32, -2.0, f32::INFINITY, f32::NAN, 0.0];
    let expected = [1.0_f64, -2.0, f64::INFINITY, f64::NAN, 0.0];
    assert!(compare(&good, &expected, bound).is_ok());
    let spoil = |at: usize, value: f32| {
        let mut wrong = good;
        wrong[at] = value;
        compare(&wrong, &expected, bound).is_err()
    };
    assert!(spoil(0, 1.000_002), "twice the bound");
    assert!(spoil(0, f32::NAN) && spoil(0, f32::INFINITY), "not a number, too large");
    assert!(spoil(1, 2.0), "the wrong sign");
    assert!(spoil(2, f32::MAX) && spoil(2, f32::NEG_INFINITY) && spoil(2, f32::NAN), "not infinity");
    assert!(spoil(3, 0.0) && spoil(3, f32::INFINITY), "not NaN");
    assert!(spoil(4, 1e-20), "not zero");
    assert!(compare(&good[..4], &expected, bound).is_err(), "too few");
}

/// Each way in which a softmax kernel could plausibly be wrong, imitated on the host: the comparison must see it.
#[test]
fn a_wrong_kernel_fails() {
    let values: Vec<f32> = (0..40).map(|i| (i % 7) as f32 - 3.0).collect();
    let logits = Logits::new(&values, 4, 10).unwrap();
    let right = gpu().softmax(&logits).unwrap();
    let expected = reference::softmax(&logits);
    assert!(compare(&right, &expected, bound).is_ok());
    let check = |wrong: &[f32]| compare(wrong, &expected, bound).is_err();
    let mut shifted = right.clone();
    shifted.rotate_right(1);
    assert!(check(&shifted), "off by one class");
    let mut last = right.clone();
    last[39] = 0.0;
    assert!(check(&last), "the last element not written");
    let scaled: Vec<f32> = right.iter().map(|p| p * 1.000_01).collect();
    assert!(check(&scaled), "a sum that misses a little");
    let mut swapped = right.clone();
    swapped.rotate_right(10);
    assert!(check(&swapped), "off by one row");
}
