//! Rows that cannot have a loss, and what becomes of them.

/// What happens when a row that counts holds what no loss can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum FaultPolicy {
    /// Its loss and gradient are NaN, as in PyTorch, and with them the reduced loss.
    #[default]
    Propagate,
    /// Its loss and gradient are exactly 0. The mean's denominator counts it as before.
    Zero,
    /// The call fails with [`Error::Fault`](crate::Error::Fault), which names the first such row.
    Fail,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// A target that is neither a class nor ignored. Only of targets in device memory: on the host they are checked before.
    BadTarget,
    /// A NaN among the logits (or the probabilities) of a row.
    Nan,
    /// A logit of +inf.
    PositiveInfinity,
    /// No class of the row takes part with a logit above -inf.
    FullyMasked,
    /// The mean's denominator is 0.
    EmptyDenominator,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::BadTarget, Self::Nan, Self::PositiveInfinity, Self::FullyMasked, Self::EmptyDenominator];
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BadTarget => "a target that is no class",
            Self::Nan => "NaN",
            Self::PositiveInfinity => "a logit of +inf",
            Self::FullyMasked => "no class above -inf",
            Self::EmptyDenominator => "a mean over nothing",
        })
    }
}

/// How many rows have a fault, and the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FaultRows {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub first: Option<usize>,
}

/// The faults of a call. Ignored rows have none. A row with several is counted under the first in the order of [`FaultKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Faults {
    /// Targets that are no class; always none where targets are host data.
    pub bad_targets: FaultRows,
    /// Rows with NaN.
    pub nan: FaultRows,
    /// Rows with a logit of +inf.
    pub positive_infinity: FaultRows,
    /// Rows without any class above -inf.
    pub fully_masked: FaultRows,
    /// Whether a mean had nothing to divide by.
    pub empty_denominator: bool,
}

impl Faults {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fault of the first row that has one.
    pub(crate) fn first(&self) -> Option<(FaultKind, FaultRows)> {
        let rows = [
            (FaultKind::BadTarget, self.bad_targets),
            (FaultKind::Nan, self.nan),
            (FaultKind::PositiveInfinity, self.positive_infinity),
            (FaultKind::FullyMasked, self.fully_masked),
        ];
        let first = rows.into_iter().filter(|(_, rows)| rows.first.is_some()).min_by_key(|(_, rows)| rows.first);
        first.or_else(|| self.empty_denominator.then_some((FaultKind::EmptyDenominator, FaultRows::default())))
    }

    /// Under [`FaultPolicy::Fail`], the error of the first fault.
    pub(crate) fn check(&self, policy: FaultPolicy) -> crate::Result<()> {
        match self.first() {
            Some((kind, rows)) if policy == FaultPolicy::Fail => Err(crate::Error::Fault { kind, row: rows.first, count: rows.count }),
            _ => Ok(()),
        }
    }
}
