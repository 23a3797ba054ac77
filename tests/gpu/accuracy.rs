//! Every operation against the f64 reference: shapes x data x adapters x strategies.

use crate::common::data::{Data, make};
use crate::common::{Bound, TINY, assert_close, on_every_adapter, with_every_strategy};
use wgpu_xent::{CrossEntropy, Factor, Gpu, Logits, Reduction, Strategy, Targets, reference};

/// Relative error of a loss, a log-sum-exp or a gradient at the target.
const TIGHT: f64 = 1e-6;

/// The rounding of `x - max x`, which exp turns into a relative error of the elements far below the maximum.
fn element_bound(logits: &[f32], classes: usize, scale: f64) -> impl Fn(usize) -> Bound {
    let tops: Vec<f64> = logits.chunks(classes).map(|r| f64::from(r.iter().copied().fold(f32::MIN, f32::max))).collect();
    let logits: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
    move |i| {
        let below = (tops[i / classes] - logits[i]).abs().min(100.0);
        Bound { relative: TIGHT + below * 2f64.powi(-24), absolute: TINY * scale.max(1.0) }
    }
}

/// Every operation that has a result a logit or a row, once, on one shape.
fn check_all(gpu: &Gpu, data: Data, rows: usize, classes: usize) {
    let (values, targets) = make(data, rows, classes, (rows * 31 + classes) as u64);
    let logits = Logits::new(&values, rows, classes).unwrap();
    let what = |op: &str| format!("{op} of {rows} x {classes} {data:?}");
    let elements = || element_bound(&values, classes, 1.0);
    let rounded = |_: usize| Bound { relative: TIGHT, absolute: TIGHT };

    let softmax = gpu.softmax(&logits).unwrap();
    assert_close(&what("softmax"), &softmax, &reference::softmax(&logits), elements());
    let log_softmax = gpu.log_softmax(&logits).unwrap();
    assert_close(&what("log_softmax"), &log_softmax, &reference::log_softmax(&logits), rounded);
    let lse = gpu.logsumexp(&logits).unwrap();
    assert_close(&what("logsumexp"), &lse, &reference::logsumexp(&logits), rounded);

    let targets = Targets::new(&targets);
    let options = CrossEntropy::new().row_loss(true).logsumexp(true).argmax(true).gradient(true).states(true);
    let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
    let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
    let tight = |_: usize| Bound { relative: TIGHT, absolute: TINY };
    let row_loss = got.row_loss.unwrap();
    assert_close(&what("row loss"), &row_loss, expected.row_loss.as_ref().unwrap(), tight);
    // The mean divides the sum, which may be beyond f32.
    let sum: f64 = expected.row_loss.as_ref().unwrap().iter().sum();
    let loss = if sum > f64::from(f32::MAX) { f64::INFINITY } else { expected.loss.unwrap() };
    assert_close(&what("loss"), &[got.loss.unwrap()], &[loss], tight);
    assert_close(&what("cross-entropy's logsumexp"), got.logsumexp.as_ref().unwrap(), expected.logsumexp.as_ref().unwrap(), rounded);
    assert_eq!(got.argmax, expected.argmax, "{}", what("argmax"));
    assert_eq!((got.valid_rows, got.correct), (expected.valid_rows, expected.correct), "{}", what("counts"));
    let gradient = expected.gradient.unwrap();
    assert_close(&what("gradient"), got.gradient.as_ref().unwrap(), &gradient, elements());
    let at_targets: Vec<usize> = (0..rows).map(|r| r * classes + targets.get(r) as usize).collect();
    let pick = |v: &[f32]| at_targets.iter().map(|&i| v[i]).collect::<Vec<_>>();
    let pick64 = |v: &[f64]| at_targets.iter().map(|&i| v[i]).collect::<Vec<_>>();
    assert_close(&what("gradient at the target"), &pick(got.gradient.as_ref().unwrap()), &pick64(&gradient), tight);

    let backward = gpu.cross_entropy_backward(&logits, &targets, got.states.as_ref().unwrap(), &options).unwrap();
    assert_close(&what("backward"), &backward, &gradient, elements());
    assert_close(&what("backward at the target"), &pick(&backward), &pick64(&gradient), tight);
}

#[test]
fn short_rows_of_every_length() {
    with_every_strategy(|gpu| {
        for classes in [1, 2, 3, 4, 5, 7, 8, 10, 15, 16, 17, 31, 32, 33, 63, 64, 65] {
            check_all(gpu, Data::Normal, 5, classes);
        }
    });
}

/// Rows that a thread reads at once have a pipeline for each number of classes; a loss and its gradient without any other result of
/// rows have pipelines of their own too.
#[test]
fn short_rows_of_every_number_of_classes() {
    on_every_adapter(|gpu| {
        let gpu = gpu.with_strategy(Strategy::Thread);
        for classes in 1..=17 {
            for data in [Data::Outliers, Data::Equal, Data::Ahead(20.0), Data::Masked] {
                let rows = 13;
                let (values, targets) = make(data, rows, classes, classes as u64);
                let (logits, targets) = (Logits::new(&values, rows, classes).unwrap(), Targets::new(&targets));
                let what = |op: &str| format!("{op} of {rows} x {classes} {data:?}");
                let bound = || element_bound(&values, classes, 1.0);
                assert_close(&what("softmax"), &gpu.softmax(&logits).unwrap(), &reference::softmax(&logits), bound());
                let options = CrossEntropy::new().row_loss(true).gradient(true);
                let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
                let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
                let tight = |_: usize| Bound { relative: TIGHT, absolute: TINY };
                assert_close(&what("row loss"), &got.row_loss.unwrap(), &expected.row_loss.unwrap(), tight);
                assert_close(&what("loss"), &[got.loss.unwrap()], &[expected.loss.unwrap()], tight);
                assert_close(&what("gradient"), &got.gradient.unwrap(), &expected.gradient.unwrap(), bound());
                assert!(got.logsumexp.is_none() && got.argmax.is_none());
            }
        }
    });
}

#[test]
fn data_that_hurts() {
    let all = [
        Data::Outliers,
        Data::Equal,
        Data::Ascending,
        Data::Descending,
        Data::Offset(1e4),
        Data::Ahead(0.1),
        Data::Ahead(3.0),
        Data::Ahead(12.0),
        Data::Ahead(20.0),
        Data::Ahead(60.0),
        Data::Ahead(86.0),
        Data::Masked,
        Data::MaskedLowest,
        Data::Huge,
    ];
    with_every_strategy(|gpu| {
        for data in all {
            check_all(gpu, data, 3, 1000);
            check_all(gpu, data, 70, 9);
        }
    });
}

#[test]
fn long_rows() {
    with_every_strategy(|gpu| {
        for (rows, classes) in [(2, 4099), (3, 50_257), (1, 131_072)] {
            check_all(gpu, Data::Outliers, rows, classes);
        }
        check_all(gpu, Data::Equal, 1, 131_073);
    });
}

#[test]
fn many_rows() {
    with_every_strategy(|gpu| {
        check_all(gpu, Data::Outliers, 3000, 6);
    });
}

#[test]
fn reductions_and_upstream() {
    with_every_strategy(|gpu| {
        let (rows, classes) = (37, 21);
        let (values, mut targets) = make(Data::Outliers, rows, classes, 5);
        targets[3] = -100;
        targets[36] = -100;
        let logits = Logits::new(&values, rows, classes).unwrap();
        let targets = Targets::new(&targets);
        let factors: Vec<f32> = (0..rows).map(|r| r as f32 * 0.5 - 4.0).collect();
        let cases = [
            CrossEntropy::new(),
            CrossEntropy::new().upstream(Factor::Scalar(-2.5)),
            CrossEntropy::new().reduction(Reduction::Sum),
            CrossEntropy::new().reduction(Reduction::Sum).upstream(Factor::Scalar(0.25)),
            CrossEntropy::new().reduction(Reduction::None),
            CrossEntropy::new().reduction(Reduction::None).upstream(Factor::Scalar(3.0)),
            CrossEntropy::new().reduction(Reduction::None).upstream(Factor::Rows(&factors)),
            CrossEntropy::new().ignore_index(4),
        ];
        for options in cases {
            let targets = if options == CrossEntropy::new().ignore_index(4) {
                Targets::new(&[
                    4_u8, 3, 2, 4, 1, 0, 20, 19, 4, 7, 7, 7, 4, 5, 6, 4, 3, 2, 1, 0, 9, 9, 9, 9, 4, 4, 4, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3,
                ])
            } else {
                targets
            };
            let options = options.gradient(true).row_loss(true);
            let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
            let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
            let what = format!("{options:?}");
            let gradient = expected.gradient.unwrap();
            assert_close(&what, got.gradient.as_ref().unwrap(), &gradient, element_bound(&values, classes, 10.0));
            assert_close(&what, got.row_loss.as_ref().unwrap(), expected.row_loss.as_ref().unwrap(), |_| Bound {
                relative: TIGHT,
                absolute: TINY,
            });
            assert_eq!(got.loss.is_some(), expected.loss.is_some());
            assert_close(&what, &[got.loss.unwrap_or(0.0)], &[expected.loss.unwrap_or(0.0)], |_| Bound { relative: TIGHT, absolute: TINY });
            assert_eq!(got.valid_rows, expected.valid_rows);

            let states = gpu.cross_entropy(&logits, &targets, &options.states(true)).unwrap().states.unwrap();
            let backward = gpu.cross_entropy_backward(&logits, &targets, &states, &options).unwrap();
            assert_close(&format!("backward of {what}"), &backward, &gradient, element_bound(&values, classes, 10.0));
        }
    });
}

#[test]
fn gradients_of_softmax_log_softmax_and_logsumexp() {
    with_every_strategy(|gpu| {
        for (rows, classes) in [(1, 1), (7, 10), (5, 33), (3, 1000), (2, 5003)] {
            let (values, _) = make(Data::Outliers, rows, classes, 9);
            let (upstream, _) = make(Data::Normal, rows, classes, 10);
            let logits = Logits::new(&values, rows, classes).unwrap();
            let upstream = Logits::new(&upstream, rows, classes).unwrap();
            let p = gpu.softmax(&logits).unwrap();
            let p = Logits::new(&p, rows, classes).unwrap();
            let got = gpu.softmax_backward(&p, &upstream).unwrap();
            let loose = |_: usize| Bound { relative: 2e-6, absolute: 1e-6 };
            assert_close("softmax_backward", &got, &reference::softmax_backward(&p, &upstream).unwrap(), loose);

            let y = gpu.log_softmax(&logits).unwrap();
            let y = Logits::new(&y, rows, classes).unwrap();
            let got = gpu.log_softmax_backward(&y, &upstream).unwrap();
            assert_close("log_softmax_backward", &got, &reference::log_softmax_backward(&y, &upstream).unwrap(), |_| Bound {
                relative: 2e-6,
                absolute: 2e-5,
            });

            let lse = gpu.logsumexp(&logits).unwrap();
            let factors: Vec<f32> = (0..rows).map(|r| r as f32 - 1.5).collect();
            let got = gpu.logsumexp_backward(&logits, &lse, &factors).unwrap();
            let expected = reference::logsumexp_backward(&logits, &lse, &factors).unwrap();
            assert_close("logsumexp_backward", &got, &expected, element_bound(&values, classes, 2.0));
        }
    });
}

#[test]
fn padded_rows() {
    with_every_strategy(|gpu| {
        for (classes, stride) in [(5, 8), (8, 12), (7, 9), (100, 101), (1000, 1024)] {
            let rows = 6;
            let (padded, targets) = make(Data::Outliers, rows, stride, 3);
            let dense: Vec<f32> = padded.chunks(stride).flat_map(|r| &r[..classes]).copied().collect();
            let targets: Vec<i64> = targets.iter().map(|t| t % classes as i64).collect();
            // The last row ends without padding.
            let padded = Logits::with_stride(&padded[..(rows - 1) * stride + classes], rows, classes, stride).unwrap();
            let dense = Logits::new(&dense, rows, classes).unwrap();
            let options = CrossEntropy::new().gradient(true).row_loss(true);
            let got = gpu.cross_entropy(&padded, &Targets::new(&targets), &options).unwrap();
            let expected = gpu.cross_entropy(&dense, &Targets::new(&targets), &options).unwrap();
            assert_eq!(got, expected, "{classes} classes, stride {stride}");
            assert_eq!(gpu.softmax(&padded).unwrap(), gpu.softmax(&dense).unwrap());
        }
    });
}
