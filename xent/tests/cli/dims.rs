//! Classes in any dimension, and blocks larger than a window.

use serde_json::Value;

use crate::files::{Files, read, read_i64};
use crate::model::{Model, in_blocks, one_hot};
use crate::values::{CLASSES, LOGITS, assert_file, assert_near, log_softmax, logsumexp, softmax};
use crate::{ENGINES, succeeds};

/// Shapes with three rows of four classes in a dimension that is not the last, and the shapes without it.
const SHAPES: [(&[usize], &[&str], &[usize]); 5] = [
    (&[1, 4, 3], &[], &[1, 3]),
    (&[1, 4, 3, 1], &["--dim=1"], &[1, 3, 1]),
    (&[4, 3], &["--dim", "-2"], &[3]),
    (&[1, 1, 4, 3], &["--dim=2"], &[1, 1, 3]),
    (&[4, 1, 3], &["--dim=0"], &[1, 3]),
];

fn columns<T: Copy>(rows: &[T]) -> Vec<T> {
    in_blocks(rows, CLASSES, 3)
}

#[test]
fn softmax_and_logsumexp() {
    let files = Files::new();
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    let above: Vec<f32> = (0_u8..12).map(|i| f32::from(i % 5) - 1.5).collect();
    let p = softmax(&LOGITS);
    let product = |i: usize| (i / 4 * 4..i / 4 * 4 + 4).map(|k| p[k] * f64::from(above[k])).sum::<f64>();
    let of_softmax: Vec<f64> = (0..12).map(|i| p[i] * (f64::from(above[i]) - product(i))).collect();
    let of_sum: Vec<f64> = (0..12).map(|i| p[i] * f64::from(above[i / CLASSES])).collect();
    for engine in ENGINES {
        for (shape, dim, leading) in SHAPES {
            let logits = files.f32("x.npy", shape, &columns(&LOGITS));
            let upstream = files.f32("u.npy", shape, &columns(&above));
            let rows = files.f32("rows.npy", leading, &above[..3]);
            let common = [&[logits.as_str(), "-o", &out, "--grad", &grad, "--upstream"], engine, dim].concat();
            succeeds(&[&["softmax"], &common[..6], &[&upstream], &common[6..]].concat());
            assert_file(&out, shape, &columns(&p));
            assert_file(&grad, shape, &columns(&of_softmax));
            succeeds(&[&["softmax", &logits, "--log", "-o", &out], dim, engine].concat());
            assert_file(&out, shape, &columns(&log_softmax(&LOGITS)));
            succeeds(&[&["logsumexp"], &common[..6], &[&rows], &common[6..]].concat());
            assert_file(&out, leading, &logsumexp(&LOGITS));
            assert_file(&grad, shape, &columns(&of_sum));
        }
    }
}

#[test]
fn losses() {
    let files = Files::new();
    let (loss, grad, lse) = (files.path("loss.npy"), files.path("grad.npy"), files.path("lse.npy"));
    let targets = [3, -100, 2];
    let q = one_hot(&targets, CLASSES);
    let mut model = Model::new(3, CLASSES);
    model.row_weights = vec![0.5, 2.0, 3.0];
    model.mask = vec![true, true, false, true, true, false, false, true, true, false, true, true];
    let bits: Vec<u8> = columns(&model.mask).into_iter().map(u8::from).collect();
    for engine in ENGINES {
        for (shape, dim, leading) in SHAPES {
            let logits = files.f16("x.npy", shape, &columns(&LOGITS));
            let targets = files.i64("t.npy", leading, &targets);
            let rows = files.f32("a.npy", leading, &[0.5, 2.0, 3.0]);
            let mask = files.npy("m.npy", "|b1", shape, bits.clone());
            let outputs = ["--reduction=none", "--loss", &loss, "--grad", &grad, "--lse", &lse];
            succeeds(&[&["loss", &logits, &targets, "--row-weight", &rows, "--class-mask", &mask], &outputs[..], dim, engine].concat());
            assert_file(&loss, leading, &model.losses(&LOGITS, &q));
            assert_file(&grad, shape, &columns(&model.gradient(&LOGITS, &q, 1.0)));
            assert_file(&lse, leading, &model.logsumexps(&LOGITS));
        }
    }
}

#[test]
fn choices() {
    let files = Files::new();
    let (indices, log_probs) = (files.path("i.npy"), files.path("lp.npy"));
    let log = log_softmax(&LOGITS);
    let best = [3, 0, 3, 1, 1, 2];
    let best_log: Vec<f64> = best.iter().enumerate().map(|(i, &class)| log[i / 2 * CLASSES + class]).collect();
    for engine in ENGINES {
        for (shape, dim, leading) in SHAPES {
            let logits = files.f32("x.npy", shape, &columns(&LOGITS));
            succeeds(&[&["top-k", &logits, "-k", "2", "--indices", &indices, "--log-probs", &log_probs], dim, engine].concat());
            let listed: Vec<usize> = shape.iter().map(|&size| if size == CLASSES { 2 } else { size }).collect();
            assert_eq!(read_i64(&indices), (listed.clone(), in_blocks(&best.map(|class| class as i64), 2, 3)));
            assert_file(&log_probs, &listed, &in_blocks(&best_log, 2, 3));
            succeeds(&[&["sample", &logits, "-o", &indices, "--top-k=1"], dim, engine].concat());
            let (got, classes) = read_i64(&indices);
            assert_eq!((got.as_slice(), &classes[..2], [1, 2].contains(&classes[2])), (leading, &[3, 3][..], true));
        }
    }
}

/// Blocks of 12 MB, larger than a CPU's windows.
const WIDE: usize = 60_000;
const DEEP: usize = 50;

fn wide() -> Vec<f32> {
    (0..2 * DEEP * WIDE).map(|i| ((i / WIDE % DEEP + i % WIDE) % 11) as f32 / 4.0).collect()
}

#[test]
fn a_block_larger_than_a_window() {
    let files = Files::new();
    let values = wide();
    let logits = files.f32("x.npy", &[2, DEEP, WIDE], &values);
    let indices: Vec<i64> = (0..2 * WIDE).map(|row| if row % 3 == 0 { -100 } else { (row % DEEP) as i64 }).collect();
    let targets = files.i64("t.npy", &[2, WIDE], &indices);
    let (loss, grad, argmax) = (files.path("loss.npy"), files.path("grad.npy"), files.path("argmax.npy"));
    for engine in ENGINES {
        let args = ["loss", &logits, &targets, "--json", "--loss", &loss, "--grad", &grad, "--argmax", &argmax, "--reduction=none"];
        let json: Value = serde_json::from_str(&succeeds(&[&args, engine].concat())).unwrap();
        assert_eq!((&json["rows"], &json["valid_rows"]), (&(2 * WIDE).into(), &(2 * WIDE / 3 * 2).into()));
        let (loss, grad, (_, argmax)) = (read(&loss), read(&grad), read_i64(&argmax));
        assert_eq!((&loss.shape[..], &grad.shape[..]), (&[2, WIDE][..], &[2, DEEP, WIDE][..]));
        let mut sum = 0.0;
        for row in (0..2 * WIDE).step_by(7) {
            let at = |class: usize| row / WIDE * DEEP * WIDE + class * WIDE + row % WIDE;
            let x: Vec<f64> = (0..DEEP).map(|class| values[at(class)].into()).collect();
            let lse = x.iter().map(|x| x.exp()).sum::<f64>().ln();
            let counts = f64::from(u8::from(indices[row] >= 0));
            let target = row % DEEP;
            assert!((f64::from(loss.values[row]) - counts * (lse - x[target])).abs() < 1e-5, "row {row}");
            for class in [0, target, DEEP - 1] {
                let expected = counts * ((x[class] - lse).exp() - f64::from(u8::from(class == target)));
                assert!((f64::from(grad.values[at(class)]) - expected).abs() < 1e-6, "row {row}, class {class}");
            }
            assert_eq!(argmax[row], (0..DEEP).find(|&class| x[class] == 2.5).unwrap() as i64);
            sum += counts;
        }
        assert!(sum > 0.0);
    }
}

#[test]
fn softmax_of_a_block_larger_than_a_window() {
    let files = Files::new();
    let values = wide();
    let logits = files.f32("x.npy", &[2, DEEP, WIDE], &values);
    let out = files.path("out.npy");
    succeeds(&["softmax", &logits, "-o", &out]);
    let p = read(&out).values;
    for column in (0..2 * WIDE).step_by(1009) {
        let first = column / WIDE * DEEP * WIDE + column % WIDE;
        let sum: f64 = (0..DEEP).map(|class| f64::from(p[first + class * WIDE])).sum();
        assert!((sum - 1.0).abs() < 1e-5, "column {column} sums to {sum}");
        let ratio = f64::from(p[first]) / f64::from(p[first + WIDE]);
        assert!((ratio - f64::from(values[first] - values[first + WIDE]).exp()).abs() < 1e-4 * ratio, "column {column}");
    }
}

#[test]
fn a_mean_divides_by_all_windows() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[2, DEEP, WIDE], &vec![0.0; 2 * DEEP * WIDE]);
    let targets = files.i64("t.npy", &[2, WIDE], &vec![1; 2 * WIDE]);
    let rows = files.f32("a.npy", &[2, WIDE], &(0..2 * WIDE).map(|row| (row % 2) as f32).collect::<Vec<_>>());
    let grad = files.path("grad.npy");
    for engine in ENGINES {
        let args = ["loss", &logits, &targets, "--json", "--row-weight", &rows, "--denominator=all-weights", "--grad", &grad];
        let json: Value = serde_json::from_str(&succeeds(&[&args, engine].concat())).unwrap();
        assert_near(&json["loss"], (DEEP as f64).ln());
        assert_near(&json["denominator"], WIDE as f64);
        let grad = read(&grad).values;
        let expected = 1.0 / DEEP as f64 / WIDE as f64;
        assert!((f64::from(grad[1]) - expected).abs() < 1e-6 * expected && grad[0] == 0.0, "{} {}", grad[0], grad[1]);
    }
}
