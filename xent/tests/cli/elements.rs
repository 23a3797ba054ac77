//! `xent bce`, `kl`, `entropy` and `sigmoid`.

use serde_json::Value;

use crate::files::Files;
use crate::model::in_blocks;
use crate::values::{CLASSES, LOGITS, assert_file, assert_near};
use crate::{ENGINES, refused, succeeds};

const Q: [f32; 12] = [0.5, 0.25, 0.125, 0.125, 0.0, 0.0, 1.0, 0.0, 0.5, 1.0, 0.25, 0.75];

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(&[args, &["--json"]].concat())).unwrap()
}

fn each(f: impl Fn(usize, f64, f64) -> f64) -> Vec<f64> {
    (0..12).map(|i| f(i, LOGITS[i].into(), Q[i].into())).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The loss files of every reduction: `elements` are the losses, `gradient` their derivatives.
#[track_caller]
fn check(files: &Files, args: &[&str], shape: &[usize], elements: &[f64], gradient: &[f64], divisors: &[(&str, f64)]) {
    let (loss, grad) = (files.path("loss.npy"), files.path("grad.npy"));
    let sum: f64 = elements.iter().sum();
    for engine in ENGINES {
        let all = [args, &["--loss", &loss, "--grad", &grad], engine].concat();
        for &(reduction, divisor) in divisors {
            let report = json(&[&all[..], &["--reduction", reduction]].concat());
            assert_near(&report["loss"], sum / divisor);
            assert_eq!(report["reduction"], reduction);
            assert_file(&loss, &[], &[sum / divisor]);
            assert_file(&grad, shape, &gradient.iter().map(|g| g / divisor).collect::<Vec<_>>());
        }
        let report = json(&[&all[..], &["--reduction=none"]].concat());
        assert!(report["loss"].is_null());
        assert_near(&report["sum_loss"], sum);
        assert_file(&loss, shape, elements);
        assert_file(&grad, shape, gradient);
    }
}

#[test]
fn binary_cross_entropy() {
    let files = Files::new();
    let (logits, targets) = (files.f32("x.npy", &[3, CLASSES], &LOGITS), files.f16("y.npy", &[3, CLASSES], &Q));
    let means = [("mean", 12.0), ("sum", 1.0)];
    let plain = |x: f64, y: f64| -(y * sigmoid(x).ln() + (1.0 - y) * sigmoid(-x).ln());
    let losses = each(|_, x, y| plain(x, y));
    check(&files, &["bce", &logits, &targets], &[3, CLASSES], &losses, &each(|_, x, y| sigmoid(x) - y), &means);

    let (weight, pos) = ([0.5, 2.0, 0.0, 0.25_f32], [3.0, 1.0, 0.5, 2.0_f32]);
    let weights = [files.f32("w.npy", &[CLASSES], &weight), files.f32("we.npy", &[3, CLASSES], &weight.repeat(3))];
    let pos_weights = files.f32("p.npy", &[CLASSES], &pos);
    let (w, p) = (|i: usize| f64::from(weight[i % 4]), |i: usize| f64::from(pos[i % 4]));
    let losses = each(|i, x, y| -w(i) * (p(i) * y * sigmoid(x).ln() + (1.0 - y) * sigmoid(-x).ln()));
    let gradient = each(|i, x, y| w(i) * ((1.0 - y) * sigmoid(x) - p(i) * y * sigmoid(-x)));
    for weights in &weights {
        let args = ["bce", &logits, &targets, "--weight", weights, "--pos-weight", &pos_weights];
        check(&files, &args, &[3, CLASSES], &losses, &gradient, &means);
    }
    // The same with the classes in front.
    let logits = files.f32("xc.npy", &[CLASSES, 3], &in_blocks(&LOGITS, CLASSES, 3));
    let targets = files.f32("yc.npy", &[CLASSES, 3], &in_blocks(&Q, CLASSES, 3));
    let args = ["bce", &logits, &targets, "--weight", &weights[0], "--pos-weight", &pos_weights, "--dim=0"];
    check(&files, &args, &[CLASSES, 3], &in_blocks(&losses, CLASSES, 3), &in_blocks(&gradient, CLASSES, 3), &means);
}

#[test]
fn divergence() {
    let files = Files::new();
    let (input, targets) = (files.f32("x.npy", &[3, 2, 2], &LOGITS), files.f32("q.npy", &[3, 2, 2], &Q));
    let divisors = [("mean", 12.0), ("batchmean", 3.0), ("sum", 1.0)];
    let losses = each(|_, x, q| if q == 0.0 { 0.0 } else { q * (q.ln() - x) });
    check(&files, &["kl", &input, &targets], &[3, 2, 2], &losses, &each(|_, _, q| -q), &divisors);
    let losses = each(|_, x, q| q.exp() * (q - x));
    check(&files, &["kl", &input, &targets, "--log-target"], &[3, 2, 2], &losses, &each(|_, _, q| -q.exp()), &divisors);

    let grad = files.path("tg.npy");
    for engine in ENGINES {
        json(&[&["kl", &input, &targets, "--log-target", "--reduction=batchmean", "--target-grad", &grad], engine].concat());
        assert_file(&grad, &[3, 2, 2], &each(|_, x, q| q.exp() * (q - x + 1.0) / 3.0));
        json(&[&["kl", &input, &targets, "--reduction=sum", "--target-grad", &grad], engine].concat());
        assert_file(&grad, &[3, 2, 2], &each(|_, x, q| q.ln() + 1.0 - x));
    }
}

#[test]
fn entropies() {
    let files = Files::new();
    let p: Vec<f32> = Q.iter().map(|q| (q + 0.5) / 4.0).collect();
    let (rows, loss, grad, target_grad) = (files.path("h.npy"), files.path("loss.npy"), files.path("grad.npy"), files.path("tg.npy"));
    let both = |i: usize| (f64::from(Q[i]), f64::from(p[i]));
    let sums = |f: &dyn Fn(usize) -> f64| (0..3).map(|row| (0..4).map(|c| f(row * 4 + c)).sum()).collect::<Vec<f64>>();
    let entropy = sums(&|i| -both(i).1 * both(i).1.ln());
    let cross = sums(&|i| -both(i).0 * both(i).1.ln());
    for engine in ENGINES {
        for (shape, leading, inner) in [(&[3, CLASSES][..], &[3][..], 1), (&[1, CLASSES, 3], &[1, 3], 3)] {
            let (path, q) =
                (files.f32("p.npy", shape, &in_blocks(&p, CLASSES, inner)), files.f32("q.npy", shape, &in_blocks(&Q, CLASSES, inner)));
            let results = [&["-o", &rows, "--loss", &loss, "--grad", &grad], engine].concat();
            let report = json(&[&["entropy", &path], &results[..]].concat());
            assert_near(&report["loss"], entropy.iter().sum::<f64>() / 3.0);
            assert_eq!(report["rows"], 3);
            assert_file(&rows, leading, &entropy);
            let gradient: Vec<f64> = (0..12).map(|i| -(both(i).1.ln() + 1.0) / 3.0).collect();
            assert_file(&grad, shape, &in_blocks(&gradient, CLASSES, inner));

            let report = json(&[&["entropy", &q, &path, "--reduction=sum", "--target-grad", &target_grad], &results[..]].concat());
            assert_near(&report["loss"], cross.iter().sum::<f64>());
            assert_file(&rows, leading, &cross);
            let gradient: Vec<f64> = (0..12).map(|i| -both(i).0 / both(i).1).collect();
            assert_file(&grad, shape, &in_blocks(&gradient, CLASSES, inner));
            let gradient: Vec<f64> = (0..12).map(|i| -both(i).1.ln()).collect();
            assert_file(&target_grad, shape, &in_blocks(&gradient, CLASSES, inner));
            json(&[&["entropy", &q, &path, "--reduction=none"], &results[..]].concat());
            assert_file(&loss, leading, &cross);
        }
    }
}

#[test]
fn the_logistic_function() {
    let files = Files::new();
    let out = files.path("out.npy");
    for engine in ENGINES {
        for shape in [&[12][..], &[3, 2, 2], &[12, 1]] {
            let logits = files.f32("x.npy", shape, &LOGITS);
            succeeds(&[&["sigmoid", &logits, "-o", &out], engine].concat());
            assert_file(&out, shape, &each(|_, x, _| sigmoid(x)));
        }
        succeeds(&[&["sigmoid", &files.f32("scalar.npy", &[], &[0.0]), "-o", &out], engine].concat());
        assert_file(&out, &[], &[0.5]);
        succeeds(&[&["sigmoid", &files.f32("none.npy", &[3, 0], &[]), "-o", &out], engine].concat());
        assert_file(&out, &[3, 0], &[]);
    }
}

#[test]
fn many_windows() {
    let files = Files::new();
    let count = 5_000_000;
    let logits = files.f16("x.npy", &[count], &(0..count).map(|i| (i % 5) as f32 - 2.0).collect::<Vec<_>>());
    let targets = files.f16("y.npy", &[count], &vec![0.25; count]);
    let mean = (0..5).map(|i| f64::from(i) - 2.0).map(|x| -(0.25 * sigmoid(x).ln() + 0.75 * sigmoid(-x).ln())).sum::<f64>() / 5.0;
    let report = json(&["bce", &logits, &targets]);
    assert_near(&report["loss"], mean);
    assert_eq!(report["elements"], count);
}

#[test]
fn shapes_that_do_not_fit() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let other = files.f32("y.npy", &[CLASSES, 3], &LOGITS);
    let short = files.f32("s.npy", &[3], &[1.0; 3]);
    let nan = files.f32("nan.npy", &[CLASSES], &[1.0, 1.0, f32::NAN, 1.0]);
    let loss = files.path("loss.npy");
    for args in [["bce", &logits, &other], ["kl", &logits, &other]] {
        refused(&files, &[&args[..], &["--loss", &loss]].concat(), &["y.npy: targets of shape [4, 3], expected [3, 4]"]);
    }
    refused(&files, &["entropy", &logits, &other], &["y.npy: predicted probabilities of shape [4, 3], expected [3, 4]"]);
    refused(&files, &["bce", &logits, &logits, "--weight", &short], &["s.npy: weights of shape [3], expected [4] or the logits' [3, 4]"]);
    refused(
        &files,
        &["bce", &logits, &logits, "--pos-weight", &short],
        &["s.npy: positive weights of shape [3], expected [4], one for each class"],
    );
    refused(&files, &["entropy", &logits, "--target-grad", &loss], &["required arguments were not provided"]);
    refused(&files, &["bce", &logits, &logits, "--dim=2"], &["x.npy: dimension 2 is not in -2..2"]);
    refused(&files, &["bce", &logits, &logits, "--pos-weight", &nan], &["--pos-weight[2] is NaN, must be finite"]);
    refused(&files, &["bce", &logits, &logits, "--reduction=batchmean"], &["invalid value 'batchmean'"]);
}
