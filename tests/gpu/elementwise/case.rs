//! An operation, its inputs, and what its results are compared with.

use crate::common::data::Random;
use crate::common::{Bound, Share, TINY, assert_close};
use wgpu_xent::{BinaryCrossEntropy, ElementLoss, ElementLossResult, ElementReduction, Gpu, Logits, Result, Weights, reference};

/// An operation on one or two matrices, with the weights that it has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op<'a> {
    Binary { weight: Option<Weights<'a>>, pos_weight: Option<&'a [f32]> },
    Divergence { log_target: bool },
    Entropy,
    Distributions,
}

impl Op<'_> {
    fn name(self) -> String {
        match self {
            Op::Binary { weight, pos_weight } => {
                let weight = match weight {
                    None => "",
                    Some(Weights::Classes(_)) => ", class weights",
                    Some(Weights::Elements(_)) => ", element weights",
                };
                format!("binary cross-entropy{weight}{}", if pos_weight.is_some() { ", positive weights" } else { "" })
            }
            other => format!("{other:?}"),
        }
    }
}

/// With its inputs; entropy has one, given twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) op: Op<'a>,
    pub(crate) a: Logits<'a>,
    pub(crate) b: Logits<'a>,
}

impl Case<'_> {
    pub(crate) fn on_gpu(&self, gpu: &Gpu, loss: ElementLoss) -> Result<ElementLossResult> {
        match self.op {
            Op::Binary { weight, pos_weight } => {
                let options = BinaryCrossEntropy::new().loss(loss).weight(weight).pos_weight(pos_weight);
                gpu.binary_cross_entropy_with_logits(&self.a, &self.b, &options)
            }
            Op::Divergence { log_target } => gpu.kl_div(&self.a, &self.b, log_target, &loss),
            Op::Entropy => gpu.entropy(&self.a, &loss),
            Op::Distributions => gpu.distribution_cross_entropy(&self.a, &self.b, &loss),
        }
    }

    pub(crate) fn on_cpu(&self, loss: ElementLoss) -> Result<ElementLossResult<f64>> {
        match self.op {
            Op::Binary { weight, pos_weight } => {
                let options = BinaryCrossEntropy::new().loss(loss).weight(weight).pos_weight(pos_weight);
                reference::binary_cross_entropy_with_logits(&self.a, &self.b, &options)
            }
            Op::Divergence { log_target } => reference::kl_div(&self.a, &self.b, log_target, &loss),
            Op::Entropy => reference::entropy(&self.a, &loss),
            Op::Distributions => reference::distribution_cross_entropy(&self.a, &self.b, &loss),
        }
    }

    /// `loss` with everything wanted that the operation has.
    pub(crate) fn all(&self, loss: ElementLoss) -> ElementLoss {
        let has_targets = matches!(self.op, Op::Divergence { .. } | Op::Distributions);
        loss.row_loss(true).gradient(true).target_gradient(has_targets)
    }

    /// The sums of the absolute terms of an element's loss and of its derivatives, which errors are relative to.
    fn terms(&self, row: usize, class: usize, a: f64, b: f64) -> [f64; 3] {
        // What is too small for an f32 is 0 before it is multiplied.
        let lost = 1e6 * TINY;
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p() + lost;
        let sigmoid = |x: f64| lost + if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
        let terms = match self.op {
            Op::Binary { weight, pos_weight } => {
                let w = match weight {
                    Some(Weights::Classes(weights)) => weights[class].into(),
                    Some(Weights::Elements(weights)) => weights.row(row).nth(class).unwrap(),
                    None => 1.0,
                };
                let v = pos_weight.map_or(1.0, |weights| f64::from(weights[class]));
                let (negative, positive) = ((w * (1.0 - b)).abs(), (w * v * b).abs());
                [negative * softplus(a) + positive * softplus(-a), negative * sigmoid(a) + positive * sigmoid(-a), 0.0]
            }
            Op::Divergence { log_target: false } => [b * (b.ln().abs() + a.abs()), b, b.ln().abs() + a.abs() + 1.0],
            Op::Divergence { log_target: true } => {
                let (q, gap) = (b.exp() + lost, b.abs() + a.abs());
                [q * gap, b.exp(), q * (gap + 1.0)]
            }
            Op::Entropy => [(a * a.ln()).abs(), a.ln().abs() + 1.0, 0.0],
            Op::Distributions => [(a * b.ln()).abs(), (a / b).abs(), b.ln().abs()],
        };
        terms.map(|t| if t.is_finite() { t } else { 0.0 })
    }

    /// Compares all results with the reference; `divisor` is that of the reduction.
    pub(crate) fn compare(&self, what: &str, got: &ElementLossResult, expected: &ElementLossResult<f64>, divisor: f64) {
        let what = format!("{what}, {} of {} x {} x {}", self.op.name(), self.a.rows(), self.a.classes(), self.a.inner());
        let of_row = |r: usize| self.a.row(r).zip(self.b.row(r)).enumerate().map(move |(c, (a, b))| self.terms(r, c, a, b)).collect();
        let terms: Vec<Vec<[f64; 3]>> = (0..self.a.rows()).map(of_row).collect();
        let (classes, inner) = (self.a.classes(), self.a.inner());
        let at = |i: usize| terms[i / (classes * inner) * inner + i % inner][i / inner % classes];
        let bound = |terms: f64| Bound { relative: 0.0, absolute: 1e-6 * terms + TINY };
        let matrices = [
            ("elements", &got.elements, &expected.elements, 1.0),
            ("gradient", &got.gradient, &expected.gradient, divisor),
            ("target gradient", &got.target_gradient, &expected.target_gradient, divisor),
        ];
        for (k, (name, got, expected, divisor)) in matrices.into_iter().enumerate() {
            assert_eq!(got.is_some(), expected.is_some(), "{what}: {name}");
            if let (Some(got), Some(expected)) = (got, expected) {
                assert_close(&format!("{what}: {name}"), got, expected, |i| bound(at(i)[k] / divisor));
            }
        }
        let row_terms: Vec<f64> = terms.iter().map(|row| row.iter().map(|t| t[0]).sum()).collect();
        if let (Some(got), Some(expected)) = (&got.row_loss, &expected.row_loss) {
            assert_close(&format!("{what}: row loss"), got, expected, |r| bound(row_terms[r]));
        }
        assert_eq!(got.loss.is_some(), expected.loss.is_some(), "{what}: loss");
        if let (Some(got), Some(expected)) = (got.loss, expected.loss) {
            assert_close(&format!("{what}: loss"), &[got], &[expected], |_| bound(row_terms.iter().sum::<f64>() / divisor));
        }
    }

    /// Runs and compares everything.
    pub(crate) fn check(&self, gpu: &Gpu, what: &str, loss: ElementLoss, divisor: f64) {
        let loss = self.all(loss);
        self.compare(what, &self.on_gpu(gpu, loss).unwrap(), &self.on_cpu(loss).unwrap(), divisor);
    }
}

/// Without a reduction, and a divisor of 1.
pub(crate) fn unreduced() -> ElementLoss {
    ElementLoss::new().reduction(ElementReduction::None)
}

/// Logits with far outliers, targets from 0 to 1 with both ends, log-probabilities, probabilities with 0 and near 1, weights.
pub(crate) struct Inputs {
    shape: [usize; 3],
    x: Vec<f32>,
    y: Vec<f32>,
    p: Vec<f32>,
    q: Vec<f32>,
    log_p: Vec<f32>,
    log_q: Vec<f32>,
    weights: Vec<f32>,
}

impl Inputs {
    /// Blocks, classes, rows of a block.
    pub(crate) fn new(shape: [usize; 3], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut fill = |f: fn(&mut Random) -> f64| (0..shape.iter().product()).map(|_| f(&mut random) as f32).collect();
        let probability = |r: &mut Random| match r.below(8) {
            0 => 0.0,
            1 => 1.0 - r.uniform() * 1e-5,
            2 => (-80.0 * r.uniform()).exp(),
            _ => r.uniform(),
        };
        Self {
            shape,
            x: fill(|r| r.normal() * if r.below(4) == 0 { 30.0 } else { 2.0 }),
            y: fill(|r| [0.0, 1.0, r.uniform(), 1e-6 * r.uniform()][r.below(4)]),
            p: fill(probability),
            q: fill(|r| (-60.0 * r.uniform() * r.uniform() * r.uniform()).exp()),
            log_p: fill(|r| -10.0 * r.uniform() * r.uniform()),
            log_q: fill(|r| if r.below(8) == 0 { f64::NEG_INFINITY } else { -86.0 * r.uniform() * r.uniform() }),
            weights: fill(|r| [0.0, 1.0, 3.0 * r.uniform(), -r.uniform()][r.below(4)]),
        }
    }

    /// Every operation on them that a share has.
    pub(crate) fn each(&self, share: Share, check: impl Fn(&Case<'_>)) {
        let shaped = |values| Logits::with_shape(values, &self.shape, 1).unwrap();
        let classes = self.shape[1];
        let (of_elements, pos) = (Weights::Elements(shaped(&self.weights)), Some(&self.y[..classes]));
        let cases = [
            self.binary(None, None),
            Case { op: Op::Divergence { log_target: false }, a: shaped(&self.log_p), b: shaped(&self.p) },
            Case { op: Op::Entropy, a: shaped(&self.p), b: shaped(&self.p) },
            self.binary(Some(of_elements), pos),
            Case { op: Op::Divergence { log_target: true }, a: shaped(&self.log_p), b: shaped(&self.log_q) },
            Case { op: Op::Distributions, a: shaped(&self.p), b: shaped(&self.q) },
        ];
        cases.iter().enumerate().filter(|(i, _)| share.has(*i)).for_each(|(_, case)| check(case));
    }

    fn binary<'a>(&'a self, weight: Option<Weights<'a>>, pos_weight: Option<&'a [f32]>) -> Case<'a> {
        let shaped = |values| Logits::with_shape(values, &self.shape, 1).unwrap();
        Case { op: Op::Binary { weight, pos_weight }, a: shaped(&self.x), b: shaped(&self.y) }
    }

    /// Binary cross-entropy with every kind of weights that [`each`](Self::each) does not have.
    pub(crate) fn each_weight(&self, check: impl Fn(&Case<'_>)) {
        let (of_classes, of_elements) = (Weights::Classes(&self.weights[..self.shape[1]]), Weights::Elements(self.weights()));
        let pos = Some(&self.y[..self.shape[1]]);
        for (weight, pos_weight) in [(None, pos), (Some(of_classes), None), (Some(of_classes), pos), (Some(of_elements), None)] {
            check(&self.binary(weight, pos_weight));
        }
    }

    pub(crate) fn logits(&self) -> Logits<'_> {
        Logits::with_shape(&self.x, &self.shape, 1).unwrap()
    }

    pub(crate) fn weights(&self) -> Logits<'_> {
        Logits::with_shape(&self.weights, &self.shape, 1).unwrap()
    }

    pub(crate) fn log_probs(&self) -> Logits<'_> {
        Logits::with_shape(&self.log_p, &self.shape, 1).unwrap()
    }
}
