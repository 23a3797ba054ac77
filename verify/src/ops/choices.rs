//! The most probable classes, and classes drawn.

use wgpu_xent::{Gpu, Sampling, reference};

use super::options::Moved;
use crate::bounds::{Each, ROUNDED, TIGHT};
use crate::case::{Case, Expected, Input, Place, whole, wide};
use crate::compare::Bound;

pub(super) fn top_k(input: &Input) -> Case {
    top_k_of(input, 5, Moved::identity(input))
}

/// The scales are powers of two: no order of classes depends on rounding.
pub(super) fn top_k_scaled(input: &Input) -> Case {
    top_k_of(input, 2, Moved::scales(input))
}

fn top_k_of(input: &Input, k: usize, moved: Moved) -> Case {
    let k = k.min(input.shape.classes);
    let logits = input.logits();
    let listed = reference::top_k_log_probs(&logits.view(), k as u32, &moved.transform()).expect("so many classes");
    // The first of a row is its largest.
    let bounds = (0..listed.log_probs.len()).map(|i| if i % k == 0 { TIGHT } else { ROUNDED });
    let bounds = Each::Of(bounds.collect());
    let place = Place::Lists(k);
    let expected = vec![
        Expected { result: "classes", values: whole(&listed.classes), bounds: Each::All(Bound::EXACT), place },
        Expected { result: "log-probabilities", values: listed.log_probs, bounds, place },
    ];
    let run = move |gpu: &Gpu| {
        let got = gpu.top_k_log_probs(&logits.view(), k as u32, &moved.transform())?;
        Ok(vec![whole(&got.classes), wide(got.log_probs)])
    };
    Case { expected, run: Box::new(run) }
}

pub(super) fn sample(input: &Input) -> Case {
    sample_of(input, Moved::identity(input), |plain, _| plain)
}

pub(super) fn sample_top_k(input: &Input) -> Case {
    sample_of(input, Moved::masked(input), |plain, classes| plain.temperature(0.7).top_k(classes / 3 + 1).draw(3))
}

pub(super) fn sample_top_p(input: &Input) -> Case {
    sample_of(input, Moved::identity(input), |plain, _| plain.top_p(0.8).first_row(7))
}

/// Draws are the same bit for bit.
fn sample_of(input: &Input, moved: Moved, options: for<'a> fn(Sampling<'a>, u32) -> Sampling<'a>) -> Case {
    let (logits, classes) = (input.logits(), input.shape.classes as u32);
    let drawn = {
        let sampling = options(Sampling::new(0x1234_5678_9abc_def0).transform(moved.transform()), classes);
        reference::sample(&logits.view(), &sampling).expect("options that fit")
    };
    let expected = vec![Expected { result: "classes", values: whole(&drawn), bounds: Each::All(Bound::EXACT), place: Place::Rows }];
    let run = move |gpu: &Gpu| {
        let sampling = options(Sampling::new(0x1234_5678_9abc_def0).transform(moved.transform()), classes);
        Ok(vec![whole(&gpu.sample(&logits.view(), &sampling)?)])
    };
    Case { expected, run: Box::new(run) }
}
