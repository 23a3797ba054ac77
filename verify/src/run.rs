//! Running cases, and judging what comes out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use wgpu_xent::{Avoid, Error, Gpu, Plan, Strategy, Work, quirks_of};

use crate::case::{Case, Expected, Input, Operation};
use crate::compare::worst;
use crate::data::Data;
use crate::report::{Outcome, Record, Report};
use crate::suite::{Step, suite};

/// How much is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Every operation, each with the planned strategy and one other, in place of everything.
    pub quick: bool,
    /// Whether to end at the first case that fails.
    pub fail_fast: bool,
    /// Only operations whose name contains this.
    pub only: Option<String>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Steps that are done.
    pub done: usize,
    /// Steps that there are.
    pub total: usize,
    /// The operation that comes next.
    pub operation: &'a str,
    /// Results that failed so far.
    pub failures: usize,
}

/// Tries every operation on an adapter against the f64 reference, and tells how far it has come.
///
/// A wrong result and a call that fails are failed records; neither ends the run, and nor does a panic below.
pub fn verify(gpu: &Gpu, options: &Options, mut progress: impl FnMut(Progress<'_>)) -> Report {
    let start = Instant::now();
    let info = gpu.info();
    let mut report = Report {
        adapter: gpu.describe(),
        name: info.name.clone(),
        backend: format!("{:?}", info.backend),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        caps: gpu.caps().clone(),
        quirks: quirks_of(info).collect(),
        records: Vec::new(),
        refused: Vec::new(),
        stopped: false,
        seconds: 0.0,
    };
    let steps = suite(gpu.caps(), options);
    let mut failures = 0;
    for (done, step) in steps.iter().enumerate() {
        progress(Progress { done, total: steps.len(), operation: step.operation.name, failures });
        let before = report.records.len();
        run(gpu, step, options.fail_fast, &mut report);
        failures += report.records[before..].iter().filter(|record| !record.passed()).count();
        if failures > 0 && options.fail_fast {
            report.stopped = true;
            break;
        }
    }
    report.seconds = start.elapsed().as_secs_f64();
    report
}

/// A step under each of its strategies.
fn run(gpu: &Gpu, step: &Step, fail_fast: bool, report: &mut Report) {
    let case = catch_unwind(AssertUnwindSafe(|| (step.operation.prepare)(&step.input)));
    for &forced in &step.strategies {
        let forced_gpu = gpu.with_strategy(forced).with_vector_strategy(forced);
        let forced_gpu = step.texture.map_or_else(|| forced_gpu.clone(), |texture| forced_gpu.with_texture_reads(texture));
        let forced_gpu = if step.narrow { forced_gpu.avoiding(&[Avoid::WideWords]) } else { forced_gpu };
        let plan = match plan(&forced_gpu, step) {
            Ok(plan) => Some(plan),
            Err(error @ Error::Strategy { .. }) if forced.is_some() => {
                report.refused.push(format!("{} of {}: {error}", step.operation.name, step.input.shape));
                continue;
            }
            // The call itself will say so.
            Err(_) => None,
        };
        let told = Told { gpu: &forced_gpu, operation: step.operation, input: &step.input, forced, plan };
        let records = match &case {
            Ok(case) => {
                let got = catch_unwind(AssertUnwindSafe(|| (case.run)(&forced_gpu)));
                // It would be another kernel than the shape tells of, one that is avoided.
                if let (Some(_), Ok(Err(error @ Error::Strategy { reason, .. }))) = (forced, &got)
                    && reason.contains("which is avoided")
                {
                    report.refused.push(format!("{} of {}: {error}", step.operation.name, step.input.shape));
                    continue;
                }
                let got =
                    got.map_or_else(|cause| Err(format!("a panic: {}", text_of(&*cause))), |got| got.map_err(|error| error.to_string()));
                judge(&told, case, got)
            }
            Err(cause) => vec![told.record("all", Outcome::Error(format!("a panic in the reference: {}", text_of(&**cause))))],
        };
        let failed = records.iter().any(|record| !record.passed());
        report.records.extend(records);
        if failed && fail_fast {
            return;
        }
    }
}

/// What the library does with such rows, as far as a shape tells.
fn plan(gpu: &Gpu, step: &Step) -> wgpu_xent::Result<Plan> {
    let shape = step.input.shape;
    let mut work = Work::dense(shape.rows() as u64, shape.classes as u64, step.input.storage, step.operation.writes);
    work.inner = shape.inner as u64;
    work.block_bytes = ((shape.classes * shape.inner + shape.padding) * step.input.storage.bytes()) as u64;
    work.can_copy = true;
    work.can_tile = shape.inner == 1 && shape.padding == 0;
    gpu.plan(&work)
}

/// Which case it is that came out somehow.
pub(crate) struct Told<'a> {
    pub(crate) gpu: &'a Gpu,
    pub(crate) operation: &'static Operation,
    pub(crate) input: &'a Input,
    pub(crate) forced: Option<Strategy>,
    pub(crate) plan: Option<Plan>,
}

impl Told<'_> {
    fn record(&self, result: &'static str, outcome: Outcome) -> Record {
        let Input { shape, storage, data } = *self.input;
        let strategy = self.plan.as_ref().map(|plan| plan.strategy).or(self.forced).unwrap_or(Strategy::Thread);
        // A workgroup reduces by subgroups where there are any.
        let subgroups =
            self.gpu.caps().subgroup.is_some() && !matches!(strategy, Strategy::Thread | Strategy::Tile | Strategy::SplitThread);
        Record {
            operation: self.operation.name,
            options: self.operation.options,
            forced: self.forced,
            strategy,
            texture: self.plan.as_ref().is_some_and(|plan| plan.texture),
            subgroups,
            // Rows of whole quads, which neither lie apart nor come from a texture alone.
            wide_words: self.gpu.caps().wide_words
                && shape.inner == 1
                && (shape.classes + shape.padding).is_multiple_of(4)
                && (self.operation.writes || !self.plan.as_ref().is_some_and(|plan| plan.texture)),
            storage,
            data: self.operation.takes.name(data),
            shape,
            writes: self.operation.writes,
            result,
            outcome,
        }
    }
}

/// What may have overflowed on the way: from a 65,536th of the largest f32 on.
const MAY_OVERFLOW: std::ops::RangeInclusive<f64> = 5.2e33..=f32::MAX as f64;

/// Compares what came out with what must. What is not there, or not as long as it must be, fails like what is wrong.
pub(crate) fn judge(told: &Told<'_>, case: &Case, got: Result<Vec<Vec<f64>>, String>) -> Vec<Record> {
    let got = match got {
        Ok(got) if got.len() == case.expected.len() => got,
        Ok(got) => return vec![told.record("all", Outcome::Error(format!("{} results instead of {}", got.len(), case.expected.len())))],
        Err(error) => return vec![told.record("all", Outcome::Error(error))],
    };
    let judged = |(expected, got): (&Expected, Vec<f64>)| {
        // Logits at both ends of f32: their distances, or sums of these, may be beyond it though the result is not, and are infinite then.
        let at_the_ends = matches!(told.input.data, Data::Huge | Data::MaskedLowest | Data::Special);
        let settled = |(i, got): (usize, f64)| match expected.values.get(i) {
            Some(&right) if at_the_ends && got == right.signum() * f64::INFINITY && MAY_OVERFLOW.contains(&right.abs()) => right,
            _ => got,
        };
        let outcome = match worst(got.into_iter().enumerate().map(settled), &expected.values, |i| expected.bounds.get(i)) {
            Ok(worst) => {
                let (row, class) = worst.map_or((None, None), |worst| expected.place.of(worst.index));
                Outcome::Compared { worst, row, class }
            }
            Err(error) => Outcome::Error(error),
        };
        told.record(expected.result, outcome)
    };
    case.expected.iter().zip(got).map(judged).collect()
}

/// What a panic said.
fn text_of(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().cloned().or_else(|| cause.downcast_ref::<&str>().map(|&text| text.to_owned()));
    text.unwrap_or_else(|| "without a message".to_owned())
}
