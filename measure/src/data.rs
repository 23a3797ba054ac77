//! The logits and targets of a case.

use wgpu_xent::Storage;

use crate::Shape;
use crate::values::{stored, widened};

/// Seeded numbers: the same data in every run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `0 .. 1` (splitmix64).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// The most elements that the reference computes.
const REFERENCE_ELEMENTS: usize = 1_000_000;

/// Rows that repeat with a period that is prime, so that few rows of reference check all rows of a result.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) shape: Shape,
    pub(crate) storage: Storage,
    /// The rows after which the first comes again.
    pub(crate) period: usize,
    /// The logits of a period, as the storage type rounds them.
    pub(crate) values: Vec<f32>,
    /// The targets of all rows.
    pub(crate) targets: Vec<u32>,
}

impl Data {
    /// Logits normal with a deviation of 3.
    pub(crate) fn new(shape: Shape, storage: Storage) -> Self {
        let Shape { rows, classes } = shape;
        let period = largest_prime(rows.min((REFERENCE_ELEMENTS / classes).max(1)));
        let mut random = Random::new((rows * 31 + classes) as u64);
        let values: Vec<f32> = (0..period * classes).map(|_| (3.0 * random.normal()) as f32).collect();
        let values = widened(&stored(&values, storage), storage);
        let targets = (0..rows).map(|r| ((r % period) * 7919 % classes) as u32).collect();
        Self { shape, storage, period, values, targets }
    }

    /// The bytes of all logits.
    pub(crate) fn bytes(&self) -> u64 {
        (self.shape.elements() * self.storage.bytes()) as u64
    }

    /// The logits in pieces of whole words, each with its offset, to be written one after the other. What fills up the last word is 0.
    pub(crate) fn for_each_piece(&self, mut each: impl FnMut(u64, &[u8])) {
        // Two periods, so that elements of 16 bits fill words.
        let piece = stored(&self.values, self.storage).repeat(2);
        let total = self.bytes() as usize;
        for offset in (0..total).step_by(piece.len()) {
            let left = total - offset;
            if left >= piece.len() {
                each(offset as u64, &piece);
            } else {
                let mut last = piece[..left].to_vec();
                last.resize(left.next_multiple_of(4), 0);
                each(offset as u64, &last);
            }
        }
    }

    /// All logits as the host holds them.
    pub(crate) fn all(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.bytes().next_multiple_of(4) as usize);
        self.for_each_piece(|_, piece| all.extend_from_slice(piece));
        all.truncate(self.bytes() as usize);
        all
    }
}

fn largest_prime(most: usize) -> usize {
    let is_prime = |n: usize| (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    (1..=most).rev().find(|&n| is_prime(n)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_words_and_make_all_rows() {
        for (rows, classes) in [(1, 1), (3, 5), (10, 3), (64, 10)] {
            let data = Data::new(Shape { rows, classes }, Storage::Bf16);
            let mut end = 0;
            data.for_each_piece(|offset, bytes| {
                assert!(offset == end && bytes.len().is_multiple_of(4));
                end += bytes.len() as u64;
            });
            assert_eq!(end, data.bytes().next_multiple_of(4));
            let row = |r: usize| &data.values[r % data.period * classes..][..classes];
            let expected: Vec<f32> = (0..rows).flat_map(|r| row(r).to_vec()).collect();
            assert_eq!(widened(&data.all(), Storage::Bf16), expected);
        }
    }
}
