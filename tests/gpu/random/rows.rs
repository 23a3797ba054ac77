//! What the results of a draw may be off by, each from the coefficients of its own row.

use super::{Combination, Draw, Inputs};
use crate::common::{Bound, TINY};
use crate::results::{Bounds, DOCUMENTED, Each, Result};
use wgpu_xent::{CrossEntropyResult, Denominator, Reduction};

/// How many times the documented bounds are allowed.
const SLACK: f64 = 2.0;
/// What a sum of terms may be off by, of their absolute values.
const RELATIVE: f64 = SLACK * DOCUMENTED;
/// What a scaled or capped logit may be off by, of the largest of its row.
const ROUNDING: f64 = 1.0 / (1 << 22) as f64;
/// The rounding of a difference of logits, for each unit that it has.
const OF_DISTANCE: f64 = SLACK / (1 << 24) as f64;

/// Exactly the expected value: the smallest bound that can be divided by.
const EXACT: Bound = Bound { relative: 0.0, absolute: f64::MIN_POSITIVE };

fn off_by(absolute: f64) -> Bound {
    Bound { relative: 0.0, absolute }
}

/// One row: transformed logits and the coefficients of its loss, as the opening comment of `cross_entropy.wgsl` names them.
struct Row {
    x: Vec<f64>,
    z: Vec<f64>,
    /// `dz/dx`, and what it may be off by, relative.
    slope: Vec<(f64, f64)>,
    takes_part: Vec<bool>,
    /// The largest finite `|z|` times [`ROUNDING`] if there is a transform, and 0 without.
    rounding: f64,
    max: f64,
    /// `sum exp(z - max)` without the first of the largest.
    rest: f64,
    /// No NaN and +inf, and something above -inf.
    is_regular: bool,
    /// `None` for probabilities and ignored rows.
    target: Option<usize>,
    /// It counts, and can have a loss.
    has_loss: bool,
    k: Vec<f64>,
    /// The sum of `|k|` of what is added up over classes: all but that of a class index.
    spread: f64,
    /// `a`.
    weight: f64,
    /// `z_loss`.
    lambda: f64,
    /// `(1 - e) w_c`.
    of_label: Vec<f64>,
}

impl Row {
    fn new(of: &Combination, draw: &Draw, inputs: &Inputs, r: usize) -> Self {
        let classes = draw.classes;
        let transform = inputs.transform(of, draw);
        let x: Vec<f64> = inputs.logits[r * classes..][..classes].iter().map(|&x| x.into()).collect();
        let takes_part: Vec<bool> = (0..classes).map(|c| transform.allows(r, c)).collect();
        let scale = f64::from(transform.scale_of(r));
        let cap = of.softcap.then_some(f64::from(Inputs::CAP));
        let z_of = |(x, &takes_part): (&f64, &bool)| match cap {
            _ if !takes_part => f64::NEG_INFINITY,
            None => scale * x,
            Some(cap) => cap * (scale * x / cap).tanh(),
        };
        let slope_of = |x: &f64| {
            let Some(cap) = cap else { return (scale, 0.0) };
            let u = (scale * x / cap).abs();
            let slope = scale / u.cosh().powi(2);
            (slope, if slope == 0.0 { 0.0 } else { SLACK * ROUNDING * 2.0 * u })
        };
        let z: Vec<f64> = x.iter().zip(&takes_part).map(z_of).collect();
        let slope = x.iter().map(slope_of).collect();
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_regular = max.is_finite() && !z.iter().any(|z| z.is_nan());
        let at = z.iter().position(|&z| z == max);
        let rest = (0..classes).filter(|&c| Some(c) != at).map(|c| (z[c] - max).exp()).sum();
        let largest = z.iter().filter(|z| z.is_finite()).fold(0.0, |m, z| z.abs().max(m));

        let target = if of.soft { None } else { usize::try_from(inputs.targets[r]).ok() };
        let labels = &inputs.probabilities[r * classes..][..classes];
        let smoothing = f64::from(draw.smoothing(of));
        let even = smoothing / takes_part.iter().filter(|&&takes_part| takes_part).count() as f64;
        let class_weight = |c: usize| if of.class_weights { f64::from(inputs.class_weights[c]) } else { 1.0 };
        let summed = |c: usize| {
            let label = if of.soft { (1.0 - smoothing) * f64::from(labels[c]) } else { 0.0 };
            if takes_part[c] { class_weight(c) * (label + even) } else { 0.0 }
        };
        let hard = |c: usize| if target == Some(c) { class_weight(c) * (1.0 - smoothing) } else { 0.0 };
        let weight = if draw.row_weights { f64::from(inputs.row_weights[r]) } else { 1.0 };
        let labels_are_finite = !of.soft || (0..classes).all(|c| !takes_part[c] || labels[c].is_finite());
        Self {
            rounding: if of.transforms() { ROUNDING * largest } else { 0.0 },
            max,
            rest,
            is_regular,
            target,
            has_loss: is_regular && weight != 0.0 && (of.soft || target.is_some()) && labels_are_finite,
            k: (0..classes).map(|c| summed(c) + hard(c)).collect(),
            spread: (0..classes).map(|c| summed(c).abs()).sum(),
            weight,
            lambda: draw.z_loss.into(),
            of_label: (0..classes).map(|c| class_weight(c) * (1.0 - smoothing)).collect(),
            x,
            z,
            slope,
            takes_part,
        }
    }

    fn lost(&self) -> f64 {
        SLACK * self.rounding
    }

    fn logsumexp(&self) -> f64 {
        self.max + self.rest.ln_1p()
    }

    /// `p` of a class, and what is left for the others.
    fn shares(&self, c: usize) -> (f64, f64) {
        let (own, sum) = ((self.z[c] - self.max).exp(), 1.0 + self.rest);
        (own / sum, if self.z[c] == self.max { self.rest / sum } else { 1.0 - own / sum })
    }

    /// `-log p` of a class.
    fn surprise(&self, c: usize) -> f64 {
        (self.max - self.z[c]) + self.rest.ln_1p()
    }

    fn surprise_off_by(&self, c: usize) -> f64 {
        RELATIVE * self.surprise(c) + self.lost() * self.shares(c).1 + TINY
    }

    fn logsumexp_off_by(&self) -> f64 {
        RELATIVE * (1.0 + self.logsumexp().abs()) + self.lost()
    }

    fn z_loss_off_by(&self) -> f64 {
        (self.weight * self.lambda).abs() * 2.0 * self.logsumexp().abs() * self.logsumexp_off_by() + TINY
    }

    fn loss_off_by(&self) -> f64 {
        let of_class = |c: usize| if self.k[c] == 0.0 { 0.0 } else { self.k[c].abs() * self.surprise_off_by(c) };
        self.weight.abs() * (0..self.k.len()).map(of_class).sum::<f64>() + self.z_loss_off_by()
    }

    fn entropy_off_by(&self) -> f64 {
        let of_class = |c: usize| {
            let p = self.shares(c).0;
            if p == 0.0 { 0.0 } else { p * self.surprise(c) * (RELATIVE + OF_DISTANCE * (self.max - self.z[c]) + 2.0 * self.lost()) }
        };
        // Where exp vanishes, it does so against a distance of about 100.
        (0..self.z.len()).map(of_class).sum::<f64>() + 100.0 * TINY * self.z.len() as f64
    }

    /// For a derivative of the result of `factor` with respect to the row's loss.
    fn gradient_off_by(&self, c: usize, factor: f64) -> f64 {
        let labels: f64 = self.k.iter().map(|k| k.abs()).sum();
        let lift = 2.0 * self.lambda.abs() * (1.0 + self.logsumexp().abs());
        let (p, others) = self.shares(c);
        let own = self.k[c].abs();
        let of_p = if p > 0.5 {
            // Not `p - 1`. What was added up over the classes is rounded unless it is one class's.
            let is_sum = self.spread != 0.0 && own != labels;
            p * (labels - own) + own * others + if is_sum { self.spread } else { 0.0 } + lift * p
        } else {
            (labels + lift) * p
        };
        let far = if p == 0.0 { 0.0 } else { OF_DISTANCE * (self.max - self.z[c]) };
        let terms = of_p * (RELATIVE + far + self.lost()) + if p > 0.5 { 0.0 } else { RELATIVE * own };
        let (slope, slope_off_by) = self.slope[c];
        let factor = (factor * self.weight).abs();
        factor * slope * (terms + slope_off_by * (of_p + own)) + TINY * (1.0 + factor * (1.0 + labels + lift))
    }

    fn target_gradient_off_by(&self, c: usize, factor: f64) -> f64 {
        (factor * self.weight * self.of_label[c]).abs() * self.surprise_off_by(c) + TINY
    }

    /// The class is the first of the largest, or was before rounding.
    fn is_argmax(&self, class: u32, expected: u32) -> bool {
        let first = |class: usize| (0..class).all(|c| !self.takes_part[c] || self.x[c] != self.x[class]);
        let may_be = |class: usize| self.takes_part[class] && self.z[class] >= self.max - self.rounding && first(class);
        class == expected || (self.is_regular && (class as usize) < self.z.len() && may_be(class as usize))
    }

    /// So many classes are ahead of the target, or were before rounding.
    fn is_rank(&self, rank: u32, expected: u32) -> bool {
        let Some(target) = self.target.filter(|&t| self.is_regular && self.takes_part[t]) else { return rank == expected };
        let ahead = |by: f64| {
            let is_ahead = |c: usize| if self.x[c] == self.x[target] { c < target } else { self.z[c] - by > self.z[target] };
            (0..self.z.len()).filter(|&c| self.takes_part[c] && is_ahead(c)).count()
        };
        rank == expected || (self.rounding > 0.0 && (ahead(self.rounding)..=ahead(-self.rounding)).contains(&(rank as usize)))
    }
}

/// The rows of a draw, and what their losses are divided by.
pub(super) struct Rows {
    rows: Vec<Row>,
    inner: usize,
    classes: usize,
    reduction: Reduction,
    /// The factors of the rows' gradients, without the denominator.
    upstream: Vec<f64>,
    /// What the denominator adds up, as absolute values.
    divided_by: f64,
}

impl Rows {
    pub(super) fn new(of: &Combination, draw: &Draw, inputs: &Inputs) -> Self {
        let count = draw.rows();
        let rows: Vec<Row> = (0..count).map(|r| Row::new(of, draw, inputs, r)).collect();
        let valid = || (0..count).filter(|&r| of.soft || rows[r].target.is_some());
        let class_weight = |r: usize| match rows[r].target {
            Some(t) if of.class_weights => f64::from(inputs.class_weights[t].abs()),
            _ => 1.0,
        };
        let divided_by = match draw.denominator {
            Denominator::TargetWeights => valid().map(class_weight).sum(),
            Denominator::AllWeights => valid().map(|r| rows[r].weight.abs() * class_weight(r)).sum(),
            Denominator::Rows => count as f64,
            Denominator::ValidRows => valid().count() as f64,
            Denominator::Value(value) => value.abs().into(),
        };
        let upstream = inputs.upstream(draw);
        Self {
            inner: draw.inner,
            classes: draw.classes,
            reduction: draw.reduction,
            upstream: (0..count).map(|r| upstream.get(r).abs().into()).collect(),
            divided_by,
            rows,
        }
    }

    pub(super) fn bounds(&self, expected: &CrossEntropyResult<f64>) -> Bounds {
        let each = |has: fn(&Row) -> bool, off_by_of: fn(&Row) -> f64| {
            Each::Of(self.rows.iter().map(|row| if has(row) { off_by(off_by_of(row)) } else { EXACT }).collect())
        };
        let is_mean = self.reduction == Reduction::Mean;
        let denominator = if is_mean { expected.denominator.abs() } else { 1.0 };
        // Weights of both signs cancel: a denominator is known as well as its terms are, and so is its reciprocal.
        let cancelled = if is_mean && denominator > 0.0 { RELATIVE * (self.divided_by / denominator - 1.0).max(0.0) } else { 0.0 };
        let cancelled = if cancelled < 0.5 { 2.0 * cancelled } else { f64::INFINITY };
        let reduced = |result: Option<f64>, off_by_of: fn(&Row) -> f64| {
            let of_rows: f64 = self.rows.iter().filter(|row| row.has_loss).map(off_by_of).sum();
            let divided = result.map_or(0.0, |result| cancelled_part(result, cancelled));
            if denominator == 0.0 { EXACT } else { off_by(of_rows / denominator + divided + TINY) }
        };
        let elements = |values: Option<&Vec<f64>>, off_by_of: fn(&Row, usize, f64) -> f64| {
            let bound_of = |(i, &value): (usize, &f64)| {
                let (r, c) = self.place(i);
                let row = &self.rows[r];
                let bound = off_by_of(row, c, self.upstream[r] / denominator) + cancelled_part(value, cancelled);
                // Against -inf there is infinity or, without a coefficient, exactly nothing.
                let is_exact = !row.has_loss || !row.takes_part[c] || denominator == 0.0 || row.surprise(c).is_infinite() && value == 0.0;
                if is_exact { EXACT } else { off_by(bound) }
            };
            Each::Of(values.into_iter().flatten().enumerate().map(bound_of).collect())
        };
        let regular = |row: &Row| row.is_regular;
        let has_loss = |row: &Row| row.has_loss;
        Bounds {
            row_loss: each(has_loss, Row::loss_off_by),
            loss: reduced(expected.loss, Row::loss_off_by),
            logsumexp: each(regular, Row::logsumexp_off_by),
            log_prob: each(|row| row.is_regular && row.target.is_some(), |row| row.surprise_off_by(row.target.unwrap())),
            entropy: each(regular, Row::entropy_off_by),
            row_z_loss: each(has_loss, Row::z_loss_off_by),
            z_loss: reduced(expected.z_loss, Row::z_loss_off_by),
            gradient: elements(expected.gradient.as_ref(), Row::gradient_off_by),
            target_gradient: elements(expected.target_gradient.as_ref(), Row::target_gradient_off_by),
            denominator: off_by(RELATIVE * self.divided_by + TINY),
        }
    }

    /// The row and class of an element of a dense result.
    fn place(&self, i: usize) -> (usize, usize) {
        let (block, within) = (i / (self.classes * self.inner), i % (self.classes * self.inner));
        (block * self.inner + within % self.inner, within / self.inner)
    }

    /// Argmax and rank where rounding leaves no doubt, and what is counted of them.
    pub(super) fn compare_classes(&self, got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>, top_k: u32) -> Result {
        let compare = |what: &str, got: Option<&Vec<u32>>, expected: Option<&Vec<u32>>, agrees: fn(&Row, u32, u32) -> bool| {
            let (got, expected) = match (got, expected) {
                (None, None) => return Ok(()),
                (Some(got), Some(expected)) if got.len() == expected.len() => (got, expected),
                _ => return Err(format!("{what}: {got:?}, expected {expected:?}")),
            };
            match (0..self.rows.len()).find(|&r| !agrees(&self.rows[r], got[r], expected[r])) {
                None => Ok(()),
                Some(r) => Err(format!("{what} of row {r}: {}, expected {}", got[r], expected[r])),
            }
        };
        compare("argmax", got.argmax.as_ref(), expected.argmax.as_ref(), Row::is_argmax)?;
        compare("rank", got.rank.as_ref(), expected.rank.as_ref(), Row::is_rank)?;
        let count = |values: &Vec<u32>, is_right: &dyn Fn(&Row, u32) -> bool| {
            self.rows.iter().zip(values).filter(|(row, value)| row.is_regular && row.target.is_some() && is_right(row, **value)).count()
        };
        let correct = expected.correct.and(got.argmax.as_ref()).map(|best| count(best, &|row, c| row.target == Some(c as usize)));
        let correct_top_k = expected.correct_top_k.and(got.rank.as_ref()).map(|ranks| count(ranks, &|_, rank| rank < top_k));
        for (what, got, expected) in [("correct", got.correct, correct), ("correct_top_k", got.correct_top_k, correct_top_k)] {
            if got != expected {
                return Err(format!("{what}: {got:?}, expected {expected:?}"));
            }
        }
        Ok(())
    }
}

/// What a quotient may be off by because of its denominator.
fn cancelled_part(value: f64, cancelled: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.abs() * cancelled }
}
