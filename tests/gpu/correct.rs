//! How many targets are among the k most probable classes, with ties.
//!
//! Pipelines: one with argmax and rank for each strategy, one with a mask too on every adapter.

use crate::common::{on_every_adapter, with_every_strategy};
use wgpu_xent::{ClassMask, CrossEntropy, Logits, Targets, reference};

/// Few different values, so that most classes tie with others; NaN, +inf and nothing in the last rows.
fn ties(rows: usize, classes: usize) -> Vec<f32> {
    let mut values: Vec<f32> = (0..rows * classes).map(|i| ((i * 7 + i / classes) % 5) as f32).collect();
    let (_, special) = values.split_at_mut((rows - 3) * classes);
    special[classes / 2] = f32::NAN;
    special[classes + classes / 2] = f32::INFINITY;
    special[2 * classes..].fill(f32::NEG_INFINITY);
    values
}

#[test]
fn among_the_k_most_probable() {
    with_every_strategy(|gpu| {
        for (rows, classes) in [(40, 9), (13, 130)] {
            let values = ties(rows, classes);
            let logits = Logits::new(&values, rows, classes).unwrap();
            // The same class everywhere, each class once, the tied first and last ones, some ignored.
            for step in [0, 1, classes - 1] {
                let targets: Vec<i64> = (0..rows).map(|row| if row % 7 == 3 { -100 } else { (row * step % classes) as i64 }).collect();
                let targets = Targets::new(&targets);
                for k in [1, 2, 3, classes as u32 / 2, classes as u32 - 1, classes as u32, classes as u32 + 7] {
                    let options = CrossEntropy::new().argmax(true).rank(true).top_k(k);
                    let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
                    let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
                    let what = format!("{rows} x {classes}, step {step}, k {k}");
                    assert_eq!((&got.argmax, &got.rank), (&expected.argmax, &expected.rank), "{what}");
                    assert_eq!((got.correct, got.correct_top_k), (expected.correct, expected.correct_top_k), "{what}");
                    if k == 1 {
                        assert_eq!(got.correct, got.correct_top_k, "{what}: the most probable is the argmax");
                    }
                    if k as usize >= classes {
                        // All rows that have probabilities.
                        let faults = got.faults.nan.count + got.faults.positive_infinity.count + got.faults.fully_masked.count;
                        assert_eq!(got.correct_top_k, Some(got.valid_rows - faults), "{what}");
                    }
                }
            }
        }
    });
}

/// A target that does not take part is behind all that do, even behind those that are not there.
#[test]
fn a_masked_target() {
    on_every_adapter(|gpu| {
        let values = [3.0_f32, 1.0, 1.0, 2.0, 3.0];
        let words = ClassMask::pack(&[false, true, true, true, true], 5);
        let mask = ClassMask::shared(&words, 5).unwrap();
        let logits = Logits::new(&values, 1, 5).unwrap();
        for (target, rank) in [(0, 4), (1, 2), (2, 3), (3, 1), (4, 0)] {
            for k in 1..=5 {
                let options = CrossEntropy::new().class_mask(mask).argmax(true).rank(true).top_k(k);
                let out = gpu.cross_entropy(&logits, &Targets::new(&[target]), &options).unwrap();
                assert_eq!(out.rank, Some(vec![rank]), "target {target}");
                assert_eq!(out.correct_top_k, Some(usize::from(rank < k)), "target {target}, k {k}");
            }
        }
    });
}
