//! Rows that arithmetic alone gets wrong somewhere: NaN, infinities, nothing, ignored rows; and what must not change.

use crate::common::{Bound, TINY, assert_close, gpus, on_every_adapter, with_every_strategy};
use wgpu_xent::{CrossEntropy, Denominator, Factor, Gpu, Logits, NO_CLASS, Reduction, Targets, reference};

const INF: f32 = f32::INFINITY;
/// The NaN that x86 makes has the sign bit set; others do not.
const NANS: [f32; 2] = [f32::NAN, -f32::NAN];

/// Rows of `classes`, special values put at some places of otherwise plain rows, and their targets.
fn special_rows(classes: usize) -> (Vec<f32>, Vec<i64>) {
    let plain = |row: usize| (0..classes).map(move |c| ((row * 7 + c * 13) % 11) as f32 * 0.5 - 2.0).collect::<Vec<_>>();
    let last = classes - 1;
    let mut rows: Vec<(Vec<f32>, usize)> = Vec::new();
    let mut put = |target: usize, at: &[(usize, f32)]| {
        let mut row = plain(rows.len());
        for &(c, x) in at {
            row[c] = x;
        }
        rows.push((row, target));
    };
    put(0, &[]);
    for nan in NANS {
        put(0, &[(last, nan)]);
        put(last, &[(last, nan)]);
        put(1 % classes, &[(0, nan), (last, INF)]);
    }
    put(0, &[(last, INF)]);
    put(last, &[(last, INF)]);
    put(0, &[(0, -INF)]);
    put(0, &[(last, -INF)]);
    put(last, &[(0, -INF), (last / 2, -INF)]);
    put(0, &[(0, f32::MIN)]);
    put(last, &[(0, f32::MAX)]);
    put(0, &(0..classes).map(|c| (c, -INF)).collect::<Vec<_>>());
    put(last, &(0..classes).map(|c| (c, f32::MIN)).collect::<Vec<_>>());
    put(last, &(0..classes).map(|c| (c, if c == last { 3.0 } else { -INF })).collect::<Vec<_>>());
    put(0, &(0..classes).map(|c| (c, if c == last { 3.0 } else { -INF })).collect::<Vec<_>>());
    put(0, &(0..classes).map(|c| (c, if c == last { f32::MIN } else { -INF })).collect::<Vec<_>>());
    put(last, &[(0, 0.0), (last, -0.0)]);
    let (values, targets): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    (values.concat(), targets.into_iter().map(|t| t as i64).collect())
}

fn loose(_: usize) -> Bound {
    Bound { relative: 3e-6, absolute: 1e-6 }
}

fn check_special(gpu: &Gpu, classes: usize) {
    let (values, targets) = special_rows(classes);
    let rows = targets.len();
    let logits = Logits::new(&values, rows, classes).unwrap();
    let what = |op: &str| format!("{op} of special rows of {classes}");
    let p = gpu.softmax(&logits).unwrap();
    assert_close(&what("softmax"), &p, &reference::softmax(&logits), loose);
    let y = gpu.log_softmax(&logits).unwrap();
    assert_close(&what("log_softmax"), &y, &reference::log_softmax(&logits), loose);
    let ones = vec![0.25_f32; values.len()];
    let ones = Logits::new(&ones, rows, classes).unwrap();
    let (p_view, y_view) = (Logits::new(&p, rows, classes).unwrap(), Logits::new(&y, rows, classes).unwrap());
    let got = gpu.softmax_backward(&p_view, &ones).unwrap();
    assert_close(&what("softmax_backward"), &got, &reference::softmax_backward(&p_view, &ones).unwrap(), loose);
    let got = gpu.log_softmax_backward(&y_view, &ones).unwrap();
    let wide = |_: usize| Bound { relative: 1e-5, absolute: 1e-6 * classes as f64 };
    assert_close(&what("log_softmax_backward"), &got, &reference::log_softmax_backward(&y_view, &ones).unwrap(), wide);
    let lse = gpu.logsumexp(&logits).unwrap();
    assert_close(&what("logsumexp"), &lse, &reference::logsumexp(&logits), loose);
    let factors = vec![0.5_f32; rows];
    let got = gpu.logsumexp_backward(&logits, &lse, &factors).unwrap();
    assert_close(&what("logsumexp_backward"), &got, &reference::logsumexp_backward(&logits, &lse, &factors).unwrap(), loose);

    let options = CrossEntropy::new().reduction(Reduction::None).logsumexp(true).argmax(true).gradient(true).states(true);
    // Once as they are, once with every second row ignored: 0 there, whatever the row holds.
    let halved: Vec<i64> = targets.iter().enumerate().map(|(r, &t)| if r % 2 == 0 { -100 } else { t }).collect();
    for targets in [&targets, &halved] {
        let view = Targets::new(targets);
        let got = gpu.cross_entropy(&logits, &view, &options).unwrap();
        let expected = reference::cross_entropy(&logits, &view, &options).unwrap();
        let row_loss = got.row_loss.as_ref().unwrap();
        assert_close(&what("row loss"), row_loss, expected.row_loss.as_ref().unwrap(), loose);
        assert_close(&what("its logsumexp"), got.logsumexp.as_ref().unwrap(), expected.logsumexp.as_ref().unwrap(), loose);
        assert_eq!(got.argmax, expected.argmax, "{}", what("argmax"));
        assert_eq!((got.valid_rows, got.correct), (expected.valid_rows, expected.correct));
        let gradient = got.gradient.as_ref().unwrap();
        assert_close(&what("gradient"), gradient, expected.gradient.as_ref().unwrap(), loose);
        let backward = gpu.cross_entropy_backward(&logits, &view, got.states.as_ref().unwrap(), &options).unwrap();
        assert_close(&what("backward"), &backward, expected.gradient.as_ref().unwrap(), loose);
        for row in (0..rows).filter(|&r| targets[r] == -100) {
            for matrix in [gradient, &backward] {
                assert!(matrix[row * classes..][..classes].iter().all(|g| g.to_bits() == 0), "an ignored row's gradient is exactly 0");
            }
            assert_eq!(row_loss[row].to_bits(), 0);
        }
    }
}

#[test]
fn special_values() {
    with_every_strategy(|gpu| {
        for classes in [2, 3, 9, 64, 130, 2052] {
            check_special(gpu, classes);
        }
    });
}

#[test]
fn sums_of_infinite_and_missing_losses() {
    on_every_adapter(|gpu| {
        let values = [0.0_f32, -INF, 1.0, 2.0, f32::NAN, 0.0];
        let logits = Logits::new(&values, 3, 2).unwrap();
        let loss = |targets: &[i64], reduction| {
            gpu.cross_entropy(&logits, &Targets::new(targets), &CrossEntropy::new().reduction(reduction)).unwrap().loss.unwrap()
        };
        assert_eq!(loss(&[1, 0, -100], Reduction::Mean), INF, "a target of -inf");
        assert!(loss(&[1, 0, 0], Reduction::Sum).is_nan(), "NaN beats infinity");
        assert!((loss(&[-100, 0, -100], Reduction::Mean) - 1.313_261_7).abs() < 1e-6);
        assert!(loss(&[-100; 3], Reduction::Mean).is_nan(), "the mean of nothing");
        assert_eq!(loss(&[-100; 3], Reduction::Sum), 0.0);

        // The sign of an infinite loss is its own, whatever the others add up to, and what it is divided by may turn it.
        let logits = Logits::new(&[0.0_f32, -INF, 0.0, 9.0], 2, 2).unwrap();
        let weighted = |weights: [f32; 2], options: CrossEntropy<'_>| {
            let options = options.row_weights(&weights[..]);
            let got = gpu.cross_entropy(&logits, &Targets::new(&[1, 0]), &options).unwrap().loss.map(f64::from);
            assert_eq!(got, reference::cross_entropy(&logits, &Targets::new(&[1, 0]), &options).unwrap().loss, "{weights:?}");
            got.unwrap()
        };
        let sum = CrossEntropy::new().reduction(Reduction::Sum);
        assert_eq!(weighted([1.0, -5.0], sum), f64::INFINITY);
        assert_eq!(weighted([-1.0, 5.0], sum), f64::NEG_INFINITY);
        assert_eq!(weighted([1.0, 5.0], CrossEntropy::new().denominator(Denominator::Value(-2.0))), f64::NEG_INFINITY);
    });
}

#[test]
fn nothing_to_do() {
    on_every_adapter(|gpu| {
        let none = Logits::new(&[] as &[f32], 0, 7).unwrap();
        assert!(gpu.softmax(&none).unwrap().is_empty());
        assert!(gpu.logsumexp(&none).unwrap().is_empty());
        let targets = Targets::new(&[] as &[i64]);
        let out = gpu.cross_entropy(&none, &targets, &CrossEntropy::new().gradient(true).argmax(true)).unwrap();
        assert!(out.loss.unwrap().is_nan());
        assert_eq!((out.gradient.unwrap().len(), out.valid_rows, out.correct), (0, 0, Some(0)));
        let sum = CrossEntropy::new().reduction(Reduction::Sum);
        assert_eq!(gpu.cross_entropy(&none, &targets, &sum).unwrap().loss, Some(0.0));

        let one = Logits::new(&[5.0_f32], 1, 1).unwrap();
        let out = gpu.cross_entropy(&one, &Targets::new(&[0_u8]), &CrossEntropy::new().gradient(true)).unwrap();
        assert_eq!((out.loss, out.gradient), (Some(0.0), Some(vec![0.0])), "one class is certain");
    });
}

#[test]
fn ignore_index_inside_and_outside_the_classes() {
    on_every_adapter(|gpu| {
        let values: Vec<f32> = (0..12).map(|i| i as f32 * 0.3).collect();
        let logits = Logits::new(&values, 4, 3).unwrap();
        for (targets, ignore_index) in [([0, 1, 2, 1], Some(1)), ([0, 7, 2, 7], Some(7)), ([0, -1, 2, 1], Some(-1)), ([0, 1, 2, 1], None)] {
            let options = CrossEntropy::new().ignore_index(ignore_index).gradient(true).argmax(true).row_loss(true);
            let got = gpu.cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
            let expected = reference::cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
            assert_close("loss", &[got.loss.unwrap()], &[expected.loss.unwrap()], |_| Bound { relative: 1e-6, absolute: TINY });
            assert_close("gradient", &got.gradient.unwrap(), &expected.gradient.unwrap(), loose);
            assert_eq!((got.valid_rows, got.correct), (expected.valid_rows, expected.correct));
        }
    });
}

#[test]
fn an_upstream_factor_of_zero_clears_all_but_nan() {
    on_every_adapter(|gpu| {
        let values = [1.0_f32, 2.0, 3.0, f32::NAN, 0.0, 0.0];
        let logits = Logits::new(&values, 2, 3).unwrap();
        let options = CrossEntropy::new().reduction(Reduction::None).upstream(Factor::Scalar(0.0)).gradient(true);
        let gradient = gpu.cross_entropy(&logits, &Targets::new(&[0, 0]), &options).unwrap().gradient.unwrap();
        assert!(gradient[..3].iter().all(|&g| g == 0.0));
        assert!(gradient[3..].iter().all(|g| g.is_nan()));
    });
}

/// The first of equal logits is the argmax, wherever they are and however the row is shared out.
#[test]
fn ties_go_to_the_first_class() {
    with_every_strategy(|gpu| {
        for (classes, places) in [(10, [3, 9]), (64, [5, 37]), (300, [299, 4]), (5000, [4999, 2100]), (5000, [16, 15])] {
            let mut values = vec![-1.0_f32; classes];
            for place in places {
                values[place] = 2.0;
            }
            let logits = Logits::new(&values, 1, classes).unwrap();
            let first = *places.iter().min().unwrap();
            for target in [0, first, places[0], places[1]] {
                let out = gpu.cross_entropy(&logits, &Targets::new(&[target as i64]), &CrossEntropy::new().argmax(true)).unwrap();
                assert_eq!(out.argmax, Some(vec![first as u32]), "{classes} classes, target {target}");
                assert_eq!(out.correct, Some(usize::from(first == target)));
            }
        }
    });
}

#[test]
fn nan_has_no_argmax() {
    on_every_adapter(|gpu| {
        let logits = Logits::new(&[0.0_f32, f32::NAN, 3.0], 1, 3).unwrap();
        let out = gpu.cross_entropy(&logits, &Targets::new(&[2]), &CrossEntropy::new().argmax(true)).unwrap();
        assert_eq!((out.argmax, out.correct), (Some(vec![NO_CLASS]), Some(0)));
    });
}

/// The same call gives the same bits, every time.
#[test]
fn runs_repeat_bit_for_bit() {
    with_every_strategy(|gpu| {
        let (values, targets) = crate::common::data::make(crate::common::data::Data::Outliers, 9, 3001, 77);
        let logits = Logits::new(&values, 9, 3001).unwrap();
        let options = CrossEntropy::new().gradient(true).row_loss(true).logsumexp(true).argmax(true);
        let first = gpu.cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
        for _ in 0..3 {
            assert_eq!(gpu.cross_entropy(&logits, &Targets::new(&targets), &options).unwrap(), first);
        }
    });
}

/// Handles are shared between threads, and awaited as well as blocked on.
#[test]
fn threads_and_futures() {
    for gpu in gpus() {
        let values: Vec<f32> = (0..4000).map(|i| (i % 17) as f32 * 0.1).collect();
        let expected = gpu.softmax(&Logits::new(&values, 40, 100).unwrap()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let logits = Logits::new(&values, 40, 100).unwrap();
                        assert_eq!(gpu.softmax(&logits).unwrap(), expected);
                        assert_eq!(pollster::block_on(gpu.softmax_async(&logits)).unwrap(), expected);
                    }
                });
            }
        });
    }
}
