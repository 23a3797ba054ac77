//! Storage types: inputs and results of 16 bits, each matrix with a type of its own, rows that share words.
//!
//! Pipelines: cross-entropy, softmax and log-sum-exp for a few pairs of types, one negative log-likelihood for each type.

use crate::common::data::{Data, make};
use crate::common::{Bound, assert_close, gpu, on_every_adapter, with_every_strategy};
use crate::device::{buffer, encoder, floats, words};
use half::{bf16, f16};
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Element, Gpu, LogitTransform, Logits, NllBuffers, Output, Reduction,
    Targets, reference,
};

/// A type of elements. Rounding to it may change a value by half of its last digit, or half of its smallest step.
trait Type: Element + PartialEq + std::fmt::Debug {
    const ROUNDING: Bound;
    fn of(value: f32) -> Self;
    fn value(self) -> f32;
}

impl Type for f32 {
    const ROUNDING: Bound = Bound { relative: 0.0, absolute: 0.0 };
    fn of(value: f32) -> Self {
        value
    }
    fn value(self) -> f32 {
        self
    }
}

impl Type for f16 {
    const ROUNDING: Bound = Bound { relative: 1.0 / 2048.0, absolute: 3e-8 };
    fn of(value: f32) -> Self {
        Self::from_f32(value)
    }
    fn value(self) -> f32 {
        self.to_f32()
    }
}

impl Type for bf16 {
    const ROUNDING: Bound = Bound { relative: 1.0 / 256.0, absolute: 1.2e-38 };
    fn of(value: f32) -> Self {
        Self::from_f32(value)
    }
    fn value(self) -> f32 {
        self.to_f32()
    }
}

fn values<T: Type>(stored: &[T]) -> Vec<f32> {
    stored.iter().map(|x| x.value()).collect()
}

fn with_rounding<T: Type>(relative: f64, absolute: f64) -> impl Fn(usize) -> Bound {
    move |_| Bound { relative: relative + T::ROUNDING.relative, absolute: absolute + T::ROUNDING.absolute }
}

/// All numbers that there are.
fn all<T: Type>() -> Vec<T> {
    bytemuck::cast_vec((0..=u16::MAX).collect::<Vec<u16>>())
}

/// The same value, or both too small to be normal, which adapters may take for 0.
fn is_same(got: f32, expected: f32) -> bool {
    let is_flushed = got.abs() < f32::MIN_POSITIVE && expected.abs() < f32::MIN_POSITIVE;
    got == expected || got.is_nan() && expected.is_nan() || is_flushed
}

/// Log-sum-exp of a single number is the number: one class a row, where rows share words, and four, of which three are -inf.
fn check_reading<T: Type>(gpu: &Gpu) {
    let (all, nothing) = (all::<T>(), T::of(f32::NEG_INFINITY));
    let of_one = gpu.logsumexp(&Logits::new(&all, all.len(), 1).unwrap()).unwrap();
    let rows: Vec<T> =
        all.iter().enumerate().flat_map(|(i, &x)| std::array::from_fn::<T, 4, _>(|c| if c == i % 4 { x } else { nothing })).collect();
    let of_four = gpu.logsumexp(&Logits::new(&rows, all.len(), 4).unwrap()).unwrap();
    for (i, x) in all.iter().enumerate() {
        assert!(is_same(of_one[i], x.value()), "{i:#06x} alone: {} instead of {}", of_one[i], x.value());
        assert!(is_same(of_four[i], x.value()), "{i:#06x} among four: {} instead of {}", of_four[i], x.value());
    }
}

#[test]
fn every_number_is_read_exactly() {
    on_every_adapter(check_reading::<f16>);
    on_every_adapter(check_reading::<bf16>);
}

/// A gradient that is a row weight: numbers of `T`, those in the middle between two of them, and those right beside the middle.
fn check_rounding<T: Type>(gpu: &Gpu) {
    let mut weights: Vec<f32> = Vec::new();
    let positive: Vec<f32> = values(&all::<T>()[..0x8000]).into_iter().filter(|x| x.is_finite() && *x >= f32::MIN_POSITIVE).collect();
    for pair in positive.windows(2) {
        let middle = pair[0] + (pair[1] - pair[0]) / 2.0;
        weights.extend([pair[0], middle, f32::from_bits(middle.to_bits() - 1), f32::from_bits(middle.to_bits() + 1)]);
    }
    weights.extend([65504.0, 65519.99, 65520.0, 65536.0, 1e9, f32::MAX, 0.0, 1e-20, 2.9e-8, 3.0e-8]);
    let weights: Vec<f32> = weights.iter().flat_map(|&w| [w, -w]).collect();
    let rows = weights.len() / 2 * 2 - 1;
    let targets = |classes: u32| (0..rows as u32).map(|r| r % classes).collect::<Vec<u32>>();
    for classes in [1, 4] {
        let log_probs = floats(gpu, &vec![0.0; rows * classes]);
        let (targets, given) = (targets(classes as u32), floats(gpu, &weights[..rows]));
        let (of_rows, gradient) = (buffer(gpu, &targets), buffer(gpu, &vec![u32::MAX; (rows * classes).div_ceil(2)]));
        let mut buffers = NllBuffers::new(DeviceMatrix::new::<f32>(&log_probs, rows, classes).unwrap(), DeviceVector::new(&of_rows));
        buffers.row_weights = Some(DeviceVector::new(&given));
        buffers.gradient = Some(Output::To(DeviceMatrix::new::<T>(&gradient, rows, classes).unwrap()));
        let mut encoder = encoder(gpu);
        gpu.record_nll_loss(&mut encoder, &buffers, &CrossEntropy::new().reduction(Reduction::Sum)).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let got: Vec<T> = bytemuck::cast_slice(&words(gpu, &gradient)).to_vec();
        for (r, &weight) in weights[..rows].iter().enumerate() {
            let row = values(&got[r * classes..][..classes]);
            let expected = T::of(-weight).value();
            assert!(is_same(row[targets[r] as usize], expected), "{weight:e} of {classes}: {row:?} instead of {expected:e}");
            assert!(row.iter().enumerate().all(|(c, &g)| c == targets[r] as usize || g == 0.0), "{weight:e} of {classes}: {row:?}");
        }
        // The half word behind the last row belongs to nobody.
        assert_eq!(got.get(rows * classes).map(|x| bytemuck::bytes_of(x).to_vec()), (rows * classes % 2 == 1).then(|| vec![0xff; 2]));
    }
}

#[test]
fn numbers_are_rounded_to_the_nearest_and_even() {
    on_every_adapter(check_rounding::<f16>);
    on_every_adapter(check_rounding::<bf16>);
}

/// A loss with both gradients, and softmax, of logits stored as `T` with results as `G`.
fn check_types<T: Type, G: Type>(gpu: &Gpu, [blocks, classes, inner]: [usize; 3]) {
    let rows = blocks * inner;
    let (logits, targets) = make(Data::Normal, rows, classes, 61);
    let logits: Vec<T> = logits.iter().map(|&x| T::of(x)).collect();
    let labels: Vec<T> = (0..rows * classes).map(|i| T::of((i % 7) as f32 * 0.125)).collect();
    let shaped = |values| Logits::with_shape(values, &[blocks, classes, inner], 1).unwrap();
    let (x, q, targets) = (shaped(&logits), shaped(&labels), Targets::new(&targets));
    let what = format!("{} to {}, {blocks} x {classes} x {inner}", T::STORAGE, G::STORAGE);
    let options = CrossEntropy::new().reduction(Reduction::Sum).label_smoothing(0.1).row_loss(true).gradient(true);

    let (got, expected) =
        (gpu.cross_entropy_as::<G>(&x, &targets, &options).unwrap(), reference::cross_entropy(&x, &targets, &options).unwrap());
    assert_close(&what, &got.row_loss.unwrap(), &expected.row_loss.unwrap(), with_rounding::<f32>(2e-6, 2e-6));
    assert_close(&what, &values(&got.gradient.unwrap()), &expected.gradient.unwrap(), with_rounding::<G>(1e-5, 2e-7));
    let options = options.target_gradient(true);
    let (got, expected) =
        (gpu.soft_cross_entropy_as::<G>(&x, &q, &options).unwrap(), reference::soft_cross_entropy(&x, &q, &options).unwrap());
    let sum = 1.0 + classes as f64 * 0.5;
    assert_close(&what, &got.row_loss.unwrap(), &expected.row_loss.unwrap(), with_rounding::<f32>(2e-6, 2e-6 * sum));
    assert_close(&what, &values(&got.gradient.unwrap()), &expected.gradient.unwrap(), with_rounding::<G>(1e-5, 2e-7 * sum));
    assert_close(&what, &values(&got.target_gradient.unwrap()), &expected.target_gradient.unwrap(), with_rounding::<G>(2e-6, 2e-6));
    let got = gpu.softmax_as::<G>(&x, &LogitTransform::new()).unwrap();
    assert_close(&what, &values(&got), &reference::softmax(&x), with_rounding::<G>(7e-6, 2e-38));
}

#[test]
fn every_pair_of_types() {
    on_every_adapter(|gpu| {
        check_types::<f16, bf16>(gpu, [5, 45, 1]);
        check_types::<bf16, f16>(gpu, [3, 5, 3]);
    });
    // Parts meet in the same way on every adapter.
    check_types::<f16, f32>(gpu(), [3, 1000, 1]);
    check_types::<f32, f16>(gpu(), [3, 1003, 1]);
    check_types::<bf16, bf16>(gpu(), [2, 5000, 1]);
    check_types::<bf16, bf16>(gpu(), [GPT2.0, GPT2.1, 1]);
    check_types::<f16, f16>(gpu(), [GPT2.0, GPT2.1, 1]);
}

/// Rows, classes, lead and stride: whole quads and not.
const PLACES: [(usize, usize, usize, usize); 5] = [(7, 11, 2, 13), (7, 10, 4, 12), (7, 10, 2, 14), (1, 9, 0, 9), (33, 3, 0, 3)];

/// GPT-2's vocabulary: an odd number of classes, so that every second row begins within a word, which it shares with the row before.
const GPT2: (usize, usize, usize, usize) = (5, 50_257, 0, 50_257);

/// Rows behind a lead and with a stride; the gradient in place, and between the rows nothing is touched.
fn check_in_place<T: Type>(gpu: &Gpu, places: &[(usize, usize, usize, usize)]) {
    for &(rows, classes, lead, stride) in places {
        let (dense, targets) = make(Data::Outliers, rows, classes, 62);
        let mut all = vec![T::of(7.5); (lead + (rows - 1) * stride + classes).next_multiple_of(2)];
        for (r, row) in dense.chunks(classes).enumerate() {
            row.iter().zip(&mut all[lead + r * stride..]).for_each(|(&x, to)| *to = T::of(x));
        }
        let logits = buffer(gpu, bytemuck::cast_slice(&all));
        let indices: Vec<u32> = targets.iter().map(|&t| t as u32).collect();
        let indices = buffer(gpu, &indices);
        let matrix = DeviceMatrix::with_layout::<T>(&logits, lead as u64 * 2, rows, classes, stride).unwrap();
        let mut buffers = CrossEntropyBuffers::new(matrix, DeviceVector::new(&indices));
        buffers.gradient = Some(Output::InPlace);
        let mut encoder = encoder(gpu);
        let options = CrossEntropy::new().reduction(Reduction::Sum);
        gpu.record_cross_entropy(&mut encoder, &buffers, &options).unwrap();
        gpu.queue().submit([encoder.finish()]);

        let view = Logits::with_stride(&all[lead..], rows, classes, stride).unwrap();
        let expected = reference::cross_entropy(&view, &Targets::new(&targets), &options.gradient(true)).unwrap().gradient.unwrap();
        let got: Vec<T> = bytemuck::cast_slice(&words(gpu, &logits)).to_vec();
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for (i, &x) in got.iter().enumerate() {
            let at = i.checked_sub(lead).filter(|at| at % stride < classes && at / stride < rows);
            if at.is_some() { inside.push(x) } else { outside.push(x) }
        }
        assert_close(&format!("{rows} x {classes}"), &values(&inside), &expected, with_rounding::<T>(1e-5, 2e-7));
        assert!(outside.iter().all(|&x| x == T::of(7.5)), "{rows} x {classes}: {outside:?}");
    }
}

#[test]
fn in_place() {
    with_every_strategy(|gpu| check_in_place::<bf16>(gpu, &PLACES));
    on_every_adapter(|gpu| {
        check_in_place::<f16>(gpu, &PLACES);
        check_in_place::<f16>(gpu, &[GPT2]);
        check_in_place::<bf16>(gpu, &[GPT2]);
    });
}

/// Windows of the host level that end in the middle of a word.
#[test]
fn windows_of_odd_rows() {
    let (rows, classes) = (2, 17_000_001);
    let logits: Vec<bf16> = (0..rows * classes).map(|i| bf16::from_f32((i % 1013) as f32 * 0.01)).collect();
    let logits = Logits::new(&logits, rows, classes).unwrap();
    let got = gpu().logsumexp(&logits).unwrap();
    assert_close("log-sum-exp", &got, &reference::logsumexp(&logits), |_| Bound { relative: 1e-6, absolute: 0.0 });
    let got = gpu().softmax_as::<f16>(&logits, &LogitTransform::new()).unwrap();
    assert_eq!(got.len(), rows * classes);
}

#[test]
fn buffers_hold_whole_words() {
    let odd = gpu().device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 30,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    let message = DeviceMatrix::new::<f16>(&odd, 3, 5).unwrap_err().to_string();
    assert_eq!(message, "buffer for a matrix: 32 bytes from offset 0 on, but it has 30");
    assert!(DeviceMatrix::new::<f16>(&odd, 2, 7).is_ok());
}
