//! What sums and defaults hide: labels and weights that add up to 0, NaN labels of classes that weigh nothing, factors near the ends of
//! f32, states that lack what is asked of them, calls without rows.
//!
//! Pipelines: cross-entropy with labels and with smoothing, signed log-sum-exp, at the planned strategy.

use crate::common::{Bound, assert_close, gpu, on_every_adapter};
use crate::device::{buffer, encoder, floats, values, words};
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, Denominator, DeviceMatrix, DeviceVector, EmptyMean, Error, FaultPolicy, LogitTransform, Logits,
    NO_CLASS, Reduction, RowState, Targets, reference,
};
use wgpu_xent_verify::{Bounds, compare_results};

#[test]
fn coefficients_that_add_up_to_nothing() {
    let x = [0.5_f32, 2.0, -1.0, 0.0, 1.0, 3.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0];
    let q = [1.0_f32, -1.0, 0.0, 0.5, 0.25, -0.75, 0.0, 0.0, 0.0, f32::NAN, 0.0, 1.0];
    let (x, q) = (Logits::new(&x, 4, 3).unwrap(), Logits::new(&q, 4, 3).unwrap());
    let targets = Targets::new(&[0, 2, 1, 0]);
    let base = CrossEntropy::new().row_loss(true).gradient(true).entropy(true);
    on_every_adapter(|gpu| {
        for weights in [[1.0_f32, 1.0, 1.0], [0.0, 1.0, -1.0]] {
            for denominator in [Denominator::Rows, Denominator::Value(0.0)] {
                let options = base.class_weights(&weights[..]).denominator(denominator);
                let soft = options.target_gradient(true);
                let (got, expected) =
                    (gpu.soft_cross_entropy(&x, &q, &soft).unwrap(), reference::soft_cross_entropy(&x, &q, &soft).unwrap());
                compare_results(&got, &expected, &Bounds::PLAIN).unwrap_or_else(|e| panic!("{weights:?}, {denominator:?}: {e}"));
                assert_eq!(got.faults.nan.count, 1, "a NaN label is a fault whatever its class weighs");
                let hard = options.label_smoothing(0.5);
                let (got, expected) =
                    (gpu.cross_entropy(&x, &targets, &hard).unwrap(), reference::cross_entropy(&x, &targets, &hard).unwrap());
                compare_results(&got, &expected, &Bounds::PLAIN).unwrap_or_else(|e| panic!("smoothed, {weights:?}, {denominator:?}: {e}"));
            }
        }
    });
}

/// Against -inf, a negative label is -inf, smoothing +inf, and both are NaN.
#[test]
fn infinite_terms_of_both_signs() {
    let inf = f32::NEG_INFINITY;
    let x = [0.0_f32, inf, 0.0, inf, 0.0, inf];
    let x = Logits::new(&x, 3, 2).unwrap();
    let q = Logits::new(&[1.0_f32, -1.0, 1.0, 1.0, 1.0, 0.0], 3, 2).unwrap();
    let options = CrossEntropy::new().reduction(Reduction::None).label_smoothing(0.1);
    let expected = reference::soft_cross_entropy(&x, &q, &options).unwrap().row_loss.unwrap();
    assert!(expected[0].is_nan() && expected[1..] == [f64::INFINITY; 2], "{expected:?}");
    on_every_adapter(|gpu| {
        let got = gpu.soft_cross_entropy(&x, &q, &options).unwrap().row_loss.unwrap();
        assert!(got[0].is_nan() && got[1..] == [f32::INFINITY; 2], "{got:?}");
        let got = gpu.soft_cross_entropy(&x, &q, &options.label_smoothing(0.0)).unwrap().row_loss.unwrap();
        assert!(got[..2] == [f32::NEG_INFINITY, f32::INFINITY] && got[2] == 0.0, "{got:?}");
    });
}

/// Exponentials and sums beyond f32 on the way to results that are not.
#[test]
fn factors_near_the_ends_of_f32() {
    let x = [0.0_f32, -1.0, 0.0, -1.0, 40.0, 39.0, 0.0, 0.0, 0.0, 0.0];
    let b = [1e38_f32, 1e38, 3e-36, 2e-36, 1e30, -5e29, 3e38, 3e38, 1e-44, 0.0];
    let (x, b) = (Logits::new(&x, 5, 2).unwrap(), Logits::new(&b, 5, 2).unwrap());
    let none = LogitTransform::new();
    on_every_adapter(|gpu| {
        let (lse, sign) = gpu.signed_logsumexp(&x, &b, &none).unwrap();
        let (expected, signs) = reference::signed_logsumexp(&x, &b, &none).unwrap();
        assert_close("log", &lse[..3], &expected[..3], |_| Bound { relative: 1e-6, absolute: 1e-6 });
        assert_close("sign", &sign[..3], &signs[..3], |_| Bound { relative: 1e-9, absolute: 0.0 });
        assert!(lse[3].is_nan() && sign[3].is_nan(), "a sum beyond f32: {lse:?} {sign:?}");
        assert!((lse[4], sign[4]) == (f32::NEG_INFINITY, 0.0), "a sum below its normal numbers: {lse:?} {sign:?}");
        let got = gpu.signed_logsumexp_backward(&x, &b, &lse, &sign, &[1.0; 5], &none).unwrap();
        let gradient = reference::signed_logsumexp_backward(&x, &b, &lse, &sign, &[1.0; 5], &none).unwrap();
        assert_close("gradient", &got[..6], &gradient[..6], |_| Bound { relative: 2e-5, absolute: 0.0 });
    });
}

/// Options of a loss, or what is wanted of it.
type Ask = for<'a> fn(CrossEntropy<'a>) -> CrossEntropy<'a>;

#[test]
fn states_that_lack_what_is_asked() {
    let logits = Logits::new(&[0.0_f32, 1.0, 2.0], 1, 3).unwrap();
    let targets = Targets::new(&[0]);
    let plain = CrossEntropy::new();
    let asks: [(Ask, &str); 5] = [
        (|o| o.rank(true), "the rank of the target"),
        (|o| o.top_k(1), "the rank of the target"),
        (|o| o.argmax(true), "the argmax"),
        (|o| o.entropy(true), "the entropy"),
        (|o| o.label_smoothing(0.1), "the sums of label smoothing"),
    ];
    let states = gpu().row_states(&logits, &targets, &plain).unwrap();
    for (ask, what) in asks {
        let error = gpu().cross_entropy_from_states(&logits, &targets, &states, &ask(plain)).unwrap_err().to_string();
        assert_eq!(error, format!("the states do not hold {what}: make them with the options of this call"));
        let made = gpu().row_states(&logits, &targets, &ask(plain)).unwrap();
        let got = gpu().cross_entropy_from_states(&logits, &targets, &made, &ask(plain)).unwrap();
        compare_results(&got, &reference::cross_entropy(&logits, &targets, &ask(plain)).unwrap(), &Bounds::PLAIN).unwrap();
    }
    let error = gpu().soft_cross_entropy_from_states(&logits, &logits, &states, &plain).unwrap_err();
    assert!(matches!(&error, Error::Options(text) if text.contains("the sums of the labels")), "{error}");

    // On the device nobody sees the states: what they lack is no class, or NaN.
    let (input, indices, of_rows) = (floats(gpu(), &[0.0, 1.0, 2.0]), buffer(gpu(), &[0]), buffer(gpu(), bytemuck::cast_slice(&states)));
    let [rank, argmax, entropy] = std::array::from_fn(|_| floats(gpu(), &[7.5]));
    let buffers = CrossEntropyBuffers {
        states: Some(DeviceVector::new(&of_rows)),
        rank: Some(DeviceVector::new(&rank)),
        argmax: Some(DeviceVector::new(&argmax)),
        entropy: Some(DeviceVector::new(&entropy)),
        ..CrossEntropyBuffers::new(DeviceMatrix::new::<f32>(&input, 1, 3).unwrap(), DeviceVector::new(&indices))
    };
    let mut encoder = encoder(gpu());
    gpu().record_cross_entropy(&mut encoder, &buffers, &plain).unwrap();
    gpu().queue().submit([encoder.finish()]);
    assert_eq!([&rank, &argmax].map(|from| values(gpu(), from)[0].to_bits()), [NO_CLASS; 2]);
    assert!(values(gpu(), &entropy)[0].is_nan());
}

/// States recorded into the caller's encoder are those of the host level, with scales and masks from buffers.
#[test]
fn states_on_the_device() {
    let (x, scales) = ([0.0_f32, 1.0, 2.0, -1.0, 4.0, 0.5], [0.5_f32, 2.0]);
    let options = CrossEntropy::new().label_smoothing(0.1).argmax(true).entropy(true);
    let targets = Targets::new(&[4, 1]);
    on_every_adapter(|gpu| {
        let piece = options.piece(2, 5);
        let expected = gpu.row_states(&Logits::new(&x, 2, 3).unwrap(), &targets, &piece.scale(&scales[..])).unwrap();
        let (input, indices, of_rows) = (floats(gpu, &x), buffer(gpu, &[4, 1]), floats(gpu, &scales));
        let states = buffer(gpu, &[7; 2 * size_of::<RowState>() / 4]);
        let matrix = DeviceMatrix::new::<f32>(&input, 2, 3).unwrap();
        let mut buffers = CrossEntropyBuffers::new(matrix, DeviceVector::new(&indices));
        buffers.transform.scales = Some(DeviceVector::new(&of_rows));
        assert!(matches!(gpu.record_row_states(&mut encoder(gpu), &buffers, &piece), Err(Error::Options(_))), "nowhere to put them");
        buffers.new_states = Some(DeviceVector::new(&states));
        let mut encoder = encoder(gpu);
        gpu.record_row_states(&mut encoder, &buffers, &piece).unwrap();
        gpu.queue().submit([encoder.finish()]);
        assert_eq!(bytemuck::cast_slice::<u32, RowState>(&words(gpu, &states)), expected);
        assert!(matches!(gpu.record_row_states(&mut crate::device::encoder(gpu), &buffers, &piece.rank(true)), Err(Error::Options(_))));
    });
}

/// Both levels agree on the loss of no rows, for every way to make it.
#[test]
fn no_rows() {
    let none = Logits::new::<f32>(&[], 0, 3).unwrap();
    let (input, indices, loss) = (floats(gpu(), &[0.0; 3]), buffer(gpu(), &[0]), floats(gpu(), &[7.5]));
    for (reduction, empty) in [(Reduction::Mean, EmptyMean::Nan), (Reduction::Mean, EmptyMean::Zero), (Reduction::Sum, EmptyMean::Nan)] {
        for denominator in [Denominator::Rows, Denominator::Value(4.0), Denominator::Value(0.0)] {
            let options =
                CrossEntropy::new().reduction(reduction).empty_mean(empty).denominator(denominator).faults(FaultPolicy::Propagate);
            let at_host = gpu().cross_entropy(&none, &Targets::new::<i64>(&[]), &options).unwrap();
            let matrix = DeviceMatrix::new::<f32>(&input, 0, 3).unwrap();
            let mut buffers = CrossEntropyBuffers::new(matrix, DeviceVector::new(&indices));
            buffers.loss = Some(DeviceVector::new(&loss));
            let mut encoder = encoder(gpu());
            let pending = gpu().record_cross_entropy(&mut encoder, &buffers, &options).unwrap();
            gpu().queue().submit([encoder.finish()]);
            let summary = pending.read(gpu()).unwrap();
            let what = format!("{reduction:?}, {empty:?}, {denominator:?}");
            let same = |a: Option<f32>, b: Option<f32>| a == b || a.is_some_and(f32::is_nan) && b.is_some_and(f32::is_nan);
            assert!(
                same(summary.loss, at_host.loss) && same(Some(values(gpu(), &loss)[0]), at_host.loss),
                "{what}: {summary:?}, {at_host:?}"
            );
            assert_eq!((summary.denominator, summary.faults), (at_host.denominator, at_host.faults), "{what}");
        }
    }
}
