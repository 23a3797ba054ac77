//! Scale, softcap and class masks of `xent softmax` and `xent logsumexp`.

use crate::files::Files;
use crate::model::Model;
use crate::values::{CLASSES, LOGITS, assert_file};
use crate::{ENGINES, refused, succeeds};

/// The model's log-probabilities and log-sum-exps come from the command with these options.
#[track_caller]
fn check(files: &Files, logits: &str, options: &[&str], model: &Model, has_gradient: bool) {
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    let upstream = files.f32("u.npy", &[3, CLASSES], &LOGITS);
    let rows = files.f32("rows.npy", &[3], &[2.0, -1.0, 0.5]);
    let log = model.log_probs(&LOGITS);
    let p: Vec<f64> = log.iter().map(|log| log.exp()).collect();
    for engine in ENGINES {
        let options = [options, engine].concat();
        succeeds(&[&["softmax", logits, "-o", &out], &options[..]].concat());
        assert_file(&out, &[3, CLASSES], &p);
        succeeds(&[&["softmax", logits, "--log", "-o", &out], &options[..]].concat());
        assert_file(&out, &[3, CLASSES], &log);
        succeeds(&[&["logsumexp", logits, "-o", &out, "--grad", &grad, "--upstream", &rows], &options[..]].concat());
        assert_file(&out, &[3], &model.logsumexps(&LOGITS));
        let slope = |i: usize| {
            let u = model.scales[i / 4] * f64::from(LOGITS[i]);
            model.scales[i / 4] * model.softcap.map_or(1.0, |cap| 1.0 - (u / cap).tanh().powi(2))
        };
        let factors = [2.0, -1.0, 0.5];
        assert_file(&grad, &[3, CLASSES], &(0..12).map(|i| factors[i / 4] * p[i] * slope(i)).collect::<Vec<_>>());
        if has_gradient {
            succeeds(&[&["softmax", logits, "-o", &out, "--grad", &grad, "--upstream", &upstream], &options[..]].concat());
            let product = |row: usize| (row * 4..row * 4 + 4).map(|k| p[k] * f64::from(LOGITS[k])).sum::<f64>();
            let expected: Vec<f64> = (0..12).map(|i| slope(i) * p[i] * (f64::from(LOGITS[i]) - product(i / 4))).collect();
            assert_file(&grad, &[3, CLASSES], &expected);
            succeeds(&[&["softmax", logits, "--log", "-o", &out, "--grad", &grad, "--upstream", &upstream], &options[..]].concat());
            let above = |i: usize| if model.mask[i] { f64::from(LOGITS[i]) } else { 0.0 };
            let sum = |row: usize| (row * 4..row * 4 + 4).map(above).sum::<f64>();
            let expected: Vec<f64> = (0..12).map(|i| slope(i) * (above(i) - p[i] * sum(i / 4))).collect();
            assert_file(&grad, &[3, CLASSES], &expected);
        }
    }
}

#[test]
fn each_against_the_formula() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let mut model = Model::new(3, CLASSES);
    model.scales = vec![0.5; 3];
    check(&files, &logits, &["--temperature=2"], &model, true);
    model.softcap = Some(3.0);
    check(&files, &logits, &["--temperature=2", "--softcap=3"], &model, false);
    model.softcap = None;
    model.scales = vec![0.5, -1.0, 2.0];
    let scales = files.f32("s.npy", &[3], &[0.5, -1.0, 2.0]);
    check(&files, &logits, &["--scale", &scales], &model, true);
    model.mask = vec![true, true, false, true, true, false, false, true, true, false, true, true];
    let mask = files.npy("m.npy", "|b1", &[3, CLASSES], model.mask.iter().map(|&bit| u8::from(bit)));
    check(&files, &logits, &["--scale", &scales, "--mask", &mask], &model, true);
    model.mask = [true, false, true, true].repeat(3);
    let shared = files.i64("ms.npy", &[CLASSES], &[1, 0, 1, 1]);
    check(&files, &logits, &["--scale", &scales, "--class-mask", &shared], &model, true);
}

#[test]
fn what_a_masked_class_holds_does_not_matter() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[1, 3], &[0.0, f32::NAN, 0.0]);
    let mask = files.i64("m.npy", &[3], &[1, 0, 1]);
    let out = files.path("out.npy");
    for engine in ENGINES {
        succeeds(&[&["softmax", &logits, "-o", &out, "--class-mask", &mask], engine].concat());
        assert_file(&out, &[1, 3], &[0.5, 0.0, 0.5]);
    }
}

#[test]
fn a_softcap_has_no_softmax_gradient() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let grad = files.path("g.npy");
    let args = ["softmax", &logits, "-o", &files.path("o.npy"), "--grad", &grad, "--upstream", &logits, "--softcap=3"];
    refused(&files, &args, &["'--grad <FILE>' cannot be used with '--softcap <C>'"]);
}
