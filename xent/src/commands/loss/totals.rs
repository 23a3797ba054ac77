//! The sums over all windows.

use super::faults;
use crate::engine::Losses;
use crate::failure::Result;
use crate::sum::Sum;

/// What is known of all rows so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) loss: Sum,
    pub(super) z_loss: Sum,
    /// Of rows that are not ignored.
    pub(super) entropy: Sum,
    pub(super) correct: Option<usize>,
    pub(super) correct_top_k: Option<usize>,
    pub(super) faults: faults::Counts,
}

impl Totals {
    /// Adds a window, of which `counted` tells the rows that are not ignored.
    pub(super) fn add(&mut self, first: usize, losses: &Losses, counted: impl Fn() -> Result<Vec<bool>>) -> Result<()> {
        losses.rows.iter().for_each(|&loss| self.loss.add(loss));
        losses.z_loss.iter().for_each(|&loss| self.z_loss.add(loss));
        if !losses.entropy.is_empty() {
            let of_counted = losses.entropy.iter().zip(counted()?).filter(|(_, counts)| *counts);
            of_counted.for_each(|(&entropy, _)| self.entropy.add(entropy));
        }
        add(&mut self.correct, losses.correct);
        add(&mut self.correct_top_k, losses.correct_top_k);
        self.faults.add(first, &losses.faults);
        Ok(())
    }
}

fn add(total: &mut Option<usize>, count: Option<usize>) {
    if let Some(count) = count {
        *total = Some(total.unwrap_or(0) + count);
    }
}
