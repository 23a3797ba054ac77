//! The kit itself: what is wrong must not pass, and what failures have in common must be told.

use std::collections::HashSet;

use wgpu_xent::{AdapterChoice, Avoid, Gpu, Plan, Storage, Strategy, Work};

use crate::case::{Case, Input, Operation, Takes};
use crate::compare::Worst;
use crate::data::Data;
use crate::matrix::Shape;
use crate::ops::OPERATIONS;
use crate::report::{Outcome, Record};
use crate::run::{Told, judge};

const SHAPE: Shape = Shape::matrix(20, 12);

/// What comes out of an operation on the best adapter, spoiled, and judged.
struct Trial {
    gpu: Gpu,
    operation: &'static Operation,
    input: Input,
    case: Case,
    right: Vec<Vec<f64>>,
}

impl Trial {
    fn new(name: &str, options: &str, data: Data) -> Self {
        let gpu = Gpu::open(&AdapterChoice::Best).unwrap();
        let operation = OPERATIONS.iter().find(|o| (o.name, o.options) == (name, options)).unwrap();
        let input = Input { shape: SHAPE, storage: Storage::F32, data };
        let case = (operation.prepare)(&input);
        let right = (case.run)(&gpu).unwrap();
        Self { gpu, operation, input, case, right }
    }

    fn judged(&self, got: Result<Vec<Vec<f64>>, String>) -> Vec<Record> {
        let told = Told { gpu: &self.gpu, operation: self.operation, input: &self.input, forced: None, plan: None };
        judge(&told, &self.case, got)
    }

    /// Which results fail if one is changed.
    #[track_caller]
    fn spoiled(&self, result: usize, spoil: impl FnOnce(&mut Vec<f64>)) -> Vec<&'static str> {
        let mut got = self.right.clone();
        spoil(&mut got[result]);
        self.judged(Ok(got)).iter().filter(|record| !record.passed()).map(|record| record.result).collect()
    }

    /// The error allowed for a value.
    fn allowed(&self, result: usize, at: usize) -> f64 {
        let expected = &self.case.expected[result];
        expected.bounds.get(at).allowed(expected.values[at])
    }
}

/// Every result of every operation: four bounds off, NaN, infinity, the wrong sign, another row's values, a row too few.
#[test]
fn what_is_wrong_fails() {
    for operation in &OPERATIONS {
        let trial = Trial::new(operation.name, operation.options, Data::Outliers);
        let of = |what: &str, result: &str| format!("{} ({}), {result}: {what}", operation.name, operation.options);
        assert!(trial.judged(Ok(trial.right.clone())).iter().all(Record::passed), "{}", of("as it came out", "all"));
        for (i, expected) in trial.case.expected.iter().enumerate() {
            let name = expected.result;
            // The value that is farthest above its bound.
            let size = |at: &usize| expected.values[*at].abs() / trial.allowed(i, *at);
            let finite = (0..expected.values.len()).filter(|&at| expected.values[at].is_finite() && expected.values[at] != 0.0);
            let at = finite.max_by(|a, b| size(a).total_cmp(&size(b)));
            let caught = |what: &str, spoil: &dyn Fn(&mut Vec<f64>)| {
                assert_eq!(trial.spoiled(i, spoil), [name], "{}", of(what, name));
            };
            caught("a value too few", &|values| {
                values.pop();
            });
            caught("a value too many", &|values| values.push(0.0));
            let Some(at) = at else { continue };
            // Four times a bound of nothing is lost in the value.
            let off = (4.0 * trial.allowed(i, at)).max(expected.values[at].abs() * 1e-9);
            caught("four bounds off", &|values| values[at] = expected.values[at] + off);
            caught("NaN", &|values| values[at] = f64::NAN);
            caught("infinite", &|values| values[at] = f64::INFINITY);
            caught("the wrong sign", &|values| values[at] = -values[at]);
            caught("not written", &|values| values[at] = 7.5e30);
        }
    }
}

/// What is right to within the bound passes: the trials above do not fail for being strict.
#[test]
fn half_a_bound_is_nothing() {
    let trial = Trial::new("softmax", "", Data::Outliers);
    assert!(trial.spoiled(0, |values| values[3] = trial.case.expected[0].values[3] + 0.5 * trial.allowed(0, 3)).is_empty());
}

#[test]
fn rows_in_each_others_place_fail() {
    for (name, options, result) in [("softmax", "", 0), ("cross_entropy", "all results", 1), ("sample", "", 0)] {
        let trial = Trial::new(name, options, Data::Outliers);
        let width = trial.right[result].len() / SHAPE.rows();
        assert_eq!(trial.spoiled(result, |values| values.rotate_right(width)).len(), 1, "{name}: one row further");
        assert_eq!(trial.spoiled(result, |values| values.truncate(width * (SHAPE.rows() - 1))).len(), 1, "{name}: no last row");
        let swapped = |values: &mut Vec<f64>| (0..width).for_each(|i| values.swap(i, width + i));
        assert_eq!(trial.spoiled(result, swapped).len(), 1, "{name}: two rows swapped");
    }
}

/// Rows that must be NaN, or infinite: a number there is wrong.
#[test]
fn special_values_must_agree() {
    let trial = Trial::new("logsumexp", "", Data::Special);
    let find = |is: fn(&f64) -> bool| trial.case.expected[0].values.iter().position(is).unwrap();
    let (nan, inf, nothing) = (find(|x| x.is_nan()), find(|x| *x == f64::INFINITY), find(|x| *x == f64::NEG_INFINITY));
    for (at, wrong) in
        [(nan, 0.0), (nan, f64::INFINITY), (inf, f64::from(f32::MAX)), (inf, f64::NEG_INFINITY), (nothing, -88.03), (nothing, f64::NAN)]
    {
        assert_eq!(trial.spoiled(0, |values| values[at] = wrong).len(), 1, "{wrong} in row {at}");
    }
}

/// A call that fails is a failed record with its text, and so is one whose results are not all there.
#[test]
fn errors_are_failures() {
    let trial = Trial::new("cross_entropy", "all results", Data::Normal);
    for (got, text) in [(Err("the device was lost".to_owned()), "lost"), (Ok(Vec::new()), "0 results instead of")] {
        let records = trial.judged(got);
        assert_eq!(records.len(), 1);
        assert!(!records[0].passed() && records[0].share() == f64::INFINITY);
        assert!(matches!(&records[0].outcome, Outcome::Error(error) if error.contains(text)), "{records:?}");
    }
}

/// A record of a case under a strategy.
fn record(strategy: Strategy, storage: Storage, subgroups: bool, share: f64) -> Record {
    let worst = Worst { index: 0, got: 1.0 + share, expected: 1.0, allowed: 1.0, share };
    Record {
        operation: "softmax",
        options: "",
        forced: Some(strategy),
        strategy,
        texture: false,
        subgroups,
        wide_words: false,
        storage,
        data: "normal".into(),
        shape: SHAPE,
        writes: true,
        result: "elements",
        outcome: Outcome::Compared { worst: Some(worst), row: Some(0), class: Some(0) },
    }
}

#[test]
fn what_failures_share_is_told() {
    let all = |is_wrong: &dyn Fn(Strategy, Storage) -> bool| {
        let storages = [Storage::F32, Storage::F16];
        let uses = |s: Strategy| !matches!(s, Strategy::Thread | Strategy::SplitThread);
        let pairs = Strategy::ALL.into_iter().flat_map(|strategy| storages.map(|storage| (strategy, storage)));
        pairs.map(|(s, storage)| record(s, storage, uses(s), if is_wrong(s, storage) { 5.0 } else { 0.5 })).collect::<Vec<_>>()
    };
    let told = |records: &[Record]| crate::common::of(records);
    assert!(told(&all(&|_, _| false)).is_empty());
    let first = |records: &[Record]| told(records)[0].clone();
    let subgroups = first(&all(&|s, _| !matches!(s, Strategy::Thread | Strategy::SplitThread)));
    assert_eq!(subgroups.avoid, Some(Avoid::Subgroups), "{subgroups}");
    assert!(subgroups.to_string().contains("in kernels that use subgroups") && subgroups.to_string().contains("--avoid subgroups"));
    let held = first(&all(&|s, _| s == Strategy::Held));
    assert_eq!((held.avoid, held.failed), (Some(Avoid::Strategy(Strategy::Held)), (2, 2)), "{held}");
    let f16 = first(&all(&|_, storage| storage == Storage::F16));
    assert!(f16.what.contains("f16") && f16.avoid.is_none(), "{f16}");
    let split = first(&all(&|s, _| s.is_split()));
    assert!(split.what.contains("split rows"), "{split}");
    // Of everything alike there is nothing to tell.
    assert!(told(&all(&|_, _| true)).is_empty());
}

/// The edges of a plan are those of its fields, on both sides, for strategies that can serve.
#[test]
fn sizes_lie_on_both_sides_of_every_edge() {
    let gpu = Gpu::open(&AdapterChoice::Best).unwrap();
    for writes in [false, true] {
        let edges = crate::edges::edges(gpu.caps(), writes);
        let chosen = |classes: usize| Plan::new(&Work::dense(3, classes as u64, Storage::F32, writes), gpu.caps(), None).unwrap();
        for classes in 2..4200 {
            let (before, now) = (chosen(classes - 1), chosen(classes));
            if (before.strategy, before.workgroup, before.chunks) != (now.strategy, now.workgroup, now.chunks) {
                for side in [classes - 1, classes] {
                    assert!(edges.iter().any(|(shape, forced)| shape.classes == side && forced.contains(&None)), "{side} classes");
                }
            }
        }
        for rows in [gpu.caps().max_groups as usize, gpu.caps().max_groups as usize + 1] {
            assert!(edges.iter().any(|(shape, _)| shape.rows() == rows), "{rows} rows");
        }
        assert!(edges.iter().any(|(shape, _)| shape.classes == 1_000_000));
    }
}

/// However few of the pairs of them the full form tries: each operation meets every strategy, also where rows lie otherwise or are
/// of 16 bits, every storage type, layout and number of quads of short rows; every strategy meets both types of 16 bits.
#[test]
fn every_operation_meets_everything() {
    let gpu = Gpu::open(&AdapterChoice::Best).unwrap();
    let steps = crate::suite::suite(gpu.caps(), &crate::Options::default());
    let mut of_halves = HashSet::new();
    for operation in OPERATIONS.iter().filter(|operation| operation.takes != Takes::Slices) {
        let own: Vec<_> = steps.iter().filter(|step| std::ptr::eq(step.operation, operation)).collect();
        let name = format!("{} ({})", operation.name, operation.options);
        let forced = |is: &dyn Fn(&Input) -> bool| {
            own.iter().filter(|step| is(&step.input)).flat_map(|step| step.strategies.iter().flatten()).copied().collect::<HashSet<_>>()
        };
        let plain = |input: &Input| input.storage == Storage::F32 && [204, 1003].contains(&input.shape.classes);
        assert_eq!(forced(&|input| plain(input) && input.shape.classes == 1003).len(), Strategy::ALL.len(), "{name}");
        assert_eq!(forced(&|input| !plain(input) && input.shape.rows() != 70).len(), Strategy::ALL.len(), "{name}");
        for storage in [Storage::F16, Storage::Bf16] {
            of_halves.extend(forced(&|input| input.storage == storage && input.shape.classes > 100).into_iter().map(|s| (storage, s)));
            assert!(own.iter().any(|step| step.input.storage == storage && step.input.shape.classes <= 16), "{name}: {storage}");
        }
        let has = |is: &dyn Fn(&Shape) -> bool| own.iter().any(|step| is(&step.input.shape));
        assert!(has(&|shape| shape.inner > 1) && has(&|shape| shape.padding > 0), "{name}");
        let short = |quads: usize| forced(&|input| input.shape.rows() == 70 && input.shape.classes.div_ceil(4) == quads);
        assert!((1..=4).all(|quads| short(quads).contains(&Strategy::Thread)), "{name}");
    }
    assert_eq!(of_halves.len(), 2 * Strategy::ALL.len(), "{of_halves:?}");
}
