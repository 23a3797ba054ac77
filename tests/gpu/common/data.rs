//! Seeded data: logits that hurt, and targets.

/// `SplitMix64`: small, good enough, the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let r = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        r * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What the logits look like, each for a reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Data {
    /// Standard normal: the plain case.
    Normal,
    /// Normal, one in 16 times 20: a wrong maximum shows.
    Outliers,
    /// All equal: every term counts the same, rounding errors add up.
    Equal,
    /// Rising: the maximum changes with every block.
    Ascending,
    /// Falling: the maximum is in the first block.
    Descending,
    /// Normal plus 10,000: cancellation.
    Offset,
    /// The target ahead of everything by so much: the loss is tiny and must not be 0.
    Ahead(f32),
    /// One in 3 is -inf, as masks write.
    Masked,
    /// One in 3 is the lowest finite value, as other masks write.
    MaskedLowest,
    /// Up to the largest finite values of both signs.
    Huge,
}

/// `rows * classes` logits, and a target for each row.
pub(crate) fn make(data: Data, rows: usize, classes: usize, seed: u64) -> (Vec<f32>, Vec<i64>) {
    let mut random = Random::new(seed);
    let targets: Vec<i64> = (0..rows).map(|_| random.below(classes) as i64).collect();
    let mut logits = vec![0.0_f32; rows * classes];
    for (row, values) in logits.chunks_mut(classes).enumerate() {
        for (column, x) in values.iter_mut().enumerate() {
            let normal = random.normal();
            *x = match data {
                Data::Normal => normal as f32,
                Data::Outliers => (normal * if random.below(16) == 0 { 20.0 } else { 1.0 }) as f32,
                Data::Equal => 0.7,
                Data::Ascending => (column as f64 * 30.0 / classes as f64 + row as f64) as f32,
                Data::Descending => (column as f64 * -30.0 / classes as f64 - row as f64) as f32,
                Data::Offset => (normal + 1e4) as f32,
                Data::Ahead(_) => normal as f32,
                Data::Masked => {
                    if random.below(3) == 0 {
                        f32::NEG_INFINITY
                    } else {
                        normal as f32
                    }
                }
                Data::MaskedLowest => {
                    if random.below(3) == 0 {
                        f32::MIN
                    } else {
                        normal as f32
                    }
                }
                Data::Huge => (random.uniform() * 2.0 - 1.0) as f32 * f32::MAX,
            };
        }
        if let Data::Ahead(by) = data {
            let top = values.iter().copied().fold(f32::MIN, f32::max);
            values[targets[row] as usize] = top + by;
        }
    }
    (logits, targets)
}
