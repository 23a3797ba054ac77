//! Times of several things in turn: drift of the machine's speed hits them alike.

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Untimed runs before.
    pub(crate) warm_ups: usize,
    /// The least samples.
    pub(crate) samples: usize,
    /// The least milliseconds of each, all samples together ..
    pub(crate) milliseconds: f64,
    /// .. unless there are so many samples.
    pub(crate) most: usize,
}

impl Limits {
    /// For results to be reported.
    pub(crate) const FULL: Self = Self { warm_ups: 3, samples: 11, milliseconds: 500.0, most: 41 };
    /// To see that everything runs.
    pub(crate) const QUICK: Self = Self { warm_ups: 1, samples: 3, milliseconds: 0.0, most: 3 };
}

/// Sorted milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    fn quantile(&self, q: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * q).round() as usize]
    }

    /// The median.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The time that a fifth of the samples stay below.
    pub(crate) fn p20(&self) -> f64 {
        self.quantile(0.2)
    }

    /// The time that a fifth of the samples exceed.
    pub(crate) fn p80(&self) -> f64 {
        self.quantile(0.8)
    }
}

/// Runs each in turn, round after round, and collects the milliseconds that it returns.
pub(crate) fn interleaved(limits: Limits, variants: &mut [Box<dyn FnMut() -> f64 + '_>]) -> Vec<Samples> {
    for _ in 0..limits.warm_ups {
        variants.iter_mut().for_each(|run| _ = run());
    }
    let mut times = vec![Vec::new(); variants.len()];
    for round in 0..limits.most {
        let enough = |t: &Vec<f64>| t.iter().sum::<f64>() >= limits.milliseconds;
        if round >= limits.samples && times.iter().all(enough) {
            break;
        }
        for (run, times) in variants.iter_mut().zip(&mut times) {
            times.push(run());
        }
    }
    let sorted = |mut t: Vec<f64>| {
        t.sort_by(f64::total_cmp);
        Samples(t)
    };
    times.into_iter().map(sorted).collect()
}
