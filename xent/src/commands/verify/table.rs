//! A report as text: a line for each operation, then what failed.

use wgpu_xent_verify::{Outcome, Record, Report};

use crate::terminal::{Paint, aligned};

/// So many failures are told in full.
const TOLD: usize = 40;

pub(super) fn text(report: &Report) -> String {
    let paint = Paint::for_stdout();
    let mut text = head(report) + "\n" + &table(report);
    let failures: Vec<&Record> = report.failures().collect();
    if !failures.is_empty() {
        text += &format!("\n{}\n", paint.bold("failures"));
        for failure in failures.iter().take(TOLD) {
            text += &format!("  {}\n    {}\n", case(failure), numbers(failure));
        }
        if failures.len() > TOLD {
            text += &format!("  and {} more: --json tells all\n", failures.len() - TOLD);
        }
        for common in report.common() {
            text += &format!("  {common}\n");
        }
    }
    text + "\n" + &verdict(report) + "\n\n"
}

fn head(report: &Report) -> String {
    let mut lines = vec![("adapter", report.adapter.clone())];
    for quirk in &report.quirks {
        lines.push(("quirk", quirk_text(quirk)));
    }
    if !report.caps.avoided.is_empty() {
        lines.push(("avoided", report.caps.avoided.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    aligned(&lines)
}

pub(in crate::commands) fn quirk_text(quirk: &wgpu_xent::Quirk) -> String {
    let avoid: Vec<String> = quirk.avoid.iter().map(ToString::to_string).collect();
    let avoid = if avoid.is_empty() { "nothing to avoid".to_owned() } else { format!("avoided: {}", avoid.join(", ")) };
    format!("{} ({avoid})", quirk.name)
}

const COLUMNS: [&str; 7] = ["operation", "results", "wrong", "of bound", "ULP", "relative", "where"];

fn table(report: &Report) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    for line in report.lines() {
        let Some(worst) = line.worst() else { continue };
        let failures = line.failures();
        let (share, ulp, relative) = figures(worst);
        rows.push([
            line.operation.to_owned(),
            line.records.len().to_string(),
            if failures == 0 { String::new() } else { failures.to_string() },
            share,
            ulp,
            relative,
            case_of(worst, false),
        ]);
    }
    let widths: [usize; COLUMNS.len()] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let cell = |(i, (cell, width)): (usize, (&String, usize))| match i {
        0 | 6 => format!("{cell:width$}"),
        _ => format!("{cell:>width$}"),
    };
    let line = |row: &[String; COLUMNS.len()]| {
        let cells: Vec<String> = row.iter().zip(widths).enumerate().map(cell).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Share of the bound, ULP and relative error; a dash where nothing was compared.
fn figures(record: &Record) -> (String, String, String) {
    match &record.outcome {
        Outcome::Compared { worst: Some(worst), .. } => {
            (format!("{:.2}", worst.share), format!("{:.1}", worst.ulp()), format!("{:.1e}", worst.relative()))
        }
        _ => ("-".into(), "-".into(), "-".into()),
    }
}

/// Which case a record is of.
pub(super) fn case(record: &Record) -> String {
    case_of(record, true)
}

fn case_of(record: &Record, with_operation: bool) -> String {
    let operation = if with_operation { record.operation } else { "" };
    let options = if record.options.is_empty() { String::new() } else { format!("({})", record.options) };
    let strategy = match record.forced {
        None => format!("planned: {}", record.strategy),
        Some(strategy) => strategy.to_string(),
    };
    let words = [operation.to_owned(), options, format!("{},", record.result), format!("{strategy},"), format!("{},", record.storage)];
    let words = words.into_iter().chain([format!("{},", record.data), record.shape.to_string()]);
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What came out, and what should have.
pub(super) fn numbers(record: &Record) -> String {
    match &record.outcome {
        Outcome::Error(error) => error.clone(),
        Outcome::Compared { worst: None, .. } => "nothing to compare".to_owned(),
        Outcome::Compared { worst: Some(worst), row, class } => {
            let at = [("row", row), ("class", class)].into_iter().filter_map(|(name, at)| at.map(|at| format!("{name} {at}")));
            let at = at.collect::<Vec<_>>().join(", ");
            let at = if at.is_empty() { String::new() } else { format!("{at}: ") };
            format!(
                "{at}got {:e}, expected {:e}; error {:.3e}, {:.1} ULP, relative {:.1e}; bound {:.3e}, {:.2} of it",
                worst.got,
                worst.expected,
                worst.error(),
                worst.ulp(),
                worst.relative(),
                worst.allowed,
                worst.share
            )
        }
    }
}

/// The last word on an adapter.
pub(super) fn verdict(report: &Report) -> String {
    let (failed, all) = (report.failures().count(), report.records.len());
    let operations = report.lines().len();
    let worst = report.records.iter().map(Record::share).fold(0.0, f64::max);
    let refused = match report.refused.len() {
        0 => String::new(),
        count => format!("; {count} cases that a forced strategy cannot serve were left out"),
    };
    let stopped = if report.stopped { ", stopped at the first" } else { "" };
    if report.passed() {
        let worst = format!("the worst at {worst:.2} of it");
        format!("passed: {all} results of {operations} operations are within their bounds, {worst}; {:.1} s{refused}", report.seconds)
    } else {
        format!("FAILED: {failed} of {all} results are wrong{stopped}; {:.1} s{refused}", report.seconds)
    }
}
