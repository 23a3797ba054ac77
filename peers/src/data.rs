//! The data that all peers compute on, and what is right: an f64 loss and f64 elements, computed here from the definition.

use rayon::prelude::*;

/// Logits of a shape, their targets, and the f64 answers.
///
/// The rows repeat with a period, so that making and checking a large shape takes little time.
#[derive(Debug)]
pub(crate) struct Data {
    /// Rows.
    pub(crate) rows: usize,
    /// Classes of a row.
    pub(crate) classes: usize,
    /// Row after row.
    pub(crate) values: Vec<f32>,
    /// A class for each row.
    pub(crate) targets: Vec<u32>,
    /// The mean loss in nats.
    pub(crate) loss: f64,
    log_sum_exp: Vec<f64>,
}

/// The largest relative error of a loss, and of a row's elements, that passes: an f32 sum of a long row, term after term, may
/// lose nearly as much.
pub(crate) const TOLERANCE: f64 = 1e-3;

/// About how many elements differ.
const DISTINCT: usize = 1_000_000;

impl Data {
    /// Normal logits of standard deviation 3, the same for a shape in every run.
    pub(crate) fn new(rows: usize, classes: usize) -> Self {
        let period = (DISTINCT / classes).clamp(1, rows);
        let mut random = Random((rows * 31 + classes) as u64);
        let distinct: Vec<f32> = (0..period * classes).map(|_| 3.0 * random.normal()).collect();
        let targets: Vec<u32> = (0..rows).map(|r| ((r % period) * 7919 % classes) as u32).collect();
        let log_sum_exp: Vec<f64> = distinct.par_chunks(classes).map(log_sum_exp).collect();
        let loss = (0..rows).map(|r| log_sum_exp[r % period] - f64::from(distinct[(r % period) * classes + targets[r] as usize]));
        let loss = loss.sum::<f64>() / rows as f64;
        let values = distinct.iter().copied().cycle().take(rows * classes).collect();
        Self { rows, classes, values, targets, loss, log_sum_exp }
    }

    /// A row's logits, target and log-sum-exp.
    fn row(&self, row: usize) -> (&[f32], usize, f64) {
        let logits = &self.values[row * self.classes..][..self.classes];
        (logits, self.targets[row] as usize, self.log_sum_exp[row % self.log_sum_exp.len()])
    }

    /// The relative error of a loss.
    pub(crate) fn loss_error(&self, loss: f64) -> f64 {
        (loss - self.loss).abs() / self.loss.abs()
    }

    /// The largest relative error of a row of probabilities or, of the mean loss, gradients: the sum of the differences by the
    /// sum of what is right. Infinite for another number of elements.
    pub(crate) fn elements_error(&self, elements: &[f32], gradient: bool) -> f64 {
        if elements.len() != self.values.len() {
            return f64::INFINITY;
        }
        let error = |(row, got): (usize, &[f32])| {
            let (logits, target, log_sum_exp) = self.row(row);
            let (mut wrong, mut all) = (0.0, 0.0);
            for (class, (&x, &got)) in logits.iter().zip(got).enumerate() {
                let p = (f64::from(x) - log_sum_exp).exp();
                let want = if gradient { (p - f64::from(u8::from(class == target))) / self.rows as f64 } else { p };
                wrong += (f64::from(got) - want).abs();
                all += want.abs();
            }
            wrong / all
        };
        let worst = |a: f64, b: f64| if b.is_nan() || b > a { b } else { a };
        elements.par_chunks(self.classes).enumerate().map(error).reduce(|| 0.0, worst)
    }
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let largest = row.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
    largest + row.iter().map(|&x| (f64::from(x) - largest).exp()).sum::<f64>().ln()
}

/// Seeded numbers (splitmix64).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f32 {
        ((-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_those_of_a_row_worked_by_hand() {
        let log_sum_exp = log_sum_exp(&[0.0, 3_f32.ln()]);
        assert!((log_sum_exp - 4_f64.ln()).abs() < 1e-7);
        let data =
            Data { rows: 1, classes: 2, values: vec![0.0, 3_f32.ln()], targets: vec![0], loss: 4_f64.ln(), log_sum_exp: vec![log_sum_exp] };
        assert!(data.elements_error(&[0.25, 0.75], false) < 1e-7);
        assert!(data.elements_error(&[-0.75, 0.75], true) < 1e-7);
        assert!((data.elements_error(&[0.5, 0.5], false) - 0.5).abs() < 1e-7);
        assert!(data.elements_error(&[f32::NAN, 0.5], false).is_nan());
        assert!(data.loss_error(4_f64.ln()) == 0.0);
    }
}
