//! The same operations recorded on buffers.

use super::case::{Case, Check, Inputs, Op, unreduced};
use crate::common::{Bound, Share, TINY, all_cases, assert_close, gpu, gpus, on_every_adapter, with_every_strategy};
use crate::device::{buffer, encoder, floats, values};
use wgpu_xent::{
    CrossEntropy, DeviceMatrix, DeviceVector, DeviceWeights, ElementLoss, ElementLossBuffers, ElementLossResult, ElementReduction, Error,
    Gpu, Logits, NllBuffers, Output, Reduction, Targets, Weights, reference,
};

fn dense(view: &Logits<'_>) -> Vec<f32> {
    let (classes, inner) = (view.classes(), view.inner());
    let mut all = vec![0.0; view.rows() * classes];
    for r in 0..view.rows() {
        for (c, value) in view.row(r).enumerate() {
            all[r / inner * classes * inner + c * inner + r % inner] = value as f32;
        }
    }
    all
}

/// A buffer's matrix in the shape of a view.
fn like<'a>(buffer: &'a wgpu::Buffer, view: &Logits<'_>) -> DeviceMatrix<'a> {
    let (classes, inner) = (view.classes(), view.inner());
    DeviceMatrix::with_blocks::<f32>(buffer, 0, view.rows() / inner, classes, inner, classes * inner).unwrap()
}

/// Records a case with all of its results, the gradient over the input, and compares them.
fn check(gpu: &Gpu, case: &Case<'_>, loss: ElementLoss, divisor: f64) {
    let loss = case.all(loss);
    let expected = case.on_cpu(loss.gradient(true)).unwrap();
    let (a, b) = (floats(gpu, &dense(&case.a)), floats(gpu, &dense(&case.b)));
    let empty = || floats(gpu, &vec![7.5; case.a.rows() * case.a.classes()]);
    let (elements, target_gradient, rows, sum) = (empty(), empty(), floats(gpu, &vec![7.5; case.a.rows()]), floats(gpu, &[7.5]));
    let targets = (!matches!(case.op, Op::Entropy)).then(|| like(&b, &case.b));
    let has_targets = expected.target_gradient.is_some();
    let buffers = ElementLossBuffers {
        loss: expected.loss.map(|_| DeviceVector::new(&sum)),
        row_loss: Some(DeviceVector::new(&rows)),
        elements: Some(Output::To(like(&elements, &case.a))),
        gradient: Some(Output::InPlace),
        target_gradient: has_targets.then(|| Output::To(like(&target_gradient, &case.a))),
        ..ElementLossBuffers::new(like(&a, &case.a), targets)
    };
    let mut encoder = encoder(gpu);
    match case.op {
        Op::Binary { weight, pos_weight } => {
            let of_elements = |w: &Logits<'_>| floats(gpu, &dense(w));
            let weights = weight.map(|w| match w {
                Weights::Classes(w) => floats(gpu, w),
                Weights::Elements(w) => of_elements(&w),
            });
            let weight = weight.zip(weights.as_ref()).map(|(weight, buffer)| match weight {
                Weights::Classes(_) => DeviceWeights::Classes(DeviceVector::new(buffer)),
                Weights::Elements(w) => DeviceWeights::Elements(like(buffer, &w)),
            });
            let pos = pos_weight.map(|w| floats(gpu, w));
            let pos = pos.as_ref().map(DeviceVector::new);
            gpu.record_binary_cross_entropy_with_logits(&mut encoder, &buffers, weight, pos, &loss).unwrap();
        }
        Op::Divergence { log_target } => gpu.record_kl_div(&mut encoder, &buffers, log_target, &loss).unwrap(),
        Op::Entropy => gpu.record_entropy(&mut encoder, &buffers, &loss).unwrap(),
        Op::Distributions => gpu.record_distribution_cross_entropy(&mut encoder, &buffers, &loss).unwrap(),
    }
    gpu.queue().submit([encoder.finish()]);
    let mut got = ElementLossResult::<f32>::default();
    got.loss = expected.loss.map(|_| values(gpu, &sum)[0]);
    got.row_loss = Some(values(gpu, &rows));
    got.gradient = Some(values(gpu, &a));
    got.target_gradient = has_targets.then(|| values(gpu, &target_gradient));
    got.elements = expected.elements.as_ref().map(|_| values(gpu, &elements));
    case.compare("device", &got, &expected, divisor);
}

/// Rows of a multiple of four classes, of any number, and apart. Other adapters than the first share the operations.
#[test]
fn every_operation() {
    let all = [[5, 12, 1], [3, 1003, 1], [2, 70, 7]].map(|shape| Inputs::new(shape, 51));
    for (i, gpu) in gpus().iter().enumerate() {
        for (shape, inputs) in all.iter().enumerate() {
            let share = if i == 0 { Share::ALL } else { Share::new(i + shape) };
            inputs.each(share, |case| {
                let batch = ElementLoss::new().reduction(ElementReduction::BatchMean);
                if shape == 1 { check(gpu, case, batch, case.a.rows() as f64) } else { check(gpu, case, unreduced(), 1.0) }
            });
        }
        if i == 0 || all_cases() {
            all[0].each_weight(|case| check(gpu, case, unreduced(), 1.0));
        }
    }
}

#[test]
fn sigmoids() {
    let inputs = Inputs::new([3, 70, 1], 52);
    let (x, u) = (inputs.logits(), inputs.weights());
    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    with_every_strategy(|gpu| {
        let (x_buffer, u_buffer) = (floats(gpu, &dense(&x)), floats(gpu, &dense(&u)));
        let result = floats(gpu, &dense(&x));
        let mut encoder = encoder(gpu);
        let at = |buffer| like(buffer, &x);
        gpu.record_sigmoid(&mut encoder, &at(&x_buffer), Output::InPlace).unwrap();
        gpu.record_sigmoid_backward(&mut encoder, &at(&x_buffer), &at(&u_buffer), Output::To(at(&result))).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let y = values(gpu, &x_buffer);
        assert_close("sigmoid", &y, &reference::sigmoid(&x), tight);
        let y = Logits::new(&y, 3, 70).unwrap();
        assert_close("its gradient", &values(gpu, &result), &reference::sigmoid_backward(&y, &u).unwrap(), tight);
    });
}

#[test]
fn negative_log_likelihood() {
    let inputs = Inputs::new([6, 70, 1], 53);
    let x = inputs.log_probs();
    let targets = [0_i32, 69, -100, 3, 70, 5];
    let weights: Vec<f32> = (0..70).map(|c| 0.5 + c as f32 / 70.0).collect();
    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    with_every_strategy(|gpu| {
        for bad in [false, true] {
            let rows = if bad { 6 } else { 4 };
            let x = Logits::new(&dense(&x)[..rows * 70], rows, 70).map(|x| dense(&x)).unwrap();
            let x = Logits::new(&x, rows, 70).unwrap();
            let input = floats(gpu, &dense(&x));
            let goal = buffer(gpu, bytemuck::cast_slice(&targets[..rows]));
            let (classes, row_loss, loss) = (floats(gpu, &weights), floats(gpu, &vec![7.5; rows]), floats(gpu, &[7.5]));
            let buffers = NllBuffers {
                class_weights: Some(DeviceVector::new(&classes)),
                loss: Some(DeviceVector::new(&loss)),
                row_loss: Some(DeviceVector::new(&row_loss)),
                gradient: Some(Output::InPlace),
                ..NllBuffers::new(like(&input, &x), DeviceVector::new(&goal))
            };
            let mut encoder = encoder(gpu);
            let pending = gpu.record_nll_loss(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
            gpu.queue().submit([encoder.finish()]);
            let got = values(gpu, &row_loss);
            if bad {
                assert!(matches!(pending.read(gpu), Err(Error::Target { row: 4, target: 70, .. })));
                assert!(got[4].is_nan() && got[2] == 0.0 && values(gpu, &loss)[0].is_nan());
                let gradient = values(gpu, &input);
                assert!(gradient[4 * 70..5 * 70].iter().all(|g| g.is_nan()) && gradient[2 * 70..3 * 70] == [0.0; 70]);
                continue;
            }
            let options = CrossEntropy::new().class_weights(&weights[..]).row_loss(true).gradient(true);
            let expected = reference::nll_loss(&x, &Targets::new(&targets[..rows]), &options).unwrap();
            let summary = pending.read(gpu).unwrap();
            assert_close("row loss", &got, &expected.row_loss.unwrap(), tight);
            assert_close("loss", &values(gpu, &loss), &[expected.loss.unwrap()], tight);
            assert_close("gradient", &values(gpu, &input), &expected.gradient.unwrap(), tight);
            assert_close("denominator", &[summary.denominator], &[expected.denominator], tight);
            assert_eq!(summary.valid_rows, expected.valid_rows);
        }
    });
}

#[test]
fn refusals() {
    let (a, b) = (floats(gpu(), &[0.5; 12]), floats(gpu(), &[0.5; 12]));
    let (x, y) = (DeviceMatrix::new::<f32>(&a, 3, 4).unwrap(), DeviceMatrix::new::<f32>(&b, 3, 4).unwrap());
    let mut encoder = encoder(gpu());
    let plain = ElementLossBuffers::new(x, y);
    let vector = DeviceVector::new(&b);
    let mut kl = |buffers: ElementLossBuffers<'_>, loss: ElementLoss| gpu().record_kl_div(&mut encoder, &buffers, false, &loss);
    kl(plain, ElementLoss::new()).unwrap();
    assert!(matches!(kl(ElementLossBuffers { targets: None, ..plain }, ElementLoss::new()), Err(Error::Options(_))));
    assert!(matches!(kl(ElementLossBuffers { loss: Some(vector), ..plain }, unreduced()), Err(Error::Options(_))));
    let twice = ElementLossBuffers { gradient: Some(Output::InPlace), elements: Some(Output::InPlace), ..plain };
    assert!(matches!(kl(twice, ElementLoss::new()), Err(Error::Buffer { .. })));
    let over_targets = ElementLossBuffers { gradient: Some(Output::To(y)), ..plain };
    assert!(matches!(kl(over_targets, ElementLoss::new()), Err(Error::Buffer { .. })));
    let other = ElementLossBuffers { targets: Some(DeviceMatrix::new::<f32>(&b, 4, 3).unwrap()), ..plain };
    assert!(matches!(kl(other, ElementLoss::new()), Err(Error::Length { .. })));
    assert!(matches!(gpu().record_entropy(&mut encoder, &plain, &ElementLoss::new()), Err(Error::Options(_))));
    let buffers = NllBuffers { loss: Some(vector), ..NllBuffers::new(x, vector) };
    let none = CrossEntropy::new().reduction(Reduction::None);
    assert!(matches!(gpu().record_nll_loss(&mut encoder, &buffers, &none), Err(Error::Options(_))));
    assert!(matches!(gpu().record_nll_loss(&mut encoder, &buffers, &none.rank(true)), Err(Error::Options(_))));
}

/// More rows than lavapipe binds at once, recorded.
#[test]
fn many_rows() {
    let (rows, classes) = (140_003, 252);
    let p: Vec<f32> = (0..rows * classes).map(|i| (i % 1009) as f32 / 1009.0).collect();
    let view = Logits::new(&p, rows, classes).unwrap();
    let expected = reference::entropy(&view, &ElementLoss::new().row_loss(true)).unwrap();
    on_every_adapter(|gpu| {
        let (input, row_loss, loss) = (floats(gpu, &p), floats(gpu, &vec![7.5; rows]), floats(gpu, &[7.5]));
        let matrix = DeviceMatrix::new::<f32>(&input, rows, classes).unwrap();
        let vector = |buffer| Some(DeviceVector::new(buffer));
        let buffers = ElementLossBuffers { loss: vector(&loss), row_loss: vector(&row_loss), ..ElementLossBuffers::new(matrix, None) };
        let mut encoder = encoder(gpu);
        gpu.record_entropy(&mut encoder, &buffers, &ElementLoss::new()).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
        assert_close("row loss", &values(gpu, &row_loss), expected.row_loss.as_ref().unwrap(), tight);
        assert_close("loss", &values(gpu, &loss), &[expected.loss.unwrap()], tight);
    });
}
