//! What `scripts/torch_options.py` stored for these operations; its opening comment lists the fields.

use super::case::{Case, Check, Op};
use crate::common::{Bound, TINY, assert_close, gpus};
use crate::shared::stored::{Case as Stored, cases};
use wgpu_xent::{CrossEntropy, ElementLoss, ElementLossResult, ElementReduction, Gpu, Targets, Weights};

impl Stored {
    fn compare(&self, gpu: &Gpu, op: Op<'_>, [a, b]: [&str; 2], [gradient, target_gradient]: [&str; 2]) {
        let (a, b) = (self.inputs(a).unwrap(), self.inputs(b).unwrap());
        let case = Case { op, a: self.view(&a), b: self.view(&b) };
        // Entropy and cross-entropy of distributions are stored as the sums of rows.
        let of_rows = matches!(op, Op::Entropy | Op::Distributions);
        let reduction = if of_rows { ElementReduction::Sum } else { self.element_reduction() };
        let divisor = match reduction {
            ElementReduction::Mean => a.len(),
            ElementReduction::BatchMean => case.a.rows(),
            _ => 1,
        };
        let mut got = case.on_gpu(gpu, case.all(ElementLoss::new().reduction(reduction))).unwrap();
        let mut expected = ElementLossResult::<f64>::default();
        if of_rows {
            expected.row_loss = self.numbers("row");
            got.loss = None;
        } else {
            got.row_loss = None;
            expected.loss = self.numbers("loss").map(|loss| loss[0]);
            expected.elements = got.elements.as_ref().map(|_| self.numbers("elements").unwrap());
        }
        expected.gradient = self.numbers(gradient);
        expected.target_gradient = got.target_gradient.as_ref().map(|_| self.numbers(target_gradient).unwrap());
        case.compare(self.name(), &got, &expected, divisor as f64);
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
        let (targets, weights) = (self.integers::<i64>("targets").unwrap(), self.inputs("class_weights"));
        let options = CrossEntropy::new().reduction(self.reduction()).ignore_index(self.integer("ignore_index"));
        let options = options.class_weights(weights.as_deref()).row_loss(true).gradient(true);
        let out = gpu.nll_loss(&self.view(&x), &Targets::new(&targets), &options).unwrap();
        let name = self.name();
        let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
        assert_close(name, &out.row_loss.unwrap(), &self.numbers("row_loss").unwrap(), tight);
        assert_close(name, &out.gradient.unwrap(), &self.numbers("grad").unwrap(), tight);
        assert_close(name, out.loss.as_slice(), &self.numbers("loss").unwrap_or_default(), tight);
        assert_eq!(Some(out.valid_rows as i64), self.integer("valid_rows"), "{name}");
        if let Some(divisor) = self.numbers("divisor") {
            assert_close(name, &[out.denominator], &divisor, tight);
        }
    }

    fn check(&self, gpu: &Gpu) -> bool {
        match self.text("op") {
            "bce_with_logits" => {
                let (weight, pos_weight) = (self.inputs("weight"), self.inputs("pos_weight"));
                let classes = self.view(&self.inputs("logits").unwrap()).classes();
                let weights = |w| if <[f32]>::len(w) == classes { Weights::Classes(w) } else { Weights::Elements(self.view(w)) };
                let op = Op::Binary { weight: weight.as_deref().map(weights), pos_weight: pos_weight.as_deref() };
                self.compare(gpu, op, ["logits", "targets"], ["grad", ""]);
            }
            "kl_div" => {
                let log_target = self.field("log_target") == Some(&true.into());
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
    let stored = cases(include_str!("../../data/torch_options.json"));
    for gpu in gpus() {
        let checked = stored.iter().filter(|case| case.check(gpu)).count();
        assert!(checked >= 120, "only {checked} cases");
    }
}
