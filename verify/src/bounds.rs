//! The documented bounds, in one place: README, "Accuracy", and the methods' own documentation.

use crate::compare::{Bound, TINY};

/// What a value may be off by, of itself or of the sum of its absolute terms.
pub const DOCUMENTED: f64 = 1e-6;

/// What a scaled or capped logit may be off by, of the largest of its row.
pub const ROUNDING: f64 = 1.0 / (1 << 22) as f64;

/// What the rounding of a difference of logits makes an exponential be off by, relative, for each unit of the difference.
pub const OF_DISTANCE: f64 = 1.0 / (1 << 24) as f64;

/// Losses, log-probabilities of the largest class and of targets, sigmoids: relative, however small they are.
pub const TIGHT: Bound = Bound { relative: DOCUMENTED, absolute: TINY };

/// Log-sum-exp and log-softmax: of 1 + the value.
pub const ROUNDED: Bound = Bound { relative: DOCUMENTED, absolute: DOCUMENTED };

/// A probability, or what is proportional to it, so far below the largest of its row.
#[must_use]
pub fn of_element(below: f64) -> Bound {
    // Where exp vanishes it does so against a distance of about 100.
    Bound { relative: DOCUMENTED + below.abs().min(100.0) * OF_DISTANCE, absolute: TINY }
}

/// A sum whose absolute terms add up to this.
#[must_use]
pub fn of_terms(terms: f64) -> Bound {
    Bound::absolute(DOCUMENTED * terms + TINY)
}

/// The bounds of many values.
#[derive(Clone, Debug)]
pub enum Each {
    /// The same for all.
    All(Bound),
    /// One for each.
    Of(Vec<Bound>),
}

impl Each {
    /// That of a value.
    ///
    /// # Panics
    /// If there is none for it.
    #[must_use]
    pub fn get(&self, i: usize) -> Bound {
        match self {
            Self::All(bound) => *bound,
            Self::Of(bounds) => bounds[i],
        }
    }
}
