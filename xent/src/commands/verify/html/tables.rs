//! Shares at a glance, the worst case of each operation, and the quirks of an adapter.

use wgpu_xent::QUIRKS_VERSION;
use wgpu_xent_verify::{Line, Outcome, Report};

use crate::commands::verify::table::case;
use crate::page::escaped;

/// Operations down, strategies across, a cell as dark as its largest share of the bound.
pub(super) fn shares(report: &Report) -> String {
    let strategies = report.strategies();
    let head: String = strategies.iter().map(|name| format!("<th>{name}</th>")).collect();
    let row = |line: &Line<'_>| {
        let cells: String = strategies.iter().map(|name| line.share_of(name).map_or_else(|| "<td></td>".to_owned(), shaded)).collect();
        format!("<tr><td class=\"l\">{}</td>{cells}</tr>", line.operation)
    };
    let rows: String = report.lines().iter().map(row).collect();
    format!("<div class=\"scroll\"><table class=\"heat\"><tr><th class=\"l\">operation</th>{head}</tr>{rows}</table></div>")
}

fn shaded(share: f64) -> String {
    if share <= 1.0 {
        return format!("<td style=\"background:rgba(var(--heat),{:.2})\">{share:.2}</td>", 0.04 + 0.5 * share);
    }
    let text = if share.is_finite() { format!("{share:.1}") } else { "wrong".to_owned() };
    format!("<td class=\"bad\">{text}</td>")
}

/// The case that is worst off, of each operation.
pub(super) fn worst(report: &Report) -> String {
    let left = ["operation"].map(|name| format!("<th class=\"l\">{name}</th>")).concat();
    let right = ["results", "wrong", "of bound", "ULP", "relative"].map(|name| format!("<th>{name}</th>")).concat();
    let row = |line: &Line<'_>| {
        let worst = line.worst()?;
        let figures = match &worst.outcome {
            Outcome::Compared { worst: Some(worst), .. } => {
                [format!("{:.2}", worst.share), format!("{:.1}", worst.ulp()), format!("{:.1e}", worst.relative())]
            }
            _ => ["", "", ""].map(str::to_owned),
        };
        let cells = [line.records.len().to_string(), line.failures().to_string()].into_iter().chain(figures);
        let cells: String = cells.map(|cell| format!("<td>{cell}</td>")).collect();
        let place = escaped(&case(worst));
        Some(format!("<tr><td class=\"l\">{}</td>{cells}<td class=\"l\">{place}</td></tr>", line.operation))
    };
    let rows: String = report.lines().iter().filter_map(row).collect();
    format!("<div class=\"scroll\"><table><tr>{left}{right}<th class=\"l\">where</th></tr>{rows}</table></div>")
}

/// What is known of the adapter, and what plans do without.
pub(super) fn quirks(report: &Report) -> String {
    if report.quirks.is_empty() && report.caps.avoided.is_empty() {
        return format!("None in version {QUIRKS_VERSION} of the table, and nothing was avoided by hand.");
    }
    let line = |quirk: &&wgpu_xent::Quirk| {
        let avoid: Vec<String> = quirk.avoid.iter().map(ToString::to_string).collect();
        let avoid = if avoid.is_empty() { "nothing".to_owned() } else { avoid.join(", ") };
        let texts = [quirk.name, quirk.wrong, quirk.evidence, &avoid].map(escaped);
        format!("<dt>{}</dt><dd>{}. <span style=\"color:var(--soft)\">{}.</span> Avoided: {}.</dd>", texts[0], texts[1], texts[2], texts[3])
    };
    let known: String = report.quirks.iter().map(line).collect();
    let avoided: Vec<String> = report.caps.avoided.iter().map(ToString::to_string).collect();
    let avoided = if avoided.is_empty() { "nothing".to_owned() } else { avoided.join(", ") };
    format!("<dl>{known}<dt>avoided in all</dt><dd>{}</dd></dl>", escaped(&avoided))
}
