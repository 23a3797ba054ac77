//! `xent verify`: every operation on an adapter against the f64 reference.

mod html;
mod json;
mod progress;
mod table;

use wgpu_xent::{AdapterChoice, Error, Gpu};
use wgpu_xent_verify::{Options, Report, verify};
use xent_measure::{Environment, choices};

use crate::args::Verify;
use crate::engine::{Adapter, unknown_adapter};
use crate::failure::{Failure, Result};
use crate::lines::Lines;
use crate::terminal::print;
use progress::Bar;
pub(super) use table::quirk_text;

/// What stands for stdout among files.
const STDOUT: &str = "-";

/// What was found on an adapter, and where.
#[derive(Debug)]
struct Verified {
    environment: Environment,
    report: Report,
}

pub(crate) fn run(args: &Verify, adapter: Adapter<'_>) -> Result<()> {
    let gpus = adapters(adapter)?;
    let to_stdout = args.json.as_deref() == Some(STDOUT);
    // Before anything runs: minutes of work must not end at a folder that is missing.
    let mut json = args.json.as_deref().filter(|_| !to_stdout).map(Lines::create).transpose()?;
    let page = args.html.as_deref().map(Lines::create).transpose()?;
    let options = Options { quick: args.quick, fail_fast: args.fail_fast, only: args.op.clone() };
    let mut all: Vec<Verified> = Vec::new();
    for gpu in &gpus {
        let environment = Environment::now(gpu);
        let mut bar = Bar::new(&gpu.describe());
        let report = verify(gpu, &options, |at| bar.show(at));
        drop(bar);
        if report.records.is_empty() {
            return Err(Failure::input(format!("no operation is called \"{}\"", args.op.as_deref().unwrap_or_default())));
        }
        for record in &report.records {
            let line = json::line(&report, record).to_string();
            json.iter_mut().try_for_each(|json| json.line(&line))?;
            if to_stdout {
                print(&format!("{line}\n"))?;
            }
        }
        if !to_stdout {
            print(&table::text(&report))?;
        }
        all.push(Verified { environment, report });
    }
    if let Some(mut page) = page {
        page.line(&html::page(&all))?;
    }
    verdict(&all)
}

/// The adapters asked for, the best one by default.
fn adapters(adapter: Adapter<'_>) -> Result<Vec<Gpu>> {
    let choices = match adapter.name {
        None => vec![AdapterChoice::Best],
        Some("reference") => {
            return Err(Failure::input("--adapter reference: it is what is compared with; name a GPU adapter or all"));
        }
        Some(asked) => choices(asked),
    };
    if choices.is_empty() {
        return Err(Error::NoAdapter.into());
    }
    let open = |choice: &AdapterChoice| match (Gpu::open(choice), adapter.name) {
        (Err(Error::AdapterNotFound { .. }), Some(asked)) => Err(unknown_adapter(asked)),
        (opened, _) => Ok(opened?.avoiding(adapter.avoid)),
    };
    choices.iter().map(open).collect()
}

/// The command fails if an adapter did.
fn verdict(all: &[Verified]) -> Result<()> {
    let failed: Vec<&Report> = all.iter().map(|verified| &verified.report).filter(|report| !report.passed()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let told = |report: &&Report| format!("{} of {} results are wrong on {}", report.failures().count(), report.records.len(), report.name);
    Err(Failure::work(failed.iter().map(told).collect::<Vec<_>>().join("; ")))
}
