//! `xent nll`.

use serde_json::Value;

use crate::files::Files;
use crate::values::{CLASSES, LOGITS, assert_file, assert_near};
use crate::{ENGINES, refused, succeeds};

const TARGETS: [i64; 3] = [3, -100, 2];
const WEIGHTS: [f32; CLASSES] = [0.5, 2.0, 3.0, 0.25];

#[test]
fn losses_and_gradients() {
    let files = Files::new();
    // Any numbers will do for log-probabilities.
    let log_probs = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let columns = files.f32("c.npy", &[1, CLASSES, 3], &crate::model::in_blocks(&LOGITS, CLASSES, 3));
    let targets = files.i64("t.npy", &[3], &TARGETS);
    let column_targets = files.i64("ct.npy", &[1, 3], &TARGETS);
    let weights = files.f32("w.npy", &[CLASSES], &WEIGHTS);
    let (loss, grad) = (files.path("loss.npy"), files.path("grad.npy"));
    let rows = [-0.25 * 3.0, 0.0, -3.0 * 2.0];
    let sum: f64 = rows.iter().sum();
    let mut gradient = [0.0; 12];
    (gradient[3], gradient[10]) = (-0.25, -3.0);
    for engine in ENGINES {
        for (reduction, expected, factor) in [("mean", vec![sum / 3.25], 1.0 / 3.25), ("sum", vec![sum], 1.0), ("none", rows.to_vec(), 1.0)]
        {
            let run = |log_probs: &str, targets: &str| {
                let args = ["nll", log_probs, targets, "--weight", &weights, "--reduction", reduction, "--loss", &loss, "--grad", &grad];
                let json: Value = serde_json::from_str(&succeeds(&[&args[..], &["--json"], engine].concat())).unwrap();
                assert_near(&json["mean_loss"], sum / 3.25);
                assert_near(&json["denominator"], 3.25);
                assert_eq!((&json["valid_rows"], json.get("accuracy")), (&2.into(), None));
            };
            let scaled = gradient.map(|g| g * factor);
            run(&log_probs, &targets);
            assert_file(&loss, if reduction == "none" { &[3] } else { &[] }, &expected);
            assert_file(&grad, &[3, CLASSES], &scaled);
            run(&columns, &column_targets);
            assert_file(&loss, if reduction == "none" { &[1, 3] } else { &[] }, &expected);
            assert_file(&grad, &[1, CLASSES, 3], &crate::model::in_blocks(&scaled, CLASSES, 3));
        }
    }
    let ignored = files.i64("i.npy", &[3], &[3, 7, 7]);
    let text = succeeds(&["nll", &log_probs, &ignored, "--ignore-index=7", "--adapter=reference"]);
    assert!(text.starts_with("loss        -3.000000000 nats (mean)\n"), "{text}");
}

#[test]
fn row_weights_denominators_and_upstream() {
    let files = Files::new();
    let log_probs = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &TARGETS);
    let weights = files.f32("w.npy", &[CLASSES], &WEIGHTS);
    let rows = files.f32("a.npy", &[3], &[2.0, 5.0, 0.5]);
    let (scalar, each) = (files.f32("u.npy", &[], &[-2.0]), files.f32("us.npy", &[3], &[3.0, 7.0, -1.0]));
    let (loss, grad) = (files.path("loss.npy"), files.path("grad.npy"));
    // The coefficients of the first and the last row.
    let (first, last) = (2.0 * 0.25, 0.5 * 3.0);
    let sum = -first * 3.0 - last * 2.0;
    let args = ["nll", &log_probs, &targets, "--weight", &weights, "--row-weight", &rows, "--loss", &loss, "--grad", &grad];
    let check_gradient = |first: f64, last: f64| {
        let mut expected = [0.0; 12];
        (expected[3], expected[10]) = (-first, -last);
        assert_file(&grad, &[3, CLASSES], &expected);
    };
    for engine in ENGINES {
        let run = |options: &[&str]| succeeds(&[&args[..], options, engine].concat());
        for (denominator, value) in [("weights", 3.25), ("rows", 3.0), ("valid", 2.0), ("all-weights", 2.0), ("-4", -4.0)] {
            run(&["--denominator", denominator, "--upstream", &scalar]);
            assert_file(&loss, &[], &[sum / value]);
            check_gradient(-2.0 * first / value, -2.0 * last / value);
        }
        run(&["--reduction=none", "--upstream", &each]);
        assert_file(&loss, &[3], &[-first * 3.0, 0.0, -last * 2.0]);
        check_gradient(3.0 * first, -last);
        run(&["--denominator=0", "--empty-mean=zero"]);
        assert_file(&loss, &[], &[0.0]);
        check_gradient(0.0, 0.0);
    }
}

#[test]
fn what_does_not_fit() {
    let files = Files::new();
    let log_probs = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let soft = files.f32("q.npy", &[3, CLASSES], &LOGITS);
    let bad = files.i64("t.npy", &[3], &[0, 9, 0]);
    refused(&files, &["nll", &log_probs, &soft], &["q.npy: targets of shape [3, 4] do not fit"]);
    refused(&files, &["nll", &log_probs, &bad], &["t.npy: target 9 of row 1"]);
    refused(&files, &["nll", &log_probs, &bad, "--label-smoothing=0.1"], &["unexpected argument '--label-smoothing'"]);
}
