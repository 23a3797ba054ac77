//! `xent softmax`.

use crate::files::{Files, read};
use crate::values::{CLASSES, LOGITS, assert_file, log_softmax, softmax};
use crate::{ENGINES, succeeds};

fn run(engine: &[&str], args: &[&str]) -> String {
    succeeds(&[&["softmax"], args, engine].concat())
}

#[test]
fn probabilities_and_their_logarithms() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let out = files.path("out.npy");
    for engine in ENGINES {
        assert_eq!(run(engine, &[&logits, "-o", &out]), "");
        assert_file(&out, &[3, CLASSES], &softmax(&LOGITS));
        run(engine, &[&logits, "--output", &out, "--log"]);
        assert_file(&out, &[3, CLASSES], &log_softmax(&LOGITS));
    }
}

#[test]
fn gradients() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let above: Vec<f32> = (0_u8..12).map(|i| f32::from(i % 5) - 1.5).collect();
    let upstream = files.f32("u.npy", &[3, CLASSES], &above);
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    let p = softmax(&LOGITS);
    let u: Vec<f64> = above.iter().map(|&u| u.into()).collect();
    let in_row = |i: usize, value: &dyn Fn(usize) -> f64| (i / CLASSES * CLASSES..).take(CLASSES).map(value).sum::<f64>();
    let plain: Vec<_> = (0..12).map(|i| p[i] * (u[i] - in_row(i, &|k| p[k] * u[k]))).collect();
    let log: Vec<_> = (0..12).map(|i| u[i] - p[i] * in_row(i, &|k| u[k])).collect();
    for engine in ENGINES {
        run(engine, &[&logits, "-o", &out, "--grad", &grad, "--upstream", &upstream]);
        assert_file(&out, &[3, CLASSES], &p);
        assert_file(&grad, &[3, CLASSES], &plain);
        run(engine, &[&logits, "-o", &out, "--log", "--grad", &grad, "--upstream", &upstream]);
        assert_file(&out, &[3, CLASSES], &log_softmax(&LOGITS));
        assert_file(&grad, &[3, CLASSES], &log);
    }
}

#[test]
fn any_shape_with_the_classes_last() {
    let files = Files::new();
    let out = files.path("out.npy");
    let cases: &[(&[usize], &[&str])] = &[
        (&[3, 1, 4], &["--dim=-1"]),
        (&[3, 1, 4], &["--dim", "-1"]),
        (&[1, 3, 4], &["--dim=2"]),
        (&[1, 1, 3, 1, 4], &["--dim=4"]),
        (&[3, 4], &["--dim=1"]),
    ];
    for (shape, dim) in cases {
        let logits = files.f32("x.npy", shape, &LOGITS);
        run(&[], &[&[logits.as_str(), "-o", &out], *dim].concat());
        assert_file(&out, shape, &softmax(&LOGITS));
    }
    let row = files.f32("row.npy", &[CLASSES], &LOGITS[..CLASSES]);
    run(&[], &[&row, "-o", &out]);
    assert_file(&out, &[CLASSES], &softmax(&LOGITS[..CLASSES]));
}

#[test]
fn half_precision_and_safetensors() {
    let files = Files::new();
    let out = files.path("out.npy");
    let half = files.f16("half.npy", &[3, CLASSES], &LOGITS);
    let tensor = files.safetensors("t.safetensors", &[3, CLASSES], &LOGITS) + ":logits";
    for logits in [half, tensor] {
        run(&[], &[&logits, "-o", &out]);
        assert_file(&out, &[3, CLASSES], &softmax(&LOGITS));
    }
}

#[test]
fn output_as_safetensors() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let (tensor, out) = (files.path("p.safetensors:p"), files.path("out.npy"));
    run(&[], &[&logits, "-o", &tensor]);
    run(&[], &[&tensor, "-o", &out]);
    let twice: Vec<f32> = softmax(&LOGITS).iter().map(|&p| p as f32).collect();
    assert_file(&out, &[3, CLASSES], &softmax(&twice));
}

#[test]
fn the_input_itself_may_be_replaced() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    run(&[], &[&logits, "-o", &logits]);
    assert_file(&logits, &[3, CLASSES], &softmax(&LOGITS));
    assert_eq!(files.names(), ["x.npy"]);
}

#[test]
fn arrays_of_no_rows() {
    let files = Files::new();
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    for shape in [[0, 5], [0, 0]] {
        let logits = files.f32("x.npy", &shape, &[]);
        for engine in ENGINES {
            run(engine, &[&logits, "-o", &out, "--grad", &grad, "--upstream", &logits]);
            assert_file(&out, &shape, &[]);
            assert_file(&grad, &shape, &[]);
        }
    }
}

#[test]
fn special_values() {
    let files = Files::new();
    let infinity = f32::INFINITY;
    let logits = files.f32("x.npy", &[4, 2], &[-infinity, 0.0, f32::NAN, 0.0, infinity, 0.0, -infinity, -infinity]);
    let out = files.path("out.npy");
    for engine in ENGINES {
        run(engine, &[&logits, "-o", &out]);
        let values = read(&out).values;
        assert_eq!(values[..2], [0.0, 1.0]);
        assert!(values[2..].iter().all(|p| p.is_nan()), "{values:?}");
    }
}
