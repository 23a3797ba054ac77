//! How near every operation comes to a copy of its bytes, shape by shape, on every adapter.
//!
//! `cargo bench --bench throughput -- [--adapter NAME|INDEX|all] [--quick] [--save] [--strategies] [TEXT]`
//!
//! Device level: buffers resident, results into buffers that are reused, wall clock around submit and wait of one recorded
//! call. Before anything is timed, the same call has written the same buffers and they agreed with the reference.

mod cases;
mod common;

use cases::{Case, OPERATIONS, Operation};
use common::Args;
use common::record::{Report, environment, save};
use wgpu_xent::{Gpu, Plan, Strategy};
use xent_measure::{Limits, Samples, interleaved};

/// Rows and classes: small classifiers, larger ones, vocabularies of language models, single long rows.
const SHAPES: [(usize, usize); 7] =
    [(65_536, 10), (16_384, 128), (4096, 1000), (1024, 32_000), (256, 128_256), (8, 262_144), (1, 1_000_000)];

const QUICK_SHAPES: [(usize, usize); 4] = [(8192, 10), (2048, 128), (512, 1000), (128, 32_000)];

fn main() {
    let args = Args::parse();
    for gpu in args.gpus() {
        let mut report = Report::default();
        report.line(environment(&gpu));
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
fn each_shape(args: &Args, gpu: &Gpu, report: &mut Report, mut each: impl FnMut(&Case, (usize, usize), &mut Report)) {
    let shapes: &[_] = if args.quick { &QUICK_SHAPES } else { &SHAPES };
    for &(rows, classes) in shapes {
        if !OPERATIONS.iter().any(|o| args.wants(&title(o, rows, classes))) {
            continue;
        }
        match Case::new(gpu, rows, classes) {
            Ok(case) => each(&case, (rows, classes), report),
            Err(reason) => report.line(format!("skipped [{rows} x {classes}]: {reason}")),
        }
    }
}

fn title(operation: &Operation, rows: usize, classes: usize) -> String {
    format!("{} {rows}x{classes}", operation.name)
}

/// One line an operation and shape; returns the same as CSV.
fn throughput(args: &Args, gpu: &Gpu, report: &mut Report) -> String {
    let limits = if args.quick { Limits::QUICK } else { Limits::FULL };
    let mut csv = "adapter,backend,driver,op,rows,classes,dtype,plan,median_ms,p20_ms,p80_ms,gb_s,copy_gb_s,share_of_copy\n".to_owned();
    report.line(format!(
        "{:22} {:>14} {:>9} {:>9} {:>9} {:>7} {:>7} {:>6}  {}",
        "operation", "shape", "median ms", "p20", "p80", "GB/s", "copy", "share", "plan"
    ));
    each_shape(args, gpu, report, |case, (rows, classes), report| {
        case.check_copy();
        for operation in OPERATIONS.iter().filter(|o| args.wants(&title(o, rows, classes))) {
            if let Err(problem) = case.check(gpu, operation) {
                report.line(format!("skipped {}: {problem}", title(operation, rows, classes)));
                continue;
            }
            let timed = || case.run_once(gpu, operation).expect("it ran before");
            let [copy, own] = &interleaved(limits, &mut [Box::new(|| case.copy_once()), Box::new(timed)])[..] else { unreachable!() };
            let plan = Plan::new(&operation.work(rows, classes), gpu.caps(), None).map_or_else(|e| e.to_string(), |p| p.to_string());
            let copy_speed = copy.gb_s(2 * (rows * classes * 4) as u64);
            let own_speed = own.gb_s(operation.bytes(rows, classes));
            let share = own_speed / copy_speed;
            report.line(format!(
                "{:22} {:>14} {:9.3} {:9.3} {:9.3} {own_speed:7.2} {copy_speed:7.2} {share:6.2}  {plan}",
                operation.name,
                format!("{rows} x {classes}"),
                own.median(),
                own.p20(),
                own.p80(),
            ));
            let info = gpu.info();
            csv += &format!(
                "\"{}\",{},\"{} {}\",{},{rows},{classes},f32,\"{plan}\",{:.4},{:.4},{:.4},{own_speed:.3},{copy_speed:.3},{share:.3}\n",
                info.name,
                info.backend,
                info.driver,
                info.driver_info,
                operation.name,
                own.median(),
                own.p20(),
                own.p80(),
            );
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
    each_shape(args, gpu, report, |case, (rows, classes), report| {
        for operation in OPERATIONS.iter().filter(|o| COMPARED.contains(&o.name) && args.wants(&title(o, rows, classes))) {
            let work = operation.work(rows, classes);
            let chosen = Plan::new(&work, gpu.caps(), None).map(|p| p.strategy);
            let plans = Strategy::ALL.map(|s| Plan::new(&work, gpu.caps(), Some(s)));
            let plans: Vec<_> = plans.into_iter().flatten().collect();
            let forced: Vec<_> = plans.iter().map(|p| gpu.with_strategy(p.strategy)).collect();
            for gpu in &forced {
                case.check(gpu, operation).unwrap_or_else(|e| panic!("{}: {e}", title(operation, rows, classes)));
            }
            let mut variants: Vec<Box<dyn FnMut() -> f64 + '_>> = Vec::new();
            for gpu in &forced {
                variants.push(Box::new(move || case.run_once(gpu, operation).expect("it ran before")));
            }
            let times: Vec<_> = interleaved(limits, &mut variants).iter().map(Samples::median).collect();
            let best = times.iter().copied().fold(f64::INFINITY, f64::min);
            for (plan, time) in plans.iter().zip(times) {
                report.line(format!(
                    "{:14} {:>14} {} {:16} {time:9.3} {:6.2}  {plan}",
                    operation.name,
                    format!("{rows} x {classes}"),
                    if chosen.as_ref().is_ok_and(|c| *c == plan.strategy) { '*' } else { ' ' },
                    plan.strategy.to_string(),
                    time / best,
                ));
            }
        }
    });
}
