//! The loss with all its options, row by row, straight from the formula; derivatives are differences.

/// Everything that a row's loss depends on but its logits and targets; the defaults change nothing.
pub(crate) struct Model {
    pub(crate) classes: usize,
    pub(crate) weights: Vec<f64>,
    pub(crate) row_weights: Vec<f64>,
    pub(crate) smoothing: f64,
    pub(crate) z_loss: f64,
    pub(crate) scales: Vec<f64>,
    pub(crate) softcap: Option<f64>,
    /// One for each class of each row.
    pub(crate) mask: Vec<bool>,
}

impl Model {
    pub(crate) fn new(rows: usize, classes: usize) -> Self {
        Self {
            classes,
            weights: vec![1.0; classes],
            row_weights: vec![1.0; rows],
            smoothing: 0.0,
            z_loss: 0.0,
            scales: vec![1.0; rows],
            softcap: None,
            mask: vec![true; rows * classes],
        }
    }

    fn rows(&self) -> usize {
        self.row_weights.len()
    }

    fn takes_part(&self, row: usize, class: usize) -> bool {
        self.mask[row * self.classes + class]
    }

    fn z(&self, row: usize, x: f64) -> f64 {
        let scaled = self.scales[row] * x;
        self.softcap.map_or(scaled, |cap| cap * (scaled / cap).tanh())
    }

    fn lse(&self, row: usize, x: &[f64]) -> f64 {
        let terms = (0..self.classes).filter(|&c| self.takes_part(row, c)).map(|c| self.z(row, x[c]).exp());
        terms.sum::<f64>().ln()
    }

    fn z_part(&self, row: usize, x: &[f64]) -> f64 {
        self.row_weights[row] * self.z_loss * self.lse(row, x).powi(2)
    }

    fn loss(&self, row: usize, x: &[f64], q: &[f64]) -> f64 {
        let lse = self.lse(row, x);
        let taking_part: Vec<usize> = (0..self.classes).filter(|&c| self.takes_part(row, c)).collect();
        let share = self.smoothing / taking_part.len() as f64;
        let term = |c: usize| self.weights[c] * ((1.0 - self.smoothing) * q[c] + share) * (lse - self.z(row, x[c]));
        self.row_weights[row] * taking_part.into_iter().map(term).sum::<f64>() + self.z_part(row, x)
    }

    fn each<T>(&self, x: &[f32], value: impl Fn(usize, &[f64]) -> T) -> Vec<T> {
        let x: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        (0..self.rows()).map(|row| value(row, &x[row * self.classes..][..self.classes])).collect()
    }

    fn q<'a>(&self, q: &'a [f64], row: usize) -> &'a [f64] {
        &q[row * self.classes..][..self.classes]
    }

    /// The loss of each row; targets of no class at all are ignored.
    pub(crate) fn losses(&self, x: &[f32], q: &[f64]) -> Vec<f64> {
        self.each(x, |row, x| if self.is_ignored(q, row) { 0.0 } else { self.loss(row, x, self.q(q, row)) })
    }

    fn is_ignored(&self, q: &[f64], row: usize) -> bool {
        self.q(q, row).iter().all(|q| q.is_nan())
    }

    pub(crate) fn z_parts(&self, x: &[f32]) -> Vec<f64> {
        self.each(x, |row, x| self.z_part(row, x))
    }

    pub(crate) fn logsumexps(&self, x: &[f32]) -> Vec<f64> {
        self.each(x, |row, x| self.lse(row, x))
    }

    /// The log-probability of each class; of one that does not take part -inf.
    pub(crate) fn log_probs(&self, x: &[f32]) -> Vec<f64> {
        let of_row = |row: usize, x: &[f64]| {
            let lse = self.lse(row, x);
            let of_class = |c: usize| if self.takes_part(row, c) { self.z(row, x[c]) - lse } else { f64::NEG_INFINITY };
            (0..self.classes).map(of_class).collect::<Vec<_>>()
        };
        self.each(x, of_row).concat()
    }

    pub(crate) fn entropies(&self, x: &[f32]) -> Vec<f64> {
        let entropy = |log: &[f64]| log.iter().filter(|log| log.is_finite()).map(|log| -log.exp() * log).sum();
        self.log_probs(x).chunks(self.classes).map(entropy).collect()
    }

    /// The derivatives of each row's loss with respect to its logits, times a factor.
    pub(crate) fn gradient(&self, x: &[f32], q: &[f64], factor: f64) -> Vec<f64> {
        let of_row = |row: usize, x: &[f64]| {
            let loss = |x: &[f64]| if self.is_ignored(q, row) { 0.0 } else { self.loss(row, x, self.q(q, row)) };
            differences(x, loss).into_iter().map(|d| factor * d).collect::<Vec<_>>()
        };
        self.each(x, of_row).concat()
    }

    /// The same with respect to the targets.
    pub(crate) fn target_gradient(&self, x: &[f32], q: &[f64], factor: f64) -> Vec<f64> {
        let of_row = |row: usize, x: &[f64]| {
            let differences = differences(self.q(q, row), |q| self.loss(row, x, q));
            differences.into_iter().map(|d| factor * d).collect::<Vec<_>>()
        };
        self.each(x, of_row).concat()
    }
}

/// The derivatives of a function, as central differences.
fn differences(at: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let moved = |i: usize, by: f64| {
        let mut at = at.to_vec();
        at[i] += by;
        f(&at)
    };
    (0..at.len()).map(|i| (moved(i, STEP) - moved(i, -STEP)) / (2.0 * STEP)).collect()
}

/// The distributions of targets that are classes; NaN throughout for others.
pub(crate) fn one_hot(targets: &[i64], classes: usize) -> Vec<f64> {
    let of_row = |&target: &i64| (0..classes).map(move |c| if target < 0 { f64::NAN } else { f64::from(u8::from(c as i64 == target)) });
    targets.iter().flat_map(of_row).collect()
}

/// Rows of classes, in the order of blocks of `classes x inner`.
pub(crate) fn in_blocks<T: Copy>(rows: &[T], classes: usize, inner: usize) -> Vec<T> {
    let block = classes * inner;
    (0..rows.len()).map(|i| rows[i / block * block + i % inner * classes + i % block / inner]).collect()
}
