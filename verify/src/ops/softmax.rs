//! Softmax, log-softmax and log-sum-exp.

use half::{bf16, f16};
use wgpu_xent::{Gpu, LogitTransform, Logits, Result, Storage, reference};

use super::options::{Moved, Rounding};
use crate::bounds::{Each, ROUNDED, TIGHT, of_element};
use crate::case::{Case, Expected, Input, Place, wide};
use crate::compare::Bound;
use crate::matrix::Shape;

/// A result of the logits' shape.
pub(super) fn elements(input: &Input, values: Vec<f64>, bound: impl Fn(usize, usize, f64) -> Bound, run: crate::case::Run) -> Case {
    let shape = Shape { padding: 0, ..input.shape };
    let bounds = values.iter().enumerate().map(|(i, &value)| {
        let (row, class) = shape.place(i);
        bound(row, class, value)
    });
    let bounds = Each::Of(bounds.collect());
    Case { expected: vec![Expected { result: "elements", values, bounds, place: Place::Elements(shape) }], run }
}

/// What a result is rounded to on the device.
trait Type: wgpu_xent::Element {
    /// Half of the last digit, or of the smallest step.
    const ROUNDING: Bound;
    /// What is farther from 0 is infinite.
    const LARGEST: f64;
    fn wide(self) -> f64;
}

impl Type for f32 {
    const ROUNDING: Bound = Bound::absolute(0.0);
    const LARGEST: f64 = Self::MAX as f64;
    fn wide(self) -> f64 {
        self.into()
    }
}

impl Type for f16 {
    const ROUNDING: Bound = Bound { relative: 1.0 / 2048.0, absolute: 3e-8 };
    const LARGEST: f64 = 65_519.0;
    fn wide(self) -> f64 {
        self.into()
    }
}

impl Type for bf16 {
    const ROUNDING: Bound = Bound { relative: 1.0 / 256.0, absolute: 1.2e-38 };
    const LARGEST: f64 = 3.396e38;
    fn wide(self) -> f64 {
        self.into()
    }
}

fn with_rounding(bound: Bound, rounding: Bound) -> Bound {
    Bound { relative: bound.relative + rounding.relative, absolute: bound.absolute + rounding.absolute }
}

type Forward<T> = fn(&Gpu, &Logits<'_>, &LogitTransform<'_>) -> Result<Vec<T>>;

fn softmax_of<T: Type>(input: &Input, moved: Moved, run: Forward<T>) -> Case {
    let (logits, of_call) = (input.logits(), moved.clone());
    let run = move |gpu: &Gpu| Ok(vec![run(gpu, &logits.view(), &of_call.transform())?.into_iter().map(T::wide).collect()]);
    softmax_case(input, &moved, T::ROUNDING, Box::new(run))
}

/// A softmax without options that is stored as its logits are.
pub(super) fn stored_softmax(input: &Input, run: impl Fn(&Gpu) -> Result<Vec<f64>> + 'static) -> Case {
    let rounding = match input.storage {
        Storage::F16 => f16::ROUNDING,
        Storage::Bf16 => bf16::ROUNDING,
        _ => f32::ROUNDING,
    };
    softmax_case(input, &Moved::identity(input), rounding, Box::new(move |gpu| Ok(vec![run(gpu)?])))
}

fn softmax_case(input: &Input, moved: &Moved, rounded: Bound, run: crate::case::Run) -> Case {
    let logits = input.logits();
    let (values, logs) = {
        let (view, transform) = (logits.view(), moved.transform());
        let logs = reference::log_softmax_with(&view, &transform).expect("a transform of this shape");
        (reference::softmax_with(&view, &transform).expect("a transform of this shape"), logs)
    };
    let rounding = Rounding::new(&logits, moved);
    let tops = tops(&logs, input.shape);
    let shape = Shape { padding: 0, ..input.shape };
    let below: Vec<f64> = logs.iter().enumerate().map(|(i, y)| tops[shape.place(i).0] - y).collect();
    let at = |row, class| below[index(shape, row, class)];
    elements(
        input,
        values,
        |row, class, _| {
            let bound = of_element(at(row, class));
            with_rounding(Bound { relative: bound.relative + rounding.of(row), ..bound }, rounded)
        },
        run,
    )
}

/// The place of a row's class in a dense result.
pub(super) fn index(shape: Shape, row: usize, class: usize) -> usize {
    row / shape.inner * shape.classes * shape.inner + class * shape.inner + row % shape.inner
}

/// The largest of each row of a dense result.
fn tops(values: &[f64], shape: Shape) -> Vec<f64> {
    let mut tops = vec![f64::NEG_INFINITY; shape.rows()];
    for (i, &value) in values.iter().enumerate() {
        let row = shape.place(i).0;
        tops[row] = tops[row].max(value);
    }
    tops
}

fn log_softmax_of<T: Type>(input: &Input, moved: Moved, run: Forward<T>) -> Case {
    let logits = input.logits();
    let values = reference::log_softmax_with(&logits.view(), &moved.transform()).expect("a transform of this shape");
    let rounding = Rounding::new(&logits, &moved);
    let tops = tops(&values, input.shape);
    let held = |value: f64| if value.abs() > T::LARGEST { value.signum() * f64::INFINITY } else { value };
    elements(
        input,
        values.into_iter().map(held).collect(),
        |row, _, value| {
            let lost = rounding.of(row);
            let bound = if value == tops[row] && lost == 0.0 { TIGHT } else { ROUNDED };
            with_rounding(Bound { absolute: bound.absolute + lost, ..bound }, T::ROUNDING)
        },
        Box::new(move |gpu| Ok(vec![run(gpu, &logits.view(), &moved.transform())?.into_iter().map(T::wide).collect()])),
    )
}

fn logsumexp_of(input: &Input, moved: Moved) -> Case {
    let logits = input.logits();
    let values = reference::logsumexp_with(&logits.view(), &moved.transform()).expect("a transform of this shape");
    let rounding = Rounding::new(&logits, &moved);
    let bounds = (0..values.len()).map(|row| Bound { absolute: ROUNDED.absolute + rounding.of(row), ..ROUNDED });
    let bounds = Each::Of(bounds.collect());
    let expected = vec![Expected { result: "rows", values, bounds, place: Place::Rows }];
    let run = move |gpu: &Gpu| {
        let transform = moved.transform();
        let rows = if moved.is_identity() { gpu.logsumexp(&logits.view())? } else { gpu.logsumexp_with(&logits.view(), &transform)? };
        Ok(vec![wide(rows)])
    };
    Case { expected, run: Box::new(run) }
}

pub(super) fn softmax(input: &Input) -> Case {
    softmax_of::<f32>(input, Moved::identity(input), |gpu, logits, _| gpu.softmax(logits))
}

pub(super) fn softmax_scaled(input: &Input) -> Case {
    softmax_of::<f32>(input, Moved::temperature(input), Gpu::softmax_with)
}

pub(super) fn softmax_capped(input: &Input) -> Case {
    softmax_of::<f32>(input, Moved::capped(input), Gpu::softmax_with)
}

pub(super) fn softmax_f16(input: &Input) -> Case {
    softmax_of::<f16>(input, Moved::identity(input), Gpu::softmax_as::<f16>)
}

pub(super) fn softmax_bf16(input: &Input) -> Case {
    softmax_of::<bf16>(input, Moved::masked(input), Gpu::softmax_as::<bf16>)
}

pub(super) fn log_softmax(input: &Input) -> Case {
    log_softmax_of::<f32>(input, Moved::identity(input), |gpu, logits, _| gpu.log_softmax(logits))
}

pub(super) fn log_softmax_scaled(input: &Input) -> Case {
    log_softmax_of::<f32>(input, Moved::scales(input), Gpu::log_softmax_with)
}

pub(super) fn log_softmax_masked(input: &Input) -> Case {
    log_softmax_of::<f32>(input, Moved::masked(input), Gpu::log_softmax_with)
}

pub(super) fn log_softmax_f16(input: &Input) -> Case {
    log_softmax_of::<f16>(input, Moved::identity(input), Gpu::log_softmax_as::<f16>)
}

pub(super) fn logsumexp(input: &Input) -> Case {
    logsumexp_of(input, Moved::identity(input))
}

pub(super) fn logsumexp_scaled(input: &Input) -> Case {
    logsumexp_of(input, Moved::scales(input))
}

pub(super) fn logsumexp_capped(input: &Input) -> Case {
    logsumexp_of(input, Moved::capped(input))
}

/// Over the last dimension but one of three, and over the two last: the kernel sees other rows each time.
pub(super) fn logsumexp_over(input: &Input) -> Case {
    let (values, _) = input.values();
    let shape = [input.rows(), input.shape.classes];
    let all: [(&'static str, Vec<isize>); 3] = [("over rows", vec![0]), ("over classes", vec![-1]), ("over both", vec![0, 1])];
    let expected = all.iter().map(|(result, dims)| Expected {
        result,
        values: reference::logsumexp_over(&values, &shape, dims).expect("dimensions that there are"),
        bounds: Each::All(ROUNDED),
        place: Place::Rows,
    });
    let expected = expected.collect();
    let run = move |gpu: &Gpu| all.iter().map(|(_, dims)| Ok(wide(gpu.logsumexp_over(&values, &shape, dims)?))).collect();
    Case { expected, run: Box::new(run) }
}
