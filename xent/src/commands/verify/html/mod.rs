//! A page of a run: the verdict of each adapter, its errors at a glance and in a plot, what failed, and where it ran.

mod plot;
mod tables;

use super::Verified;
use super::table::{case, numbers, verdict};
use crate::page::{definitions, document, escaped};
use wgpu_xent_verify::{Record, Report};

/// So many failures are listed.
const TOLD: usize = 200;

pub(super) fn page(all: &[Verified]) -> String {
    let date = all.first().map_or("", |verified| &verified.environment.date);
    let about = "Every operation with its options, strategies and storage types against the f64 reference, on data that is chosen to hurt and \
                 at the sizes where plans change. A share is the largest error in terms of the documented bound: 1 is the bound, above \
                 it a result is wrong. NaN and infinities must agree in kind and sign. Results in f16 and bf16 \
                 are rounded to that type, which alone can take a share to 1.";
    let verdicts: String = all.iter().map(|verified| verdict_card(&verified.report)).collect();
    let sections: String = all.iter().map(section).collect();
    document("xent verify", date, about, &(verdicts + &sections))
}

fn verdict_card(report: &Report) -> String {
    let (class, word) = if report.passed() { ("", "Passed") } else { (" failed", "Failed") };
    let text = verdict(report);
    let text = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
    format!(
        "<div class=\"card verdict{class}\" style=\"margin-bottom:10px\"><b>{word}</b><span>{}</span><span style=\"color:var(--soft)\">{}</span></div>\n",
        escaped(&report.adapter),
        escaped(text)
    )
}

fn section(verified: &Verified) -> String {
    let report = &verified.report;
    let mut html = format!("<h2>{}</h2>\n", escaped(&report.adapter));
    html += &failures(report);
    html += &format!(
        "<h3>Largest error of each operation and strategy</h3>\n<p>As a share of the bound. Planned: as the library chooses by itself. Empty: \
         the strategy was not tried, or cannot serve the rows.</p>\n<div class=\"card\">{}</div>\n",
        tables::shares(report)
    );
    html += &format!(
        "<h3>Where the errors lie</h3>\n<p>The results of all cases: half of them lie in the bar. A dot is the worst of a strategy, the line the \
         bound.</p>\n{}<div class=\"card\">{}</div>\n",
        plot::legend(),
        plot::chart(report)
    );
    html += &format!("<h3>The worst of each operation</h3>\n<div class=\"card\">{}</div>\n", tables::worst(report));
    html += &format!("<h3>Known quirks</h3>\n<div class=\"card\">{}</div>\n", tables::quirks(report));
    html + "<h3>Environment</h3>\n" + &environment(verified)
}

fn failures(report: &Report) -> String {
    let failed: Vec<&Record> = report.failures().collect();
    if failed.is_empty() {
        return String::new();
    }
    let common: String = report.common().iter().map(|common| format!("<p>{}</p>\n", escaped(&common.to_string()))).collect();
    let line = |record: &&Record| {
        format!("<tr><td class=\"l\">{}</td><td class=\"l\">{}</td></tr>", escaped(&case(record)), escaped(&numbers(record)))
    };
    let rows: String = failed.iter().take(TOLD).map(line).collect();
    let more = if failed.len() > TOLD { format!("<p>And {} more.</p>", failed.len() - TOLD) } else { String::new() };
    format!("<h3>What is wrong</h3>\n{common}<div class=\"card scroll\"><table>{rows}</table>{more}</div>\n")
}

fn environment(verified: &Verified) -> String {
    let e = &verified.environment;
    let caps = e.caps.trim_start_matches("Caps { ").trim_end_matches(" }");
    let seconds = format!("{:.1} s", verified.report.seconds);
    let version = concat!("wgpu-xent ", env!("CARGO_PKG_VERSION"));
    let lines = [
        ("date", e.date.as_str()),
        ("took", &seconds),
        ("driver", &verified.report.driver),
        ("version", version),
        ("commit", &e.commit),
        ("rustc", &e.rustc),
        ("cpu", &e.cpu),
        ("planner", caps),
    ];
    definitions(lines)
}
