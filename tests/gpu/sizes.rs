//! Any size: more rows than a grid has workgroups, rows longer than a thread's loops, matrices larger than a binding.

use crate::common::data::{Data, make};
use crate::common::{Bound, TINY, assert_close, on_every_adapter};
use wgpu_xent::{CrossEntropy, Gpu, Logits, Targets, reference};

/// Compares every row's log-sum-exp and loss, and the elements of some rows, with the reference.
fn check(gpu: &Gpu, data: Data, rows: usize, classes: usize) {
    let (values, targets) = make(data, rows, classes, 1);
    let logits = Logits::new(&values, rows, classes).unwrap();
    let targets = Targets::new(&targets);
    let forward = CrossEntropy::new().row_loss(true).logsumexp(true).argmax(true);
    let got = gpu.cross_entropy(&logits, &targets, &forward.gradient(true)).unwrap();
    let expected = reference::cross_entropy(&logits, &targets, &forward).unwrap();
    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    let rounded = |_: usize| Bound { relative: 1e-6, absolute: 1e-6 };
    assert_close("loss", &[got.loss.unwrap()], &[expected.loss.unwrap()], tight);
    assert_close("row loss", &got.row_loss.unwrap(), &expected.row_loss.unwrap(), tight);
    let lse = expected.logsumexp.unwrap();
    assert_close("logsumexp", &got.logsumexp.unwrap(), &lse, rounded);
    assert_eq!((got.valid_rows, got.correct, got.argmax), (rows, expected.correct, expected.argmax));
    assert_close("logsumexp alone", &gpu.logsumexp(&logits).unwrap(), &lse, rounded);

    let softmax = gpu.softmax(&logits).unwrap();
    let gradient = got.gradient.unwrap();
    assert_eq!((softmax.len(), gradient.len()), (rows * classes, rows * classes));
    // Some rows everywhere, the last one among them; all rows if they are short.
    let step = (rows * classes / 4_000_000).max(1);
    // Relative, so that no element is too small to count: 1e-6, and the rounding of x - max x for up to 87 below it.
    let far = |_: usize| Bound { relative: 7e-6, absolute: TINY };
    for row in (0..rows).step_by(step).chain([rows - 1]) {
        let range = row * classes..(row + 1) * classes;
        let one = Logits::new(&values[range.clone()], 1, classes).unwrap();
        assert_close(&format!("softmax of row {row}"), &softmax[range.clone()], &reference::softmax(&one), far);
        let target = [targets.get(row)];
        let mut expected = reference::cross_entropy(&one, &Targets::new(&target), &forward.gradient(true)).unwrap().gradient.unwrap();
        expected.iter_mut().for_each(|g| *g /= rows as f64);
        assert_close(&format!("gradient of row {row}"), &gradient[range], &expected, far);
    }
}

#[test]
fn a_million_rows() {
    on_every_adapter(|gpu| check(gpu, Data::Outliers, 1_000_003, 10));
}

#[test]
fn a_million_classes() {
    on_every_adapter(|gpu| check(gpu, Data::Normal, 1, 1_000_000));
}

#[test]
fn just_above_the_grid() {
    on_every_adapter(|gpu| check(gpu, Data::Outliers, 65_537, 33));
}

/// 154 MB: more than lavapipe binds at once.
#[test]
fn larger_than_a_binding() {
    on_every_adapter(|gpu| check(gpu, Data::Normal, 300, 128_256));
}

/// Targets and losses are read as one long row: a thread that took too many of them would reach llvmpipe's loop limit.
#[test]
fn thirteen_million_rows() {
    on_every_adapter(|gpu| {
        let rows = 13_000_000;
        let values = vec![0.25_f32; rows];
        let logits = Logits::new(&values, rows, 1).unwrap();
        let mut targets = vec![0_u8; rows];
        targets[rows - 1] = 7;
        let options = CrossEntropy::new().ignore_index(7).argmax(true);
        let out = gpu.cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
        assert_eq!((out.loss, out.valid_rows, out.correct), (Some(0.0), rows - 1, Some(rows - 1)));
    });
}
