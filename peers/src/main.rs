//! wgpu-xent and its peers, side by side in one run: the same data, the same checks, samples in turn.
//!
//! `cargo run --release -p xent-peers -- [--adapter NAME|INDEX|all] [--quick] [--json FILE] [--shapes ROWSxCLASSES,..]
//! [--peers ours,burn-wgpu,burn-cpu,candle,rayon,web,plain,torch] [--budget MILLISECONDS]`

mod args;
mod burn_peer;
mod candle_peer;
mod data;
mod gpu_kit;
mod ours;
mod peer;
mod peers;
mod plain_peer;
mod rayon_peer;
mod table;
mod torch_peer;
mod web_peer;

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use args::Args;
use data::{Data, TOLERANCE};
use ours::Ours;
use peer::{Op, Variant};
use peers::Peers;
use table::Table;
use wgpu_xent::Gpu;
use xent_measure::{Limits, Record, Samples, interleaved};

fn main() {
    let args = Args::parse();
    // Written as it comes: a run that is cut short keeps what it has measured.
    let mut json = args.json.as_ref().map(|file| File::create(file).unwrap_or_else(|e| args::fail(&format!("{}: {e}", file.display()))));
    for gpu in args.gpus() {
        measured(&args, &gpu, json.as_mut());
    }
}

/// Everything on one adapter; the records, a line each, go to a file.
fn measured(args: &Args, gpu: &Gpu, mut json: Option<&mut File>) {
    println!("adapter   {}", gpu.describe());
    println!("folder    {}", slug(gpu));
    println!("threads   {} for peers on the CPU", rayon::current_num_threads());
    println!(
        "checks    each result before it is timed, against f64: relative errors of the loss and of each row's elements within {TOLERANCE:e}"
    );
    let peers = Peers::open(args, gpu);
    let mut table = Table::default();
    for &(rows, classes) in &args.shapes {
        println!(
            "\n{:33} {:>12} {:>10} {:>10} {:>7} {:>8}  plan",
            format!("{rows} x {classes}"),
            "median ms",
            "p20",
            "p80",
            "GB/s",
            "error"
        );
        let data = Data::new(rows, classes);
        let ours = match Ours::new(gpu, &data) {
            Ok(ours) => ours,
            Err(reason) => {
                println!("  left out: {reason}");
                continue;
            }
        };
        let mut variants = peers.variants(&ours, &data);
        for op in Op::ALL {
            for record in timed_in_turn(args, gpu, &ours, &data, variants.extract_if(.., |v| v.op == op).collect()) {
                table.add(&record);
                if let Some(json) = &mut json {
                    writeln!(json, "{}", record.json()).unwrap_or_else(|e| args::fail(&format!("--json: {e}")));
                }
            }
        }
        drop(variants);
        peers.clean_up();
    }
    println!("\n{}", table.text());
}

/// The variants of one operation, checked and then timed beside a copy; those that take long with few samples, those over the
/// budget not at all.
fn timed_in_turn(args: &Args, gpu: &Gpu, ours: &Ours<'_>, data: &Data, variants: Vec<Variant<'_>>) -> Vec<Record> {
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for mut variant in variants {
        match checked(&mut variant, data) {
            Ok((ms, _)) if ms > args.budget => {
                println!("  skipped {}: one call took {ms:.0} ms, the budget is {:.0} ms", title(&variant), args.budget);
            }
            Ok((ms, error)) if ms > SLOW => slow.push((variant, error)),
            Ok((_, error)) => fast.push((variant, error)),
            Err(problem) => println!("  left out {}: {problem}", title(&variant)),
        }
    }
    let limits = if args.quick { Limits::QUICK } else { Limits::FULL };
    let mut records = timed(gpu, ours, data, limits, fast);
    records.extend(timed(gpu, ours, data, FEW, slow));
    records
}

/// The milliseconds from which on [`FEW`] samples have to do.
const SLOW: f64 = 1000.0;

/// What a peer leaves running is over by then: threads of OpenMP spin for milliseconds in wait of more work, on the next one's cores.
/// Cores have gone to sleep by then as well, so each call is made twice and the second one counts.
const PAUSE: Duration = Duration::from_millis(20);

/// For what takes long.
const FEW: Limits = Limits { warm_ups: 0, samples: 3, milliseconds: 0.0, most: 3 };

fn title(variant: &Variant<'_>) -> String {
    format!("{} of {} ({})", variant.op.name(), variant.peer, variant.plan)
}

/// Runs it, says what it gave where that is wrong, and returns its milliseconds and its error.
fn checked(variant: &mut Variant<'_>, data: &Data) -> Result<(f64, f64), String> {
    let run = &mut variant.run;
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(true)));
    let ran = ran.map_err(|cause| {
        let text = cause.downcast_ref::<String>().cloned().or_else(|| cause.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        text.unwrap_or_else(|| "it panicked".into()).lines().next().unwrap_or_default().to_owned()
    })?;
    let mut errors = [0.0; 2];
    if let Some(loss) = ran.loss {
        errors[0] = data.loss_error(loss);
        if !within(errors[0]) {
            println!("  WRONG {}: loss {loss}, f64 says {}; timed all the same", title(variant), data.loss);
        }
    }
    if let Some(elements) = ran.elements {
        errors[1] = data.elements_error(&elements, variant.op == Op::LossAndGradient);
        if !within(errors[1]) {
            println!("  WRONG {}: error of a row's elements {:.1e}, allowed {TOLERANCE:e}; timed all the same", title(variant), errors[1]);
        }
    }
    let error = errors.into_iter().fold(0.0, |worst, e| if e > worst || e.is_nan() { e } else { worst });
    // Once more: the first call compiles and allocates.
    Ok((if ran.ms > SLOW { (variant.run)(false).ms } else { ran.ms }, error))
}

/// Whether an error passes; NaN does not.
fn within(error: f64) -> bool {
    error <= TOLERANCE
}

/// Samples of all in turn, and of the adapter's copy.
fn timed(gpu: &Gpu, ours: &Ours<'_>, data: &Data, limits: Limits, mut variants: Vec<(Variant<'_>, f64)>) -> Vec<Record> {
    if variants.is_empty() {
        return Vec::new();
    }
    let (copy, warm) = (ours.copy(), limits.warm_ups > 0);
    let mut calls: Vec<Box<dyn FnMut() -> f64 + '_>> = vec![Box::new(|| {
        std::thread::sleep(PAUSE);
        copy.once();
        copy.once()
    })];
    for (variant, _) in &mut variants {
        calls.push(Box::new(|| {
            std::thread::sleep(PAUSE);
            if warm {
                (variant.run)(false);
            }
            (variant.run)(false).ms
        }));
    }
    let samples = interleaved(limits, &mut calls);
    drop(calls);
    let copy_gb_s = samples[0].gb_s(8 * data.values.len() as u64);
    let mut records = Vec::new();
    for ((variant, error), samples) in variants.iter().zip(&samples[1..]) {
        let r = recorded(gpu, data, variant, samples, copy_gb_s);
        let (op, peer) = (&r.op, &r.peer);
        println!("  {op:14} {peer:18} {:10.3} {:10.3} {:10.3} {:7.2} {error:8.1e}  {}", r.median_ms, r.p20_ms, r.p80_ms, r.gb_s, r.plan);
        records.push(r);
    }
    records
}

fn recorded(gpu: &Gpu, data: &Data, variant: &Variant<'_>, samples: &Samples, copy_gb_s: f64) -> Record {
    let on_adapter = peers::on_adapter(&variant.peer);
    let record = Record {
        adapter: if on_adapter { gpu.describe() } else { "CPU".into() },
        peer: variant.peer.clone(),
        op: variant.op.name().into(),
        rows: data.rows as u64,
        classes: data.classes as u64,
        dtype: "f32".into(),
        plan: variant.plan.clone(),
        ..Record::default()
    };
    record.timed(samples, variant.op.bytes(data), if on_adapter { copy_gb_s } else { 0.0 })
}

/// The adapter's folder below `benches/results`.
fn slug(gpu: &Gpu) -> String {
    let name = format!("{} {}", gpu.info().name, gpu.info().backend).to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
