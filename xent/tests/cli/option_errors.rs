//! Options that do not fit: one line with the numbers, exit code 2.

use crate::files::Files;
use crate::refused;
use crate::values::{CLASSES, LOGITS, TARGETS};

#[test]
fn of_the_loss() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &TARGETS);
    let soft = files.f32("q.npy", &[3, CLASSES], &LOGITS);
    let two = files.f32("two.npy", &[2], &[1.0; 2]);
    let zero = files.f32("zero.npy", &[3], &[1.0, 1.0, 0.0]);
    let nan = files.f32("nan.npy", &[CLASSES], &[1.0, f32::NAN, 1.0, 1.0]);
    let infinite = files.f32("inf.npy", &[3], &[1.0, f32::INFINITY, 1.0]);
    let mask = files.i64("mask.npy", &[3], &[1; 3]);
    let turned = files.i64("turned.npy", &[CLASSES, 3], &[1; 12]);
    let grad = files.path("grad.npy");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--weight", &two], &["two.npy: weights of shape [2], expected [4], one for each class"]),
        (&["--weight", &soft], &["q.npy: weights of shape [3, 4], expected [4]"]),
        (&["--weight", &nan], &["--weight[1] is NaN, must be finite"]),
        (&["--row-weight", &infinite], &["--row-weight[1] is inf, must be finite"]),
        (&["--row-weight", &two], &["two.npy: row weights of shape [2], expected [3], one for each row"]),
        (&["--class-mask", &mask], &["mask.npy: class mask of shape [3], expected [4] or the logits' [3, 4]"]),
        (&["--class-mask", &turned], &["turned.npy: class mask of shape [4, 3], expected [4] or the logits' [3, 4]"]),
        (&["--class-mask", &soft], &["q.npy: dtype is float32, expected bool or an integer type"]),
        (&["--temperature", "0"], &["--temperature is 0, must be finite, above 0"]),
        (&["--temperature=-1"], &["--temperature is -1, must be"]),
        (&["--temperature", &zero], &["--temperature[2] is 0, must be"]),
        (&["--temperature", &two], &["two.npy: temperature of shape [2], expected one element or shape [3]"]),
        (&["--temperature", "2.x"], &["invalid value '2.x' for '--temperature <T|FILE>': expected a number or a path ending in .npy"]),
        (&["--scale", "inf"], &["--scale is inf, must be finite"]),
        (&["--scale=1", "--temperature=1"], &["'--scale <S|FILE>' cannot be used with '--temperature <T|FILE>'"]),
        (&["--softcap", "0"], &["--softcap is 0, must be finite and above 0"]),
        (&["--label-smoothing", "1.5"], &["--label-smoothing is 1.5, must be from 0 to 1"]),
        (&["--label-smoothing=-0.1"], &["--label-smoothing is -0.1"]),
        (&["--z-loss", "nan"], &["--z-loss is NaN, must be finite"]),
        (&["--denominator", "batch"], &["invalid value 'batch'", "expected weights, rows, valid, all-weights or a finite number"]),
        (&["--denominator", "inf"], &["invalid value 'inf'"]),
        (&["--empty-mean", "one"], &["invalid value 'one'", "nan, zero"]),
        (&["--on-fault", "panic"], &["invalid value 'panic'", "propagate, zero, fail"]),
        (&["--top-k", "-1"], &["invalid value '-1' for '--top-k <K>': -1 is not in 1.."]),
        (&["--top-k=0"], &["invalid value '0' for '--top-k <K>': 0 is not in 1.."]),
        (&["--ignore-index", "some"], &["invalid value 'some' for '--ignore-index <I|none>': expected an integer or none"]),
        (&["--target-grad", &grad], &["--target-grad needs targets that are probabilities"]),
        (&["--grad", &grad, "--rank", &grad], &["grad.npy: two outputs to one file"]),
        (&["--argmax", &grad, "--entropy", &grad], &["grad.npy: two outputs to one file"]),
    ];
    for (args, parts) in cases {
        refused(&files, &[&["loss", &logits, &targets], *args].concat(), parts);
    }
    let cases: &[(&[&str], &str)] = &[
        (&["--ignore-index=0"], "--ignore-index 0 needs targets that are class indices"),
        (&["--rank", &grad], "--log-prob, --rank and --top-k need targets that are class indices"),
        (&["--top-k=2"], "--log-prob, --rank and --top-k need targets that are class indices"),
    ];
    for (args, part) in cases {
        refused(&files, &[&["loss", &logits, &soft], *args].concat(), &[part]);
    }
}

#[test]
fn targets_of_the_wrong_shape() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[2, CLASSES, 3], &[0.0; 24]);
    let parts = ["do not fit logits of shape [2, 4, 3], which need [2, 3]", "or [2, 4, 3] (probabilities, as floats)"];
    for (shape, text) in [(&[3][..], "[3]"), (&[2, CLASSES], "[2, 4]"), (&[3, 2], "[3, 2]"), (&[2, CLASSES, 3], "[2, 4, 3]")] {
        let targets = files.i64("t.npy", shape, &vec![0; shape.iter().product()]);
        refused(&files, &["loss", &logits, &targets], &[&[format!("t.npy: targets of shape {text} ").as_str()], &parts[..]].concat());
    }
    let soft = files.f32("q.npy", &[2, 3, CLASSES], &[0.0; 24]);
    refused(&files, &["loss", &logits, &soft], &[&["q.npy: targets of shape [2, 3, 4]"], &parts[..]].concat());
}

#[test]
fn a_temperature_far_into_the_file() {
    let files = Files::new();
    // 48 MB in windows.
    let rows = 200_000;
    let logits = files.f16("x.npy", &[rows, 60], &vec![0.0; rows * 60]);
    let mut temperatures = vec![1.0; rows];
    temperatures[rows - 3] = -2.0;
    let temperatures = files.f32("t.npy", &[rows], &temperatures);
    let args = ["softmax", &logits, "-o", &files.path("o.npy"), "--temperature", &temperatures];
    refused(&files, &args, &["--temperature[199997] is -2, must be"]);
}
