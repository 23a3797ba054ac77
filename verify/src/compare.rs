//! The comparison of results with what they should be.

/// The error allowed for a value: `relative * |expected| + absolute`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The part that grows with the value.
    pub relative: f64,
    /// The part that does not.
    pub absolute: f64,
}

impl Bound {
    /// Exactly the expected value: the smallest bound that can be divided by.
    pub const EXACT: Self = Self::absolute(f64::MIN_POSITIVE);

    /// The same error whatever the value.
    #[must_use]
    pub const fn absolute(absolute: f64) -> Self {
        Self { relative: 0.0, absolute }
    }

    /// The error allowed where this is expected.
    #[must_use]
    pub fn allowed(self, expected: f64) -> f64 {
        self.relative * expected.abs() + self.absolute
    }
}

/// Below this, e^x is given as 0: f32 is hardly normal there, and adapters flush.
pub const TINY: f64 = 1.3e-38;

/// The value of a result that is worst off, in terms of what is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// Its place in the result.
    pub index: usize,
    /// What came out.
    pub got: f64,
    /// What the reference says, as far as f32 can hold it.
    pub expected: f64,
    /// The error allowed there.
    pub allowed: f64,
    /// The error in terms of what is allowed; infinite if only one of the two is NaN, or infinite, or their signs of infinity differ.
    pub share: f64,
}

impl Worst {
    /// The distance from what is expected; NaN where there is none.
    #[must_use]
    pub fn error(&self) -> f64 {
        if self.share == 0.0 { 0.0 } else { (self.got - self.expected).abs() }
    }

    /// The error relative to the expected value.
    #[must_use]
    pub fn relative(&self) -> f64 {
        if self.error() == 0.0 { 0.0 } else { self.error() / self.expected.abs() }
    }

    /// The error in units of the last digit that f32 has at the expected value.
    #[must_use]
    pub fn ulp(&self) -> f64 {
        let exponent = self.expected.abs().log2().floor().max(-126.0);
        if self.error() == 0.0 { 0.0 } else { self.error() / (exponent - 23.0).exp2() }
    }
}

/// The worst value of a result, of those the first; none if there are no values. Non-finite values must agree in kind and sign.
///
/// # Errors
/// Says how many values there are if they are not as many as expected.
pub fn worst(got: impl ExactSizeIterator<Item = f64>, expected: &[f64], bound: impl Fn(usize) -> Bound) -> Result<Option<Worst>, String> {
    if got.len() != expected.len() {
        return Err(format!("{} values instead of {}", got.len(), expected.len()));
    }
    let mut worst: Option<Worst> = None;
    for (index, (got, &expected)) in got.zip(expected).enumerate() {
        // What f32 cannot hold is infinite there.
        let expected = if expected.abs() > f64::from(f32::MAX) { expected.signum() * f64::INFINITY } else { expected };
        let allowed = bound(index).allowed(expected);
        let share = share(got, expected, allowed);
        if worst.is_none_or(|worst| share > worst.share) {
            worst = Some(Worst { index, got, expected, allowed, share });
        }
    }
    Ok(worst)
}

fn share(got: f64, expected: f64, allowed: f64) -> f64 {
    if got == expected || (got.is_nan() && expected.is_nan()) {
        return 0.0;
    }
    let share = (got - expected).abs() / allowed;
    if share.is_nan() { f64::INFINITY } else { share }
}

/// [`worst`], and an error too if it is beyond its bound. Returns the largest error as a share of the bound.
///
/// # Errors
/// Says what differs, and where.
pub fn compare(got: &[f32], expected: &[f64], bound: impl Fn(usize) -> Bound) -> Result<f64, String> {
    match worst(got.iter().map(|&g| f64::from(g)), expected, bound)? {
        Some(worst) if worst.share > 1.0 => {
            let Worst { index, got, expected, allowed, .. } = worst;
            Err(format!("at {index}: got {got:e}, expected {expected:e}, error {:e}, allowed {allowed:e}", worst.error()))
        }
        worst => Ok(worst.map_or(0.0, |worst| worst.share)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(got: f32, expected: f64) -> Worst {
        worst([f64::from(got)].into_iter(), &[expected], |_| Bound { relative: 1e-6, absolute: TINY }).unwrap().unwrap()
    }

    #[test]
    fn errors_have_units() {
        let worst = one(1.0 + f32::EPSILON, 1.0);
        assert_eq!((worst.ulp(), worst.relative(), worst.error()), (1.0, f64::from(f32::EPSILON), f64::from(f32::EPSILON)));
        assert!((worst.share - f64::from(f32::EPSILON) / 1e-6).abs() < 1e-9, "{worst:?}");
        assert_eq!(one(0.0, f64::from(f32::from_bits(3))).ulp(), 3.0);
    }

    /// NaN passes for nothing but NaN, infinity for nothing but itself.
    #[test]
    fn kinds_must_agree() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (got, expected) in
            [(f32::NAN, 0.0), (0.0, nan), (f32::INFINITY, 1.0), (1.0, inf), (f32::NEG_INFINITY, inf), (f32::NAN, inf), (f32::INFINITY, nan)]
        {
            assert_eq!(one(got, expected).share, inf, "{got} for {expected}");
        }
        for (got, expected) in [(f32::NAN, nan), (f32::INFINITY, inf), (f32::NEG_INFINITY, -inf), (f32::INFINITY, 1e39), (0.0, 0.0)] {
            assert_eq!(one(got, expected).share, 0.0, "{got} for {expected}");
        }
    }
}
