//! `xent sample` and `xent top-k`.

use crate::files::{Files, read_i64};
use crate::values::{CLASSES, LOGITS, assert_file, log_softmax};
use crate::{ENGINES, refused, succeeds};

fn sample(files: &Files, args: &[&str]) -> Vec<i64> {
    let out = files.path("classes.npy");
    assert_eq!(succeeds(&[&["sample", "-o", &out], args].concat()), "");
    read_i64(&out).1
}

#[test]
fn frequencies_are_the_probabilities() {
    const DRAWS: usize = 40_000;
    let files = Files::new();
    let logits = files.f32("x.npy", &[DRAWS, CLASSES], &LOGITS[..CLASSES].repeat(DRAWS));
    let log = log_softmax(&LOGITS[..CLASSES]);
    let check = |args: &[&str], expected: [f64; CLASSES]| {
        let classes = sample(&files, &[&[logits.as_str()], args].concat());
        for (class, p) in expected.iter().enumerate() {
            let share = classes.iter().filter(|&&c| c == class as i64).count() as f64 / DRAWS as f64;
            // Five standard deviations; what cannot be drawn never is.
            assert!((share - p).abs() <= 5.0 * (p * (1.0 - p) / DRAWS as f64).sqrt(), "{args:?}: class {class}: {share}, expected {p}");
        }
    };
    let normal = |weights: [f64; CLASSES]| weights.map(|w| w / weights.iter().sum::<f64>());
    let p: [f64; CLASSES] = std::array::from_fn(|c| log[c].exp());
    let mask = files.npy("m.npy", "|b1", &[CLASSES], [1, 1, 1, 0]);
    for engine in ENGINES {
        let with = |args: &[&'static str]| [args, engine].concat();
        check(&with(&[]), p);
        check(&with(&["--temperature", "4"]), normal(std::array::from_fn(|c| (log[c] / 4.0).exp())));
        // The most probable is the last, then the first.
        check(&with(&["--top-k", "2"]), normal([p[0], 0.0, 0.0, p[3]]));
        check(&with(&["--top-p", "0.9"]), normal([p[0], 0.0, 0.0, p[3]]));
        check(&with(&["--top-p=0.01"]), [0.0, 0.0, 0.0, 1.0]);
        check(&[&["--class-mask", &mask], engine].concat(), normal([p[0], p[1], p[2], 0.0]));
    }
}

#[test]
fn randomness_goes_on_across_windows() {
    // 24 MB of zeros in 1000 classes: several windows on a CPU.
    const ROWS: usize = 6_000;
    let files = Files::new();
    let logits = files.f16("x.npy", &[ROWS, 1000], &vec![0.0; ROWS * 1000]);
    let drawn: Vec<_> = ENGINES.iter().map(|engine| sample(&files, &[&[logits.as_str(), "--seed=7"], *engine].concat())).collect();
    // The engines' windows differ.
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], sample(&files, &[&logits, "--seed", "8"]));
    let first = &drawn[0][..100];
    let again = drawn[0].windows(100).skip(1).filter(|window| window == &first).count();
    assert_eq!(again, 0, "a window began again");
    // The first rows alone get the same.
    let part = files.f16("part.npy", &[50, 1000], &[0.0; 50_000]);
    assert_eq!(sample(&files, &[&part, "--seed=7"]), drawn[0][..50]);
}

#[test]
fn rows_without_a_distribution() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[2, 2], &[f32::NAN, 0.0, f32::NEG_INFINITY, 0.0]);
    for engine in ENGINES {
        assert_eq!(sample(&files, &[&[logits.as_str()], engine].concat()), [-1, 1]);
    }
}

#[test]
fn the_most_probable_classes() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let (indices, log_probs) = (files.path("i.npy"), files.path("lp.npy"));
    let order = [[3, 0, 2, 1], [3, 1, 0, 2], [1, 2, 3, 0]];
    let log = log_softmax(&LOGITS);
    let mask = files.npy("m.npy", "|b1", &[3, CLASSES], [1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0]);
    for engine in ENGINES {
        for k in [1, 3, 4] {
            let args = ["top-k", &logits, "-k", &k.to_string(), "--indices", &indices, "--log-probs", &log_probs];
            assert_eq!(succeeds(&[&args, engine].concat()), "");
            let classes: Vec<usize> = order.iter().flat_map(|row| row[..k].to_vec()).collect();
            assert_eq!(read_i64(&indices), (vec![3, k], classes.iter().map(|&class| class as i64).collect()));
            let expected: Vec<f64> = classes.iter().enumerate().map(|(i, &class)| log[i / k * CLASSES + class]).collect();
            assert_file(&log_probs, &[3, k], &expected);
        }
        // More than take part.
        let args = ["top-k", &logits, "-k3", "--indices", &indices, "--log-probs", &log_probs, "--class-mask", &mask, "--scale=0.5"];
        succeeds(&[&args, engine].concat());
        assert_eq!(read_i64(&indices), (vec![3, 3], vec![0, 2, 1, 3, 1, 0, 1, -1, -1]));
        let values = crate::files::read(&log_probs).values;
        assert_eq!(values[6..], [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);
        let lse = [0.5_f64, -1.0, 0.25].map(f64::exp).iter().sum::<f64>().ln();
        assert!((f64::from(values[0]) - (0.5 - lse)).abs() < 1e-6, "{values:?}");
    }
}

#[test]
fn wrong_options() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let out = files.path("out.npy");
    refused(&files, &["sample", &logits, "-o", &out, "--top-p", "0"], &["--top-p is 0, must be above 0 and at most 1"]);
    refused(&files, &["sample", &logits, "-o", &out, "--top-k=0"], &["invalid value '0' for '--top-k <K>': 0 is not in 1.."]);
    refused(&files, &["sample", &logits, "-o", &out, "--temperature=0"], &["--temperature is 0"]);
    refused(&files, &["top-k", &logits, "-k0", "--indices", &out], &["invalid value '0' for '--k <K>'"]);
    refused(&files, &["top-k", &logits, "-k", "-1", "--indices", &out], &["invalid value '-1' for '--k <K>': -1 is not in 1.."]);
    refused(&files, &["top-k", &logits, "-k5", "--indices", &out], &["--k is 5, must be at most 4, the number of classes"]);
    refused(&files, &["top-k", &logits, "-k4000000000", "--indices", &out], &["--k is 4000000000, must be at most 4"]);
    refused(
        &files,
        &["sample", &logits, "-o", &out, "--seed", "-1"],
        &["invalid value '-1' for '--seed <N>': expected an integer from 0 to 18446744073709551615"],
    );
    refused(&files, &["top-k", &logits, "-k1"], &["--indices <OUT>"]);
    refused(&files, &["top-k", &logits, "-k1", "--indices", &out, "--log-probs", &out], &["two outputs to one file"]);
}
