//! How near every operation comes to a copy of its bytes, shape by shape, on every adapter.
//!
//! `cargo bench --bench throughput -- [--adapter NAME|INDEX|all] [--quick] [--save] [--strategies] [TEXT]`
//!
//! Device level: buffers resident, results into buffers that are reused, wall clock around submit and wait of one recorded
//! call. Before anything is timed, the same call has written the same buffers and they agreed with the reference.

mod common;

use common::{Args, fail};
use wgpu_xent::{Gpu, Plan, Storage, Strategy};
use xent_measure::{
    Case, Environment, Limits, OPERATIONS, Operation, Problem, QUICK_SHAPES, Record, Report, SHAPES, Samples, Shape, interleaved, save,
};

fn main() {
    let args = Args::parse();
    for gpu in args.gpus() {
        let mut report = Report::default();
        report.line(Environment::now(&gpu).to_string());
        if args.strategies {
            compare_strategies(&args, &gpu, &mut report);
        } else {
            let csv = throughput(&args, &gpu, &mut report);
            if args.save {
                save(&gpu, ".csv", &csv);
            }
        }
        if args.save {
            save(&gpu, if args.strategies { "-strategies.txt" } else { ".txt" }, report.text());
        }
    }
}

/// Calls `each` with every shape that is asked for and that fits the adapter.
fn each_shape(args: &Args, gpu: &Gpu, report: &mut Report, mut each: impl FnMut(&Case, &[&Operation], &mut Report)) {
    let shapes: &[Shape] = if args.quick { &QUICK_SHAPES } else { &SHAPES };
    for &shape in shapes {
        let wanted: Vec<_> = OPERATIONS.iter().filter(|o| args.wants(&format!("{} {shape}", o.name))).collect();
        if wanted.is_empty() {
            continue;
        }
        match Case::new(gpu, shape, Storage::F32) {
            Ok(case) => each(&case, &wanted, report),
            Err(problem) => report.line(format!("skipped {shape}: {problem}")),
        }
    }
}

/// Whether it can be measured; a wrong result ends the program.
fn is_right(case: &Case, gpu: &Gpu, operation: &Operation, report: &mut Report) -> bool {
    match case.check(gpu, operation) {
        Ok(()) => true,
        Err(Problem::Refused(why)) => {
            report.line(format!("skipped {} {}: {why}", operation.name, case.shape()));
            false
        }
        Err(Problem::Wrong(what)) => fail(&what),
    }
}

/// One line an operation and shape; returns the same as CSV.
fn throughput(args: &Args, gpu: &Gpu, report: &mut Report) -> String {
    let limits = if args.quick { Limits::QUICK } else { Limits::FULL };
    let mut csv = format!("{}\n", Record::COLUMNS);
    report.line(Record::head());
    each_shape(args, gpu, report, |case, wanted, report| {
        case.check_ceilings().unwrap_or_else(|problem| fail(&problem.to_string()));
        let right: Vec<_> = wanted.iter().copied().filter(|o| is_right(case, gpu, o, report)).collect();
        for record in case.measure(&right, limits) {
            report.line(record.line());
            csv += &format!("{}\n", record.csv());
        }
    });
    csv
}

/// Strategies differ much: their comparison needs less than results to be reported.
const COARSE: Limits = Limits { warm_ups: 2, samples: 5, milliseconds: 200.0, most: 21 };

/// Operations that stand for those that write elements and those that do not.
const COMPARED: [&str; 2] = ["loss", "loss+gradient"];

/// Every strategy that can serve a shape, interleaved; a star marks what the planner chooses.
fn compare_strategies(args: &Args, gpu: &Gpu, report: &mut Report) {
    let limits = if args.quick { Limits::QUICK } else { COARSE };
    report.line(format!("{:14} {:>14}   {:16} {:>9} {:>6}  {}", "operation", "shape", "strategy", "median ms", "times", "plan"));
    each_shape(args, gpu, report, |case, wanted, report| {
        for operation in wanted.iter().filter(|o| COMPARED.contains(&o.name)) {
            let work = operation.work(case.shape(), Storage::F32);
            let chosen = Plan::new(&work, gpu.caps(), None).map(|p| p.strategy);
            let plans = Strategy::ALL.map(|s| Plan::new(&work, gpu.caps(), Some(s)));
            let plans: Vec<_> = plans.into_iter().flatten().collect();
            let forced: Vec<_> = plans.iter().map(|p| gpu.with_strategy(p.strategy)).collect();
            for gpu in &forced {
                case.check(gpu, operation).unwrap_or_else(|problem| fail(&problem.to_string()));
            }
            let mut variants: Vec<Box<dyn FnMut() -> f64 + '_>> = Vec::new();
            for gpu in &forced {
                variants.push(Box::new(move || case.run_once(gpu, operation).expect("it ran before").wall_ms));
            }
            let times: Vec<_> = interleaved(limits, &mut variants).iter().map(Samples::median).collect();
            let best = times.iter().copied().fold(f64::INFINITY, f64::min);
            for (plan, time) in plans.iter().zip(times) {
                report.line(format!(
                    "{:14} {:>14} {} {:16} {time:9.3} {:6.2}  {plan}",
                    operation.name,
                    format!("{} x {}", case.shape().rows, case.shape().classes),
                    if chosen.as_ref().is_ok_and(|c| *c == plan.strategy) { '*' } else { ' ' },
                    plan.strategy.to_string(),
                    time / best,
                ));
            }
        }
    });
}
