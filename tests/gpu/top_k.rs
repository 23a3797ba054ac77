//! The most probable classes against the reference and PyTorch.

use crate::common::data::{Data, make};
use crate::common::{Bound, assert_close, gpu, on_every_adapter, with_every_strategy};
use crate::device::{buffer, encoder, floats, placed, values, words};
use crate::shared::stored::cases_of;
use wgpu_xent::{ClassMask, DeviceMatrix, DeviceVector, Gpu, LogitTransform, Logits, NO_CLASS, TransformBuffers, reference};

/// The error of a logit's rounding, and of a log-probability.
fn rounded(_: usize) -> Bound {
    Bound { relative: 1e-6, absolute: 1e-6 }
}

fn check(gpu: &Gpu, what: &str, logits: &Logits<'_>, k: u32, transform: &LogitTransform<'_>) {
    let got = gpu.top_k_log_probs(logits, k, transform).unwrap();
    let expected = reference::top_k_log_probs(logits, k, transform).unwrap();
    assert_eq!(got.classes, expected.classes, "{what}, k {k}");
    assert_close(&format!("{what}, k {k}"), &got.log_probs, &expected.log_probs, rounded);
}

#[test]
fn of_every_shape() {
    with_every_strategy(|gpu| {
        for (data, rows, classes) in [
            (Data::Normal, 1, 1),
            (Data::Equal, 3, 9),
            (Data::Outliers, 7, 10),
            (Data::Ascending, 3, 1000),
            (Data::Descending, 3, 1001),
            (Data::Masked, 2, 5003),
            (Data::Huge, 2, 70),
            (Data::Normal, 1, 50_257),
        ] {
            let (values, _) = make(data, rows, classes, 77);
            let logits = Logits::new(&values, rows, classes).unwrap();
            for k in [1, 3, 4, 5, 13].into_iter().filter(|&k| k as usize <= classes) {
                check(gpu, &format!("{rows} x {classes} {data:?}"), &logits, k, &LogitTransform::new());
            }
        }
        let (values, _) = make(Data::Normal, 2, 70, 4);
        check(gpu, "all", &Logits::new(&values, 2, 70).unwrap(), 70, &LogitTransform::new());
        let (values, _) = make(Data::Normal, 3, 37 * 5, 4);
        let logits = Logits::with_shape(&values, &[3, 37, 5], 1).unwrap();
        check(gpu, "apart", &logits, 6, &LogitTransform::new().scale(-0.5));
    });
}

#[test]
fn of_transformed_logits() {
    with_every_strategy(|gpu| {
        let (rows, classes) = (6, 45);
        let (values, _) = make(Data::Outliers, rows, classes, 3);
        let logits = Logits::new(&values, rows, classes).unwrap();
        let allowed: Vec<bool> = (0..rows * classes).map(|i| i % 4 == 1 && i / classes != 2).collect();
        let words = ClassMask::pack(&allowed, classes);
        let masked = LogitTransform::new().mask(ClassMask::per_row(&words, rows, classes).unwrap());
        let scales = [1.0_f32, -1.0, 0.1, 20.0, 3.0, 0.5];
        for transform in [masked, masked.scale(&scales[..]), LogitTransform::new().temperature(3.0), masked.softcap(30.0).scale(2.0)] {
            check(gpu, &format!("{transform:?}"), &logits, 14, &transform);
        }
    });
}

#[test]
fn of_special_rows() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let values = [
        [0.0, nan, 1.0, 2.0, -inf],
        [0.0, -nan, inf, 2.0, -inf],
        [inf, 3.0, inf, -1.0, -inf],
        [-inf, -inf, -inf, -inf, -inf],
        [-inf, 2.0, -inf, 2.0, -inf],
        [0.0, -0.0, 0.0, -0.0, 1e-45],
    ]
    .concat();
    with_every_strategy(|gpu| {
        for k in [1, 2, 4, 5] {
            check(gpu, "special rows", &Logits::new(&values, 6, 5).unwrap(), k, &LogitTransform::new());
        }
    });
    let listed = |k| gpu().top_k_log_probs(&Logits::new(&values, 6, 5).unwrap(), k, &LogitTransform::new());
    assert_eq!(listed(0).unwrap().classes, [0_u32; 0]);
    for k in [6, u32::MAX] {
        assert_eq!(listed(k).unwrap_err().to_string(), format!("the {k} most probable of 5 classes"));
    }
}

/// A row that is far ahead: the log-probability of its first class has its digits.
#[test]
fn relative_accuracy_of_the_first() {
    with_every_strategy(|gpu| {
        for ahead in [3.0, 12.0, 20.0, 60.0] {
            let (values, _) = make(Data::Ahead(ahead), 5, 1003, 3);
            let logits = Logits::new(&values, 5, 1003).unwrap();
            let got = gpu.top_k_log_probs(&logits, 1, &LogitTransform::new()).unwrap();
            let expected = reference::top_k_log_probs(&logits, 1, &LogitTransform::new()).unwrap();
            assert_close(&format!("{ahead}"), &got.log_probs, &expected.log_probs, |_| Bound { relative: 1e-6, absolute: 1e-38 });
        }
    });
}

#[test]
fn of_many_rows() {
    on_every_adapter(|gpu| {
        let (values, _) = make(Data::Normal, 3000, 6, 3);
        check(gpu, "many rows", &Logits::new(&values, 3000, 6).unwrap(), 5, &LogitTransform::new());
    });
}

#[test]
fn at_the_device_level() {
    on_every_adapter(|gpu| {
        let (rows, classes, k) = (9, 21, 6);
        let (dense, _) = make(Data::Normal, rows, classes, 12);
        let input = floats(gpu, &placed(&dense, classes, 3, 25));
        let matrix = DeviceMatrix::with_layout::<f32>(&input, 12, rows, classes, 25).unwrap();
        let lists = [buffer(gpu, &vec![77; rows * k + 1]), floats(gpu, &vec![7.5; rows * k + 1])];
        let outputs = (DeviceVector::with_offset(&lists[0], 4), DeviceVector::new(&lists[1]));
        let mut encoder = encoder(gpu);
        let plain = (LogitTransform::new(), TransformBuffers::default());
        gpu.record_top_k_log_probs(&mut encoder, &matrix, k as u32, &plain.0, &plain.1, outputs).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let expected = reference::top_k_log_probs(&Logits::new(&dense, rows, classes).unwrap(), k as u32, &plain.0).unwrap();
        let (classes, log_probs) = (words(gpu, &lists[0]), values(gpu, &lists[1]));
        assert_eq!(classes[1..], expected.classes);
        assert_close("log-probabilities", &log_probs[..rows * k], &expected.log_probs, rounded);
        assert!(classes[0] == 77 && log_probs[rows * k] == 7.5, "nothing else is written");
    });
}

#[test]
fn pytorch_agrees() {
    let cases = cases_of("top_k", 5);
    on_every_adapter(|gpu| {
        for case in &cases {
            let data = case.inputs("logits").unwrap();
            let k = case.integer("k").unwrap() as u32;
            let got = gpu.top_k_log_probs(&case.view(&data), k, &LogitTransform::new()).unwrap();
            let expected: Vec<u32> =
                case.numbers("indices").unwrap().iter().map(|&c| if c.is_nan() { NO_CLASS } else { c as u32 }).collect();
            assert_eq!(got.classes, expected, "{}", case.name());
            assert_close(case.name(), &got.log_probs, &case.numbers("log_probs").unwrap(), rounded);
        }
    });
}
