//! The numbers: shares of the copy at a glance, the plans, and all of them.

use xent_measure::Record;

use crate::page::escaped;

/// Operations down, shapes across, a cell as dark as its share of the copy.
pub(super) fn heat(records: &[Record], operations: &[&str]) -> String {
    let mut columns: Vec<(u64, u64, &str)> = Vec::new();
    for record in records {
        let column = (record.rows, record.classes, record.dtype.as_str());
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let several = columns.iter().any(|c| c.2 != columns[0].2);
    let head: String = columns
        .iter()
        .map(|c| format!("<th>{}x{}{}</th>", c.0, c.1, if several { format!("<br>{}", c.2) } else { String::new() }))
        .collect();
    let row = |operation: &&str| {
        let cells = columns.iter().map(|&(rows, classes, dtype)| {
            let of = |r: &&Record| !r.is_ceiling() && r.op == *operation && (r.rows, r.classes, r.dtype.as_str()) == (rows, classes, dtype);
            records.iter().find(of).map_or_else(|| "<td></td>".to_owned(), |r| shaded(r.share_of_copy))
        });
        format!("<tr><td class=\"l\">{}</td>{}</tr>", escaped(operation), cells.collect::<String>())
    };
    let rows: String = operations.iter().map(row).collect();
    format!("<div class=\"scroll\"><table class=\"heat\"><tr><th class=\"l\">share of the copy</th>{head}</tr>{rows}</table></div>")
}

fn shaded(share: f64) -> String {
    format!("<td style=\"background:rgba(var(--heat),{:.2})\">{share:.2}</td>", 0.06 + 0.5 * share.clamp(0.0, 1.0))
}

/// What the planner chose, and for which operations.
pub(super) fn plans(records: &[Record]) -> String {
    let mut lines: Vec<(String, &str, Vec<&str>)> = Vec::new();
    for record in records.iter().filter(|r| !r.is_ceiling()) {
        let shape = format!("{}x{} {}", record.rows, record.classes, record.dtype);
        match lines.iter_mut().find(|line| line.0 == shape && line.1 == record.plan) {
            Some(line) => line.2.push(&record.op),
            None => lines.push((shape, &record.plan, vec![&record.op])),
        }
    }
    let row = |(shape, plan, operations): &(String, &str, Vec<&str>)| {
        let cells = [shape.as_str(), plan, &operations.join(", ")].map(|cell| format!("<td class=\"l\">{}</td>", escaped(cell)));
        format!("<tr>{}</tr>", cells.concat())
    };
    let head = ["shape", "plan", "operations"].map(|name| format!("<th class=\"l\">{name}</th>")).concat();
    format!("<div class=\"scroll\"><table><tr>{head}</tr>{}</table></div>", lines.iter().map(row).collect::<String>())
}

/// All records.
pub(super) fn all(records: &[Record]) -> String {
    let left = ["operation", "shape", "type"].map(|name| format!("<th class=\"l\">{name}</th>")).concat();
    let right = ["median ms", "p20", "p80", "gpu ms", "GB/s", "copy", "share", "sets"].map(|name| format!("<th>{name}</th>")).concat();
    let row = |record: &Record| {
        let shape = format!("{} x {}", record.rows, record.classes);
        let left = [record.op.as_str(), &shape, &record.dtype].map(|cell| format!("<td class=\"l\">{}</td>", escaped(cell))).concat();
        let times = [record.median_ms, record.p20_ms, record.p80_ms].map(|ms| format!("{ms:.3}"));
        let gpu = record.gpu_ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
        let rates = [record.gb_s, record.copy_gb_s, record.share_of_copy].map(|rate| format!("{rate:.2}"));
        let cells = times.into_iter().chain([gpu]).chain(rates).chain([record.sets.to_string()]);
        let right: String = cells.map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr{}>{left}{right}</tr>", if record.is_ceiling() { " class=\"c\"" } else { "" })
    };
    format!("<div class=\"scroll\"><table><tr>{left}{right}</tr>{}</table></div>", records.iter().map(row).collect::<String>())
}
