//! `xent loss`.

use serde_json::Value;

use crate::files::Files;
use crate::values::{CLASSES, LOGITS, TARGETS, assert_file, assert_near, gradient, logsumexp, losses};
use crate::{ENGINES, succeeds};

fn run(engine: &[&str], args: &[&str]) -> String {
    succeeds(&[&["loss"], args, engine].concat())
}

fn json(engine: &[&str], args: &[&str]) -> Value {
    serde_json::from_str(&run(engine, &[args, &["--json"]].concat())).unwrap()
}

#[test]
fn every_reduction_with_all_files() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &TARGETS);
    let (loss, grad, lse) = (files.path("loss.npy"), files.path("grad.npy"), files.path("lse.npy"));
    let rows = losses(&LOGITS, &TARGETS);
    let sum: f64 = rows.iter().sum();
    let cases: [(&str, &[usize], &[f64], f64); 3] =
        [("mean", &[], &[sum / 3.0], 1.0 / 3.0), ("sum", &[], &[sum], 1.0), ("none", &[3], &rows, 1.0)];
    for engine in ENGINES {
        for (reduction, shape, expected, factor) in cases {
            run(engine, &[&logits, &targets, "--reduction", reduction, "--loss", &loss, "--grad", &grad, "--lse", &lse]);
            assert_file(&loss, shape, expected);
            assert_file(&grad, &[3, CLASSES], &gradient(&LOGITS, &TARGETS, &[factor; 3]));
            assert_file(&lse, &[3], &logsumexp(&LOGITS));
        }
    }
}

#[test]
fn the_text_has_every_number() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &[3, 0, -100]);
    let sum: f64 = losses(&LOGITS, &[3, 0, -100]).iter().sum();
    let text = run(&["--adapter", "reference"], &[&logits, &targets]);
    let expected = [
        format!("loss        {:.9} nats (mean)", sum / 2.0),
        format!("perplexity  {:.6}", (sum / 2.0).exp()),
        "accuracy    0.5000 (1 of 2)".to_owned(),
        "rows        3".to_owned(),
        "valid rows  2".to_owned(),
        "classes     4".to_owned(),
        "adapter     reference (CPU, f64)".to_owned(),
    ];
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..7], expected);
    assert!(lines[7].starts_with("time        ") && lines[7].ends_with(" s"), "{text}");

    let text = run(&[], &[&logits, &targets, "--reduction", "sum"]);
    assert!(text.contains("nats (sum)"), "{text}");
    let text = run(&[], &[&logits, &targets, "--reduction=none"]);
    assert!(text.contains("not reduced (mean "), "{text}");
}

#[test]
fn json_of_every_reduction() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &TARGETS);
    let sum: f64 = losses(&LOGITS, &TARGETS).iter().sum();
    for engine in ENGINES {
        for reduction in ["mean", "sum", "none"] {
            let json = json(engine, &[&logits, &targets, "--reduction", reduction]);
            assert_eq!(json["reduction"], reduction);
            match reduction {
                "mean" => assert_near(&json["loss"], sum / 3.0),
                "sum" => assert_near(&json["loss"], sum),
                _ => assert!(json["loss"].is_null(), "{json}"),
            }
            assert_near(&json["mean_loss"], sum / 3.0);
            assert_near(&json["sum_loss"], sum);
            assert_near(&json["perplexity"], (sum / 3.0).exp());
            // Of the equal logits of the last row, the first counts.
            assert_near(&json["accuracy"], 1.0 / 3.0);
            assert_eq!((&json["rows"], &json["valid_rows"], &json["classes"]), (&3.into(), &3.into(), &4.into()));
            assert!(json["seconds"].as_f64().unwrap() >= 0.0);
            assert_eq!(json["adapter"]["name"] == "reference", !engine.is_empty());
            assert!(
                json["adapter"]["type"].is_string() && json["adapter"].get("backend").is_some() && json["adapter"].get("driver").is_some()
            );
        }
    }
}

#[test]
fn ignored_rows() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let grad = files.path("grad.npy");
    let expected = losses(&LOGITS, &[-1, 0, -1])[1];
    // The value given, whether a class or not, and PyTorch's -100 without one.
    for (ignored, args) in [(-100, &[][..]), (-1, &["--ignore-index=-1"]), (99, &["--ignore-index", "99"]), (3, &["--ignore-index", "3"])] {
        let targets = files.i64("t.npy", &[3], &[ignored, 0, ignored]);
        for engine in ENGINES {
            let json = json(engine, &[&[logits.as_str(), &targets, "--grad", &grad], args].concat());
            assert_near(&json["loss"], expected);
            assert_eq!((&json["rows"], &json["valid_rows"]), (&3.into(), &1.into()));
            assert_file(&grad, &[3, CLASSES], &gradient(&LOGITS, &[-1, 0, -1], &[1.0; 3]));
        }
    }
}

#[test]
fn no_row_left() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &[-100; 3]);
    let (loss, grad) = (files.path("loss.npy"), files.path("grad.npy"));
    for engine in ENGINES {
        let json = json(engine, &[&logits, &targets, "--loss", &loss, "--grad", &grad]);
        assert_eq!(
            [&json["loss"], &json["perplexity"], &json["accuracy"], &json["sum_loss"]],
            [&"nan".into(), &"nan".into(), &"nan".into(), &Value::from(0.0)]
        );
        assert_file(&loss, &[], &[f64::NAN]);
        assert_file(&grad, &[3, CLASSES], &[0.0; 12]);
    }
}

#[test]
fn arrays_of_no_rows() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[0, CLASSES], &[]);
    let targets = files.i64("t.npy", &[0], &[]);
    let (loss, grad, lse) = (files.path("loss.npy"), files.path("grad.npy"), files.path("lse.npy"));
    for engine in ENGINES {
        let args = [&logits, &targets, "--loss", &loss, "--grad", &grad, "--lse", &lse];
        let json = json(engine, &args);
        assert_eq!((&json["loss"], &json["rows"]), (&"nan".into(), &0.into()));
        assert_file(&loss, &[], &[f64::NAN]);
        assert_file(&grad, &[0, CLASSES], &[]);
        assert_file(&lse, &[0], &[]);
        run(engine, &[&args[..], &["--reduction", "sum"]].concat());
        assert_file(&loss, &[], &[0.0]);
        run(engine, &[&args[..], &["--reduction", "none"]].concat());
        assert_file(&loss, &[0], &[]);
    }
}

#[test]
fn infinite_losses() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[2, 2], &[f32::NEG_INFINITY, 0.0, 1.0, 1.0]);
    let targets = files.i64("t.npy", &[2], &[0, 0]);
    let grad = files.path("grad.npy");
    for engine in ENGINES {
        let json = json(engine, &[&logits, &targets, "--grad", &grad]);
        assert_eq!((&json["loss"], &json["perplexity"]), (&"inf".into(), &"inf".into()));
        assert_file(&grad, &[2, 2], &[-0.5, 0.5, -0.25, 0.25]);
    }
}

#[test]
fn upstream_factors() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &[3, -100, 2]);
    let (loss, grad) = (files.path("loss.npy"), files.path("grad.npy"));
    let scalar = files.f32("scalar.npy", &[], &[3.0]);
    let one = files.f32("one.npy", &[1, 1], &[3.0]);
    let rows = files.f32("rows.npy", &[3], &[0.5, 7.0, -2.0]);
    let cases = [
        ("mean", &scalar, [1.5; 3]),
        ("mean", &one, [1.5; 3]),
        ("sum", &scalar, [3.0; 3]),
        ("none", &scalar, [3.0; 3]),
        ("none", &rows, [0.5, 7.0, -2.0]),
    ];
    let sum: f64 = losses(&LOGITS, &[3, -100, 2]).iter().sum();
    for engine in ENGINES {
        for (reduction, upstream, factors) in &cases {
            run(engine, &[&logits, &targets, "--reduction", reduction, "--loss", &loss, "--grad", &grad, "--upstream", upstream]);
            assert_file(&grad, &[3, CLASSES], &gradient(&LOGITS, &[3, -100, 2], factors));
            // They are no part of the loss.
            match *reduction {
                "mean" => assert_file(&loss, &[], &[sum / 2.0]),
                "sum" => assert_file(&loss, &[], &[sum]),
                _ => assert_file(&loss, &[3], &losses(&LOGITS, &[3, -100, 2])),
            }
        }
    }
}

#[test]
fn other_shapes_and_formats() {
    let files = Files::new();
    let expected: f64 = losses(&LOGITS, &TARGETS).iter().sum::<f64>() / 3.0;
    let (loss, grad, lse) = (files.path("loss.npy"), files.path("grad.npy"), files.path("lse.npy"));
    let flat = files.i64("flat.npy", &[3], &TARGETS);

    let deep = files.f32("deep.npy", &[1, 3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[1, 3], &TARGETS);
    let args = [&deep, &targets, "--dim=-1", "--reduction=none", "--loss", &loss, "--grad", &grad, "--lse", &lse];
    run(&[], &args);
    assert_file(&loss, &[1, 3], &losses(&LOGITS, &TARGETS));
    assert_file(&grad, &[1, 3, CLASSES], &gradient(&LOGITS, &TARGETS, &[1.0; 3]));
    assert_file(&lse, &[1, 3], &logsumexp(&LOGITS));

    let half = files.f16("half.npy", &[3, CLASSES], &LOGITS);
    let tensor = files.safetensors("x.safetensors", &[3, CLASSES], &LOGITS) + ":logits";
    for logits in [half, tensor] {
        assert_near(&json(&[], &[&logits, &flat])["loss"], expected);
    }
}

#[test]
fn a_single_row_without_a_row_dimension() {
    let files = Files::new();
    let row = &LOGITS[..CLASSES];
    let logits = files.f32("x.npy", &[CLASSES], row);
    let (loss, lse) = (files.path("loss.npy"), files.path("lse.npy"));
    for shape in [&[][..], &[1]] {
        let targets = files.i64("t.npy", shape, &[1]);
        run(&[], &[&logits, &targets, "--reduction=none", "--loss", &loss, "--lse", &lse]);
        assert_file(&loss, &[], &losses(row, &[1]));
        assert_file(&lse, &[], &logsumexp(row));
    }
}

#[test]
fn targets_of_every_integer_type() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let expected = losses(&LOGITS, &TARGETS).iter().sum::<f64>() / 3.0;
    for (descr, size) in [("|u1", 1), ("|i1", 1), ("<u2", 2), ("<i2", 2), ("<u4", 4), ("<i4", 4), ("<u8", 8), ("<i8", 8)] {
        let bytes = TARGETS.iter().flat_map(|t| t.to_le_bytes()[..size].to_vec());
        let targets = files.npy("t.npy", descr, &[3], bytes);
        assert_near(&json(&["--adapter", "reference"], &[&logits, &targets])["loss"], expected);
    }
}

#[test]
fn an_input_may_be_replaced() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let targets = files.i64("t.npy", &[3], &TARGETS);
    run(&[], &[&logits, &targets, "--reduction=sum", "--grad", &logits]);
    assert_file(&logits, &[3, CLASSES], &gradient(&LOGITS, &TARGETS, &[1.0; 3]));
}
