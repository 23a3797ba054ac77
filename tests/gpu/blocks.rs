//! Classes in the middle of a shape `[N, C, d]`: softmax, log-softmax, log-sum-exp and their gradients, at both levels.
//!
//! Pipelines: six on every adapter, whatever the strategy of the plan; in every strategy only with `XENT_ALL_CASES`, because the
//! random combinations of options meet such shapes in every strategy too.

use crate::common::data::{Data, make};
use crate::common::{Bound, all_cases, assert_close, on_every_adapter, with_every_strategy};
use crate::device::{encoder, floats, values};
use wgpu_xent::{DeviceMatrix, DeviceVector, Gpu, Logits, Output, reference};

fn close(_: usize) -> Bound {
    Bound { relative: 1e-5, absolute: 2e-5 }
}

/// The results of all six operations on one shape.
struct Results {
    softmax: Vec<f32>,
    log_softmax: Vec<f32>,
    logsumexp: Vec<f32>,
    softmax_backward: Vec<f32>,
    log_softmax_backward: Vec<f32>,
    logsumexp_backward: Vec<f32>,
}

/// A shape of blocks some words apart, the logits, and what comes from above: for each element, and for each row.
struct Case {
    shape: [usize; 3],
    gap: usize,
    logits: Vec<f32>,
    upstream: Vec<f32>,
    factors: Vec<f32>,
}

impl Case {
    fn new([blocks, classes, inner]: [usize; 3], gap: usize) -> Self {
        let dense = |seed| make(Data::Normal, blocks, classes * inner, seed).0;
        let factors = (0..blocks * inner).map(|row| (row % 11) as f32 * 0.25 - 1.0).collect();
        let case = Self { shape: [blocks, classes, inner], gap, logits: Vec::new(), upstream: Vec::new(), factors };
        Self { logits: case.spread(&dense(81)), upstream: case.spread(&dense(82)), ..case }
    }

    /// The elements of a block.
    fn block(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    fn spread(&self, dense: &[f32]) -> Vec<f32> {
        dense.chunks(self.block()).collect::<Vec<_>>().join(&vec![7.5; self.gap][..])
    }

    fn gathered(&self, spread: &[f32]) -> Vec<f32> {
        spread.chunks(self.block() + self.gap).flat_map(|block| &block[..self.block()]).copied().collect()
    }

    /// Of an input.
    fn view<'a>(&self, spread: &'a [f32]) -> Logits<'a> {
        let [blocks, classes, inner] = self.shape;
        Logits::with_blocks(spread, blocks, classes, inner, self.block() + self.gap).unwrap()
    }

    /// Of a result.
    fn dense<'a>(&self, values: &'a [f32]) -> Logits<'a> {
        Logits::with_shape(values, &self.shape, 1).unwrap()
    }

    fn at_host_level(&self, gpu: &Gpu) -> Results {
        let (logits, upstream) = (self.view(&self.logits), self.view(&self.upstream));
        let softmax = gpu.softmax(&logits).unwrap();
        let log_softmax = gpu.log_softmax(&logits).unwrap();
        let logsumexp = gpu.logsumexp(&logits).unwrap();
        Results {
            softmax_backward: gpu.softmax_backward(&self.dense(&softmax), &upstream).unwrap(),
            log_softmax_backward: gpu.log_softmax_backward(&self.dense(&log_softmax), &upstream).unwrap(),
            logsumexp_backward: gpu.logsumexp_backward(&logits, &logsumexp, &self.factors).unwrap(),
            softmax,
            log_softmax,
            logsumexp,
        }
    }

    /// Everything behind three words.
    fn at_device_level(&self, gpu: &Gpu) -> Results {
        let [blocks, classes, inner] = self.shape;
        let behind = |values: &[f32]| [&[7.5; 3], values].concat();
        let [logits, upstream] = [&self.logits, &self.upstream].map(|spread| floats(gpu, &behind(spread)));
        let [p, y, p_back, y_back, lse_back] = std::array::from_fn(|_| floats(gpu, &vec![7.5; 3 + self.logits.len()]));
        let (lse, factors) = (floats(gpu, &vec![7.5; blocks * inner]), floats(gpu, &self.factors));
        let at = |buffer| DeviceMatrix::with_blocks::<f32>(buffer, 12, blocks, classes, inner, self.block() + self.gap).unwrap();
        let [lse_at, factors_at] = [&lse, &factors].map(DeviceVector::new);
        let mut encoder = encoder(gpu);
        gpu.record_softmax(&mut encoder, &at(&logits), Output::To(at(&p))).unwrap();
        gpu.record_log_softmax(&mut encoder, &at(&logits), Output::To(at(&y))).unwrap();
        gpu.record_logsumexp(&mut encoder, &at(&logits), lse_at).unwrap();
        gpu.record_softmax_backward(&mut encoder, &at(&p), &at(&upstream), Output::To(at(&p_back))).unwrap();
        gpu.record_log_softmax_backward(&mut encoder, &at(&y), &at(&upstream), Output::To(at(&y_back))).unwrap();
        gpu.record_logsumexp_backward(&mut encoder, &at(&logits), lse_at, factors_at, Output::To(at(&lse_back))).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let [softmax, log_softmax, softmax_backward, log_softmax_backward, logsumexp_backward] =
            [p, y, p_back, y_back, lse_back].map(|all| {
                let all = values(gpu, &all);
                let dense = self.gathered(&all[3..]);
                assert_eq!(all, behind(&self.spread(&dense)), "what is around the result is untouched");
                dense
            });
        let logsumexp = values(gpu, &lse);
        Results { softmax, log_softmax, logsumexp, softmax_backward, log_softmax_backward, logsumexp_backward }
    }

    /// Backward passes are compared with the reference's of the results that the kernels returned.
    fn check(&self, what: &str, got: &Results) {
        let (logits, upstream) = (self.view(&self.logits), self.view(&self.upstream));
        let (softmax, log_softmax) = (self.dense(&got.softmax), self.dense(&got.log_softmax));
        for (name, of, expected) in [
            ("softmax", &got.softmax, reference::softmax(&logits)),
            ("log_softmax", &got.log_softmax, reference::log_softmax(&logits)),
            ("logsumexp", &got.logsumexp, reference::logsumexp(&logits)),
            ("softmax_backward", &got.softmax_backward, reference::softmax_backward(&softmax, &upstream).unwrap()),
            ("log_softmax_backward", &got.log_softmax_backward, reference::log_softmax_backward(&log_softmax, &upstream).unwrap()),
            ("logsumexp_backward", &got.logsumexp_backward, reference::logsumexp_backward(&logits, &got.logsumexp, &self.factors).unwrap()),
        ] {
            assert_close(&format!("{name} of {:?} {what}", self.shape), of, &expected, close);
        }
    }
}

#[test]
fn of_every_shape() {
    let cases = [([2, 5, 3], 5), ([3, 70, 7], 0), ([1, 1003, 2], 0), ([4, 1, 6], 1)].map(|(shape, gap)| Case::new(shape, gap));
    let check = |gpu: &Gpu| {
        for case in &cases {
            case.check("at host level", &case.at_host_level(gpu));
            case.check("at device level", &case.at_device_level(gpu));
        }
    };
    if all_cases() { with_every_strategy(check) } else { on_every_adapter(check) }
}

/// Blocks far apart, 72 MB from first to last, of which a window of the host level holds three.
#[test]
fn windows_of_blocks() {
    let case = Case::new([5, 10, 7], 4_500_000);
    on_every_adapter(|gpu| case.check("in windows", &case.at_host_level(gpu)));
}
