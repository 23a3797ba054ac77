//! Seeded data: logits that hurt, and targets.

/// `SplitMix64`: small, good enough, the same everywhere.
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to `n - 1`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Of the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        let r = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        r * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What the logits look like, each for a reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Data {
    /// Standard normal: the plain case.
    Normal,
    /// Normal, one in 16 times 20: a wrong maximum shows.
    Outliers,
    /// All equal: every term counts the same, rounding errors add up.
    Equal,
    /// One value again and again below two others: the same term rounds a long sum the same way each time.
    Repeated,
    /// Rising: the maximum changes with every block.
    Ascending,
    /// Falling: the maximum is in the first block.
    Descending,
    /// Normal plus so much: cancellation.
    Offset(f32),
    /// The target ahead of everything by so much: the loss is tiny and must not be 0.
    Ahead(f32),
    /// One in 3 is -inf, as masks write.
    Masked,
    /// One in 3 is the lowest finite value, as other masks write.
    MaskedLowest,
    /// Up to the largest finite values of both signs.
    Huge,
    /// Rows with NaN, infinities, nothing at all, and the ends of f32, in turn; a plain one among them.
    Special,
}

impl std::fmt::Display for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Outliers => f.write_str("outliers"),
            Self::Equal => f.write_str("all equal"),
            Self::Repeated => f.write_str("one value again and again"),
            Self::Ascending => f.write_str("ascending"),
            Self::Descending => f.write_str("descending"),
            Self::Offset(by) => write!(f, "offset {by:e}"),
            Self::Ahead(by) => write!(f, "target ahead by {by}"),
            Self::Masked => f.write_str("-inf masks"),
            Self::MaskedLowest => f.write_str("-FLT_MAX masks"),
            Self::Huge => f.write_str("huge"),
            Self::Special => f.write_str("special rows"),
        }
    }
}

/// `rows * classes` logits, and a target for each row.
pub fn make(data: Data, rows: usize, classes: usize, seed: u64) -> (Vec<f32>, Vec<i64>) {
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
                Data::Repeated => [1.0, 0.5, 0.1][column.min(2)],
                Data::Ascending => (column as f64 * 30.0 / classes as f64 + row as f64) as f32,
                Data::Descending => (column as f64 * -30.0 / classes as f64 - row as f64) as f32,
                Data::Offset(by) => (normal + f64::from(by)) as f32,
                Data::Ahead(_) | Data::Special => normal as f32,
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
        if data == Data::Special {
            spoil(values, targets[row] as usize, row);
        }
    }
    (logits, targets)
}

/// The kinds of special rows, and a plain one.
pub const SPECIAL_ROWS: usize = 18;

/// Puts what arithmetic alone gets wrong somewhere into a row, each kind of it in turn.
fn spoil(values: &mut [f32], target: usize, row: usize) {
    // The NaN that x86 makes has the sign bit set; others do not.
    let (nan, inf, last) = (f32::NAN, f32::INFINITY, values.len() - 1);
    // Everything becomes this but the target, or all of it.
    let all = |values: &mut [f32], x: f32| values.fill(x);
    match row % SPECIAL_ROWS {
        0 => values[last] = nan,
        1 => values[0] = -nan,
        2 => values[target] = nan,
        3 => (values[0], values[last]) = (nan, inf),
        4 => values[last] = inf,
        5 => values[target] = inf,
        6 => values[target] = -inf,
        7 => (values[0], values[last / 2]) = (-inf, -inf),
        8 => values[last] = f32::MIN,
        9 => values[target] = f32::MAX,
        10 => values[last / 2] = f32::MAX,
        11 => all(values, -inf),
        12 => all(values, f32::MIN),
        13 => {
            all(values, -inf);
            values[target] = 3.0;
        }
        14 => {
            all(values, -inf);
            values[(target + 1) % (last + 1)] = 3.0;
        }
        15 => {
            all(values, -inf);
            values[target] = f32::MIN;
        }
        16 => (values[0], values[last]) = (0.0, -0.0),
        _ => {}
    }
}
