//! Times of several things in turn: drift of the machine's speed hits them alike.

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

/// Runs each in turn, round after round, and collects the milliseconds that it returns.
pub fn interleaved(limits: Limits, variants: &mut [Box<dyn FnMut() -> f64 + '_>]) -> Vec<Samples> {
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
