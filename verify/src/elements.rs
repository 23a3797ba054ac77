//! The losses that are sums over elements: calls, inputs that hurt, and bounds from the terms of each element.

use wgpu_xent::{BinaryCrossEntropy, ElementLoss, ElementLossResult, ElementReduction, Gpu, Logits, Result, Storage, Weights, reference};

use crate::bounds::{Each, of_terms};
use crate::compare::TINY;
use crate::data::Random;
use crate::matrix::{Matrix, Shape};

/// An operation on one or two matrices, with the weights that it has.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the arguments of the operations, by their names there")]
pub enum ElementOp<'a> {
    /// [`Gpu::binary_cross_entropy_with_logits`].
    Binary { weight: Option<Weights<'a>>, pos_weight: Option<&'a [f32]> },
    /// [`Gpu::kl_div`].
    Divergence { log_target: bool },
    /// [`Gpu::entropy`].
    Entropy,
    /// [`Gpu::distribution_cross_entropy`].
    Distributions,
}

/// With its inputs; entropy has one, given twice.
#[derive(Clone, Copy, Debug)]
pub struct ElementCase<'a> {
    /// The operation.
    pub op: ElementOp<'a>,
    /// Its input.
    pub a: Logits<'a>,
    /// Its targets.
    pub b: Logits<'a>,
}

/// What one result must be.
#[derive(Clone, Debug)]
pub struct ElementResult {
    /// Its name.
    pub name: &'static str,
    /// What the reference says.
    pub expected: Vec<f64>,
    /// What each value may be off by.
    pub bounds: Each,
}

/// The results that there are, by name, in the order of [`ElementCase::bounded`].
#[must_use]
pub fn element_results(result: ElementLossResult) -> Vec<(&'static str, Vec<f32>)> {
    let ElementLossResult { loss, elements, row_loss, gradient, target_gradient, .. } = result;
    let loss = loss.map(|loss| vec![loss]);
    let all = NAMES.into_iter().zip([elements, gradient, target_gradient, row_loss, loss]);
    all.filter_map(|(name, values)| Some((name, values?))).collect()
}

const NAMES: [&str; 5] = ["elements", "gradient", "target gradient", "row loss", "loss"];

impl ElementCase<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn on_gpu(&self, gpu: &Gpu, loss: ElementLoss) -> Result<ElementLossResult> {
        match self.op {
            ElementOp::Binary { weight, pos_weight } => {
                let options = BinaryCrossEntropy::new().loss(loss).weight(weight).pos_weight(pos_weight);
                gpu.binary_cross_entropy_with_logits(&self.a, &self.b, &options)
            }
            ElementOp::Divergence { log_target } => gpu.kl_div(&self.a, &self.b, log_target, &loss),
            ElementOp::Entropy => gpu.entropy(&self.a, &loss),
            ElementOp::Distributions => gpu.distribution_cross_entropy(&self.a, &self.b, &loss),
        }
    }

    /// What it must give.
    ///
    /// # Errors
    /// Those of the reference.
    pub fn on_cpu(&self, loss: ElementLoss) -> Result<ElementLossResult<f64>> {
        match self.op {
            ElementOp::Binary { weight, pos_weight } => {
                let options = BinaryCrossEntropy::new().loss(loss).weight(weight).pos_weight(pos_weight);
                reference::binary_cross_entropy_with_logits(&self.a, &self.b, &options)
            }
            ElementOp::Divergence { log_target } => reference::kl_div(&self.a, &self.b, log_target, &loss),
            ElementOp::Entropy => reference::entropy(&self.a, &loss),
            ElementOp::Distributions => reference::distribution_cross_entropy(&self.a, &self.b, &loss),
        }
    }

    /// `loss` with everything wanted that the operation has.
    #[must_use]
    pub fn all(&self, loss: ElementLoss) -> ElementLoss {
        let has_targets = matches!(self.op, ElementOp::Divergence { .. } | ElementOp::Distributions);
        loss.row_loss(true).gradient(true).target_gradient(has_targets)
    }

    /// What the results must be, and their bounds; `divisor` is that of the reduction.
    #[must_use]
    pub fn bounded(&self, expected: ElementLossResult<f64>, divisor: f64) -> Vec<ElementResult> {
        let terms: Vec<Vec<[f64; 3]>> = (0..self.a.rows()).map(|r| self.terms(r)).collect();
        let shape = Shape { blocks: self.a.rows() / self.a.inner(), classes: self.a.classes(), inner: self.a.inner(), padding: 0 };
        let elements = |k: usize, divisor: f64| {
            let of = |i| {
                let (row, class) = shape.place(i);
                of_terms(terms[row][class][k] / divisor)
            };
            Each::Of((0..self.a.rows() * self.a.classes()).map(of).collect())
        };
        let rows: Vec<f64> = terms.iter().map(|row| row.iter().map(|t| t[0]).sum()).collect();
        let all = [
            (expected.elements, elements(0, 1.0)),
            (expected.gradient, elements(1, divisor)),
            (expected.target_gradient, elements(2, divisor)),
            (expected.row_loss, Each::Of(rows.iter().map(|&terms| of_terms(terms)).collect())),
            (expected.loss.map(|loss| vec![loss]), Each::All(of_terms(rows.iter().sum::<f64>() / divisor))),
        ];
        let named = NAMES.into_iter().zip(all);
        named.filter_map(|(name, (expected, bounds))| Some(ElementResult { name, expected: expected?, bounds })).collect()
    }

    /// The sums of the absolute terms of each element's loss and of its derivatives, which errors are relative to.
    fn terms(&self, row: usize) -> Vec<[f64; 3]> {
        let classes = self.a.classes();
        let ones = || vec![1.0; classes];
        let (weights, positive) = match self.op {
            ElementOp::Binary { weight, pos_weight } => {
                let weights = match weight {
                    Some(Weights::Classes(weights)) => weights.iter().map(|&w| w.into()).collect(),
                    Some(Weights::Elements(weights)) => weights.row(row).collect(),
                    None => ones(),
                };
                (weights, pos_weight.map_or_else(ones, |weights| weights.iter().map(|&w| w.into()).collect()))
            }
            _ => (ones(), ones()),
        };
        let pairs = self.a.row(row).zip(self.b.row(row)).zip(weights.into_iter().zip(positive));
        pairs.map(|((a, b), (w, v))| terms(self.op, a, b, w, v).map(|t| if t.is_finite() { t } else { 0.0 })).collect()
    }
}

fn terms(op: ElementOp<'_>, a: f64, b: f64, weight: f64, pos_weight: f64) -> [f64; 3] {
    // What is too small for an f32 is 0 before it is multiplied.
    let lost = 1e6 * TINY;
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p() + lost;
    let sigmoid = |x: f64| lost + if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    match op {
        ElementOp::Binary { .. } => {
            let (negative, positive) = ((weight * (1.0 - b)).abs(), (weight * pos_weight * b).abs());
            [negative * softplus(a) + positive * softplus(-a), negative * sigmoid(a) + positive * sigmoid(-a), 0.0]
        }
        ElementOp::Divergence { log_target: false } => [b * (b.ln().abs() + a.abs()), b, b.ln().abs() + a.abs() + 1.0],
        ElementOp::Divergence { log_target: true } => {
            let (q, gap) = (b.exp() + lost, b.abs() + a.abs());
            [q * gap, b.exp(), q * (gap + 1.0)]
        }
        ElementOp::Entropy => [(a * a.ln()).abs(), a.ln().abs() + 1.0, 0.0],
        ElementOp::Distributions => [(a * b.ln()).abs(), (a / b).abs(), b.ln().abs()],
    }
}

/// Without a reduction, and a divisor of 1.
#[must_use]
pub fn unreduced() -> ElementLoss {
    ElementLoss::new().reduction(ElementReduction::None)
}

/// Logits with far outliers, targets from 0 to 1 with both ends, log-probabilities, probabilities with 0 and near 1, weights.
#[derive(Clone, Debug)]
pub struct ElementInputs {
    x: Matrix,
    y: Matrix,
    p: Matrix,
    q: Matrix,
    log_p: Matrix,
    log_q: Matrix,
    weights: Matrix,
    of_classes: Vec<f32>,
    pos_weights: Vec<f32>,
}

impl ElementInputs {
    /// Of a shape and storage, the same for each seed.
    #[must_use]
    pub fn new(shape: Shape, storage: Storage, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let len = shape.rows() * shape.classes;
        let mut values = |f: fn(&mut Random) -> f64| (0..len).map(|_| f(&mut random) as f32).collect::<Vec<f32>>();
        let probability = |r: &mut Random| match r.below(8) {
            0 => 0.0,
            1 => 1.0 - r.uniform() * 1e-5,
            2 => (-80.0 * r.uniform()).exp(),
            _ => r.uniform(),
        };
        let matrix = |values: &Vec<f32>| Matrix::new(values, shape, storage);
        let x = matrix(&values(|r| r.normal() * if r.below(4) == 0 { 30.0 } else { 2.0 }));
        let y = values(|r| [0.0, 1.0, r.uniform(), 1e-6 * r.uniform()][r.below(4)]);
        let p = matrix(&values(probability));
        let q = matrix(&values(|r| (-60.0 * r.uniform() * r.uniform() * r.uniform()).exp()));
        let log_p = matrix(&values(|r| -10.0 * r.uniform() * r.uniform()));
        let log_q = matrix(&values(|r| if r.below(8) == 0 { f64::NEG_INFINITY } else { -86.0 * r.uniform() * r.uniform() }));
        let weights = values(|r| [0.0, 1.0, 3.0 * r.uniform(), -r.uniform()][r.below(4)]);
        let first = |values: &Vec<f32>| values.iter().copied().chain(std::iter::repeat(1.0)).take(shape.classes).collect();
        Self { of_classes: first(&weights), pos_weights: first(&y), x, y: matrix(&y), p, q, log_p, log_q, weights: matrix(&weights) }
    }

    /// Special values, every pair of them in turn; without those for which nothing is promised.
    #[must_use]
    pub fn special(shape: Shape, storage: Storage) -> Self {
        const INF: f32 = f32::INFINITY;
        const NAN: f32 = f32::NAN;
        const VALUES: [f32; 16] = [0.0, -0.0, INF, -INF, NAN, -NAN, 1.0, -1.0, 0.5, 2.0, 1e-30, -3.25, 100.0, -100.0, 1e6, 0.999_999_9];
        let len = shape.rows() * shape.classes;
        let matrix = |of: &dyn Fn(usize) -> f32| Matrix::new(&(0..len).map(of).collect::<Vec<f32>>(), shape, storage);
        let (a, b) = (matrix(&|i| VALUES[i / 16 % 16]), |i: usize| VALUES[i % 16]);
        // Infinite targets make no sense; nor do logarithms of targets beyond what even f64 has an exponential of.
        let y = |i| if b(i).is_infinite() { 0.25 } else { b(i) };
        let log_q = |i| if b(i) == 1e6 { -300.0 } else { b(i) };
        let weights = matrix(&|i| [1.0, 0.0, 2.0, -1.0, 0.5][i % 5]);
        Self {
            y: matrix(&y),
            p: matrix(&b),
            q: a.clone(),
            log_q: matrix(&log_q),
            log_p: a.clone(),
            x: a,
            weights,
            of_classes: (0..shape.classes).map(|c| [1.0, 0.0, 2.0, -1.0, 0.5][c % 5]).collect(),
            pos_weights: (0..shape.classes).map(|c| [1.0, 0.0, 3.0][c % 3]).collect(),
        }
    }

    /// Every operation on them.
    #[must_use]
    pub fn cases(&self) -> [ElementCase<'_>; 6] {
        [
            self.binary(None, None),
            ElementCase { op: ElementOp::Divergence { log_target: false }, a: self.log_p.view(), b: self.p.view() },
            ElementCase { op: ElementOp::Entropy, a: self.p.view(), b: self.p.view() },
            self.binary(Some(Weights::Elements(self.weights())), Some(&self.pos_weights)),
            ElementCase { op: ElementOp::Divergence { log_target: true }, a: self.log_p.view(), b: self.log_q.view() },
            ElementCase { op: ElementOp::Distributions, a: self.p.view(), b: self.q.view() },
        ]
    }

    /// Binary cross-entropy with every kind of weights that [`cases`](Self::cases) does not have.
    #[must_use]
    pub fn weight_cases(&self) -> [ElementCase<'_>; 4] {
        let (of_classes, of_elements) = (Weights::Classes(&self.of_classes), Weights::Elements(self.weights()));
        let pos = Some(&self.pos_weights[..]);
        [(None, pos), (Some(of_classes), None), (Some(of_classes), pos), (Some(of_elements), None)].map(|(w, pos)| self.binary(w, pos))
    }

    fn binary<'a>(&'a self, weight: Option<Weights<'a>>, pos_weight: Option<&'a [f32]>) -> ElementCase<'a> {
        ElementCase { op: ElementOp::Binary { weight, pos_weight }, a: self.x.view(), b: self.y.view() }
    }

    /// Logits.
    #[must_use]
    pub fn logits(&self) -> Logits<'_> {
        self.x.view()
    }

    /// Numbers of both signs.
    #[must_use]
    pub fn weights(&self) -> Logits<'_> {
        self.weights.view()
    }

    /// Log-probabilities.
    #[must_use]
    pub fn log_probs(&self) -> Logits<'_> {
        self.log_p.view()
    }
}
