//! One row of transformed logits, and what its special values decide.

use crate::{FaultKind, LogitTransform, Logits, NO_CLASS};

/// What a row holds, as far as the results differ.
pub(super) enum RowKind {
    /// The largest `z` is finite; others may be -inf.
    Regular {
        /// The first class with the largest `z`.
        at: usize,
        /// The largest `z`.
        max: f64,
        /// `Σ exp(z_c - max)` over all classes but `at`: the whole sum is `1 + rest`.
        rest: f64,
    },
    /// Nothing above -inf.
    AllNegInf,
    /// No NaN, and +inf first at this class.
    PosInf(usize),
    /// A NaN somewhere.
    NaN,
}

/// One row of logits and what it holds.
pub(super) struct Row {
    /// The transformed logits; -inf where a class does not take part.
    pub(super) z: Vec<f64>,
    /// `dz/dx`; 0 where a class does not take part.
    pub(super) slope: Vec<f64>,
    pub(super) takes_part: Vec<bool>,
    pub(super) kind: RowKind,
}

impl Row {
    fn new(logits: &Logits<'_>, transform: &LogitTransform<'_>, r: usize) -> Self {
        let takes_part: Vec<bool> = (0..logits.classes()).map(|c| transform.allows(r, c)).collect();
        let (scale, cap) = (f64::from(transform.scale_of(r)), transform.softcap.map(f64::from));
        let transformed = |(x, &takes_part)| if takes_part { transformed(x, scale, cap) } else { (f64::NEG_INFINITY, 0.0) };
        let (z, slope): (Vec<f64>, Vec<f64>) = logits.row(r).zip(&takes_part).map(transformed).unzip();
        let kind = kind_of(&z);
        Self { z, slope, takes_part, kind }
    }

    /// What keeps the row from having a loss.
    pub(super) fn fault(&self) -> Option<FaultKind> {
        match self.kind {
            RowKind::Regular { .. } => None,
            RowKind::AllNegInf => Some(FaultKind::FullyMasked),
            RowKind::PosInf(_) => Some(FaultKind::PositiveInfinity),
            RowKind::NaN => Some(FaultKind::Nan),
        }
    }

    pub(super) fn logsumexp(&self) -> f64 {
        match self.kind {
            RowKind::Regular { max, rest, .. } => max + rest.ln_1p(),
            RowKind::AllNegInf => f64::NEG_INFINITY,
            RowKind::PosInf(_) => f64::INFINITY,
            RowKind::NaN => f64::NAN,
        }
    }

    pub(super) fn argmax(&self) -> u32 {
        let class = match self.kind {
            RowKind::Regular { at, .. } | RowKind::PosInf(at) => Some(at),
            RowKind::AllNegInf => self.takes_part.iter().position(|&takes_part| takes_part),
            RowKind::NaN => None,
        };
        class.map_or(NO_CLASS, as_class)
    }

    /// How many classes are ahead of this one: of larger `z`, or as large and before it. Of one that does not take part, all are.
    pub(super) fn rank(&self, class: usize) -> u32 {
        let is_ahead = |c: usize| !self.takes_part[class] || self.z[c] > self.z[class] || (self.z[c] == self.z[class] && c < class);
        match self.kind {
            RowKind::NaN => NO_CLASS,
            _ => as_class((0..self.z.len()).filter(|&c| self.takes_part[c] && is_ahead(c)).count()),
        }
    }

    /// `-log p_c` of each class: `log Σ exp(z_k - z_c)` without the term of the largest `z`, which is 1.
    pub(super) fn surprise(&self) -> Vec<f64> {
        match self.kind {
            RowKind::Regular { max, rest, .. } => self.z.iter().map(|z| (max - z) + rest.ln_1p()).collect(),
            _ => self.all_nan(),
        }
    }

    /// `log p_c` of each class.
    pub(super) fn log_probabilities(&self) -> Vec<f64> {
        // Not the negative, which would be -0 where `p` is 1.
        self.surprise().into_iter().map(|surprise| 0.0 - surprise).collect()
    }

    /// `p_c` of each class.
    pub(super) fn probabilities(&self) -> Vec<f64> {
        match self.kind {
            RowKind::Regular { max, rest, .. } => exp_from(&self.z, max).iter().map(|e| e / (1.0 + rest)).collect(),
            _ => self.all_nan(),
        }
    }

    /// The values with another one for the classes that do not take part.
    pub(super) fn with_masked(&self, values: Vec<f64>, masked: f64) -> Vec<f64> {
        values.into_iter().zip(&self.takes_part).map(|(value, &takes_part)| if takes_part { value } else { masked }).collect()
    }

    /// `-Σ p log p`: no term is below 0, so that nothing cancels.
    pub(super) fn entropy(&self) -> f64 {
        let terms = self.probabilities().into_iter().zip(self.surprise());
        sum(&terms.map(|(p, surprise)| if p == 0.0 { 0.0 } else { p * surprise }).collect::<Vec<_>>())
    }

    pub(super) fn all_nan(&self) -> Vec<f64> {
        vec![f64::NAN; self.z.len()]
    }
}

/// `z` and `dz/dx`.
fn transformed(x: f64, scale: f64, cap: Option<f64>) -> (f64, f64) {
    let z = scale * x;
    let Some(cap) = cap else { return (z, scale) };
    let u = z / cap;
    // 1 - tanh² = 4e / (1 + e)² with e = exp(-2|u|), without the cancellation.
    let e = (-2.0 * u.abs()).exp();
    (cap * u.tanh(), scale * 4.0 * e / ((1.0 + e) * (1.0 + e)))
}

fn kind_of(z: &[f64]) -> RowKind {
    // The first of the largest; meaningless, and unused, in a row that holds NaN.
    let at = (1..z.len()).fold(0, |best, c| if z[c] > z[best] { c } else { best });
    if z.iter().any(|z| z.is_nan()) {
        RowKind::NaN
    } else if z[at] == f64::INFINITY {
        RowKind::PosInf(at)
    } else if z[at] == f64::NEG_INFINITY {
        RowKind::AllNegInf
    } else {
        RowKind::Regular { at, max: z[at], rest: sum_but(at, &exp_from(z, z[at])) }
    }
}

/// A class index of more than 32 bits cannot be asked for.
pub(super) fn as_class(class: usize) -> u32 {
    u32::try_from(class).unwrap_or(NO_CLASS)
}

/// `exp(z_c - origin)` of each class.
pub(super) fn exp_from(z: &[f64], origin: f64) -> Vec<f64> {
    z.iter().map(|z| (z - origin).exp()).collect()
}

/// The sum by halves: its error grows with the logarithm of the length, and infinities stay infinities.
pub(super) fn sum(values: &[f64]) -> f64 {
    if values.len() <= 8 {
        return values.iter().fold(0.0, |sum, v| sum + v);
    }
    let (left, right) = values.split_at(values.len() / 2);
    sum(left) + sum(right)
}

/// The sum without one of the values: left out, not subtracted.
pub(super) fn sum_but(left_out: usize, values: &[f64]) -> f64 {
    sum(&values[..left_out]) + sum(&values[left_out + 1..])
}

/// The rows, read, transformed and looked at one by one. The transform must fit the logits.
pub(super) fn rows_of<'a>(logits: &Logits<'a>, transform: &LogitTransform<'a>) -> impl Iterator<Item = Row> + use<'a> {
    let (logits, transform) = (*logits, *transform);
    (0..logits.rows()).map(move |r| Row::new(&logits, &transform, r))
}
