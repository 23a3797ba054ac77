//! Rows that cannot have a loss: what is counted, what is returned, and the errors, in every strategy.
//!
//! Pipelines: the one of argmax and gradient, which other tests have too, for each strategy.

use crate::common::{gpu, on_every_adapter, with_every_strategy};
use crate::device::{buffer, encoder, floats, values};
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, CrossEntropyResult, DeviceMatrix, DeviceVector, EmptyMean, Error, FaultKind, FaultPolicy, FaultRows,
    Gpu, Logits, NO_CLASS, Output, Reduction, Result, Targets, reference,
};
use wgpu_xent_verify::{Bounds, assert_results};

const CLASSES: usize = 37;
const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

const ROWS: usize = 9;
const NONE: FaultRows = FaultRows { count: 0, first: None };

/// Plain rows but for these: the sixth has a target to be ignored, the seventh a weight of 0.
const SPECIAL: [(usize, usize, f32); 7] = [(1, 36, NAN), (2, 0, INF), (4, 5, INF), (4, 20, NAN), (5, 1, NAN), (6, 2, INF), (7, 35, INF)];
const FULLY_MASKED: [usize; 2] = [3, 8];
const TARGETS: [i64; ROWS] = [3, 0, 1, 2, 5, -100, 2, 35, 0];
const ROW_WEIGHTS: [f32; ROWS] = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0];

fn logits() -> Vec<f32> {
    let mut all: Vec<f32> = (0..ROWS * CLASSES).map(|i| (i * 3 % 7) as f32 * 0.5).collect();
    SPECIAL.iter().for_each(|&(row, class, value)| all[row * CLASSES + class] = value);
    FULLY_MASKED.iter().for_each(|row| all[row * CLASSES..][..CLASSES].fill(-INF));
    all
}

fn rows(count: usize, first: usize) -> FaultRows {
    FaultRows { count, first: Some(first) }
}

#[test]
fn are_counted_and_propagate_or_are_zero() {
    let values = logits();
    let logits = Logits::new(&values, ROWS, CLASSES).unwrap();
    let targets = Targets::new(&TARGETS);
    let plain = CrossEntropy::new().row_weights(&ROW_WEIGHTS[..]).row_loss(true).logsumexp(true).argmax(true).gradient(true);
    with_every_strategy(|gpu| {
        for policy in [FaultPolicy::Propagate, FaultPolicy::Zero] {
            for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
                let options = plain.faults(policy).reduction(reduction);
                let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
                let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
                assert_results(&format!("{policy:?}, {reduction:?}"), &got, &expected, &Bounds::PLAIN);
                let faults = got.faults;
                assert_eq!((faults.nan, faults.positive_infinity, faults.fully_masked), (rows(2, 1), rows(2, 2), rows(2, 3)));
                assert_eq!((faults.bad_targets, faults.empty_denominator), (NONE, false));
                assert_eq!(got.loss.is_some_and(f32::is_nan), policy == FaultPolicy::Propagate && reduction != Reduction::None);
            }
        }
    });
}

/// The error of a call on the rows from one on.
fn failure(gpu: &Gpu, from: usize, options: &CrossEntropy<'_>) -> Error {
    let values = logits();
    let logits = Logits::new(&values[from * CLASSES..], ROWS - from, CLASSES).unwrap();
    gpu.cross_entropy(&logits, &Targets::new(&TARGETS[from..]), &options.faults(FaultPolicy::Fail)).unwrap_err()
}

#[test]
fn fail_and_are_named() {
    with_every_strategy(|gpu| {
        let plain = CrossEntropy::new().argmax(true).gradient(true);
        for (from, kind, row, text) in [
            (0, FaultKind::Nan, 1, "row 1 holds NaN; rows with this fault: 2"),
            (2, FaultKind::PositiveInfinity, 0, "row 0 holds a logit of +inf; rows with this fault: 3"),
            (3, FaultKind::FullyMasked, 0, "row 0 holds no class above -inf; rows with this fault: 2"),
            (4, FaultKind::Nan, 0, "row 0 holds NaN; rows with this fault: 1"),
            (5, FaultKind::PositiveInfinity, 1, "row 1 holds a logit of +inf; rows with this fault: 2"),
        ] {
            let error = failure(gpu, from, &plain);
            assert_eq!(error.to_string(), text);
            assert!(matches!(error, Error::Fault { kind: k, row: Some(r), .. } if (k, r) == (kind, row)), "{error:?}");
        }
    });
}

#[test]
fn a_mean_over_nothing() {
    let values = logits();
    let ignored = Logits::new(&values[..2 * CLASSES], 2, CLASSES).unwrap();
    on_every_adapter(|gpu| {
        let run = |options: CrossEntropy<'_>| -> Result<CrossEntropyResult> {
            gpu.cross_entropy(&ignored, &Targets::new(&[-100; 2]), &options.argmax(true).gradient(true))
        };
        let plain = CrossEntropy::new();
        assert!(run(plain).unwrap().faults.empty_denominator);
        let error = run(plain.faults(FaultPolicy::Fail)).unwrap_err();
        assert_eq!(error.to_string(), "a mean over nothing");
        assert!(matches!(error, Error::Fault { kind: FaultKind::EmptyDenominator, row: None, count: 0 }), "{error:?}");
        for fine in [plain.empty_mean(EmptyMean::Zero), plain.reduction(Reduction::Sum), plain.reduction(Reduction::None)] {
            assert!(run(fine.faults(FaultPolicy::Fail)).unwrap().faults.is_empty());
        }
    });
    let none = Logits::new::<f32>(&[], 0, 3).unwrap();
    let fail = CrossEntropy::new().faults(FaultPolicy::Fail);
    let error = gpu().cross_entropy(&none, &Targets::new(&[] as &[i64]), &fail).unwrap_err();
    assert_eq!(error.to_string(), "a mean over nothing", "no rows at all");
}

/// Rows far apart, 72 MB: the last two are a window of their own.
#[test]
fn rows_of_a_later_window_keep_their_numbers() {
    let (rows_here, stride) = (18, 1_000_000);
    let mut values = vec![0.5_f32; (rows_here - 1) * stride + CLASSES];
    values[17 * stride + 9] = NAN;
    values[16 * stride + 36] = INF;
    values[2 * stride + 1] = INF;
    let logits = Logits::with_stride(&values, rows_here, CLASSES, stride).unwrap();
    on_every_adapter(|gpu| {
        let run = |options: CrossEntropy<'_>| gpu.cross_entropy(&logits, &Targets::new(&[1_u8; 18]), &options.argmax(true).gradient(true));
        let out = run(CrossEntropy::new()).unwrap();
        assert_eq!((out.faults.nan, out.faults.positive_infinity, out.valid_rows), (rows(1, 17), rows(2, 2), 18));
    });
}

/// Only device memory can hold a wrong target, which is an error but under the policy that makes rows 0.
#[test]
fn targets_that_are_no_class() {
    on_every_adapter(|gpu| {
        let plain: Vec<f32> = (0..5 * CLASSES).map(|i| (i % 9) as f32 * 0.5).collect();
        let input = floats(gpu, &plain);
        let targets = buffer(gpu, &[0, 37, u32::MAX, 36, (-100_i32).cast_unsigned()]);
        let (losses, gradient, argmax) = (floats(gpu, &[7.5; 5]), floats(gpu, &plain), floats(gpu, &[7.5; 5]));
        let (rank, log_prob) = (floats(gpu, &[7.5; 5]), floats(gpu, &[7.5; 5]));
        let matrix = |from| DeviceMatrix::new::<f32>(from, 5, CLASSES).unwrap();
        let buffers = CrossEntropyBuffers {
            row_loss: Some(DeviceVector::new(&losses)),
            argmax: Some(DeviceVector::new(&argmax)),
            rank: Some(DeviceVector::new(&rank)),
            log_prob: Some(DeviceVector::new(&log_prob)),
            gradient: Some(Output::To(matrix(&gradient))),
            ..CrossEntropyBuffers::new(matrix(&input), DeviceVector::new(&targets))
        };
        let run = |policy| {
            let mut encoder = encoder(gpu);
            let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new().faults(policy)).unwrap();
            gpu.queue().submit([encoder.finish()]);
            pending.read(gpu)
        };
        for policy in [FaultPolicy::Propagate, FaultPolicy::Fail] {
            let error = run(policy).unwrap_err();
            assert!(matches!(error, Error::Target { row: 1, target: 37, classes: CLASSES, ignore_index: Some(-100) }), "{error:?}");
            assert!(values(gpu, &losses)[1..3].iter().all(|loss| loss.is_nan()));
        }
        let summary = run(FaultPolicy::Zero).unwrap();
        assert_eq!((summary.faults.bad_targets, summary.valid_rows), (rows(2, 1), 2));
        let (losses, gradient) = (values(gpu, &losses), values(gpu, &gradient));
        assert!(losses[0] > 0.0 && losses[1..3] == [0.0; 2] && losses[3] > 0.0 && losses[4] == 0.0, "{losses:?}");
        let ranks: Vec<u32> = values(gpu, &rank).into_iter().map(f32::to_bits).collect();
        assert!(ranks[1..3] == [NO_CLASS; 2] && ranks[0] < CLASSES as u32, "{ranks:?}");
        assert!(values(gpu, &log_prob)[1..3].iter().all(|log| log.is_nan()));
        assert!((summary.loss.unwrap() - (losses[0] + losses[3]) / 2.0).abs() < 1e-6);
        for (row, of_row) in gradient.chunks(CLASSES).enumerate() {
            assert_eq!(of_row.iter().all(|g| g.to_bits() == 0), [1, 2, 4].contains(&row), "row {row}");
        }
    });
}
