//! `xent bench`: how near the operations come to what an adapter can reach.

mod compare;
mod html;
mod run;

use xent_measure::Record;

use crate::args::Bench;
use crate::engine::Adapter;
use crate::failure::{Failure, Result};
use crate::lines::Lines;
use crate::terminal::print;
use run::AdapterRun;

/// What stands for stdout among files.
const STDOUT: &str = "-";

pub(crate) fn run(args: &Bench, adapter: Adapter<'_>) -> Result<()> {
    let old = args.compare.first().map(|path| compare::read(path)).transpose()?;
    if let (Some(old), Some(new)) = (&old, args.compare.get(1)) {
        return print(&compare::compared(old, &compare::read(new)?));
    }
    let to_stdout = args.json.as_deref() == Some(STDOUT);
    if to_stdout && old.is_some() {
        return Err(Failure::input("--json and --compare both print to stdout: name a file for --json"));
    }
    let gpus = run::adapters(adapter)?;
    // Before anything is measured: hours of work must not end at a folder that is missing.
    let mut json = args.json.as_deref().filter(|_| !to_stdout).map(Lines::create).transpose()?;
    let mut csv = args.csv.as_deref().map(Lines::create).transpose()?;
    let page = args.html.as_deref().map(Lines::create).transpose()?;
    csv.iter_mut().try_for_each(|csv| csv.line(Record::COLUMNS))?;

    let mut each = |record: &Record| {
        print(&if to_stdout { format!("{}\n", record.json()) } else { format!("{}\n", record.line().trim_end()) })?;
        json.iter_mut().try_for_each(|json| json.line(&record.json()))?;
        csv.iter_mut().try_for_each(|csv| csv.line(&record.csv()))
    };
    let say = |text: &str| if to_stdout { Ok(()) } else { print(text) };
    let mut runs = Vec::new();
    for gpu in gpus {
        runs.push(AdapterRun::new(args, &gpu, &say, &mut each)?);
    }
    if let Some(mut page) = page {
        page.line(&html::page(&runs))?;
    }
    if let Some(old) = old {
        let new: Vec<Record> = runs.into_iter().flat_map(|run| run.records).collect();
        print(&format!("\n{}", compare::compared(&old, &new)))?;
    }
    Ok(())
}
