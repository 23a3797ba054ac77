//! The cases that `scripts/torch_options.py` stored; its opening comment lists the fields.

use crate::common::narrow;
use crate::shared::stored::{Case, LossInputs, TransformInputs, cases_of};
use wgpu_xent::reference::{
    binary_cross_entropy_with_logits, cross_entropy, distribution_cross_entropy, entropy, kl_div, log_softmax_backward_with,
    log_softmax_with, logsumexp_backward_with, logsumexp_over, logsumexp_with, nll_loss, sigmoid, sigmoid_backward, signed_logsumexp,
    signed_logsumexp_backward, soft_cross_entropy, softmax_backward_with, softmax_with, top_k_log_probs,
};
use wgpu_xent::{
    BinaryCrossEntropy, ClassMask, CrossEntropy, CrossEntropyResult, ElementLoss, ElementLossResult, ElementReduction, Error,
    LogitTransform, Logits, NO_CLASS, Targets, Weights,
};

/// What `f64` leaves of the numbers of another implementation, relative to the value.
const TOLERANCE: f64 = 2e-12;

impl Case {
    #[track_caller]
    fn check(&self, what: &str, got: Option<&[f64]>, tolerance: f64) {
        let (Some(expected), got) = (self.numbers(what), got) else { return };
        let got = got.unwrap_or_else(|| panic!("{}: no {what}", self.name()));
        assert_eq!(got.len(), expected.len(), "{}: {what}", self.name());
        // With these the file's numbers lost digits to the size of the logits: of an entropy of 1.964437005464107e-9 it has six.
        let absolute = if self.name().starts_with("large_logits") { 2e-14 } else { 0.0 };
        for (i, (&g, &e)) in got.iter().zip(&expected).enumerate() {
            let same = g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= tolerance * e.abs() + absolute;
            assert!(same, "{}: {what}[{i}] is {g:e}, expected {e:e}\nall: {got:?}\nexpected: {expected:?}", self.name());
        }
    }

    #[track_caller]
    fn check_indices(&self, what: &str, got: Option<&[u32]>) {
        let got: Option<Vec<f64>> = got.map(|got| got.iter().map(|&c| if c == NO_CLASS { f64::NAN } else { c.into() }).collect());
        self.check(what, got.as_deref(), 0.0);
    }

    fn element_loss(&self) -> ElementLoss {
        ElementLoss::new().reduction(self.element_reduction()).gradient(true)
    }
}

/// Runs every case of an operation.
fn each(op: &str, check: impl Fn(&Case)) {
    cases_of(op, 5).iter().for_each(check);
}

fn check_cross_entropy(case: &Case, out: &CrossEntropyResult<f64>) {
    case.check("loss", out.loss.as_ref().map(std::slice::from_ref), TOLERANCE);
    case.check("row_loss", out.row_loss.as_deref(), TOLERANCE);
    case.check("grad", out.gradient.as_deref(), 1e-10);
    assert_eq!(out.valid_rows as i64, case.integer("valid_rows").unwrap(), "{}", case.name());
    case.check("divisor", Some(&[out.denominator]), 1e-15);
}

#[test]
fn cross_entropies() {
    each("cross_entropy", |case| {
        let data = case.inputs("logits").unwrap();
        let logits = case.view(&data);
        let inputs = LossInputs::new(case, &logits);
        let options = inputs.options(case, &logits);
        let out = if let Some(q) = case.inputs("probabilities") {
            soft_cross_entropy(&logits, &case.view(&q), &options.target_gradient(true)).unwrap()
        } else {
            let targets: Vec<i64> = case.integers("targets").unwrap();
            let mut out = cross_entropy(&logits, &Targets::new(&targets), &options.log_prob(true).rank(true)).unwrap();
            // The file has nothing for ignored rows.
            for (r, target) in targets.iter().enumerate().filter(|(_, target)| case.integer("ignore_index") == Some(**target)) {
                assert_eq!(std::mem::replace(&mut out.log_prob.as_mut().unwrap()[r], f64::NAN), 0.0, "{target}");
            }
            out
        };
        check_cross_entropy(case, &out);
        case.check("lse", out.logsumexp.as_deref(), TOLERANCE);
        case.check("log_prob", out.log_prob.as_deref(), TOLERANCE);
        case.check_indices("argmax", out.argmax.as_deref());
        case.check_indices("rank", out.rank.as_deref());
        case.check("entropy", out.entropy.as_deref(), TOLERANCE);
        case.check("row_z_loss", out.row_z_loss.as_deref(), TOLERANCE);
        case.check("target_grad", out.target_gradient.as_deref(), TOLERANCE);
    });
}

#[test]
fn nll_losses() {
    each("nll", |case| {
        let data = case.inputs("logits").unwrap();
        let (weights, targets) = (case.inputs("class_weights"), case.integers::<i64>("targets").unwrap());
        let options =
            CrossEntropy::new().reduction(case.reduction()).ignore_index(case.integer("ignore_index")).class_weights(weights.as_deref());
        let out = nll_loss(&case.view(&data), &Targets::new(&targets), &options.row_loss(true).gradient(true)).unwrap();
        check_cross_entropy(case, &out);
    });
}

fn check_elements(case: &Case, out: &ElementLossResult<f64>) {
    case.check("loss", out.loss.as_ref().map(std::slice::from_ref), TOLERANCE);
    case.check("grad", out.gradient.as_deref(), TOLERANCE);
    if case.element_reduction() == ElementReduction::None {
        case.check("elements", out.elements.as_deref(), TOLERANCE);
    }
}

#[test]
fn binary_cross_entropies() {
    each("bce_with_logits", |case| {
        let (x, y) = (case.inputs("logits").unwrap(), case.inputs("targets").unwrap());
        let (weight, pos_weight) = (case.inputs("weight"), case.inputs("pos_weight"));
        let logits = case.view(&x);
        let weights = weight
            .as_ref()
            .map(|weight| if weight.len() == logits.classes() { Weights::Classes(weight) } else { Weights::Elements(case.view(weight)) });
        let options = BinaryCrossEntropy::new().loss(case.element_loss()).weight(weights).pos_weight(pos_weight.as_deref());
        check_elements(case, &binary_cross_entropy_with_logits(&logits, &case.view(&y), &options).unwrap());
    });
}

#[test]
fn divergences() {
    each("kl_div", |case| {
        let (x, q) = (case.inputs("logits").unwrap(), case.inputs("targets").unwrap());
        let log_target = case.field("log_target") == Some(&true.into());
        let options = case.element_loss().target_gradient(true);
        let out = kl_div(&case.view(&x), &case.view(&q), log_target, &options).unwrap();
        check_elements(case, &out);
        case.check("target_grad", out.target_gradient.as_deref(), TOLERANCE);
    });
}

#[test]
fn entropies() {
    let options = ElementLoss::new().reduction(ElementReduction::Sum).row_loss(true).gradient(true);
    each("entropy", |case| {
        let p = case.inputs("probabilities").unwrap();
        let out = entropy(&case.view(&p), &options).unwrap();
        case.check("row", out.row_loss.as_deref(), TOLERANCE);
        case.check("grad", out.gradient.as_deref(), TOLERANCE);
    });
    each("distribution_cross_entropy", |case| {
        let (p, q) = (case.inputs("p").unwrap(), case.inputs("q").unwrap());
        let out = distribution_cross_entropy(&case.view(&p), &case.view(&q), &options.target_gradient(true)).unwrap();
        case.check("row", out.row_loss.as_deref(), TOLERANCE);
        case.check("grad_q", out.gradient.as_deref(), TOLERANCE);
        case.check("grad_p", out.target_gradient.as_deref(), TOLERANCE);
    });
}

#[test]
fn sigmoids() {
    each("sigmoid", |case| {
        let (x, u) = (case.inputs("logits").unwrap(), case.inputs("upstream").unwrap());
        let y = sigmoid(&case.view(&x));
        case.check("out", Some(&y), TOLERANCE);
        let gradient = sigmoid_backward(&case.view(&narrow(&y)), &case.view(&u)).unwrap();
        near(case, &gradient, 2e-7);
    });
}

/// A gradient that came from outputs rounded to `f32`; the tolerance is relative to the largest that there is.
#[track_caller]
fn near(case: &Case, gradient: &[f64], tolerance: f64) {
    let Some(expected) = case.numbers("grad") else { return };
    let scale = expected.iter().filter(|e| e.is_finite()).fold(1.0_f64, |scale, e| scale.max(e.abs()));
    assert_eq!(gradient.len(), expected.len(), "{}", case.name());
    for (i, (&g, &e)) in gradient.iter().zip(&expected).enumerate() {
        let same = g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= tolerance * scale;
        assert!(same, "{}: grad[{i}] is {g:e}, expected {e:e}\nall: {gradient:?}\nexpected: {expected:?}", case.name());
    }
}

#[test]
fn softmaxes() {
    type Forward = for<'a, 'b, 'c, 'd> fn(&'a Logits<'b>, &'c LogitTransform<'d>) -> wgpu_xent::Result<Vec<f64>>;
    type Backward = for<'a, 'b, 'c> fn(&'a Logits<'b>, &'a Logits<'b>, &'a LogitTransform<'c>) -> wgpu_xent::Result<Vec<f64>>;
    let ops: [(&str, Forward, Backward); 2] =
        [("softmax", softmax_with, softmax_backward_with), ("log_softmax", log_softmax_with, log_softmax_backward_with)];
    for (op, forward, backward) in ops {
        each(op, |case| {
            let (x, u) = (case.inputs("logits").unwrap(), case.inputs("upstream").unwrap());
            let logits = case.view(&x);
            let inputs = TransformInputs::new(case, &logits);
            let transform = inputs.transform(&logits);
            let out = forward(&logits, &transform).unwrap();
            case.check("out", Some(&out), TOLERANCE);
            let gradient = backward(&case.view(&narrow(&out)), &case.view(&u), &transform);
            match inputs.softcap {
                Some(_) => assert!(matches!(gradient, Err(Error::Options(_)))),
                None => near(case, &gradient.unwrap(), 1e-6),
            }
        });
    }
}

/// Where the elements of an array lie that has its summed dimensions last.
fn summed_last(shape: &[usize], dims: &[isize]) -> Vec<usize> {
    let kept = (0..shape.len()).filter(|&dim| !dims.contains(&(dim as isize)));
    let order: Vec<usize> = kept.chain(dims.iter().map(|&dim| dim as usize)).collect();
    let stride = |dim: usize| shape[dim + 1..].iter().product::<usize>();
    order
        .iter()
        .fold(vec![0], |places, &dim| places.iter().flat_map(|place| (0..shape[dim]).map(move |i| place + i * stride(dim))).collect())
}

#[test]
fn logsumexps() {
    each("logsumexp", |case| {
        let (x, shape, dims) = (case.inputs("logits").unwrap(), case.shape(), case.integers::<isize>("dims").unwrap());
        let upstream = case.inputs("upstream").unwrap();
        let places = summed_last(&shape, &dims);
        let rows = upstream.len();
        let classes = x.len() / rows;
        let moved = |values: &[f32]| places.iter().map(|&place| values[place]).collect::<Vec<_>>();
        let (data, b) = (moved(&x), case.inputs("b").map(|b| moved(&b)));
        let logits = Logits::new(&data, rows, classes).unwrap();
        let allowed = case.inputs("mask").map(|mask| moved(&mask).iter().map(|&m| m == 1.0).collect::<Vec<_>>());
        let words = allowed.map(|allowed| ClassMask::pack(&allowed, classes));
        let transform = LogitTransform::new().mask(words.as_ref().map(|words| ClassMask::per_row(words, rows, classes).unwrap()));
        let gradient = if let Some(b) = b {
            let b = Logits::new(&b, rows, classes).unwrap();
            let (out, sign) = signed_logsumexp(&logits, &b, &transform).unwrap();
            case.check("out", Some(&out), TOLERANCE);
            case.check("sign", Some(&sign), 0.0);
            signed_logsumexp_backward(&logits, &b, &narrow(&out), &narrow(&sign), &upstream, &transform).unwrap()
        } else {
            let out = logsumexp_with(&logits, &transform).unwrap();
            case.check("out", Some(&out), TOLERANCE);
            if case.field("mask").is_none() {
                case.check("out", Some(&logsumexp_over(&x, &shape, &dims).unwrap()), TOLERANCE);
            }
            logsumexp_backward_with(&logits, &narrow(&out), &upstream, &transform).unwrap()
        };
        let mut in_place = vec![0.0; x.len()];
        places.iter().zip(gradient).for_each(|(&place, of_element)| in_place[place] = of_element);
        near(case, &in_place, 1e-6);
    });
}

#[test]
fn most_probable_classes() {
    each("top_k", |case| {
        let data = case.inputs("logits").unwrap();
        let k = case.integer("k").unwrap() as u32;
        let out = top_k_log_probs(&case.view(&data), k, &LogitTransform::new()).unwrap();
        case.check_indices("indices", Some(&out.classes));
        case.check("log_probs", Some(&out.log_probs), TOLERANCE);
    });
}
