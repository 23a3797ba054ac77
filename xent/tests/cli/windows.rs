//! Arrays of several windows.

use serde_json::Value;

use crate::files::{Files, read};
use crate::{ENGINES, refused, succeeds};

/// 56 MB, more than the largest window.
const ROWS: usize = 70_000;
const CLASSES: usize = 200;

/// Row `r` is 0 but for `r % 7` at class `r % 200`, its target; every fifth row is ignored.
fn write(files: &Files) -> (String, String) {
    let mut logits = vec![0.0; ROWS * CLASSES];
    (0..ROWS).for_each(|r| logits[r * CLASSES + r % CLASSES] = (r % 7) as f32);
    let targets: Vec<i64> = (0..ROWS).map(|r| if r % 5 == 0 { -100 } else { (r % CLASSES) as i64 }).collect();
    (files.f32("x.npy", &[ROWS, CLASSES], &logits), files.i64("t.npy", &[ROWS], &targets))
}

fn sum_exp(row: usize) -> f64 {
    ((row % 7) as f64).exp() + (CLASSES - 1) as f64
}

fn loss(row: usize) -> f64 {
    if row.is_multiple_of(5) { 0.0 } else { sum_exp(row).ln() - (row % 7) as f64 }
}

#[test]
fn windows_join_to_one_result() {
    let files = Files::new();
    let (logits, targets) = write(&files);
    let factors: Vec<f32> = (0..ROWS).map(|r| (r % 3) as f32).collect();
    let upstream = files.f32("u.npy", &[ROWS], &factors);
    let (losses, grad, lse) = (files.path("loss.npy"), files.path("grad.npy"), files.path("lse.npy"));
    let valid = ROWS - ROWS / 5;
    let mean = (0..ROWS).map(loss).sum::<f64>() / valid as f64;
    for engine in ENGINES {
        let args = ["loss", &logits, &targets, "--reduction=none", "--json", "--loss", &losses, "--grad", &grad, "--lse", &lse];
        let args = [&args[..], &["--upstream", &upstream], engine].concat();
        let json: Value = serde_json::from_str(&succeeds(&args)).unwrap();
        assert!((json["mean_loss"].as_f64().unwrap() - mean).abs() < 1e-6 * mean, "{json}, expected {mean}");
        assert_eq!((&json["rows"], &json["valid_rows"]), (&ROWS.into(), &valid.into()));

        let (losses, grad, lse) = (read(&losses).values, read(&grad).values, read(&lse).values);
        for row in 0..ROWS {
            let near = |value: f32, expected: f64| (f64::from(value) - expected).abs() <= 1e-6 * (1.0 + expected.abs());
            assert!(near(losses[row], loss(row)), "row {row}");
            assert!(near(lse[row], sum_exp(row).ln()), "row {row}");
            let factor = if row % 5 == 0 { 0.0 } else { f64::from(factors[row]) };
            let gradient = &grad[row * CLASSES..][..CLASSES];
            assert!(near(gradient[row % CLASSES], factor * (-loss(row)).exp_m1()), "row {row}");
            assert!(near(gradient[(row + 1) % CLASSES], factor / sum_exp(row)), "row {row}");
        }
    }
}

#[test]
fn a_bad_target_is_named_by_its_row_in_the_file() {
    let files = Files::new();
    let rows = 3 << 20;
    let logits = files.f16("x.npy", &[rows, 1], &vec![0.0; rows]);
    let mut targets = vec![0_u8; rows];
    targets[rows - 2] = 9;
    let targets = files.npy("t.npy", "|u1", &[rows], targets);
    let parts = ["t.npy: target 9 of row 3145726 is not in 0..1"];
    refused(&files, &["loss", &logits, &targets, "--grad", &files.path("g.npy")], &parts);
}
