//! Measured plans: what is found is used, kept as text, and refused elsewhere.

use crate::common::{Bound, TINY, assert_close, gpus};
use wgpu_xent::{CrossEntropy, Error, Logits, Storage, Targets, Tuning, reference};

const SHAPE: (usize, usize) = (96, 40);

/// A shape is tuned on every adapter, and calls of it are right however they are run.
#[test]
fn what_wins_is_right() {
    for gpu in gpus() {
        let tuning = gpu.tune(&[SHAPE], Storage::F32).unwrap();
        let text = tuning.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains(&gpu.describe()), "{text}");
        assert_eq!(lines.len(), 3, "reads and writes: {text}");
        assert!(lines[1].starts_with("reads f32 64 32 ") && lines[2].starts_with("writes f32 64 32 "), "{text}");
        // The winner is no slower than what the tables choose.
        for line in &lines[1..] {
            let times: Vec<f64> = line.split(' ').skip(6).map(|word| word.parse().unwrap()).collect();
            assert!(times.len() == 2 && times[0] <= times[1], "{line}");
        }
        assert_eq!(text.parse::<Tuning>().unwrap().to_string(), text);

        let values: Vec<f32> = (0..SHAPE.0 * SHAPE.1).map(|i| (i * 37 % 101) as f32 / 10.0).collect();
        let targets: Vec<u32> = (0..SHAPE.0 as u32).map(|row| row % SHAPE.1 as u32).collect();
        let (logits, targets) = (Logits::new(&values, SHAPE.0, SHAPE.1).unwrap(), Targets::new(&targets));
        let options = CrossEntropy::new().gradient(true);
        let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
        // Each strategy as if it had won.
        for strategy in ["thread", "tile", "subgroup", "workgroup", "held", "split-thread", "split-subgroup", "split-workgroup"] {
            for from in ["buffer", "texture"] {
                let forced = format!("{}\nwrites f32 64 32 {strategy} {from} 1.0 2.0\n", lines[0]);
                let gpu = gpu.with_tuning(&forced.parse().unwrap()).unwrap();
                let got = gpu.cross_entropy(&logits, &targets, &options).unwrap();
                let bound = |_: usize| Bound { relative: 2e-6, absolute: TINY };
                assert_close("loss", &[got.loss.unwrap()], &[expected.loss.unwrap()], bound);
                assert_close("gradient", got.gradient.as_ref().unwrap(), expected.gradient.as_ref().unwrap(), bound);
            }
        }
    }
}

/// Text that is no tuning is refused by its line, and a tuning of something else by its name.
#[test]
fn what_does_not_fit_is_refused() {
    let problem = |text: &str| match text.parse::<Tuning>() {
        Err(Error::Tuning { line, problem }) => (line, problem),
        other => panic!("{other:?}"),
    };
    for line in [
        "reads f32 64 32 thread buffer 1.0",
        "reads f32 63 32 thread buffer 1.0 1.0",
        "writes f64 64 32 thread buffer 1.0 1.0",
        "writes f32 64 32 threads buffer 1.0 1.0",
        "writes f32 64 32 thread image 1.0 1.0",
        "writes f32 64 32 thread buffer NaN 1.0",
        "does f32 64 32 thread buffer 1.0 1.0",
    ] {
        let (at, problem) = problem(&format!("an adapter\nreads f32 64 32 thread buffer 1.0 1.0\n{line}\n"));
        assert!(at == 3 && problem.contains(line), "{at}: {problem}");
    }
    let mut other: Tuning = "another adapter\n".parse().unwrap();
    for gpu in gpus() {
        let error = gpu.with_tuning(&other).unwrap_err().to_string();
        assert!(error.contains("another adapter") && error.contains(&gpu.describe()), "{error}");
    }
    let third: Tuning = "a third\n".parse().unwrap();
    assert!(other.extend(&third).is_err());
    let more: Tuning = "another adapter\nreads bf16 64 32 subgroup texture 1.0 1.0\n".parse().unwrap();
    other.extend(&more).unwrap();
    assert_eq!(other, more);
}
