//! Rows that cannot have a loss, across windows.

use serde_json::Value;

use crate::files::{Files, read};
use crate::{ENGINES, refused, refused_by_rows, succeeds};

/// 24 MB: several windows on a CPU.
const ROWS: usize = 200_000;
const CLASSES: usize = 30;
const NAN: usize = 150_001;
const INFINITE: usize = 123_456;
const MASKED: [usize; 2] = [199_000, 199_998];

fn write(files: &Files) -> (String, String) {
    let mut logits = vec![0.0; ROWS * CLASSES];
    let mut row = |row: usize, value: f32, count: usize| logits[row * CLASSES..][..count].fill(value);
    row(7, f32::NAN, 1);
    row(NAN, f32::NAN, 3);
    row(INFINITE, f32::INFINITY, 1);
    MASKED.iter().for_each(|&masked| row(masked, f32::NEG_INFINITY, CLASSES));
    let mut targets = vec![2_i64; ROWS];
    targets[7] = -100;
    (files.f32("x.npy", &[ROWS, CLASSES], &logits), files.i64("t.npy", &[ROWS], &targets))
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(&[&["loss", "--json"], args].concat())).unwrap()
}

#[test]
fn they_are_counted_from_the_files_start() {
    let files = Files::new();
    let (logits, targets) = write(&files);
    let (loss, grad) = (files.path("loss.npy"), files.path("grad.npy"));
    for engine in ENGINES {
        let report = json(&[&[logits.as_str(), &targets], engine].concat());
        let expected = serde_json::json!({
            "nan": {"rows": 1, "first_row": NAN},
            "positive_infinity": {"rows": 1, "first_row": INFINITE},
            "fully_masked": {"rows": 2, "first_row": MASKED[0]},
        });
        assert_eq!((&report["faults"], &report["loss"]), (&expected, &"nan".into()));

        let args = [&logits, &targets, "--on-fault=zero", "--loss", &loss, "--grad", &grad];
        let report = json(&[&args[..], engine].concat());
        assert_eq!(report["faults"], expected);
        let mean = (ROWS - 5) as f64 * (CLASSES as f64).ln() / (ROWS - 1) as f64;
        assert!((report["loss"].as_f64().unwrap() - mean).abs() < 1e-6, "{report}");
        let grad = read(&grad).values;
        for row in [7, NAN, INFINITE, MASKED[0], MASKED[1]] {
            assert!(grad[row * CLASSES..][..CLASSES].iter().all(|&g| g == 0.0), "row {row}");
        }
        assert!(grad.iter().all(|g| g.is_finite()));
    }
    let text = succeeds(&["loss", &logits, &targets]);
    let expected = "NaN: 1 (first row 150001), a logit of +inf: 1 (first row 123456), no class above -inf: 2 (first row 199000)";
    assert!(text.contains(&format!("faults      {expected}\n")), "{text}");
}

#[test]
fn the_first_can_end_the_command() {
    let files = Files::new();
    let (logits, targets) = write(&files);
    let grad = files.path("grad.npy");
    for engine in ENGINES {
        let args = [&["loss", &logits, &targets, "--on-fault=fail", "--grad", &grad], engine].concat();
        refused_by_rows(&files, &args, &["row 123456 holds a logit of +inf"]);
    }
}

#[test]
fn a_mean_over_nothing_can_end_it_too() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[0, 3], &[]);
    let targets = files.i64("t.npy", &[0], &[]);
    refused(&files, &["loss", &logits, &targets, "--on-fault=fail"], &["a mean over nothing"]);
    let logits = files.f32("x.npy", &[2, 3], &[0.0; 6]);
    let targets = files.i64("t.npy", &[2], &[-100; 2]);
    refused(&files, &["loss", &logits, &targets, "--on-fault=fail"], &["a mean over nothing"]);
    succeeds(&["loss", &logits, &targets, "--on-fault=fail", "--reduction=sum"]);
    succeeds(&["loss", &logits, &targets, "--on-fault=fail", "--empty-mean=zero"]);
}
