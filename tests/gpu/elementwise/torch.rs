//! What `scripts/torch_options.py` stored for these operations; its opening comment lists the fields.

use super::case::{Case, Op};
use crate::common::{Bound, TINY, assert_close, gpus};
use serde_json::Value;
use wgpu_xent::{CrossEntropy, ElementLoss, ElementLossResult, ElementReduction, Gpu, Logits, Reduction, Targets, Weights};

/// A stored case's fields.
struct Stored<'a>(&'a Value);

impl Stored<'_> {
    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let number = |value: &Value| value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap());
        match &self.0[name] {
            Value::Null => None,
            Value::Array(values) => Some(values.iter().map(number).collect()),
            one => Some(vec![number(one)]),
        }
    }

    fn inputs(&self, name: &str) -> Option<Vec<f32>> {
        Some(self.numbers(name)?.into_iter().map(|x| x as f32).collect())
    }

    fn view<'a>(&self, values: &'a [f32]) -> Logits<'a> {
        let shape: Vec<usize> = self.0["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        Logits::with_shape(values, &shape, self.0["dim"].as_i64().unwrap() as isize).unwrap()
    }

    fn compare(&self, gpu: &Gpu, op: Op<'_>, [a, b]: [&str; 2], [gradient, target_gradient]: [&str; 2]) {
        let (a, b) = (self.inputs(a).unwrap(), self.inputs(b).unwrap());
        let case = Case { op, a: self.view(&a), b: self.view(&b) };
        let reduction = match self.0["reduction"].as_str() {
            Some("none") => ElementReduction::None,
            Some("mean") => ElementReduction::Mean,
            Some("batchmean") => ElementReduction::BatchMean,
            // Entropy and cross-entropy of distributions are stored as the sums of rows.
            _ => ElementReduction::Sum,
        };
        let divisor = match reduction {
            ElementReduction::Mean => a.len(),
            ElementReduction::BatchMean => case.a.rows(),
            _ => 1,
        };
        let mut got = case.on_gpu(gpu, case.all(ElementLoss::new().reduction(reduction))).unwrap();
        let mut expected = ElementLossResult::<f64>::default();
        expected.loss = self.numbers("loss").map(|loss| loss[0]);
        expected.elements = got.elements.as_ref().map(|_| self.numbers("elements").unwrap());
        expected.row_loss = self.numbers("row");
        expected.gradient = self.numbers(gradient);
        expected.target_gradient = got.target_gradient.as_ref().map(|_| self.numbers(target_gradient).unwrap());
        if expected.row_loss.is_some() {
            got.loss = None;
        }
        case.compare(self.0["name"].as_str().unwrap(), &got, &expected, divisor as f64);
    }

    fn sigmoid(&self, gpu: &Gpu) {
        let (x, u) = (self.inputs("logits").unwrap(), self.inputs("upstream").unwrap());
        let y = gpu.sigmoid(&self.view(&x)).unwrap();
        assert_close("sigmoid", &y, &self.numbers("out").unwrap(), |_| Bound { relative: 1e-6, absolute: TINY });
        // Theirs is the gradient of a y that is not rounded.
        let gradient = gpu.sigmoid_backward(&self.view(&y), &self.view(&u)).unwrap();
        assert_close("its gradient", &gradient, &self.numbers("grad").unwrap(), |i| Bound {
            relative: 1e-6,
            absolute: 1e-7 * f64::from(u[i].abs()),
        });
    }

    fn nll(&self, gpu: &Gpu) {
        let x = self.inputs("logits").unwrap();
        let targets: Vec<i64> = self.0["targets"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()).collect();
        let weights = self.inputs("class_weights");
        let reduction = match self.0["reduction"].as_str().unwrap() {
            "none" => Reduction::None,
            "mean" => Reduction::Mean,
            _ => Reduction::Sum,
        };
        let options = CrossEntropy::new().reduction(reduction).ignore_index(self.0["ignore_index"].as_i64());
        let options = options.class_weights(weights.as_deref()).row_loss(true).gradient(true);
        let out = gpu.nll_loss(&self.view(&x), &Targets::new(&targets), &options).unwrap();
        let name = self.0["name"].as_str().unwrap();
        let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
        assert_close(name, &out.row_loss.unwrap(), &self.numbers("row_loss").unwrap(), tight);
        assert_close(name, &out.gradient.unwrap(), &self.numbers("grad").unwrap(), tight);
        assert_close(name, out.loss.as_slice(), &self.numbers("loss").unwrap_or_default(), tight);
        assert_eq!(out.valid_rows as u64, self.0["valid_rows"].as_u64().unwrap(), "{name}");
        if let Some(divisor) = self.numbers("divisor") {
            assert_close(name, &[out.denominator], &divisor, tight);
        }
    }

    fn check(&self, gpu: &Gpu) -> bool {
        match self.0["op"].as_str().unwrap() {
            "bce_with_logits" => {
                let (weight, pos_weight) = (self.inputs("weight"), self.inputs("pos_weight"));
                let classes = self.view(&self.inputs("logits").unwrap()).classes();
                let weights = |w| if <[f32]>::len(w) == classes { Weights::Classes(w) } else { Weights::Elements(self.view(w)) };
                let op = Op::Binary { weight: weight.as_deref().map(weights), pos_weight: pos_weight.as_deref() };
                self.compare(gpu, op, ["logits", "targets"], ["grad", ""]);
            }
            "kl_div" => {
                let log_target = self.0["log_target"].as_bool().unwrap();
                self.compare(gpu, Op::Divergence { log_target }, ["logits", "targets"], ["grad", "target_grad"]);
            }
            "entropy" => self.compare(gpu, Op::Entropy, ["probabilities"; 2], ["grad", ""]),
            "distribution_cross_entropy" => self.compare(gpu, Op::Distributions, ["p", "q"], ["grad_q", "grad_p"]),
            "sigmoid" => self.sigmoid(gpu),
            "nll" => self.nll(gpu),
            _ => return false,
        }
        true
    }
}

#[test]
fn agrees_with_pytorch() {
    let stored: Value = serde_json::from_str(include_str!("../../data/torch_options.json")).unwrap();
    for gpu in gpus() {
        let cases = stored["cases"].as_array().unwrap();
        let checked = cases.iter().filter(|case| Stored(case).check(gpu)).count();
        assert!(checked >= 120, "only {checked} cases");
    }
}
