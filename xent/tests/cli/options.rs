//! The options of `xent loss`, each against the formula.

use serde_json::Value;

use crate::files::Files;
use crate::model::{Model, one_hot};
use crate::values::{CLASSES, LOGITS, assert_file, assert_near};
use crate::{ENGINES, succeeds};

const ROWS: usize = 3;

/// Files of one loss, and what they should hold.
struct Case {
    files: Files,
    logits: String,
    targets: String,
    q: Vec<f64>,
    model: Model,
}

impl Case {
    fn new(targets: [i64; ROWS]) -> Self {
        let files = Files::new();
        let logits = files.f32("x.npy", &[ROWS, CLASSES], &LOGITS);
        let path = files.i64("t.npy", &[ROWS], &targets);
        Self { files, logits, targets: path, q: one_hot(&targets, CLASSES), model: Model::new(ROWS, CLASSES) }
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&succeeds(&[&["loss", &self.logits, &self.targets, "--json"], args].concat())).unwrap()
    }

    /// Loss and gradient are the model's with every reduction; a mean divides by `denominator`.
    #[track_caller]
    fn check(&self, args: &[&str], denominator: f64) {
        self.check_reductions(args, denominator, &["none", "sum", "mean"]);
    }

    #[track_caller]
    fn check_mean(&self, args: &[&str], denominator: f64) {
        self.check_reductions(args, denominator, &["mean"]);
    }

    #[track_caller]
    fn check_reductions(&self, args: &[&str], denominator: f64, reductions: &[&str]) {
        let (loss, grad) = (self.files.path("loss.npy"), self.files.path("grad.npy"));
        let losses = self.model.losses(&LOGITS, &self.q);
        let sum: f64 = losses.iter().sum();
        for engine in ENGINES {
            for reduction in reductions {
                let json = self.json(&[args, &["--reduction", reduction, "--loss", &loss, "--grad", &grad], engine].concat());
                let factor = if *reduction == "mean" { 1.0 / denominator } else { 1.0 };
                match *reduction {
                    "none" => assert_file(&loss, &[ROWS], &losses),
                    _ => assert_file(&loss, &[], &[factor * sum]),
                }
                assert_file(&grad, &[ROWS, CLASSES], &self.model.gradient(&LOGITS, &self.q, factor));
                assert_near(&json["mean_loss"], sum / denominator);
                assert_near(&json["denominator"], denominator);
            }
        }
    }
}

#[test]
fn class_weights() {
    let mut case = Case::new([3, -100, 2]);
    let weights = [0.5, 2.0, 3.0, 0.25];
    case.model.weights = weights.map(f64::from).to_vec();
    let path = case.files.f32("w.npy", &[CLASSES], &weights);
    case.check(&["--weight", &path], 3.25);
    case.check_mean(&["--weight", &path, "--denominator", "weights"], 3.25);
    case.check_mean(&["--weight", &path, "--denominator", "valid"], 2.0);
    case.check_mean(&["--weight", &path, "--denominator=rows"], 3.0);
    case.check_mean(&["--weight", &path, "--denominator", "-2.5"], -2.5);
    let rows = [2.0, 5.0, 0.0];
    case.model.row_weights = rows.map(f64::from).to_vec();
    let rows = case.files.f32("a.npy", &[ROWS], &rows);
    case.check(&["--weight", &path, "--row-weight", &rows], 3.25);
    case.check_mean(&["--weight", &path, "--row-weight", &rows, "--denominator=all-weights"], 0.5);
}

#[test]
fn row_weights_in_half_precision() {
    let mut case = Case::new([3, 0, 2]);
    case.model.row_weights = vec![0.5, -1.0, 4.0];
    let rows = case.files.f16("a.npy", &[ROWS], &[0.5, -1.0, 4.0]);
    case.check(&["--row-weight", &rows], 3.0);
    case.check_mean(&["--row-weight", &rows, "--denominator", "all-weights"], 3.5);
}

#[test]
fn label_smoothing_and_z_loss() {
    let mut case = Case::new([3, -100, 2]);
    case.model.smoothing = f64::from(0.1_f32);
    case.check(&["--label-smoothing", "0.1"], 2.0);
    case.model.z_loss = f64::from(1e-2_f32);
    case.check(&["--label-smoothing", "0.1", "--z-loss", "1e-2"], 2.0);
    case.model.weights = vec![0.5, 2.0, 0.0, 0.25];
    let weights = case.files.f32("w.npy", &[CLASSES], &[0.5, 2.0, 0.0, 0.25]);
    case.check(&["--label-smoothing", "0.1", "--z-loss", "1e-2", "--weight", &weights], 0.25);
}

#[test]
fn the_z_loss_part() {
    let mut case = Case::new([3, 1, 2]);
    case.model.z_loss = f64::from(1e-2_f32);
    case.model.row_weights = vec![1.0, 2.0, 0.5];
    let (part, rows) = (case.files.path("z.npy"), case.files.f32("a.npy", &[ROWS], &[1.0, 2.0, 0.5]));
    let parts = case.model.z_parts(&LOGITS);
    let sum: f64 = parts.iter().sum();
    for engine in ENGINES {
        let args = [&["--z-loss=0.01", "--row-weight", &rows, "--z-loss-part", &part], engine].concat();
        assert_near(&case.json(&args)["z_loss"], sum / 3.0);
        assert_near(&case.json(&[&args[..], &["--reduction=sum"]].concat())["z_loss"], sum);
        let json = case.json(&[&args[..], &["--reduction=none"]].concat());
        assert!(json["z_loss"].is_null());
        assert_near(&json["mean_z_loss"], sum / 3.0);
        assert!(json.get("perplexity").is_none(), "a loss with more than the likelihood has none: {json}");
        assert_file(&part, &[ROWS], &parts);
    }
    let text = succeeds(&["loss", &case.logits, &case.targets, "--z-loss", "0.01"]);
    assert!(text.contains("z-loss part  ") && !text.contains("perplexity"), "{text}");
}

#[test]
fn temperature_scale_and_softcap() {
    let mut case = Case::new([3, 0, 2]);
    case.model.scales = vec![0.5; ROWS];
    case.check_mean(&["--temperature", "2"], 3.0);
    case.check_mean(&["--scale=0.5"], 3.0);
    case.model.softcap = Some(2.5);
    case.check(&["--temperature", "2", "--softcap", "2.5"], 3.0);
    case.model.scales = vec![0.5, -1.5, 0.0];
    let scales = case.files.f32("s.npy", &[ROWS], &[0.5, -1.5, 0.0]);
    case.check(&["--scale", &scales, "--softcap", "2.5"], 3.0);
    case.model.softcap = None;
    case.check_mean(&["--scale", &scales], 3.0);
    case.model.scales = vec![2.0, 0.5, 0.25];
    let temperatures = case.files.f16("t16.npy", &[ROWS], &[0.5, 2.0, 4.0]);
    case.check_mean(&["--temperature", &temperatures], 3.0);
    case.model.scales = vec![-1.5; ROWS];
    case.check(&["--scale=-1.5"], 3.0);
    case.check_mean(&["--scale", &case.files.f32("one.npy", &[1, 1], &[-1.5])], 3.0);
}

#[test]
fn class_masks() {
    let mut case = Case::new([3, 0, -100]);
    let shared = [true, false, true, true];
    case.model.mask = shared.repeat(ROWS);
    let bools = case.files.npy("m.npy", "|b1", &[CLASSES], shared.map(u8::from));
    case.check(&["--class-mask", &bools], 2.0);
    let integers = case.files.i64("m64.npy", &[CLASSES], &[-1, 0, 1 << 32, 7]);
    case.check_mean(&["--mask", &integers], 2.0);
    case.model.mask = vec![true, true, false, true, true, false, false, true, true, false, true, true];
    let each = case.files.npy("each.npy", "|u1", &[ROWS, CLASSES], case.model.mask.iter().map(|&bit| 9 * u8::from(bit)));
    case.check(&["--class-mask", &each], 2.0);
    // Smoothing spreads over the classes that take part.
    case.model.smoothing = 0.25;
    case.check(&["--class-mask", &each, "--label-smoothing=0.25"], 2.0);
}

#[test]
fn a_masked_target() {
    let case = Case::new([3, 0, 2]);
    let mask = case.files.i64("m.npy", &[CLASSES], &[1, 1, 0, 1]);
    let (loss, log_prob) = (case.files.path("loss.npy"), case.files.path("lp.npy"));
    for engine in ENGINES {
        case.json(&[&["--class-mask", &mask, "--reduction=none", "--loss", &loss, "--log-prob", &log_prob], engine].concat());
        assert_eq!(crate::files::read(&loss).values[2], f32::INFINITY);
        assert_eq!(crate::files::read(&log_prob).values[2], f32::NEG_INFINITY);
    }
}

#[test]
fn everything_at_once() {
    let mut case = Case::new([3, -100, 1]);
    let model = &mut case.model;
    (model.weights, model.row_weights) = (vec![0.5, 2.0, 3.0, 0.25], vec![2.0, 3.0, 1.5]);
    (model.smoothing, model.z_loss, model.softcap) = (0.25, 0.125, Some(4.0));
    model.scales = vec![0.5, 1.0, 2.0];
    model.mask = vec![true, true, false, true, true, true, true, true, true, true, true, false];
    let mask = case.files.npy("m.npy", "|b1", &[ROWS, CLASSES], model.mask.iter().map(|&bit| u8::from(bit)));
    let weights = case.files.f32("w.npy", &[CLASSES], &[0.5, 2.0, 3.0, 0.25]);
    let rows = case.files.f32("a.npy", &[ROWS], &[2.0, 3.0, 1.5]);
    let scales = case.files.f32("s.npy", &[ROWS], &[0.5, 1.0, 2.0]);
    let args = ["--weight", &weights, "--row-weight", &rows, "--label-smoothing=0.25", "--z-loss=0.125", "--softcap=4", "--scale", &scales];
    case.check(&[&args[..], &["--class-mask", &mask, "--denominator=all-weights"]].concat(), 0.5 + 3.0);
}

#[test]
fn a_mean_over_nothing() {
    let case = Case::new([-100; 3]);
    let (loss, grad) = (case.files.path("loss.npy"), case.files.path("grad.npy"));
    let files = ["--loss", &loss, "--grad", &grad];
    for engine in ENGINES {
        let json = case.json(&[&files[..], engine].concat());
        assert_eq!((&json["loss"], &json["faults"]["empty_denominator"]), (&"nan".into(), &true.into()), "{json}");
        let json = case.json(&[&files[..], &["--empty-mean", "zero"], engine].concat());
        assert_eq!((&json["loss"], json["faults"].as_object().unwrap().len()), (&0.0.into(), 0), "{json}");
        assert_file(&loss, &[], &[0.0]);
        assert_file(&grad, &[ROWS, CLASSES], &[0.0; 12]);
    }
    let case = Case::new([0, 1, 2]);
    let none = case.files.f32("w.npy", &[CLASSES], &[0.0, 0.0, 0.0, 1.0]);
    let grad = case.files.path("grad.npy");
    for engine in ENGINES {
        // Rows without a coefficient have no gradient, whatever they are divided by.
        assert_eq!(case.json(&[&["--weight", &none, "--grad", &grad], engine].concat())["loss"], "nan");
        assert_file(&grad, &[ROWS, CLASSES], &[0.0; 12]);
        assert_eq!(case.json(&[&["--denominator=0", "--grad", &grad], engine].concat())["loss"], "nan");
        assert_file(&grad, &[ROWS, CLASSES], &[f64::NAN; 12]);
        case.json(&[&["--denominator=0", "--empty-mean=zero", "--grad", &grad], engine].concat());
        assert_file(&grad, &[ROWS, CLASSES], &[0.0; 12]);
    }
}
