//! One row of a loss: its transformed logits and coefficients, and what follows from them for the errors.

use super::{Goal, LossCall};
use crate::bounds::{DOCUMENTED, OF_DISTANCE, ROUNDING};
use crate::compare::TINY;

/// One row: transformed logits and the coefficients of its loss, as the opening comment of `cross_entropy.wgsl` names them.
pub(super) struct Row {
    x: Vec<f64>,
    z: Vec<f64>,
    /// `dz/dx`, and what it may be off by, relative.
    slope: Vec<(f64, f64)>,
    pub(super) takes_part: Vec<bool>,
    /// The largest finite `|z|` times [`ROUNDING`] if there is a transform, and 0 without.
    pub(super) rounding: f64,
    max: f64,
    /// `sum exp(z - max)` without the first of the largest.
    rest: f64,
    /// No NaN and +inf, and something above -inf.
    pub(super) is_regular: bool,
    /// `None` for probabilities and ignored rows.
    pub(super) target: Option<usize>,
    /// It counts, and can have a loss.
    pub(super) has_loss: bool,
    k: Vec<f64>,
    /// The sum of all `|k|`.
    labels: f64,
    /// The sum of `|k|` of what is added up over classes: all but that of a class index.
    spread: f64,
    /// `a`.
    pub(super) weight: f64,
    /// `z_loss`.
    lambda: f64,
    /// `(1 - e) w_c`.
    of_label: Vec<f64>,
    /// How many times the documented bounds are allowed.
    slack: f64,
}

impl Row {
    pub(super) fn new(call: &LossCall, r: usize, slack: f64) -> Self {
        let transform = call.transform();
        let x: Vec<f64> = call.logits.view().row(r).collect();
        let classes = x.len();
        let takes_part: Vec<bool> = (0..classes).map(|c| transform.allows(r, c)).collect();
        let scale = f64::from(transform.scale_of(r));
        let cap = call.softcap.map(f64::from);
        let z_of = |(x, &takes_part): (&f64, &bool)| match cap {
            _ if !takes_part => f64::NEG_INFINITY,
            None => scale * x,
            Some(cap) => cap * (scale * x / cap).tanh(),
        };
        let slope_of = |x: &f64| {
            let Some(cap) = cap else { return (scale, 0.0) };
            let u = (scale * x / cap).abs();
            let slope = scale / u.cosh().powi(2);
            (slope, if slope == 0.0 { 0.0 } else { slack * ROUNDING * 2.0 * u })
        };
        let z: Vec<f64> = x.iter().zip(&takes_part).map(z_of).collect();
        let slope = x.iter().map(slope_of).collect();
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_regular = max.is_finite() && !z.iter().any(|z| z.is_nan());
        let at = z.iter().position(|&z| z == max);
        let rest = (0..classes).filter(|&c| Some(c) != at).map(|c| (z[c] - max).exp()).sum();
        let largest = z.iter().filter(|z| z.is_finite()).fold(0.0, |m, z| z.abs().max(m));

        let (target, labels): (Option<usize>, Option<Vec<f64>>) = match &call.goal {
            Goal::Classes(targets) => (usize::try_from(targets[r]).ok().filter(|_| targets[r] != call.ignore_index), None),
            Goal::Probabilities(q) => (None, Some(q.view().row(r).collect())),
        };
        let smoothing = f64::from(call.label_smoothing);
        let even = smoothing / takes_part.iter().filter(|&&takes_part| takes_part).count() as f64;
        let class_weight = |c: usize| call.class_weights.as_ref().map_or(1.0, |weights| f64::from(weights[c]));
        let summed = |c: usize| {
            let label = labels.as_ref().map_or(0.0, |labels| (1.0 - smoothing) * labels[c]);
            if takes_part[c] { class_weight(c) * (label + even) } else { 0.0 }
        };
        let hard = |c: usize| if target == Some(c) { class_weight(c) * (1.0 - smoothing) } else { 0.0 };
        let weight = call.row_weights.as_ref().map_or(1.0, |weights| f64::from(weights[r]));
        let labels_are_finite = labels.as_ref().is_none_or(|labels| (0..classes).all(|c| !takes_part[c] || labels[c].is_finite()));
        let spread = (0..classes).map(|c| summed(c).abs()).sum();
        let k: Vec<f64> = (0..classes).map(|c| summed(c) + hard(c)).collect();
        Self {
            rounding: if call.transforms() { ROUNDING * largest } else { 0.0 },
            max,
            rest,
            is_regular,
            target,
            has_loss: is_regular && weight != 0.0 && (labels.is_some() || target.is_some()) && labels_are_finite,
            labels: k.iter().map(|k| k.abs()).sum(),
            k,
            spread,
            weight,
            lambda: call.z_loss.into(),
            of_label: (0..classes).map(|c| class_weight(c) * (1.0 - smoothing)).collect(),
            x,
            z,
            slope,
            takes_part,
            slack,
        }
    }

    /// What a sum of terms may be off by, of their absolute values.
    fn relative(&self) -> f64 {
        self.slack * DOCUMENTED
    }

    fn lost(&self) -> f64 {
        self.slack * self.rounding
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
    pub(super) fn surprise(&self, c: usize) -> f64 {
        (self.max - self.z[c]) + self.rest.ln_1p()
    }

    pub(super) fn surprise_off_by(&self, c: usize) -> f64 {
        self.relative() * self.surprise(c) + self.lost() * self.shares(c).1 + TINY
    }

    pub(super) fn logsumexp_off_by(&self) -> f64 {
        self.relative() * (1.0 + self.logsumexp().abs()) + self.lost()
    }

    pub(super) fn z_loss_off_by(&self) -> f64 {
        (self.weight * self.lambda).abs() * 2.0 * self.logsumexp().abs() * self.logsumexp_off_by() + TINY
    }

    pub(super) fn loss_off_by(&self) -> f64 {
        let of_class = |c: usize| if self.k[c] == 0.0 { 0.0 } else { self.k[c].abs() * self.surprise_off_by(c) };
        self.weight.abs() * (0..self.k.len()).map(of_class).sum::<f64>() + self.z_loss_off_by()
    }

    pub(super) fn entropy_off_by(&self) -> f64 {
        let of_class = |c: usize| {
            let p = self.shares(c).0;
            let far = self.slack * OF_DISTANCE * (self.max - self.z[c]);
            if p == 0.0 { 0.0 } else { p * self.surprise(c) * (self.relative() + far + 2.0 * self.lost()) }
        };
        // Where exp vanishes, it does so against a distance of about 100.
        (0..self.z.len()).map(of_class).sum::<f64>() + 100.0 * TINY * self.z.len() as f64
    }

    /// For a derivative of the result of `factor` with respect to the row's loss.
    pub(super) fn gradient_off_by(&self, c: usize, factor: f64) -> f64 {
        let labels = self.labels;
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
        let far = if p == 0.0 { 0.0 } else { self.slack * OF_DISTANCE * (self.max - self.z[c]) };
        let terms = of_p * (self.relative() + far + self.lost()) + if p > 0.5 { 0.0 } else { self.relative() * own };
        let (slope, slope_off_by) = self.slope[c];
        let factor = (factor * self.weight).abs();
        factor * slope.abs() * (terms + slope_off_by * (of_p + own)) + TINY * slope.abs().max(1.0) * (1.0 + factor * (1.0 + labels + lift))
    }

    pub(super) fn target_gradient_off_by(&self, c: usize, factor: f64) -> f64 {
        (factor * self.weight * self.of_label[c]).abs() * self.surprise_off_by(c) + TINY
    }

    /// The class is the first of the largest, or was before rounding.
    pub(super) fn is_argmax(&self, class: u32, expected: u32) -> bool {
        let first = |class: usize| (0..class).all(|c| !self.takes_part[c] || self.x[c] != self.x[class]);
        let may_be = |class: usize| self.takes_part[class] && self.z[class] >= self.max - self.rounding && first(class);
        class == expected || (self.is_regular && (class as usize) < self.z.len() && may_be(class as usize))
    }

    /// So many classes are ahead of the target, or were before rounding.
    pub(super) fn is_rank(&self, rank: u32, expected: u32) -> bool {
        let Some(target) = self.target.filter(|&t| self.is_regular && self.takes_part[t]) else { return rank == expected };
        let ahead = |by: f64| {
            let is_ahead = |c: usize| if self.x[c] == self.x[target] { c < target } else { self.z[c] - by > self.z[target] };
            (0..self.z.len()).filter(|&c| self.takes_part[c] && is_ahead(c)).count()
        };
        rank == expected || (self.rounding > 0.0 && (ahead(self.rounding)..=ahead(-self.rounding)).contains(&(rank as usize)))
    }
}
