//! What a mean divides by, and a mean over nothing, against the reference.
//!
//! Pipelines: one for class indices and one for probabilities, on every adapter.

use crate::common::data::{Data, make};
use crate::common::on_every_adapter;
use wgpu_xent::{CrossEntropy, Denominator, EmptyMean, Logits, Reduction, Targets, reference};
use wgpu_xent_verify::{Bounds, assert_results};

const ROWS: usize = 5;
const CLASSES: usize = 11;
const DENOMINATORS: [Denominator; 7] = [
    Denominator::TargetWeights,
    Denominator::Rows,
    Denominator::ValidRows,
    Denominator::AllWeights,
    Denominator::Value(7.5),
    Denominator::Value(-2.0),
    Denominator::Value(0.0),
];

/// Targets, row weights and the expected denominators of a batch, the first four of [`DENOMINATORS`], for class indices.
struct Batch {
    what: &'static str,
    targets: [i64; ROWS],
    row_weights: [f32; ROWS],
    divisors: [f32; 4],
}

/// The weight of class 0 is 0, that of class `c` is `c / 2`.
const BATCHES: [Batch; 5] = [
    Batch { what: "normal", targets: [2, 4, 6, 8, 10], row_weights: [1.0, 2.0, 3.0, 4.0, 0.5], divisors: [15.0, 5.0, 5.0, 32.5] },
    Batch { what: "ignored rows", targets: [2, -100, 6, -100, 10], row_weights: [1.0; ROWS], divisors: [9.0, 5.0, 3.0, 9.0] },
    Batch { what: "all ignored", targets: [-100; ROWS], row_weights: [1.0; ROWS], divisors: [0.0, 5.0, 0.0, 0.0] },
    Batch { what: "classes of weight 0", targets: [0, 0, -100, 0, 0], row_weights: [1.0; ROWS], divisors: [0.0, 5.0, 4.0, 0.0] },
    Batch { what: "rows of weight 0", targets: [2, 4, 6, 8, 10], row_weights: [0.0; ROWS], divisors: [15.0, 5.0, 5.0, 0.0] },
];

#[test]
fn of_every_batch() {
    let class_weights: Vec<f32> = (0..CLASSES).map(|c| c as f32 / 2.0).collect();
    let (values, _) = make(Data::Normal, ROWS, CLASSES, 71);
    let (labels, _) = make(Data::Normal, ROWS, CLASSES, 72);
    let labels: Vec<f32> = labels.iter().map(|q| q.abs() / CLASSES as f32).collect();
    let logits = Logits::new(&values, ROWS, CLASSES).unwrap();
    let labels = Logits::new(&labels, ROWS, CLASSES).unwrap();
    let plain = CrossEntropy::new().class_weights(&class_weights[..]).row_loss(true).gradient(true);
    on_every_adapter(|gpu| {
        for batch in &BATCHES {
            let targets = Targets::new(&batch.targets);
            for (i, denominator) in DENOMINATORS.into_iter().enumerate() {
                for (empty_mean, z_loss) in [(EmptyMean::Nan, 0.25), (EmptyMean::Zero, 0.25), (EmptyMean::Nan, 0.0)] {
                    for reduction in [Reduction::Mean, Reduction::Sum] {
                        let what = format!("{}, {denominator:?}, {empty_mean:?}, z-loss {z_loss}, {reduction:?}", batch.what);
                        let options = plain.row_weights(&batch.row_weights[..]).reduction(reduction).denominator(denominator);
                        let options = options.empty_mean(empty_mean).z_loss(z_loss).z_loss_part(true);
                        let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
                        assert_results(&what, &got, &reference::cross_entropy(&logits, &targets, &options).unwrap(), &Bounds::PLAIN);
                        if let Some(divisor) = batch.divisors.get(i) {
                            assert_eq!(got.denominator, *divisor, "{what}");
                        }
                        let options = options.target_gradient(true);
                        let got = gpu.soft_cross_entropy(&logits, &labels, &options).unwrap();
                        let expected = reference::soft_cross_entropy(&logits, &labels, &options).unwrap();
                        assert_results(&format!("probabilities, {what}"), &got, &expected, &Bounds::PLAIN);
                    }
                }
            }
        }
    });
}
