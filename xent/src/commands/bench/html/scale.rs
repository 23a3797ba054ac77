//! From numbers to places on an axis, and the numbers that the axis shows.

/// An axis: linear from 0, or logarithmic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    is_log: bool,
}

impl Scale {
    /// From 0 to the first tick at or above the largest number.
    pub(super) fn linear(largest: f64, start: f64, end: f64) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = step(largest);
        Self { low: 0.0, high: (largest / step - 1e-9).ceil() * step, start, end, is_log: false }
    }

    /// Between two numbers above 0, and a little more on both sides.
    pub(super) fn log(low: f64, high: f64, start: f64, end: f64) -> Self {
        let air = (high / low).powf(0.04).max(1.25);
        Self { low: low / air, high: high * air, start, end, is_log: true }
    }

    /// Where a number lies.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share =
            if self.is_log { (value / self.low).ln() / (self.high / self.low).ln() } else { (value - self.low) / (self.high - self.low) };
        self.start + share * (self.end - self.start)
    }

    /// Round numbers within the axis: a few, and at least one.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if !self.is_log {
            let step = step(self.high);
            return (0..=(self.high / step).round() as i32).map(|i| f64::from(i) * step).collect();
        }
        let inside = |&tick: &f64| tick >= self.low && tick <= self.high;
        let powers = || (self.low.log10().floor() as i32..=self.high.log10().ceil() as i32).map(|e| 10_f64.powi(e));
        let tens: Vec<f64> = powers().filter(inside).collect();
        if tens.len() >= 2 {
            return tens;
        }
        let finer: Vec<f64> = powers().flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * power)).filter(inside).collect();
        // Between two of them: the middle.
        if finer.is_empty() { vec![(self.low * self.high).sqrt()] } else { finer }
    }
}

/// 1, 2 or 5 times a power of ten, of which three to six make the number.
fn step(largest: f64) -> f64 {
    let power = 10_f64.powf((largest / 3.0).log10().floor());
    let digit = [5.0, 2.0].into_iter().find(|digit| digit * power <= largest / 3.0).unwrap_or(1.0);
    digit * power
}

/// A number as short as an axis needs it: 1000 as 1k.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value {
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e3 => (v / 1e3, "k"),
        v => (v, ""),
    };
    let text = if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_lie_at_the_ends() {
        let scale = Scale::linear(4.3, 200.0, 0.0);
        assert_eq!((scale.at(0.0), scale.at(5.0)), (200.0, 0.0));
        let scale = Scale::log(10.0, 1e6, 0.0, 100.0);
        assert!(scale.at(10.0) > 0.0 && scale.at(1e6) < 100.0);
        assert!((scale.at(10_f64.powf(3.5)) - 50.0).abs() < 1e-9);
        // A single number lies in the middle.
        assert!((Scale::log(10.0, 10.0, 0.0, 100.0).at(10.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn ticks_are_few_and_round() {
        let linear = |largest| Scale::linear(largest, 0.0, 1.0).ticks();
        assert_eq!(linear(4.3), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(linear(3000.0), [0.0, 1000.0, 2000.0, 3000.0]);
        for largest in [0.003, 0.011, 0.07, 0.9, 1.0, 1.1, 2.9, 3.1, 7.0, 47.0, 999.0, 3350.0, 0.0, f64::NAN] {
            let ticks = linear(largest);
            assert!((4..=7).contains(&ticks.len()) && (ticks[ticks.len() - 1] >= largest || largest.is_nan()), "{largest}: {ticks:?}");
        }
        let log = |low, high| Scale::log(low, high, 0.0, 1.0).ticks();
        assert_eq!(log(10.0, 1000.0), [10.0, 100.0, 1000.0]);
        assert_eq!(log(128.0, 128.0).len(), 1);
        assert_eq!(log(30.0, 60.0), [50.0]);
        assert!(!log(300.0, 310.0).is_empty());
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.25, 0.5, 3.0, 10.0, 100.0, 1000.0, 128_256.0, 32_000.0, 1e6, 2.5e6].map(short);
        assert_eq!(texts, ["0", "0.25", "0.5", "3", "10", "100", "1k", "128k", "32k", "1M", "2.5M"]);
    }
}
