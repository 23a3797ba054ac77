//! The kit's calls and inputs, as these tests take them.

use crate::common::{Share, assert_close};
use wgpu_xent::{ElementLoss, ElementLossResult, Gpu, Logits, Storage};
pub(crate) use wgpu_xent_verify::{ElementCase as Case, ElementOp as Op, unreduced};
use wgpu_xent_verify::{ElementInputs, Shape, element_results};

/// Comparing what a case gives.
pub(crate) trait Check {
    /// Compares all results; `divisor` is that of the reduction.
    fn compare(&self, what: &str, got: &ElementLossResult, expected: &ElementLossResult<f64>, divisor: f64);

    /// Runs and compares everything that the operation has.
    fn check(&self, gpu: &Gpu, what: &str, loss: ElementLoss, divisor: f64);
}

impl Check for Case<'_> {
    fn compare(&self, what: &str, got: &ElementLossResult, expected: &ElementLossResult<f64>, divisor: f64) {
        let what = format!("{what}, {} of {} x {} x {}", name(self.op), self.a.rows(), self.a.classes(), self.a.inner());
        let expected = self.bounded(expected.clone(), divisor);
        let got = element_results(got.clone());
        let names: Vec<&str> = got.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, expected.iter().map(|result| result.name).collect::<Vec<_>>(), "{what}");
        for ((name, got), expected) in got.iter().zip(&expected) {
            assert_close(&format!("{what}: {name}"), got, &expected.expected, |i| expected.bounds.get(i));
        }
    }

    fn check(&self, gpu: &Gpu, what: &str, loss: ElementLoss, divisor: f64) {
        let loss = self.all(loss);
        self.compare(what, &self.on_gpu(gpu, loss).unwrap(), &self.on_cpu(loss).unwrap(), divisor);
    }
}

fn name(op: Op<'_>) -> String {
    match op {
        Op::Binary { weight, pos_weight } => {
            let weight = if weight.is_some() { ", weights" } else { "" };
            format!("binary cross-entropy{weight}{}", if pos_weight.is_some() { ", positive weights" } else { "" })
        }
        other => format!("{other:?}"),
    }
}

/// The kit's inputs of f32.
pub(crate) struct Inputs(ElementInputs);

impl Inputs {
    /// Blocks, classes, rows of a block.
    pub(crate) fn new([blocks, classes, inner]: [usize; 3], seed: u64) -> Self {
        Self(ElementInputs::new(Shape { blocks, classes, inner, padding: 0 }, Storage::F32, seed))
    }

    /// Every operation on them that a share has.
    pub(crate) fn each(&self, share: Share, check: impl Fn(&Case<'_>)) {
        self.0.cases().iter().enumerate().filter(|(i, _)| share.has(*i)).for_each(|(_, case)| check(case));
    }

    /// Binary cross-entropy with every kind of weights that [`each`](Self::each) does not have.
    pub(crate) fn each_weight(&self, check: impl Fn(&Case<'_>)) {
        self.0.weight_cases().iter().for_each(check);
    }

    pub(crate) fn logits(&self) -> Logits<'_> {
        self.0.logits()
    }

    pub(crate) fn weights(&self) -> Logits<'_> {
        self.0.weights()
    }

    pub(crate) fn log_probs(&self) -> Logits<'_> {
        self.0.log_probs()
    }
}
