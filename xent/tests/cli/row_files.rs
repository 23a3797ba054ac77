//! What `xent loss` writes of each row.

use serde_json::Value;

use crate::files::{Files, read_i64};
use crate::model::{Model, in_blocks, one_hot};
use crate::values::{CLASSES, LOGITS, assert_file, assert_near};
use crate::{ENGINES, succeeds};

const FILES: [&str; 7] = ["lse", "entropy", "log-prob", "argmax", "rank", "loss", "z-loss-part"];

/// Runs with all of the files; their paths, and the report.
fn run(files: &Files, args: &[&str]) -> ([String; 7], Value) {
    let paths = FILES.map(|name| files.path(&format!("{name}.npy")));
    let options = FILES.map(|name| format!("--{name}"));
    let files: Vec<&str> = options.iter().zip(&paths).flat_map(|(option, path)| [option.as_str(), path]).collect();
    let json = succeeds(&[&["loss", "--json", "--reduction=none"], args, &files[..]].concat());
    (paths, serde_json::from_str(&json).unwrap())
}

/// Targets whose ranks are 0, none (ignored), and 3.
const TARGETS: [i64; 3] = [3, -100, 0];

#[test]
fn every_file_in_row_order() {
    let files = Files::new();
    let model = Model::new(3, CLASSES);
    let q = one_hot(&TARGETS, CLASSES);
    let targets = files.i64("t.npy", &[3], &TARGETS);
    let log = model.log_probs(&LOGITS);
    let expected_log_probs = [log[3], 0.0, log[8]];
    // As a matrix, and as one block of columns.
    let columns: Vec<f32> = in_blocks(&LOGITS, CLASSES, 3);
    let cases = [(files.f32("x.npy", &[3, CLASSES], &LOGITS), "--dim=1"), (files.f32("columns.npy", &[CLASSES, 3], &columns), "--dim=0")];
    for engine in ENGINES {
        for (logits, dim) in &cases {
            let ([lse, entropy, log_prob, argmax, rank, loss, z_loss], json) =
                run(&files, &[&[logits.as_str(), &targets, dim, "--top-k=3"], engine].concat());
            assert_file(&lse, &[3], &model.logsumexps(&LOGITS));
            assert_file(&entropy, &[3], &model.entropies(&LOGITS));
            assert_file(&log_prob, &[3], &expected_log_probs);
            assert_file(&loss, &[3], &model.losses(&LOGITS, &q));
            assert_file(&z_loss, &[3], &[0.0; 3]);
            assert_eq!(read_i64(&argmax), (vec![3], vec![3, 3, 1]));
            assert_eq!(read_i64(&rank), (vec![3], vec![0, -1, 3]));
            let entropies = model.entropies(&LOGITS);
            assert_near(&json["mean_entropy"], (entropies[0] + entropies[2]) / 2.0);
            assert_near(&json["accuracy"], 0.5);
            assert_near(&json["top_k_accuracy"], 0.5);
            assert_eq!(json["top_k"], 3);
        }
    }
}

#[test]
fn top_k_accuracy() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &[0, 1, 2]);
    for engine in ENGINES {
        // Their ranks are 1, 1 and 1.
        for (k, share) in [("1", 0.0), ("2", 1.0), ("100", 1.0)] {
            let json: Value =
                serde_json::from_str(&succeeds(&[&["loss", &logits, &targets, "--top-k", k, "--json"], engine].concat())).unwrap();
            assert_near(&json["top_k_accuracy"], share);
        }
    }
    let text = succeeds(&["loss", &logits, &targets, "--top-k=2", "--entropy", &files.path("h.npy")]);
    assert!(text.contains("top-2 accuracy  1.0000 (3 of 3)\n") && text.contains("entropy         "), "{text}");
}

#[test]
fn rows_with_nan_have_no_class() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[2, 2], &[f32::NAN, 0.0, 1.0, 0.0]);
    let targets = files.i64("t.npy", &[2], &[0, 0]);
    for engine in ENGINES {
        let ([_, _, _, argmax, rank, ..], _) = run(&files, &[&[logits.as_str(), &targets], engine].concat());
        assert_eq!(read_i64(&argmax).1, [-1, 0]);
        assert_eq!(read_i64(&rank).1, [-1, 0]);
    }
}

#[test]
fn a_single_row() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[CLASSES], &LOGITS[..CLASSES]);
    let targets = files.i64("t.npy", &[], &[0]);
    let ([_, _, _, argmax, rank, ..], _) = run(&files, &[&logits, &targets]);
    assert_eq!(read_i64(&argmax), (vec![], vec![3]));
    assert_eq!(read_i64(&rank), (vec![], vec![1]));
}

#[test]
fn files_may_be_safetensors() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &[3, 0, 2]);
    let classes = files.path("c.safetensors:argmax");
    succeeds(&["loss", &logits, &targets, "--argmax", &classes]);
    // Classes can be targets again.
    let json: Value = serde_json::from_str(&succeeds(&["loss", &logits, &classes, "--json"])).unwrap();
    assert_near(&json["accuracy"], 1.0);
}
