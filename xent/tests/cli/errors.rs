//! Bad input: one line, exit code 2, and nothing written.

use crate::files::Files;
use crate::values::{CLASSES, LOGITS, TARGETS};
use crate::{command, finished, refused};

/// The arrays that most cases start from, and places for outputs.
struct Case {
    files: Files,
    logits: String,
    targets: String,
    out: String,
    grad: String,
}

impl Case {
    fn new() -> Self {
        let files = Files::new();
        let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
        let targets = files.i64("t.npy", &[3], &TARGETS);
        let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
        Self { files, logits, targets, out, grad }
    }

    #[track_caller]
    fn softmax(&self, args: &[&str], parts: &[&str]) {
        refused(&self.files, &[&["softmax", "-o", &self.out], args].concat(), parts);
    }

    #[track_caller]
    fn logsumexp(&self, args: &[&str], parts: &[&str]) {
        refused(&self.files, &[&["logsumexp", "-o", &self.out], args].concat(), parts);
    }

    #[track_caller]
    fn loss(&self, args: &[&str], parts: &[&str]) {
        refused(&self.files, &[&["loss", "--lse", &self.out], args].concat(), parts);
    }
}

#[test]
fn command_lines() {
    let case = Case::new();
    let (x, t) = (case.logits.as_str(), case.targets.as_str());
    let cases: &[(&[&str], &str)] = &[
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["softmax"], "required arguments were not provided"),
        (&["softmax", x], "--output <OUT>"),
        (&["loss", x], "<TARGETS>"),
        (&["loss", x, t, "--gard", "g.npy"], "unexpected argument '--gard' found; tip: a similar argument exists: '--grad'"),
        (&["loss", x, t, "--reduction", "average"], "invalid value 'average'"),
        (&["loss", x, t, "--ignore-index", "never"], "invalid value 'never'"),
        (&["nll", x, t, "--temperature", "2"], "xent: unexpected argument '--temperature' found\n"),
        (&["loss", x, t, "--dim", "last"], "invalid value 'last'"),
        (&["loss", x, t, "--upstream", x], "--grad <FILE>"),
        (&["softmax", x, "-o", &case.out, "--grad", &case.grad], "--upstream <FILE>"),
        (&["softmax", x, "-o", &case.out, "--upstream", x], "--grad <FILE>"),
        (&["logsumexp", x, "-o", &case.out, "--grad", &case.grad], "--upstream <FILE>"),
        (&["logsumexp", x, "-o", &case.out, "--upstream", x], "--grad <FILE>"),
    ];
    for (args, part) in cases {
        refused(&case.files, args, &[part]);
    }
}

#[test]
fn help_is_no_error() {
    for args in [&["--help"][..], &["loss", "--help"], &["--version"]] {
        let run = finished(command(args));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
        assert!(run.stdout.contains("xent"), "{run:?}");
        // Whoever asks how a command works learns which files it takes.
        assert_eq!(run.stdout.contains("file.safetensors:tensor"), args != ["--version"], "{run:?}");
    }
    let run = finished(command(&[]));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("Usage: xent"), "{run:?}");
}

#[test]
fn files_that_cannot_be_read() {
    let case = Case::new();
    let missing = case.files.path("missing.npy");
    case.softmax(&[&missing], &["missing.npy: cannot open the file"]);
    case.loss(&[&case.logits, &missing], &["missing.npy: cannot open the file"]);
    case.softmax(&[&case.files.put("x.txt", b"")], &["x.txt: unknown format"]);
    case.softmax(&[&case.files.put("short.npy", b"\x93NUMPY")], &["short.npy: malformed header"]);
    let tensor = case.files.safetensors("x.safetensors", &[3, CLASSES], &LOGITS);
    case.softmax(&[&tensor], &["2 tensors", "\"logits\", \"other\""]);
    case.softmax(&[&format!("{tensor}:logit")], &["no tensor named \"logit\""]);
}

#[test]
fn element_types() {
    let case = Case::new();
    let double = case.files.npy("double.npy", "<f8", &[1, 1], [0; 8]);
    case.softmax(&[&double], &["double.npy: dtype is float64, expected float32"]);
    case.softmax(&[&case.targets], &["t.npy: dtype is int64"]);
    let floats = case.files.f32("floats.npy", &[3], &[0.0; 3]);
    case.loss(&[&case.logits, &floats], &["floats.npy: dtype is float32, expected an integer type"]);
    case.loss(
        &[&case.logits, &case.targets, "--grad", &case.grad, "--reduction=none", "--upstream", &case.targets],
        &["t.npy: dtype is int64"],
    );
}

#[test]
fn dimensions() {
    let case = Case::new();
    let deep = case.files.f32("deep.npy", &[1, 3, CLASSES], &LOGITS);
    let targets = case.files.i64("deep_t.npy", &[1, CLASSES], &[0; CLASSES]);
    let scalar = case.files.f32("scalar.npy", &[], &[1.0]);
    case.loss(&[&deep, &targets, "--dim=-1"], &["deep_t.npy: targets of shape [1, 4] do not fit logits of shape [1, 3, 4]", "need [1, 3]"]);
    case.softmax(&[&deep, "--dim=3"], &["deep.npy: dimension 3 is not in -3..3, the array has 3 dimensions"]);
    case.logsumexp(&[&deep, "--dim", "-1,2"], &["dimension 2 is given twice"]);
    case.softmax(&[&case.logits, "--dim=2"], &["dimension 2 is not in -2..2"]);
    case.softmax(&[&scalar], &["scalar.npy: a scalar has no dimension of classes"]);
    let none = case.files.f32("none.npy", &[3, 0], &[]);
    case.softmax(&[&none], &["3 rows of 0 classes"]);
}

#[test]
fn shapes_that_do_not_fit() {
    let case = Case::new();
    let deep = case.files.i64("deep.npy", &[3, 1], &TARGETS);
    case.loss(&[&case.logits, &deep], &["deep.npy: targets of shape [3, 1] do not fit logits of shape [3, 4], which need [3]"]);
    let short = case.files.f32("short.npy", &[2], &[1.0; 2]);
    let wide = case.files.f32("wide.npy", &[CLASSES, 3], &LOGITS);
    let grad = ["--grad", &case.grad, "--upstream"];
    case.softmax(&[&[case.logits.as_str()], &grad[..], &[&wide]].concat(), &["wide.npy: upstream gradient of shape [4, 3]", "[3, 4]"]);
    case.logsumexp(
        &[&[case.logits.as_str()], &grad[..], &[&short]].concat(),
        &["short.npy: upstream gradient of shape [2]", "[3] or shape [3, 1]"],
    );
    let loss = [&[case.logits.as_str(), &case.targets], &grad[..]].concat();
    case.loss(&[&loss[..], &[&short]].concat(), &["upstream gradient of shape [2], expected one element"]);
    case.loss(&[&loss[..], &[&short, "--reduction=none"]].concat(), &["expected one element or shape [3]"]);
}

#[test]
fn targets_that_are_no_class() {
    let case = Case::new();
    for (values, args, part) in [
        ([0, 4, 0], &[][..], "t2.npy: target 4 of row 1 is not in 0..4 and is not --ignore-index -100"),
        ([0, 0, -1], &[], "target -1 of row 2"),
        ([-100, 0, 0], &["--ignore-index", "none"], "target -100 of row 0 is not in 0..4"),
        ([-100, 0, 0], &["--ignore-index=-1"], "target -100 of row 0 is not in 0..4 and is not --ignore-index -1"),
        ([0, i64::MAX, 0], &[], "target 9223372036854775807 of row 1"),
        ([0, 1 << 32, 0], &[], "target 4294967296 of row 1"),
    ] {
        let targets = case.files.i64("t2.npy", &[3], &values);
        case.loss(&[&[case.logits.as_str(), &targets, "--grad", &case.grad], args].concat(), &[part]);
    }
}

#[test]
fn outputs() {
    let case = Case::new();
    let (x, t) = (case.logits.as_str(), case.targets.as_str());
    let nowhere = case.files.path("none/out.npy");
    refused(&case.files, &["softmax", x, "-o", &nowhere], &["out.npy: directory", "does not exist"]);
    refused(&case.files, &["softmax", x, "-o", &case.files.path("out.txt")], &["out.txt: unknown format"]);
    case.loss(&[x, t, "--grad", &nowhere], &["does not exist"]);
    case.loss(&[x, t, "--grad", &case.out], &["out.npy: two outputs to one file"]);
    case.loss(&[x, t, "--loss", &case.files.path("./out.npy")], &["out.npy: two outputs to one file"]);
    case.softmax(&[x, "--grad", &case.out, "--upstream", x], &["two outputs to one file"]);
    case.logsumexp(&[x, "--grad", &case.out, "--upstream", &case.files.f32("u.npy", &[], &[1.0])], &["two outputs to one file"]);
}
