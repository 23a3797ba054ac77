//! Log-sum-exp with factors of either sign, and over several dimensions, against the reference and PyTorch.

use crate::common::data::{Data, Random, make};
use crate::common::{Bound, assert_close, gpu, on_every_adapter, with_every_strategy};
use crate::device::{encoder, floats, values};
use crate::shared::stored::{Case, cases_of};
use wgpu_xent::{ClassMask, DeviceMatrix, DeviceVector, Error, Gpu, LogitTransform, Logits, Output, TransformBuffers, reference};

/// Factors of both signs, of several sizes, some of them 0.
fn factors(len: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..len).map(|_| if random.below(5) == 0 { 0.0 } else { (random.normal() * 2.0_f64.powi(random.below(9) as i32 - 4)) as f32 }).collect()
}

/// What cancels costs digits: the sum of the sizes relative to the size of the sum.
fn condition(logits: &Logits<'_>, b: &Logits<'_>, transform: &LogitTransform<'_>) -> Vec<f64> {
    let sizes: Vec<f32> = (0..b.rows()).flat_map(|r| b.row(r).map(|b| b.abs() as f32)).collect();
    let moved: Vec<f32> = (0..b.rows()).flat_map(|r| logits.row(r).map(|x| x as f32)).collect();
    let sizes = Logits::new(&sizes, b.rows(), b.classes()).unwrap();
    let (whole, _) = reference::signed_logsumexp(&Logits::new(&moved, b.rows(), b.classes()).unwrap(), &sizes, transform).unwrap();
    let (rest, _) = reference::signed_logsumexp(logits, b, transform).unwrap();
    whole.iter().zip(&rest).map(|(a, b)| (a - b).exp()).map(|c| if c.is_finite() { c } else { 1.0 }).collect()
}

fn check(gpu: &Gpu, what: &str, logits: &Logits<'_>, b: &Logits<'_>, transform: &LogitTransform<'_>) {
    let condition = condition(logits, b, transform);
    let (lse, sign) = gpu.signed_logsumexp(logits, b, transform).unwrap();
    let (expected, expected_sign) = reference::signed_logsumexp(logits, b, transform).unwrap();
    assert_close(what, &lse, &expected, |r| Bound { relative: 1e-6, absolute: 1e-6 * condition[r] });
    assert_close(&format!("sign of {what}"), &sign, &expected_sign, |_| Bound { relative: 0.0, absolute: 1e-9 });

    let upstream: Vec<f32> = (0..logits.rows()).map(|r| r as f32 - 1.5).collect();
    let got = gpu.signed_logsumexp_backward(logits, b, &lse, &sign, &upstream, transform).unwrap();
    let gradient = reference::signed_logsumexp_backward(logits, b, &lse, &sign, &upstream, transform).unwrap();
    let largest = expected.iter().chain([&1.0]).filter(|x| x.is_finite()).fold(0.0_f64, |m, x| m.max(x.abs()));
    assert_close(&format!("gradient of {what}"), &got, &gradient, |_| Bound { relative: 2e-6 + 2e-7 * largest, absolute: 1e-30 });
}

#[test]
fn of_every_shape() {
    with_every_strategy(|gpu| {
        for (data, rows, classes) in
            [(Data::Normal, 1, 1), (Data::Outliers, 7, 10), (Data::Ascending, 3, 1000), (Data::Masked, 2, 5003), (Data::Normal, 1, 50_257)]
        {
            let (values, _) = make(data, rows, classes, 4);
            let b = factors(rows * classes, 5);
            let (logits, b) = (Logits::new(&values, rows, classes).unwrap(), Logits::new(&b, rows, classes).unwrap());
            check(gpu, &format!("{rows} x {classes} {data:?}"), &logits, &b, &LogitTransform::new());
        }
        let (rows, classes) = (6, 45);
        let (values, _) = make(Data::Normal, rows, classes, 3);
        let b = factors(rows * classes, 6);
        let (logits, b) = (Logits::new(&values, rows, classes).unwrap(), Logits::new(&b, rows, classes).unwrap());
        let allowed: Vec<bool> = (0..rows * classes).map(|i| i % 4 != 1 && i / classes != 2).collect();
        let words = ClassMask::pack(&allowed, classes);
        let masked = LogitTransform::new().mask(ClassMask::per_row(&words, rows, classes).unwrap());
        let scales = [1.0_f32, -1.0, 0.1, 2.0, 3.0, 0.5];
        for transform in [masked, masked.scale(&scales[..]), LogitTransform::new().softcap(2.0)] {
            check(gpu, &format!("{transform:?}"), &logits, &b, &transform);
        }
    });
}

#[test]
fn classes_may_lie_apart() {
    on_every_adapter(|gpu| {
        let (values, _) = make(Data::Normal, 3, 35, 4);
        let b = factors(3 * 35, 5);
        let (logits, b) = (Logits::with_shape(&values, &[3, 7, 5], 1).unwrap(), Logits::with_shape(&b, &[3, 7, 5], 1).unwrap());
        let (lse, sign) = gpu.signed_logsumexp(&logits, &b, &LogitTransform::new()).unwrap();
        let (expected, expected_sign) = reference::signed_logsumexp(&logits, &b, &LogitTransform::new()).unwrap();
        assert_close("apart", &lse, &expected, |_| Bound { relative: 1e-5, absolute: 1e-5 });
        assert_close("signs apart", &sign, &expected_sign, |_| Bound { relative: 0.0, absolute: 1e-9 });
    });
}

#[test]
fn of_special_terms() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let cases: [([f32; 3], [f32; 3]); 16] = [
        ([nan, 1.0, 2.0], [0.0, 1.0, -2.0]),
        ([nan, 1.0, 2.0], [1.0, 1.0, -2.0]),
        ([inf, 1.0, 2.0], [-0.0, 1.0, -2.0]),
        ([inf, 1.0, 2.0], [3.0, 1.0, -2.0]),
        ([inf, 1.0, 2.0], [-3.0, 1.0, -2.0]),
        ([inf, inf, 2.0], [-3.0, 1.0, -2.0]),
        ([inf, inf, nan], [2.0, 1.0, 0.0]),
        ([-inf, -inf, -inf], [2.0, 1.0, 3.0]),
        ([-inf, 1.0, -inf], [2.0, -1.0, 3.0]),
        ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0]),
        ([1.0, 1.0, 2.0], [1.0, -1.0, 0.0]),
        ([0.0, 1.0, 2.0], [inf, 1.0, 0.0]),
        ([0.0, 1.0, 2.0], [-inf, 1.0, 0.0]),
        ([0.0, 1.0, 2.0], [-inf, inf, 0.0]),
        ([-inf, 1.0, 2.0], [inf, 1.0, 0.0]),
        ([0.0, 1.0, 2.0], [1.0, nan, 0.0]),
    ];
    let values: Vec<f32> = cases.iter().flat_map(|c| c.0).collect();
    let b: Vec<f32> = cases.iter().flat_map(|c| c.1).collect();
    let (logits, b) = (Logits::new(&values, 16, 3).unwrap(), Logits::new(&b, 16, 3).unwrap());
    with_every_strategy(|gpu| {
        let (lse, sign) = gpu.signed_logsumexp(&logits, &b, &LogitTransform::new()).unwrap();
        let (expected, expected_sign) = reference::signed_logsumexp(&logits, &b, &LogitTransform::new()).unwrap();
        assert_close("special terms", &lse, &expected, |_| Bound { relative: 1e-6, absolute: 1e-6 });
        assert_close("signs of special terms", &sign, &expected_sign, |_| Bound { relative: 0.0, absolute: 1e-9 });
    });
}

#[test]
fn at_the_device_level() {
    on_every_adapter(|gpu| {
        let (rows, classes) = (9, 21);
        let (dense, b) = (make(Data::Normal, rows, classes, 12).0, factors(rows * classes, 13));
        let (input, factor_input) = (floats(gpu, &dense), floats(gpu, &b));
        let at = |from| DeviceMatrix::new::<f32>(from, rows, classes).unwrap();
        let [lse, sign, upstream, gradient] =
            [vec![7.5; rows], vec![7.5; rows], vec![2.0; rows], vec![7.5; rows * classes]].map(|v| floats(gpu, &v));
        let [lse_at, sign_at, upstream_at] = [&lse, &sign, &upstream].map(DeviceVector::new);
        let mut encoder = encoder(gpu);
        let plain = (LogitTransform::new(), TransformBuffers::default());
        let matrices = (&at(&input), &at(&factor_input));
        gpu.record_signed_logsumexp(&mut encoder, matrices, &plain.0, &plain.1, (lse_at, sign_at)).unwrap();
        let rows_at = [lse_at, sign_at, upstream_at];
        let output = Output::To(at(&gradient));
        gpu.record_signed_logsumexp_backward(&mut encoder, matrices, rows_at, &plain.0, &plain.1, output).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let (logits, b) = (Logits::new(&dense, rows, classes).unwrap(), Logits::new(&b, rows, classes).unwrap());
        let host = gpu.signed_logsumexp(&logits, &b, &plain.0).unwrap();
        assert_eq!((values(gpu, &lse), values(gpu, &sign)), host);
        let expected = gpu.signed_logsumexp_backward(&logits, &b, &host.0, &host.1, &vec![2.0; rows], &plain.0).unwrap();
        assert_eq!(values(gpu, &gradient), expected);
    });
}

#[test]
fn over_dimensions() {
    with_every_strategy(|gpu| {
        let shape = [2, 3, 4, 5];
        let (values, _) = make(Data::Outliers, 1, 120, 3);
        for dims in [&[0_isize][..], &[3], &[-1, -2], &[0, 1], &[2, 1], &[0, 2], &[3, 0], &[0, 1, 3], &[0, 1, 2, 3]] {
            let got = gpu.logsumexp_over(&values, &shape, dims).unwrap();
            let expected = reference::logsumexp_over(&values, &shape, dims).unwrap();
            assert_close(&format!("{dims:?}"), &got, &expected, |_| Bound { relative: 2e-6, absolute: 2e-6 });
        }
    });
    let over = |data: &[f32], shape: &[usize], dims: &[isize]| gpu().logsumexp_over(data, shape, dims);
    let data = [0.0; 6];
    assert!(matches!(over(&data, &[2, 3], &[0, -2]), Err(Error::Options(_))));
    assert!(matches!(over(&data, &[2, 3], &[]), Err(Error::Options(_))));
    assert!(matches!(over(&data, &[2, 3], &[2]), Err(Error::Dimension { dim: 2, dims: 2 })));
    assert!(matches!(over(&data, &[2, 3], &[-3]), Err(Error::Dimension { dim: -3, dims: 2 })));
    assert!(matches!(over(&data, &[2, 4], &[0]), Err(Error::Length { expected: 8, got: 6, .. })));
    assert!(matches!(over(&[], &[2, 0], &[1]), Err(Error::NoClasses { rows: 2 })));
    assert_eq!(over(&[], &[0, 2], &[1]).unwrap(), [0.0; 0]);
}

#[test]
fn wrong_shapes() {
    let (values, plain) = ([0.0_f32; 6], LogitTransform::new());
    let (logits, b) = (Logits::new(&values, 2, 3).unwrap(), Logits::new(&values, 3, 2).unwrap());
    assert!(matches!(gpu().signed_logsumexp(&logits, &b, &plain), Err(Error::Length { what: "b", .. })));
    let wrong = gpu().signed_logsumexp_backward(&logits, &logits, &[0.0; 2], &[1.0; 3], &[1.0; 2], &plain);
    assert!(matches!(wrong, Err(Error::Length { what: "sign", expected: 2, got: 3 })));
}

#[test]
fn pytorch_agrees() {
    let cases = cases_of("logsumexp", 40);
    let is_plain = |case: &&Case| case.field("mask").is_none();
    let (signed, plain): (Vec<&Case>, Vec<&Case>) = cases.iter().filter(is_plain).partition(|case| case.field("b").is_some());
    // The signed one takes one dimension.
    let signed: Vec<&Case> = signed.into_iter().filter(|case| dims_of(case).len() == 1).collect();
    assert!(signed.len() >= 5 && plain.len() >= 15, "{} and {} cases", signed.len(), plain.len());
    on_every_adapter(|gpu| {
        plain.iter().for_each(|case| check_over_dimensions(gpu, case));
        signed.iter().for_each(|case| check_signed(gpu, case));
    });
}

fn dims_of(case: &Case) -> Vec<isize> {
    case.integers("dims").unwrap()
}

fn check_over_dimensions(gpu: &Gpu, case: &Case) {
    let got = gpu.logsumexp_over(&case.inputs("logits").unwrap(), &case.shape(), &dims_of(case)).unwrap();
    assert_close(case.name(), &got, &case.numbers("out").unwrap(), |_| Bound { relative: 2e-6, absolute: 2e-6 });
}

fn check_signed(gpu: &Gpu, case: &Case) {
    let (data, b, shape) = (case.inputs("logits").unwrap(), case.inputs("b").unwrap(), case.shape());
    let view = |values| Logits::with_shape(values, &shape, dims_of(case)[0]).unwrap();
    let plain = LogitTransform::new();
    let (lse, sign) = gpu.signed_logsumexp(&view(&data), &view(&b), &plain).unwrap();
    assert_close(case.name(), &lse, &case.numbers("out").unwrap(), |_| Bound { relative: 5e-6, absolute: 5e-6 });
    assert_close(case.name(), &sign, &case.numbers("sign").unwrap(), |_| Bound { relative: 0.0, absolute: 1e-9 });
    let upstream = case.inputs("upstream").unwrap();
    let got = gpu.signed_logsumexp_backward(&view(&data), &view(&b), &lse, &sign, &upstream, &plain).unwrap();
    assert_close(case.name(), &got, &case.numbers("grad").unwrap(), |_| Bound { relative: 2e-5, absolute: 1e-6 });
}
