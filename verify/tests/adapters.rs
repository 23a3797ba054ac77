//! The quick form on every adapter of this machine, and with what is avoided by hand.

use wgpu_xent::{AdapterChoice, Avoid, Gpu, Storage, Strategy, Work};
use wgpu_xent_verify::{Options, Report, verify};

fn gpus() -> Vec<Gpu> {
    let found = Gpu::adapters();
    assert!(!found.is_empty(), "no adapter found: run scripts/setup.sh --tests");
    found.iter().map(|adapter| Gpu::open(&AdapterChoice::Index(adapter.index)).unwrap()).collect()
}

#[track_caller]
fn assert_passed(report: &Report) {
    let failures: Vec<String> = report.failures().take(10).map(|failure| format!("{failure:?}")).collect();
    assert!(report.passed(), "{}:\n{}\n{:?}", report.adapter, failures.join("\n"), report.common());
}

/// Every operation of the host level, as README's table lists them.
const OPERATIONS: [&str; 23] = [
    "softmax",
    "softmax_backward",
    "log_softmax",
    "log_softmax_backward",
    "logsumexp",
    "logsumexp_over",
    "logsumexp_backward",
    "signed_logsumexp",
    "signed_logsumexp_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "soft_cross_entropy",
    "soft_cross_entropy_backward",
    "cross_entropy_from_states",
    "soft_cross_entropy_from_states",
    "nll_loss",
    "top_k_log_probs",
    "sample",
    "sigmoid",
    "binary_cross_entropy_with_logits",
    "kl_div",
    "entropy",
    "distribution_cross_entropy",
];

#[test]
fn every_adapter_passes_the_quick_form() {
    for gpu in gpus() {
        let mut last = None;
        let report = verify(&gpu, &Options { quick: true, ..Options::default() }, |at| last = Some((at.done, at.total)));
        assert_passed(&report);
        assert!(last.is_some_and(|(done, total)| done + 1 == total), "{last:?}");
        for operation in OPERATIONS {
            assert!(report.lines().iter().any(|line| line.operation == operation), "{operation}");
        }
        // Only subgroups can be missing, and only where there are none.
        let strategies = report.strategies();
        let is_there = |s: &Strategy| gpu.caps().subgroup.is_some() || !matches!(s, Strategy::Subgroup | Strategy::SplitSubgroup);
        for strategy in Strategy::ALL {
            assert_eq!(strategies.contains(&strategy.to_string()), is_there(&strategy), "{strategy} on {}", report.adapter);
        }
        for storage in [Storage::F32, Storage::F16, Storage::Bf16] {
            assert!(report.records.iter().any(|record| record.storage == storage), "{storage}");
        }
    }
}

/// Without subgroups there are none: not in plans, not in kernels, and everything is as right.
#[test]
fn without_subgroups() {
    let with_subgroups: Vec<Gpu> = gpus().into_iter().filter(|gpu| gpu.caps().subgroup.is_some()).collect();
    assert!(!with_subgroups.is_empty(), "no adapter has subgroups: there is nothing to avoid");
    for gpu in with_subgroups {
        let long = Work::dense(2, 100_000, Storage::F32, false);
        assert_eq!(gpu.plan(&long).unwrap().strategy, Strategy::SplitSubgroup, "the plan with subgroups");
        let gpu = gpu.avoiding(&[Avoid::Subgroups]);
        assert_eq!(gpu.caps().subgroup, None);
        for classes in [2, 10, 100, 1000, 5000, 100_000, 1_000_000] {
            for rows in [1, 100, 100_000] {
                let strategy = gpu.plan(&Work::dense(rows, classes, Storage::F32, true)).unwrap().strategy;
                assert!(!matches!(strategy, Strategy::Subgroup | Strategy::SplitSubgroup), "{rows} x {classes}: {strategy}");
            }
        }
        let report = verify(&gpu, &Options { quick: true, only: Some("logsumexp".into()), ..Options::default() }, |_| ());
        assert_passed(&report);
        assert!(report.records.iter().all(|record| !record.subgroups));
        assert!(report.refused.iter().any(|refused| refused.contains("subgroup")), "{:?}", report.refused);
    }
}

/// A strategy that is avoided is not planned, is refused if forced, and what serves in its place is right.
#[test]
fn without_a_strategy() {
    for gpu in gpus() {
        let work = Work::dense(5000, 7, Storage::F32, true);
        assert_eq!(gpu.plan(&work).unwrap().strategy, Strategy::Thread);
        let gpu = gpu.avoiding(&[Avoid::Strategy(Strategy::Thread)]);
        let other = if gpu.caps().subgroup.is_some() { Strategy::Subgroup } else { Strategy::Workgroup };
        assert_eq!(gpu.plan(&work).unwrap().strategy, other);
        let refused = gpu.with_strategy(Strategy::Thread).plan(&work).unwrap_err().to_string();
        assert!(refused.contains("strategy thread cannot run 5000 x 7 here: it is avoided"), "{refused}");
        let report = verify(&gpu, &Options { quick: true, only: Some("nll_loss".into()), ..Options::default() }, |_| ());
        assert_passed(&report);
        assert!(report.records.iter().all(|record| record.strategy != Strategy::Thread));
    }
}

/// Where no strategy is left, every call fails: the run ends at the first if asked to, else tells all.
#[test]
fn failures_are_told() {
    let gpu = gpus().swap_remove(0).avoiding(&Strategy::ALL.map(Avoid::Strategy));
    let run = |fail_fast| verify(&gpu, &Options { quick: true, fail_fast, only: Some("sigmoid".into()) }, |_| ());
    let report = run(false);
    assert!(!report.passed() && !report.stopped && report.failures().count() == report.records.len() && report.records.len() > 1);
    let report = run(true);
    assert!(!report.passed() && report.stopped && report.records.len() == 1);
}
