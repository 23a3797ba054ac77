//! `xent loss` with targets that are probabilities.

use serde_json::Value;

use crate::files::Files;
use crate::model::{Model, in_blocks};
use crate::values::{CLASSES, LOGITS, assert_file, assert_near};
use crate::{ENGINES, succeeds};

/// They need not add up to 1; the bits of half hold them.
const Q: [f32; 12] = [0.5, 0.25, 0.125, 0.125, 0.0, 0.0, 1.0, 0.0, 0.5, 1.0, 0.25, -0.25];

fn q() -> Vec<f64> {
    Q.map(f64::from).to_vec()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(&[&["loss", "--json"], args].concat())).unwrap()
}

#[test]
fn losses_and_both_gradients() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let mut model = Model::new(3, CLASSES);
    let (loss, grad, target_grad) = (files.path("loss.npy"), files.path("grad.npy"), files.path("tgrad.npy"));
    let results = ["--loss", &loss, "--grad", &grad, "--target-grad", &target_grad];
    let targets = [files.f32("q.npy", &[3, CLASSES], &Q), files.f16("q16.npy", &[3, CLASSES], &Q)];
    let weights = files.f32("w.npy", &[CLASSES], &[0.5, 2.0, 3.0, 0.25]);
    let rows = files.f32("a.npy", &[3], &[0.5, 2.0, 3.0]);
    for weighted in [false, true] {
        let mut args = vec![];
        if weighted {
            (model.weights, model.row_weights, model.smoothing) = (vec![0.5, 2.0, 3.0, 0.25], vec![0.5, 2.0, 3.0], 0.25);
            args = vec!["--weight", &weights, "--row-weight", &rows, "--label-smoothing=0.25"];
        }
        let losses = model.losses(&LOGITS, &q());
        let sum: f64 = losses.iter().sum();
        for engine in ENGINES {
            for targets in &targets {
                let all = [&[logits.as_str(), targets], &results[..], &args, engine].concat();
                let report = json(&all);
                // As in PyTorch, over the rows.
                assert_near(&report["loss"], sum / 3.0);
                assert_eq!((&report["valid_rows"], report.get("accuracy")), (&3.into(), None));
                assert_file(&loss, &[], &[sum / 3.0]);
                assert_file(&grad, &[3, CLASSES], &model.gradient(&LOGITS, &q(), 1.0 / 3.0));
                assert_file(&target_grad, &[3, CLASSES], &model.target_gradient(&LOGITS, &q(), 1.0 / 3.0));
                json(&[&all[..], &["--reduction=none"]].concat());
                assert_file(&loss, &[3], &losses);
                assert_file(&target_grad, &[3, CLASSES], &model.target_gradient(&LOGITS, &q(), 1.0));
            }
        }
    }
    let args = [&logits, &targets[0], "--row-weight", &rows, "--denominator=all-weights"];
    assert_near(&json(&args)["denominator"], 5.5);
}

#[test]
fn classes_in_the_middle() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[1, CLASSES, 3], &in_blocks(&LOGITS, CLASSES, 3));
    let targets = files.f32("q.npy", &[1, CLASSES, 3], &in_blocks(&Q, CLASSES, 3));
    let model = Model::new(3, CLASSES);
    let (loss, grad, target_grad) = (files.path("loss.npy"), files.path("grad.npy"), files.path("tgrad.npy"));
    for engine in ENGINES {
        let args = [&logits, &targets, "--reduction=none", "--loss", &loss, "--grad", &grad, "--target-grad", &target_grad];
        json(&[&args[..], engine].concat());
        assert_file(&loss, &[1, 3], &model.losses(&LOGITS, &q()));
        assert_file(&grad, &[1, CLASSES, 3], &in_blocks(&model.gradient(&LOGITS, &q(), 1.0), CLASSES, 3));
        assert_file(&target_grad, &[1, CLASSES, 3], &in_blocks(&model.target_gradient(&LOGITS, &q(), 1.0), CLASSES, 3));
    }
}

#[test]
fn one_row_of_probabilities() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[CLASSES], &LOGITS[..CLASSES]);
    let targets = files.f32("q.npy", &[CLASSES], &Q[..CLASSES]);
    let expected = Model::new(1, CLASSES).losses(&LOGITS[..CLASSES], &q()[..CLASSES]);
    assert_near(&json(&[&logits, &targets])["loss"], expected[0]);
}
