//! What a pass over a row leaves: enough to finish every loss, and to merge with what other passes left of the same row.

use crate::options::{CrossEntropy, Outputs};

/// The state of a row after some of its classes: all of them, a chunk, or a piece of a vocabulary that lives elsewhere.
///
/// States of disjoint sets of classes merge to that of their union, in any order ([`merge`](Self::merge); Milakov and Gimelshein,
/// 2018): sums are kept relative to the largest logit so far, and raised to the common one before they are added. The split
/// strategies use it between their two dispatches; [`Gpu::row_states`](crate::Gpu::row_states) and
/// [`Gpu::cross_entropy_from_states`](crate::Gpu::cross_entropy_from_states) put it in the caller's hands. `z` are the transformed
/// logits, `w` the class weights, `q` the target probabilities.
///
/// With NaN among the `z` only `magnitude` and what is not of `z` tells something, with +inf `max` as well.
///
/// In memory it is `Stats` of `shaders/row_state.wgsl`, word for word ([`ROW_STATE_WGSL`]).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct RowState {
    /// The largest `z`, `f32::MIN` if none is above.
    pub max: f32,
    /// How many classes that have it are kept apart: 0 if all are -inf, else at least 1. More that have it may be among the others.
    pub count: f32,
    /// What the sums over the others are relative to: the largest `z` of them, or less by 1 at most; `f32::MIN` if none is above.
    pub second: f32,
    /// `Σ exp(z - second)` over the others: `max + log(count + rest exp(second - max))` is the log-sum-exp.
    pub rest: f32,
    /// `Σ exp(z - second) (second - z)` over the others, if the entropy is wanted.
    pub spread: f32,
    /// `Σ w q`, if the targets are probabilities.
    pub label_sum: f32,
    /// `Σ w q (max - z)`.
    pub label_dot: f32,
    /// `Σ w`, if labels are smoothed.
    pub smooth_sum: f32,
    /// `Σ w (max - z)`.
    pub smooth_dot: f32,
    /// The bits of the largest `|z|`: above those of infinity, some `z` is NaN.
    pub magnitude: u32,
    /// The first class that has the largest `z`, or the first that takes part if all are -inf, if wanted; `u32::MAX` if there is none.
    pub best: u32,
    /// The bits of the target's `z`, 0 if the target is not among these classes.
    pub target_bits: u32,
    /// The classes ahead of the target, if its rank is wanted.
    pub ahead: u32,
    /// The classes that take part, if labels are smoothed.
    pub allowed: u32,
    /// Bit 0: a label that counts stands against -inf, bit 1: one of negative weight does; bits 2 and 3: the same of smoothing;
    /// bit 4: a label is NaN or infinite; bit 5: some label counts; bit 6: some class counts for smoothing. What was not kept, as the
    /// options did not ask for it, bit 7: labels, 8: smoothing, 9: `best`, 10: `ahead`, 11: `spread`.
    pub flags: u32,
}

/// WGSL to include in a kernel of your own: `struct Stats`, which is [`RowState`] word for word, `empty()` and `combine(x, y)`, the merge.
///
/// It needs one function of yours, `fn all_ones() -> u32`, which returns `0xffffffff` from a buffer: compilers must not see the value,
/// or they may take roundings apart that `exp` rests on.
///
/// ```wgsl
/// @group(0) @binding(0) var<uniform> ones: u32;
/// fn all_ones() -> u32 { return ones; }
/// @group(0) @binding(1) var<storage, read_write> mine: array<Stats>;
/// @group(0) @binding(2) var<storage, read> theirs: array<Stats>;
/// @compute @workgroup_size(64)
/// fn main(@builtin(global_invocation_id) id: vec3<u32>) {
///     if id.x < arrayLength(&mine) { mine[id.x] = combine(mine[id.x], theirs[id.x]); }
/// }
/// ```
pub const ROW_STATE_WGSL: &str =
    concat!("const NONE: u32 = 0xffffffffu;\n\n", include_str!("../shaders/numerics.wgsl"), include_str!("../shaders/row_state.wgsl"));

impl RowState {
    /// The state of no classes.
    pub const EMPTY: Self = Self {
        max: f32::MIN,
        count: 0.0,
        second: f32::MIN,
        rest: 0.0,
        spread: 0.0,
        label_sum: 0.0,
        label_dot: 0.0,
        smooth_sum: 0.0,
        smooth_dot: 0.0,
        magnitude: 0,
        best: u32::MAX,
        target_bits: 0,
        ahead: 0,
        allowed: 0,
        flags: 0,
    };

    /// The state of two disjoint sets of classes together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let max = self.max.max(other.max);
        let (below, below_other) = (self.others_below(max), other.others_below(max));
        let second = below.second.max(below_other.second);
        let (a, b) = (below.relative_to(second), below_other.relative_to(second));
        let best = match (self.max, other.max) {
            (a, b) if a > b || (other.count == 0.0 && self.count > 0.0) => self.best,
            (a, b) if b > a || (self.count == 0.0 && other.count > 0.0) => other.best,
            _ => self.best.min(other.best),
        };
        let count = |state: &Self| if state.max == max { state.count } else { 0.0 };
        // Nothing times an infinite distance is nothing.
        let moved = |state: &Self, dot: f32, sum: f32| {
            if sum == 0.0 { dot } else { (f64::from(dot) + f64::from(sum) * (f64::from(max) - f64::from(state.max))) as f32 }
        };
        Self {
            max,
            count: count(&self) + count(&other),
            second,
            rest: (a.rest + b.rest) as f32,
            spread: (a.spread + b.spread) as f32,
            label_sum: self.label_sum + other.label_sum,
            label_dot: moved(&self, self.label_dot, self.label_sum) + moved(&other, other.label_dot, other.label_sum),
            smooth_sum: self.smooth_sum + other.smooth_sum,
            smooth_dot: moved(&self, self.smooth_dot, self.smooth_sum) + moved(&other, other.smooth_dot, other.smooth_sum),
            magnitude: self.magnitude.max(other.magnitude),
            best,
            target_bits: self.target_bits | other.target_bits,
            ahead: self.ahead + other.ahead,
            allowed: self.allowed + other.allowed,
            flags: self.flags | other.flags,
        }
    }

    /// `log Σ exp z` over the classes of the state: NaN with NaN, else +inf with +inf, -inf without any class above it.
    #[must_use]
    pub fn logsumexp(&self) -> f32 {
        if self.magnitude > f32::INFINITY.to_bits() {
            return f32::NAN;
        }
        if self.count == 0.0 {
            return f32::NEG_INFINITY;
        }
        // With more of them the sums of the others are NaN.
        if self.max == f32::INFINITY {
            return f32::INFINITY;
        }
        let below = f64::from(self.rest) * (f64::from(self.second) - f64::from(self.max)).exp();
        (f64::from(self.max) + (f64::from(self.count) - 1.0 + below).ln_1p()) as f32
    }

    /// What a loss with these options asks of the state and the state does not have: it was made for other options.
    pub(crate) fn lacks(&self, options: &CrossEntropy<'_>, labels: bool) -> Option<&'static str> {
        let Outputs { argmax, rank, entropy, .. } = options.outputs;
        let wanted = [
            (labels, 7, "the sums of the labels"),
            (options.label_smoothing > 0.0, 8, "the sums of label smoothing"),
            (argmax, 9, "the argmax"),
            (rank || options.top_k.is_some(), 10, "the rank of the target"),
            (entropy, 11, "the entropy"),
        ];
        wanted.into_iter().find(|(wanted, bit, _)| *wanted && self.flags >> bit & 1 == 1).map(|(_, _, what)| what)
    }

    /// What is not kept apart once the largest is `max`.
    fn others_below(&self, max: f32) -> Others {
        let own = Others { second: self.second, rest: f64::from(self.rest), spread: f64::from(self.spread) };
        if self.max == max || self.count == 0.0 {
            return own;
        }
        let whole = own.relative_to(self.max);
        Others { rest: whole.rest + f64::from(self.count), ..whole }
    }
}

/// The classes that are not kept apart, relative to the largest of them.
struct Others {
    second: f32,
    rest: f64,
    spread: f64,
}

impl Others {
    /// The same relative to a larger value.
    fn relative_to(self, second: f32) -> Self {
        if self.second == second {
            return self;
        }
        let by = f64::from(second) - f64::from(self.second);
        let factor = (-by).exp();
        let spread = if factor == 0.0 { 0.0 } else { (self.spread + self.rest * by) * factor };
        Self { second, rest: self.rest * factor, spread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(logits: &[f32]) -> RowState {
        let one = |(c, &x): (usize, &f32)| {
            if x == f32::NEG_INFINITY {
                return RowState { magnitude: f32::INFINITY.to_bits(), ..RowState::EMPTY };
            }
            RowState { max: x, count: 1.0, best: c as u32, magnitude: x.abs().to_bits(), smooth_sum: 1.0, allowed: 1, ..RowState::EMPTY }
        };
        logits.iter().enumerate().map(one).fold(RowState::EMPTY, RowState::merge)
    }

    #[test]
    fn merging_is_the_sum() {
        let x = [0.5, -3.0, 2.0, f32::NEG_INFINITY, 2.0, 1.0];
        let state = of(&x);
        let lse = x.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
        assert!((f64::from(state.logsumexp()) - lse).abs() < 1e-6, "{state:?}");
        assert_eq!((state.count, state.best, state.max), (2.0, 2, 2.0));
        let distances: f32 = [1.5, 5.0, 0.0, 0.0, 1.0].iter().sum();
        assert!((state.smooth_dot - distances).abs() < 1e-5);
    }

    #[test]
    fn nothing_and_infinities() {
        assert_eq!(RowState::EMPTY.merge(RowState::EMPTY), RowState::EMPTY);
        assert_eq!(of(&[f32::NEG_INFINITY; 3]).logsumexp(), f32::NEG_INFINITY);
        assert_eq!(of(&[f32::NEG_INFINITY, f32::MIN]).logsumexp(), f32::MIN);
        assert_eq!(of(&[1.0, f32::INFINITY]).logsumexp(), f32::INFINITY);
        assert!(of(&[f32::NAN, 0.0]).logsumexp().is_nan());
    }
}
