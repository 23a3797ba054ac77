//! Cross-entropy with all its options against what PyTorch and mpmath answered, stored by `scripts/torch_options.py`.

use crate::common::{Bound, TINY, all_cases, assert_close, gpus};
use crate::shared::stored::{Case, LossInputs, cases_of};
use wgpu_xent::{CrossEntropyResult, Gpu, Logits, NO_CLASS, Targets};

/// The largest size of some values, at least 1.
fn most(values: Option<&Vec<f32>>) -> f64 {
    values.into_iter().flatten().filter(|x| x.is_finite()).fold(1.0, |most, x| f64::from(x.abs()).max(most))
}

/// What the errors of a case are measured by.
struct Size {
    /// The largest `|z|` before a softcap.
    z: f64,
    /// What rounding takes from a `z` that is not the logit itself.
    rounding: f64,
    /// The largest class weight times the largest row weight.
    weights: f64,
    /// The largest sum of a row's labels.
    labels: f64,
    /// The largest factor on a gradient.
    upstream: f64,
    scale: f64,
    /// Whether the terms of a loss can cancel.
    cancels: bool,
}

impl Size {
    fn new(logits: &Vec<f32>, labels: Option<&Logits<'_>>, inputs: &LossInputs) -> Self {
        let scale = most(inputs.transform.scale.as_ref());
        let z = most(Some(logits)) * scale;
        let transformed = inputs.transform.scale.is_some() || inputs.transform.softcap.is_some();
        let sum_of = |q: &Logits<'_>, row| q.row(row).filter(|q| q.is_finite()).map(f64::abs).sum::<f64>();
        let negative = |w: &Option<Vec<f32>>| w.iter().flatten().any(|w| *w < 0.0);
        Self {
            z,
            rounding: if transformed { 4.0 * z * 2f64.powi(-24) } else { 0.0 },
            weights: most(inputs.class_weights.as_ref()) * most(inputs.row_weights.as_ref()),
            labels: labels.map_or(1.0, |q| (0..q.rows()).map(|row| sum_of(q, row)).fold(1.0, f64::max)),
            upstream: most(inputs.upstream.as_ref()),
            scale,
            cancels: negative(&inputs.class_weights)
                || negative(&inputs.row_weights)
                || labels.is_some_and(|q| (0..q.rows()).any(|row| q.row(row).any(|q| q < 0.0))),
        }
    }

    /// Of a loss whose coefficients add up to `labels * weights`.
    fn lost(&self) -> f64 {
        4.0 * self.rounding * self.weights * self.labels
    }

    fn loss(&self) -> Bound {
        Bound { relative: 2e-6, absolute: TINY + self.lost() + if self.cancels { 1e-5 } else { 0.0 } }
    }

    fn value(&self) -> Bound {
        Bound { relative: 2e-6, absolute: 2e-6 + self.lost() }
    }

    fn z_loss(&self) -> Bound {
        Bound { relative: 5e-6, absolute: 1e-6 + self.lost() }
    }

    fn gradient(&self) -> Bound {
        Bound { relative: 2e-5, absolute: (4.0 * self.rounding + 4e-7) * self.weights * self.labels * self.upstream * self.scale }
    }

    fn target_gradient(&self) -> Bound {
        Bound { relative: 2e-5, absolute: (1e-6 * (1.0 + self.z) + 8.0 * self.rounding) * self.weights * self.upstream }
    }
}

fn check(gpu: &Gpu, case: &Case) {
    let data = case.inputs("logits").unwrap();
    let logits = case.view(&data);
    let inputs = LossInputs::new(case, &logits);
    let options = inputs.options(case, &logits);
    let probabilities = case.inputs("probabilities");
    let labels = probabilities.as_ref().map(|q| case.view(q));
    let out = if let Some(labels) = &labels {
        gpu.soft_cross_entropy(&logits, labels, &options.target_gradient(true)).unwrap()
    } else {
        let targets: Vec<i64> = case.integers("targets").unwrap();
        let mut out = gpu.cross_entropy(&logits, &Targets::new(&targets), &options.log_prob(true).rank(true)).unwrap();
        // The file has nothing for ignored rows.
        for (log_prob, _) in out.log_prob.iter_mut().flatten().zip(&targets).filter(|(_, t)| case.integer("ignore_index") == Some(**t)) {
            assert_eq!(std::mem::replace(log_prob, f32::NAN), 0.0, "{}", case.name());
        }
        out
    };
    compare(case, &out, &Size::new(&data, labels.as_ref(), &inputs));
}

fn compare(case: &Case, out: &CrossEntropyResult, size: &Size) {
    let name = case.name();
    let loss = out.loss.map(|loss| vec![loss]);
    for (what, got, bound) in [
        ("row_loss", &out.row_loss, size.loss()),
        ("lse", &out.logsumexp, size.value()),
        ("log_prob", &out.log_prob, size.loss()),
        ("entropy", &out.entropy, size.value()),
        ("row_z_loss", &out.row_z_loss, size.z_loss()),
        ("loss", &loss, size.loss()),
        ("grad", &out.gradient, size.gradient()),
        ("target_grad", &out.target_gradient, size.target_gradient()),
    ] {
        if let Some(expected) = case.numbers(what) {
            let got = got.as_ref().unwrap_or_else(|| panic!("{name}: no {what}"));
            assert_close(&format!("{name}: {what}"), got, &expected, |_| bound);
        }
    }
    for (what, got) in [("argmax", &out.argmax), ("rank", &out.rank)] {
        if let Some(expected) = case.numbers(what) {
            let expected: Vec<u32> = expected.into_iter().map(|c| if c.is_nan() { NO_CLASS } else { c as u32 }).collect();
            assert_eq!(got.as_ref(), Some(&expected), "{name}: {what}");
        }
    }
    assert_eq!(Some(out.valid_rows as i64), case.integer("valid_rows"), "{name}");
    if let Some(divisor) = case.numbers("divisor") {
        assert_close(name, &[out.denominator], &divisor, |_| Bound { relative: 1e-6, absolute: 1e-6 });
    }
}

#[test]
fn agrees_with_pytorch_on_every_option() {
    let cases = cases_of("cross_entropy", 300);
    // Nearly every case is a combination of options with pipelines of its own, and what takes the time is to compile them.
    let step = |adapter| if all_cases() { 1 } else { [6, 30][usize::from(adapter > 0)] };
    std::thread::scope(|scope| {
        for (adapter, gpu) in gpus().iter().enumerate() {
            let (cases, step) = (&cases, step(adapter));
            scope.spawn(move || cases.iter().step_by(step).for_each(|case| check(gpu, case)));
        }
    });
}
