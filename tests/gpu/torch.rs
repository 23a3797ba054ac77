//! PyTorch's results, stored by `scripts/torch_reference.py`, against every adapter.

use crate::common::{Bound, TINY, assert_close, gpus};
use serde_json::Value;
use wgpu_xent::{CrossEntropy, Factor, Gpu, Logits, Reduction, Targets};

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("not a number: {other}"),
        None => value.as_f64().unwrap(),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|x| x as f32).collect()
}

fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

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

fn check_cross_entropy(gpu: &Gpu, case: &Value, logits: &Logits<'_>, values: &[f32]) {
    let name = case["name"].as_str().unwrap();
    let targets: Vec<i64> = case["targets"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()).collect();
    let factors = case["upstream"].as_array().map(|_| floats(&case["upstream"]));
    let upstream = match (&factors, case["upstream"].is_null()) {
        (Some(rows), _) => Factor::Rows(rows),
        (None, true) => Factor::Scalar(1.0),
        (None, false) => Factor::Scalar(number(&case["upstream"]) as f32),
    };
    let reduction = match case["reduction"].as_str().unwrap() {
        "mean" => Reduction::Mean,
        "sum" => Reduction::Sum,
        _ => Reduction::None,
    };
    let options = CrossEntropy::new().reduction(reduction).ignore_index(case["ignore_index"].as_i64());
    let options = options.upstream(upstream).row_loss(true).logsumexp(true).argmax(true).gradient(true);
    let out = gpu.cross_entropy(logits, &Targets::new(&targets), &options).unwrap();

    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    assert_close(name, out.row_loss.as_ref().unwrap(), &numbers(&case["row_loss"]), tight);
    if reduction == Reduction::None {
        assert_eq!(out.loss, None);
    } else {
        assert_close(name, &[out.loss.unwrap()], &[number(&case["loss"])], tight);
    }
    assert_close(name, out.logsumexp.as_ref().unwrap(), &numbers(&case["lse"]), |_| Bound { relative: 1e-6, absolute: 1e-6 });
    assert_eq!(out.valid_rows, size(&case["valid_rows"]), "{name}");
    // PyTorch's argmax of a row with NaN is the NaN; ours is none.
    let nan_rows: Vec<usize> = case["nan_rows"].as_array().unwrap().iter().map(size).collect();
    for (row, expected) in case["argmax"].as_array().unwrap().iter().enumerate() {
        if !nan_rows.contains(&row) {
            assert_eq!(out.argmax.as_ref().unwrap()[row] as usize, size(expected), "{name}, row {row}");
        }
    }
    let mut expected = numbers(&case["grad"]);
    if case["differs"].as_str().is_some_and(|d| d.starts_with("ignored row")) {
        for (row, gradient) in expected.chunks_mut(logits.classes()).enumerate() {
            if Some(targets[row]) == case["ignore_index"].as_i64() {
                gradient.fill(0.0);
            }
        }
    }
    assert_close(name, out.gradient.as_ref().unwrap(), &expected, element(values, logits.classes(), 10.0));
}

fn check_other(gpu: &Gpu, case: &Value, logits: &Logits<'_>, values: &[f32]) {
    let name = case["name"].as_str().unwrap();
    let (rows, classes) = (logits.rows(), logits.classes());
    let upstream = floats(&case["upstream"]);
    let expected = numbers(&case["out"]);
    let rounded = |_: usize| Bound { relative: 1e-6, absolute: 1e-6 };
    // The backward pass starts from rounded results, of which the gradients are differences.
    let gradient = |_: usize| Bound { relative: 1e-5, absolute: 2e-5 };
    let got = match case["op"].as_str().unwrap() {
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
    assert_close(&format!("gradient of {name}"), &got, &numbers(&case["grad"]), lse_rounding);
}

#[test]
fn agrees_with_pytorch() {
    let text = include_str!("../data/torch_reference.json");
    let data: Value = serde_json::from_str(text).unwrap();
    let cases = data["cases"].as_array().unwrap();
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    for gpu in gpus() {
        for case in cases {
            let values = floats(&case["logits"]);
            let logits = Logits::new(&values, size(&case["rows"]), size(&case["classes"])).unwrap();
            if case["op"] == "cross_entropy" {
                check_cross_entropy(gpu, case, &logits, &values);
            } else {
                check_other(gpu, case, &logits, &values);
            }
        }
    }
}
