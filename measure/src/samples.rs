//! Times of several things in turn: drift of the machine's speed hits them alike.

use crate::Time;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Untimed runs before.
    pub warm_ups: usize,
    /// The least samples.
    pub samples: usize,
    /// The least milliseconds of each, all samples together ..
    pub milliseconds: f64,
    /// .. unless there are so many samples.
    pub most: usize,
}

impl Limits {
    /// For results to be reported.
    pub const FULL: Self = Self { warm_ups: 3, samples: 11, milliseconds: 500.0, most: 41 };
    /// To see that everything runs.
    pub const QUICK: Self = Self { warm_ups: 1, samples: 3, milliseconds: 0.0, most: 3 };
}

/// Sorted milliseconds.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    fn new(mut milliseconds: Vec<f64>) -> Self {
        milliseconds.sort_by(f64::total_cmp);
        Self(milliseconds)
    }

    fn quantile(&self, q: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * q).round() as usize]
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The time that a fifth of the samples stay below.
    #[must_use]
    pub fn p20(&self) -> f64 {
        self.quantile(0.2)
    }

    /// The time that a fifth of the samples exceed.
    #[must_use]
    pub fn p80(&self) -> f64 {
        self.quantile(0.8)
    }

    /// So many bytes by the median, in 10^9 a second.
    #[must_use]
    pub fn gb_s(&self, bytes: u64) -> f64 {
        bytes as f64 / (self.median() * 1e6)
    }
}

/// What the clocks said of one thing.
#[derive(Clone, Debug)]
pub struct Times {
    /// The wall clock.
    pub wall: Samples,
    /// The adapter's own, if each sample has it.
    pub gpu: Option<Samples>,
}

impl Times {
    fn new(times: &[Time]) -> Self {
        let gpu: Option<Vec<f64>> = times.iter().map(|t| t.gpu_ms).collect();
        Self { wall: Samples::new(times.iter().map(|t| t.wall_ms).collect()), gpu: gpu.map(Samples::new) }
    }
}

/// Runs each in turn, round after round, and collects the milliseconds that it returns.
pub fn interleaved(limits: Limits, variants: &mut [Box<dyn FnMut() -> f64 + '_>]) -> Vec<Samples> {
    rounds(limits, variants, |&ms| ms).into_iter().map(Samples::new).collect()
}

/// [`interleaved`] with both clocks.
pub fn interleaved_times(limits: Limits, variants: &mut [Box<dyn FnMut() -> Time + '_>]) -> Vec<Times> {
    rounds(limits, variants, |time| time.wall_ms).iter().map(|times| Times::new(times)).collect()
}

fn rounds<T>(limits: Limits, variants: &mut [Box<dyn FnMut() -> T + '_>], wall: fn(&T) -> f64) -> Vec<Vec<T>> {
    for _ in 0..limits.warm_ups {
        variants.iter_mut().for_each(|run| _ = run());
    }
    let mut samples: Vec<Vec<T>> = variants.iter().map(|_| Vec::new()).collect();
    for round in 0..limits.most {
        let enough = |t: &Vec<T>| t.iter().map(wall).sum::<f64>() >= limits.milliseconds;
        if round >= limits.samples && samples.iter().all(enough) {
            break;
        }
        for (run, samples) in variants.iter_mut().zip(&mut samples) {
            samples.push(run());
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_silent_once_is_not_trusted() {
        let time = |gpu_ms| Time { wall_ms: 2.0, gpu_ms };
        assert_eq!(Times::new(&[time(Some(1.0)), time(Some(3.0)), time(Some(2.0))]).gpu.unwrap().median(), 2.0);
        assert!(Times::new(&[time(Some(1.0)), time(None)]).gpu.is_none());
    }

    #[test]
    fn rounds_end_when_there_is_enough_of_each() {
        let limits = Limits { warm_ups: 1, samples: 2, milliseconds: 10.0, most: 7 };
        let mut calls = 0.0;
        let slow = || {
            calls += 1.0;
            10.0 * calls
        };
        let times = interleaved(limits, &mut [Box::new(slow), Box::new(|| 2.5)]);
        assert_eq!(times.iter().map(|t| t.0.len()).collect::<Vec<_>>(), [4, 4]);
        // The warm-up's 10 is not among them.
        assert_eq!(times[0].0, [20.0, 30.0, 40.0, 50.0]);
    }
}
