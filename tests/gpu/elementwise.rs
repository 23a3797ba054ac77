//! The losses that are sums over elements, and what stands beside them: any shape, special values, reductions, the device level.

mod case;
mod device;
mod nll;
mod special;
mod torch;

use crate::common::{Bound, Share, TINY, assert_close, gpu, gpus, on_every_adapter, with_every_strategy, with_shares};
use case::{Case, Check, Inputs, Op, unreduced};
use wgpu_xent::{BinaryCrossEntropy, ElementLoss, ElementReduction, Error, Logits, Weights, reference};

/// Blocks, classes, rows of a block.
const SHAPES: [[usize; 3]; 8] = [[1, 1, 1], [5, 3, 1], [7, 10, 1], [3, 1000, 1], [2, 5003, 1], [2, 5, 3], [3, 70, 7], [1, 1003, 5]];

#[test]
fn every_operation_at_every_shape() {
    let all = SHAPES.map(|shape| Inputs::new(shape, 31));
    with_shares(|gpu, share| {
        for inputs in &all {
            inputs.each(share, |case| case.check(gpu, "unreduced", unreduced(), 1.0));
        }
    });
}

#[test]
fn every_kind_of_weights() {
    let all = [[3, 12, 1], [2, 1003, 1], [2, 5, 3]].map(|shape| Inputs::new(shape, 35));
    for (i, gpu) in gpus().iter().enumerate() {
        // Each shape has a layout of its own: all of them on one adapter, one on each other.
        for (_, inputs) in all.iter().enumerate().filter(|(shape, _)| i == 0 || Share::new(i).has(*shape)) {
            inputs.each_weight(|case| case.check(gpu, "weights", unreduced(), 1.0));
        }
    }
}

#[test]
fn sigmoids() {
    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    let all = SHAPES.map(|shape| Inputs::new(shape, 32));
    with_every_strategy(|gpu| {
        for inputs in &all {
            let (x, u) = (inputs.logits(), inputs.weights());
            let y = gpu.sigmoid(&x).unwrap();
            assert_close("sigmoid", &y, &reference::sigmoid(&x), tight);
            let y = Logits::with_blocks(&y, x.rows() / x.inner(), x.classes(), x.inner(), x.classes() * x.inner()).unwrap();
            let (got, expected) = (gpu.sigmoid_backward(&y, &u).unwrap(), reference::sigmoid_backward(&y, &u).unwrap());
            assert_close("its gradient", &got, &expected, tight);
        }
    });
    // All of the range, both signs, every exponent.
    let x: Vec<f32> = (0..200_000).map(|i| (i - 100_000) as f32 * 1.1e-3).chain((0..254).map(|e| f32::from_bits(e << 23))).collect();
    let x: Vec<f32> = x.iter().copied().chain(x.iter().map(|x| -x)).collect();
    let x = Logits::new(&x, 2, x.len() / 2).unwrap();
    on_every_adapter(|gpu| assert_close("sigmoid", &gpu.sigmoid(&x).unwrap(), &reference::sigmoid(&x), tight));
}

/// The logarithm everywhere, through the operation that returns it: at every exponent, near 1, and near where parts meet.
#[test]
fn logarithms() {
    let mut q: Vec<f32> =
        (1..255_u32).flat_map(|e| (0..64).map(move |m| f32::from_bits(e << 23 | m << 17 | (e * 7919 + m * 31) & 0x1_ffff))).collect();
    for middle in [1.0_f32, 0.5_f32.sqrt(), 2_f32.sqrt(), 0.5, 2.0] {
        q.extend((0..2000).map(|i| f32::from_bits(middle.to_bits() - 1000 + i)));
    }
    q.extend((0..24).flat_map(|i| [1.0 + 0.5_f32.powi(i), 1.0 - 0.5_f32.powi(i + 1)]));
    let (ones, q) = (vec![1.0_f32; q.len()], q);
    let (ones, q) = (Logits::new(&ones, 1, q.len()).unwrap(), Logits::new(&q, 1, q.len()).unwrap());
    on_every_adapter(|gpu| {
        let got = gpu.distribution_cross_entropy(&ones, &q, &unreduced()).unwrap();
        let expected: Vec<f64> = q.row(0).map(|q| -q.ln()).collect();
        assert_close("-log q", &got.elements.unwrap(), &expected, |_| Bound { relative: 4e-7, absolute: TINY });
    });
}

#[test]
fn reductions() {
    let shapes = [[2, 5003, 1], [2, 5, 3], [700, 10, 1]];
    let all = shapes.map(|shape| Inputs::new(shape, 33));
    with_shares(|gpu, share| {
        for (inputs, [blocks, classes, inner]) in all.iter().zip(shapes) {
            let rows = (blocks * inner) as f64;
            for (reduction, batch, divisor) in [
                (ElementReduction::Sum, None, 1.0),
                (ElementReduction::Mean, None, rows * classes as f64),
                (ElementReduction::BatchMean, None, rows),
                (ElementReduction::BatchMean, Some(3), 3.0),
            ] {
                let loss = ElementLoss::new().reduction(reduction).batch(batch);
                inputs.each(share, |case| {
                    case.check(gpu, "reduced", loss.upstream(-0.5), divisor);
                    // The loss alone, without any matrix.
                    if batch.is_some() {
                        let (got, expected) = (case.on_gpu(gpu, loss).unwrap(), case.on_cpu(loss).unwrap());
                        case.compare("alone", &got, &expected, divisor);
                    }
                });
            }
        }
    });
}

/// No rows, padding between rows, and what is refused.
#[test]
fn nothing_padding_and_refusals() {
    let none = Logits::new::<f32>(&[], 0, 5).unwrap();
    let case = Case { op: Op::Divergence { log_target: false }, a: none, b: none };
    for reduction in [ElementReduction::None, ElementReduction::Mean, ElementReduction::BatchMean, ElementReduction::Sum] {
        for batch in [None, Some(4)] {
            case.check(gpu(), "no rows", ElementLoss::new().reduction(reduction).batch(batch), 1.0);
        }
    }
    assert!(gpu().sigmoid(&none).unwrap().is_empty());

    let (a, b) = ([0.5_f32; 3 * 9], [0.25_f32; 3 * 11]);
    let (a, b) = (Logits::with_stride(&a, 3, 7, 9).unwrap(), Logits::with_stride(&b, 3, 7, 11).unwrap());
    with_every_strategy(|gpu| {
        for op in [Op::Binary { weight: Some(Weights::Elements(a)), pos_weight: None }, Op::Distributions] {
            Case { op, a, b }.check(gpu, "padding", ElementLoss::new().reduction(ElementReduction::Sum), 1.0);
        }
    });

    let other = Logits::new(&[0.5_f32; 12], 3, 4).unwrap();
    let loss = ElementLoss::new();
    let is_length = |result: wgpu_xent::Result<_>| matches!(result, Err(Error::Length { .. }));
    assert!(is_length(gpu().kl_div(&a, &other, false, &loss)) && is_length(gpu().distribution_cross_entropy(&a, &other, &loss)));
    assert!(matches!(gpu().sigmoid_backward(&a, &other), Err(Error::Length { what: "upstream", .. })));
    let binary = BinaryCrossEntropy::new();
    assert!(is_length(gpu().binary_cross_entropy_with_logits(&a, &other, &binary)));
    assert!(is_length(gpu().binary_cross_entropy_with_logits(&a, &b, &binary.weight(Weights::Elements(other)))));
    assert!(is_length(gpu().binary_cross_entropy_with_logits(&a, &b, &binary.pos_weight(&[1.0; 6][..]))));
    let nan = binary.weight(Weights::Classes(&[f32::NAN; 7]));
    assert!(matches!(gpu().binary_cross_entropy_with_logits(&a, &b, &nan), Err(Error::Value { what: "weight", .. })));
    let target_gradient = loss.target_gradient(true);
    assert!(matches!(gpu().entropy(&a, &target_gradient), Err(Error::Options(_))));
    assert!(matches!(gpu().entropy(&a, &loss.batch(0)), Err(Error::Value { what: "batch", .. })));
    assert!(matches!(gpu().binary_cross_entropy_with_logits(&a, &b, &binary.loss(target_gradient)), Err(Error::Options(_))));
}

/// More rows than a window of the host level holds, and than a grid has workgroups.
#[test]
fn many_rows() {
    let inputs = Inputs::new([70_001, 240, 1], 34);
    let (x, y) = (inputs.logits(), inputs.weights());
    let case = Case { op: Op::Binary { weight: None, pos_weight: None }, a: x, b: y };
    let loss = ElementLoss::new().reduction(ElementReduction::Sum).row_loss(true).gradient(true);
    let expected = case.on_cpu(loss).unwrap();
    on_every_adapter(|gpu| case.compare("windows", &case.on_gpu(gpu, loss).unwrap(), &expected, 1.0));
}
