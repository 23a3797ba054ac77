//! Cross-entropy with all its options against what PyTorch and mpmath answered, stored by `scripts/torch_options.py`.

use crate::common::{Bound, TINY, assert_close, gpus};
use serde_json::Value;
use wgpu_xent::{
    ClassMask, CrossEntropy, CrossEntropyResult, Denominator, Factor, Gpu, LogitTransform, Logits, NO_CLASS, Reduction, Targets,
};

fn number(value: &Value) -> f64 {
    match value {
        Value::Null => f64::NAN,
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Null => None,
        Value::Array(values) => Some(values.iter().map(number).collect()),
        one => Some(vec![number(one)]),
    }
}

fn floats(value: &Value) -> Option<Vec<f32>> {
    numbers(value).map(|values| values.into_iter().map(|x| x as f32).collect())
}

fn factor(values: Option<&Vec<f32>>) -> Factor<'_> {
    match values.map(Vec::as_slice) {
        None => Factor::Scalar(1.0),
        Some([one]) => Factor::Scalar(*one),
        Some(rows) => Factor::Rows(rows),
    }
}

fn denominator(value: &Value) -> Denominator {
    match value.as_str() {
        Some("target_weights") => Denominator::TargetWeights,
        Some("rows") => Denominator::Rows,
        Some("valid_rows") => Denominator::ValidRows,
        Some("all_weights") => Denominator::AllWeights,
        Some(other) => panic!("{other}"),
        None if value.is_null() => Denominator::TargetWeights,
        None => Denominator::Value(number(value) as f32),
    }
}

fn reduction(value: &Value) -> Reduction {
    match value.as_str().unwrap() {
        "none" => Reduction::None,
        "mean" => Reduction::Mean,
        "sum" => Reduction::Sum,
        other => panic!("{other}"),
    }
}

/// The inputs of a case, of which the options borrow.
struct Inputs {
    shape: Vec<usize>,
    dim: isize,
    logits: Vec<f32>,
    targets: Option<Vec<i64>>,
    probabilities: Option<Vec<f32>>,
    class_weights: Option<Vec<f32>>,
    row_weights: Option<Vec<f32>>,
    scale: Option<Vec<f32>>,
    upstream: Option<Vec<f32>>,
    mask: Option<Vec<u32>>,
}

impl Inputs {
    fn new(case: &Value) -> Self {
        let shape: Vec<usize> = case["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let dim = case["dim"].as_i64().unwrap() as isize;
        let logits = floats(&case["logits"]).unwrap();
        let view = Logits::with_shape(&logits, &shape, dim).unwrap();
        let mask = floats(&case["mask"]).map(|mask| {
            let shared = mask.len() == view.classes() && view.rows() != 1;
            let rows: Vec<bool> = if shared {
                mask.iter().map(|&m| m != 0.0).collect()
            } else {
                let mask = Logits::with_shape(&mask, &shape, dim).unwrap();
                (0..mask.rows()).flat_map(|row| mask.row(row)).map(|m| m != 0.0).collect()
            };
            ClassMask::pack(&rows, view.classes())
        });
        Self {
            targets: case["targets"].as_array().map(|t| t.iter().map(|t| t.as_i64().unwrap()).collect()),
            probabilities: floats(&case["probabilities"]),
            class_weights: floats(&case["class_weights"]),
            row_weights: floats(&case["row_weights"]),
            scale: floats(&case["scale"]),
            upstream: floats(&case["upstream"]),
            mask,
            shape,
            dim,
            logits,
        }
    }

    fn view<'a>(&self, data: &'a [f32]) -> Logits<'a> {
        Logits::with_shape(data, &self.shape, self.dim).unwrap()
    }

    fn options<'a>(&'a self, case: &Value) -> CrossEntropy<'a> {
        let logits = self.view(&self.logits);
        let mask = self.mask.as_ref().map(|words| {
            if words.len() == logits.classes().div_ceil(32) {
                ClassMask::shared(words, logits.classes()).unwrap()
            } else {
                ClassMask::per_row(words, logits.rows(), logits.classes()).unwrap()
            }
        });
        let transform =
            LogitTransform::new().scale(factor(self.scale.as_ref())).softcap(numbers(&case["softcap"]).map(|c| c[0] as f32)).mask(mask);
        CrossEntropy::new()
            .reduction(reduction(&case["reduction"]))
            .denominator(denominator(&case["denominator"]))
            .ignore_index(case["ignore_index"].as_i64())
            .upstream(factor(self.upstream.as_ref()))
            .class_weights(self.class_weights.as_deref())
            .row_weights(self.row_weights.as_deref())
            .label_smoothing(case["label_smoothing"].as_f64().unwrap_or(0.0) as f32)
            .z_loss(case["z_loss"].as_f64().unwrap_or(0.0) as f32)
            .transform(transform)
            .row_loss(true)
            .logsumexp(true)
            .argmax(true)
            .entropy(true)
            .z_loss_part(true)
            .gradient(true)
    }
}

/// What rounding allows: the transformed logits are rounded where they are transformed, and `z - max z` is everywhere.
struct Allowed {
    /// Of a value that is a sum of terms of one sign, absolute.
    absolute: f64,
}

fn check(gpu: &Gpu, case: &Value) {
    let name = case["name"].as_str().unwrap();
    let inputs = Inputs::new(case);
    let options = inputs.options(case);
    let logits = inputs.view(&inputs.logits);
    let out = match (&inputs.probabilities, &inputs.targets) {
        (Some(q), _) => gpu.soft_cross_entropy(&logits, &inputs.view(q), &options.target_gradient(true)),
        (None, targets) => gpu.cross_entropy(&logits, &Targets::new(targets.as_ref().unwrap()), &options.log_prob(true).rank(true)),
    };
    compare_case(name, case, &inputs, &out.unwrap_or_else(|e| panic!("{name}: {e}")));
}

fn compare_case(name: &str, case: &Value, inputs: &Inputs, out: &CrossEntropyResult) {
    let transformed = inputs.scale.is_some() || !case["softcap"].is_null();
    let largest = inputs.logits.iter().filter(|x| x.is_finite()).fold(0.0_f64, |m, x| m.max(f64::from(x.abs())));
    let scale = inputs.scale.as_ref().map_or(1.0, |s| s.iter().fold(0.0_f64, |m, s| m.max(f64::from(s.abs()))));
    let weights = |w: &Option<Vec<f32>>| w.as_ref().map_or(1.0, |w| w.iter().fold(1.0_f64, |m, w| m.max(f64::from(w.abs()))));
    // A rounded z is off by so much, and a loss by so many of these as its coefficients are.
    let rounding = if transformed { largest * scale * 4.0 * 2f64.powi(-24) } else { 0.0 };
    let coefficients = weights(&inputs.class_weights) * weights(&inputs.row_weights);
    let labels = inputs.probabilities.as_ref().map_or(1.0, |q| {
        let q = inputs.view(q);
        (0..q.rows()).map(|r| q.row(r).filter(|q| q.is_finite()).map(f64::abs).sum::<f64>()).fold(1.0, f64::max)
    });
    let allowed = Allowed { absolute: rounding * coefficients * labels * 4.0 };
    let signed = [&inputs.class_weights, &inputs.row_weights, &inputs.probabilities]
        .iter()
        .any(|w| w.as_ref().is_some_and(|w| w.iter().any(|w| *w < 0.0)));
    let value = |i: usize| {
        let _ = i;
        Bound { relative: 2e-6, absolute: TINY + allowed.absolute + if signed { 1e-5 } else { 0.0 } }
    };
    let rounded = |_: usize| Bound { relative: 2e-6, absolute: 2e-6 + allowed.absolute };
    let both = |what: &str, got: Option<&Vec<f32>>, bound: &dyn Fn(usize) -> Bound| {
        if let Some(expected) = numbers(&case[what]) {
            // Null: not defined.
            let got: Vec<f32> = got
                .unwrap()
                .iter()
                .zip(&expected)
                .map(|(&g, e)| if e.is_nan() && case[what].is_array() && has_null(&case[what]) { f32::NAN } else { g })
                .collect();
            assert_close(&format!("{name}: {what}"), &got, &expected, bound);
        }
    };
    both("row_loss", out.row_loss.as_ref(), &value);
    both("lse", out.logsumexp.as_ref(), &rounded);
    if case["log_prob"].is_array() {
        both("log_prob", out.log_prob.as_ref(), &value);
    }
    both("entropy", out.entropy.as_ref(), &rounded);
    both("row_z_loss", out.row_z_loss.as_ref(), &|_| Bound { relative: 5e-6, absolute: 1e-6 + allowed.absolute });
    if !case["loss"].is_null() {
        both("loss", out.loss.map(|l| vec![l]).as_ref(), &value);
    }
    let upstream = inputs.upstream.as_ref().map_or(1.0, |u| u.iter().fold(1.0_f64, |m, u| m.max(f64::from(u.abs()))));
    let slack = |i: usize| {
        let _ = i;
        let size = coefficients * labels * upstream * scale.max(1.0);
        Bound { relative: 2e-5, absolute: (rounding * 4.0 + 4e-7) * size }
    };
    both("grad", out.gradient.as_ref(), &slack);
    if !case["target_grad"].is_null() {
        let far = |_: usize| Bound {
            relative: 2e-5,
            absolute: 1e-6 * coefficients * upstream * (1.0 + largest * scale) + rounding * 8.0 * coefficients * upstream,
        };
        both("target_grad", out.target_gradient.as_ref(), &far);
    }
    for (what, got) in [("argmax", &out.argmax), ("rank", &out.rank)] {
        if let (Value::Array(expected), Some(got)) = (&case[what], got) {
            for (row, (expected, &got)) in expected.iter().zip(got).enumerate() {
                let expected = expected.as_u64().map_or(NO_CLASS, |c| c as u32);
                assert_eq!(got, expected, "{name}: {what} of row {row}");
            }
        }
    }
    assert_eq!(out.valid_rows as u64, case["valid_rows"].as_u64().unwrap(), "{name}");
    if let Some(divisor) = numbers(&case["divisor"]) {
        assert_close(name, &[out.denominator], &divisor, |_| Bound { relative: 1e-6, absolute: 1e-6 });
    }
}

fn has_null(value: &Value) -> bool {
    value.as_array().is_some_and(|values| values.iter().any(Value::is_null))
}

#[test]
fn agrees_with_pytorch_on_every_option() {
    let data: Value = serde_json::from_str(include_str!("../data/torch_options.json")).unwrap();
    let cases: Vec<&Value> = data["cases"].as_array().unwrap().iter().filter(|case| case["op"] == "cross_entropy").collect();
    assert!(cases.len() >= 300, "only {} cases", cases.len());
    // Nearly every case is a combination of options with pipelines of its own, and what takes the time is to compile them.
    let steps = if crate::common::all_cases() { [1; 3] } else { [6, 30, 30] };
    std::thread::scope(|scope| {
        for (gpu, step) in gpus().iter().zip(steps) {
            let cases = &cases;
            scope.spawn(move || cases.iter().step_by(step).for_each(|case| check(gpu, case)));
        }
    });
}
