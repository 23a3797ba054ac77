//! `xent logsumexp`.

use crate::files::Files;
use crate::values::{CLASSES, LOGITS, assert_file, logsumexp, softmax};
use crate::{ENGINES, succeeds};

fn run(engine: &[&str], args: &[&str]) -> String {
    succeeds(&[&["logsumexp"], args, engine].concat())
}

#[test]
fn values_and_shapes() {
    let files = Files::new();
    let out = files.path("out.npy");
    let cases: &[(&[usize], &[&str], &[usize])] = &[
        (&[3, 4], &[], &[3]),
        (&[3, 4], &["--keepdim"], &[3, 1]),
        (&[3, 4], &["--dim=1", "--keepdim"], &[3, 1]),
        (&[1, 3, 4], &["--dim=-1"], &[1, 3]),
        (&[1, 3, 4], &["--dim", "-1", "--keepdim"], &[1, 3, 1]),
    ];
    for engine in ENGINES {
        for (shape, args, expected) in cases {
            let logits = files.f32("x.npy", shape, &LOGITS);
            assert_eq!(run(engine, &[&[logits.as_str(), "-o", &out], *args].concat()), "");
            assert_file(&out, expected, &logsumexp(&LOGITS));
        }
    }
}

#[test]
fn one_dimension_gives_a_scalar() {
    let files = Files::new();
    let out = files.path("out.npy");
    let row = &LOGITS[..CLASSES];
    let logits = files.f32("x.npy", &[CLASSES], row);
    run(&[], &[&logits, "-o", &out, "--dim=0"]);
    assert_file(&out, &[], &logsumexp(row));
    run(&[], &[&logits, "-o", &out, "--keepdim"]);
    assert_file(&out, &[1], &logsumexp(row));
}

#[test]
fn gradients_with_every_shape_of_upstream() {
    let files = Files::new();
    let logits = files.f16("x.npy", &[3, CLASSES], &LOGITS);
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    let factors = [2.0_f32, -0.5, 3.0];
    let cases = [
        (files.f32("rows.npy", &[3], &factors), factors),
        (files.f32("kept.npy", &[3, 1], &factors), factors),
        (files.f32("scalar.npy", &[], &[0.25]), [0.25; 3]),
        (files.f16("one.npy", &[1], &[0.25]), [0.25; 3]),
    ];
    for engine in ENGINES {
        for (upstream, factors) in &cases {
            run(engine, &[&logits, "-o", &out, "--grad", &grad, "--upstream", upstream]);
            let expected: Vec<_> = softmax(&LOGITS).iter().enumerate().map(|(i, p)| p * f64::from(factors[i / CLASSES])).collect();
            assert_file(&grad, &[3, CLASSES], &expected);
            assert_file(&out, &[3], &logsumexp(&LOGITS));
        }
    }
}

#[test]
fn arrays_of_no_rows() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[2, 0, 5], &[]);
    let out = files.path("out.npy");
    for engine in ENGINES {
        run(engine, &[&logits, "-o", &out, "--dim=-1"]);
        assert_file(&out, &[2, 0], &[]);
    }
}

#[test]
fn infinite_rows() {
    let files = Files::new();
    let infinity = f32::INFINITY;
    let logits = files.f32("x.npy", &[3, 2], &[-infinity, -infinity, infinity, 0.0, f32::NAN, 0.0]);
    let out = files.path("out.npy");
    for engine in ENGINES {
        run(engine, &[&logits, "-o", &out]);
        assert_file(&out, &[3], &[f64::NEG_INFINITY, f64::INFINITY, f64::NAN]);
    }
}
