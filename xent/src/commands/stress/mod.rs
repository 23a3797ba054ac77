//! `xent stress`: calls from many threads on several devices, each checked, and whether memory stays what it was.

mod cases;
mod load;
mod memory;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use wgpu_xent::{AdapterChoice, Gpu};

use self::load::{Load, Outcome, checked};
use self::memory::{prepare, resident, settled};
use crate::args::Stress;
use crate::engine::{Adapter, Engine};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::terminal::{aligned, print};

/// Threads call so long at least before memory counts: allocators and drivers take what they will keep.
const WARM_UP: Duration = Duration::from_secs(2);

/// What is reported.
struct Report {
    outcome: Outcome,
    seconds: f64,
    reopened: u64,
    /// Resident bytes: at the start, after the warm-up, at the end.
    memory: Option<[u64; 3]>,
    in_use: u64,
}

pub(crate) fn run(args: &Stress, adapter: Adapter<'_>) -> Result<()> {
    prepare();
    let start = resident();
    let open = || match Engine::open_plain(adapter)? {
        Engine::Gpu(gpu) => Ok(gpu.with_deadline(Duration::from_secs(args.patience))),
        Engine::Reference => Err(Failure::input("the CPU reference has no load to bear; name a GPU adapter")),
    };
    let gpus = (0..args.devices).map(|_| open()).collect::<Result<Vec<_>>>()?;
    // Opened again by its place: a name may be that of several adapters.
    let describe = gpus[0].describe();
    let place = Gpu::adapters().iter().find(|adapter| adapter.to_string() == describe).map(|adapter| AdapterChoice::Index(adapter.index));
    let load = Load {
        gpus: Arc::new(gpus),
        cases: Arc::new(cases::all()?),
        threads: args.threads as usize,
        patience: Duration::from_secs(args.patience),
    };
    let report = measure(args, adapter, &load, place.unwrap_or_default(), start)?;
    print(&if args.json { to_json(args, &report, &describe) } else { to_text(args, &report, &describe) })?;
    verdict(args, &report)
}

/// Every case once on every device, which compiles what there is to compile, a warm-up of all threads, then the load itself.
fn measure(args: &Stress, adapter: Adapter<'_>, load: &Load, place: AdapterChoice, start: Option<u64>) -> Result<Report> {
    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let stuck = |stuck| Failure::work(format!("stuck: {stuck}"));
    let mut first = load.run_each().map_err(stuck)?;
    interrupt::go_on()?;
    let mut reopened = 0_u64;
    let mut last = Instant::now();
    let mut reopen = |outcome: &mut Outcome| {
        if args.reopen > 0 && last.elapsed().as_secs() >= args.reopen {
            let case = &load.cases[reopened as usize % load.cases.len()];
            let end = Gpu::open(&place)
                .map(|gpu| gpu.avoiding(adapter.avoid).with_cancel(interrupt::cancel()).with_deadline(load.patience))
                .map_err(|error| error.to_string());
            let end = end.and_then(|gpu| checked(case, &gpu, false));
            outcome.add(&format!("another device, {}", case.name), end);
            reopened += 1;
            last = Instant::now();
        }
    };
    let mut warm = load.run(WARM_UP.max(time / 10), &mut reopen).map_err(stuck)?;
    interrupt::go_on()?;
    let after_warm_up = settled(&load.gpus);
    let begin = Instant::now();
    let mut outcome = load.run(time, &mut reopen).map_err(stuck)?;
    interrupt::go_on()?;
    let seconds = begin.elapsed().as_secs_f64();
    let end = settled(&load.gpus);
    for earlier in [&mut first, &mut warm] {
        outcome.failures += earlier.failures;
        outcome.messages.append(&mut earlier.messages);
    }
    let memory = start.zip(after_warm_up).zip(end).map(|((start, warm), end)| [start, warm, end]);
    Ok(Report { outcome, seconds, reopened, memory, in_use: load.gpus.iter().map(|gpu| gpu.call_memory().in_use).sum() })
}

/// What the process has gained since the warm-up, in bytes.
fn gained(report: &Report) -> u64 {
    report.memory.map_or(0, |[_, warm, end]| end.saturating_sub(warm))
}

fn verdict(args: &Stress, report: &Report) -> Result<()> {
    if report.outcome.failures > 0 {
        return Err(Failure::work(format!("{} calls failed", report.outcome.failures)));
    }
    if report.in_use > 0 {
        return Err(Failure::work(format!("{} bytes are in use by no call", report.in_use)));
    }
    if gained(report) > args.margin << 20 {
        return Err(Failure::work(format!("{} MB more than after the warm-up, allowed are {}", gained(report) >> 20, args.margin)));
    }
    Ok(())
}

fn to_text(args: &Stress, report: &Report, adapter: &str) -> String {
    let outcome = &report.outcome;
    let memory = |[start, warm, end]: [u64; 3]| {
        format!("{} MB at the start, {} after the warm-up, {} at the end", start >> 20, warm >> 20, end >> 20)
    };
    let mut lines = vec![
        ("adapter", adapter.to_owned()),
        ("threads", format!("{} on {} devices, {} more opened and closed", args.threads, args.devices, report.reopened)),
        ("calls", format!("{} in {:.0} s, {:.1} a second", outcome.calls, report.seconds, outcome.calls as f64 / report.seconds)),
        ("failures", outcome.failures.to_string()),
        ("memory", report.memory.map_or_else(|| "not known here".to_owned(), memory)),
    ];
    lines.extend(outcome.messages.iter().map(|message| ("", message.clone())));
    aligned(&lines)
}

fn to_json(args: &Stress, report: &Report, adapter: &str) -> String {
    let [start, warm, end] = report.memory.map_or([None; 3], |memory| memory.map(Some));
    let outcome = &report.outcome;
    let value = json!({
        "adapter": adapter,
        "threads": args.threads,
        "devices": args.devices,
        "reopened": report.reopened,
        "seconds": report.seconds,
        "calls": outcome.calls,
        "calls_per_second": outcome.calls as f64 / report.seconds,
        "failures": outcome.failures,
        "messages": outcome.messages,
        "memory_start": start,
        "memory_after_warm_up": warm,
        "memory_end": end,
        "memory_gained": report.memory.map(|_| gained(report)),
        "in_use": report.in_use,
    });
    format!("{value}\n")
}
