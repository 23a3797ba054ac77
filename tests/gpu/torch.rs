//! PyTorch's results, stored by `scripts/torch_reference.py`, against every adapter.

use crate::common::{Bound, TINY, assert_close, gpus};
use crate::shared::stored::{Case, cases, factor};
use wgpu_xent::{CrossEntropy, Gpu, Logits, NO_CLASS, Reduction, Targets};

/// Below the largest logit by so much, `x - max x` rounds by so much.
fn element(logits: &[f32], classes: usize, scale: f64) -> impl Fn(usize) -> Bound {
    let tops: Vec<f32> = logits.chunks(classes).map(|r| r.iter().copied().fold(f32::MIN, f32::max)).collect();
    let logits = logits.to_vec();
    move |i| {
        let below = f64::from(tops[i / classes] - logits[i]).abs().min(100.0);
        let below = if below.is_nan() { 0.0 } else { below };
        Bound { relative: 1e-6 + below * 2f64.powi(-24), absolute: TINY * scale }
    }
}

fn check_cross_entropy(gpu: &Gpu, case: &Case, logits: &Logits<'_>, values: &[f32]) {
    let name = case.name();
    let (targets, upstream) = (case.integers::<i64>("targets").unwrap(), case.inputs("upstream"));
    let (reduction, ignore_index) = (case.reduction(), case.integer("ignore_index"));
    let options = CrossEntropy::new().reduction(reduction).ignore_index(ignore_index).upstream(factor(upstream.as_ref()));
    let options = options.row_loss(true).logsumexp(true).argmax(true).gradient(true);
    let out = gpu.cross_entropy(logits, &Targets::new(&targets), &options).unwrap();
    let numbers = |name: &str| case.numbers(name).unwrap();

    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    assert_close(name, out.row_loss.as_ref().unwrap(), &numbers("row_loss"), tight);
    if reduction == Reduction::None {
        assert_eq!(out.loss, None);
    } else {
        assert_close(name, &[out.loss.unwrap()], &numbers("loss"), tight);
    }
    assert_close(name, out.logsumexp.as_ref().unwrap(), &numbers("lse"), |_| Bound { relative: 1e-6, absolute: 1e-6 });
    assert_eq!(Some(out.valid_rows as i64), case.integer("valid_rows"), "{name}");
    // PyTorch's argmax of a row with NaN is the NaN; ours is none.
    let nan_rows: Vec<usize> = case.integers("nan_rows").unwrap();
    for (row, expected) in case.integers::<u32>("argmax").unwrap().into_iter().enumerate() {
        let expected = if nan_rows.contains(&row) { NO_CLASS } else { expected };
        assert_eq!(out.argmax.as_ref().unwrap()[row], expected, "{name}, row {row}");
    }
    let mut expected = numbers("grad");
    if case.field("differs").is_some_and(|differs| differs.as_str().unwrap().starts_with("ignored row")) {
        for (row, gradient) in expected.chunks_mut(logits.classes()).enumerate() {
            if Some(targets[row]) == ignore_index {
                gradient.fill(0.0);
            }
        }
    }
    assert_close(name, out.gradient.as_ref().unwrap(), &expected, element(values, logits.classes(), 10.0));
}

fn check_other(gpu: &Gpu, case: &Case, logits: &Logits<'_>, values: &[f32]) {
    let name = case.name();
    let (rows, classes) = (logits.rows(), logits.classes());
    let (upstream, expected) = (case.inputs("upstream").unwrap(), case.numbers("out").unwrap());
    let rounded = |_: usize| Bound { relative: 1e-6, absolute: 1e-6 };
    // The backward pass starts from rounded results, of which the gradients are differences.
    let gradient = |_: usize| Bound { relative: 1e-5, absolute: 2e-5 };
    let got = match case.text("op") {
        "softmax" => {
            let out = gpu.softmax(logits).unwrap();
            assert_close(name, &out, &expected, element(values, classes, 1.0));
            let upstream = Logits::new(&upstream, rows, classes).unwrap();
            gpu.softmax_backward(&Logits::new(&out, rows, classes).unwrap(), &upstream).unwrap()
        }
        "log_softmax" => {
            let out = gpu.log_softmax(logits).unwrap();
            assert_close(name, &out, &expected, rounded);
            let upstream = Logits::new(&upstream, rows, classes).unwrap();
            gpu.log_softmax_backward(&Logits::new(&out, rows, classes).unwrap(), &upstream).unwrap()
        }
        "logsumexp" => {
            let out = gpu.logsumexp(logits).unwrap();
            assert_close(name, &out, &expected, rounded);
            gpu.logsumexp_backward(logits, &out, &upstream).unwrap()
        }
        other => panic!("unknown op {other}"),
    };
    // exp(x - lse) is as good as the rounded lse: 2^-24 of it.
    let offset = values.iter().filter(|x| x.is_finite()).fold(0.0_f64, |m, &x| m.max(f64::from(x.abs())));
    let lse_rounding = |i: usize| Bound { relative: 1e-5 + offset.min(1e6) * 2f64.powi(-23), ..gradient(i) };
    assert_close(&format!("gradient of {name}"), &got, &case.numbers("grad").unwrap(), lse_rounding);
}

#[test]
fn agrees_with_pytorch() {
    let cases = cases(include_str!("../data/torch_reference.json"));
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    for gpu in gpus() {
        for case in &cases {
            let values = case.inputs("logits").unwrap();
            let size = |name: &str| case.integer(name).unwrap() as usize;
            let logits = Logits::new(&values, size("rows"), size("classes")).unwrap();
            let check = if case.text("op") == "cross_entropy" { check_cross_entropy } else { check_other };
            check(gpu, case, &logits, &values);
        }
    }
}
