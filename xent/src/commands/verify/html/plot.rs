//! The shares of the bound of all results: a line for each operation.

use wgpu_xent_verify::{Line, Report};

use crate::page::escaped;

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 1040.0;
const STEP: f64 = 24.0;
const TOP: f64 = 22.0;

/// Beyond this the axis does not go: what is farther out is drawn there.
const MOST: f64 = 1.25;

/// The strategies, as they are coloured: what is planned, what has no barriers, what has.
fn class_of(strategy: &str) -> usize {
    match strategy {
        "planned" => 0,
        "thread" | "subgroup" | "split-thread" | "split-subgroup" => 2,
        _ => 1,
    }
}

pub(super) fn legend() -> String {
    let dot = |class: &str, text: &str| {
        format!("<span><svg viewBox=\"0 0 26 12\"><circle class=\"dot {class}\" cx=\"13\" cy=\"6\" r=\"4.5\"/></svg>{text}</span>")
    };
    let range = "<span><svg viewBox=\"0 0 26 12\"><path class=\"range\" d=\"M4 6H22\"/></svg>half of the results</span>";
    let dots = [
        dot("f0", "planned"),
        dot("f2", "thread, subgroup, and split"),
        dot("f1", "workgroup, held, split-workgroup"),
        dot("fbad", "beyond the bound"),
    ];
    format!("<div class=\"legend\">{}{range}</div>", dots.concat())
}

pub(super) fn chart(report: &Report) -> String {
    let lines = report.lines();
    let strategies = report.strategies();
    let bottom = TOP + lines.len() as f64 * STEP;
    let rows: String = lines.iter().enumerate().map(|(i, line)| row(line, &strategies, TOP + (i as f64 + 0.5) * STEP)).collect();
    let ticks: String = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| tick(share, bottom)).concat();
    let bound = format!("<path class=\"bound\" d=\"M{0:.1} {TOP}V{bottom:.1}\"/>", at(1.0));
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"errors as shares of their bounds\">{ticks}{bound}{rows}</svg>",
        bottom + 8.0
    )
}

fn at(share: f64) -> f64 {
    LEFT + share.min(MOST) / MOST * (RIGHT - LEFT)
}

fn tick(share: f64, bottom: f64) -> String {
    let x = at(share);
    let text = if share == 1.0 { "bound".to_owned() } else { share.to_string() };
    format!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom:.1}\"/><text x=\"{x:.1}\" y=\"13\" text-anchor=\"middle\">{text}</text>")
}

fn row(line: &Line<'_>, strategies: &[String], y: f64) -> String {
    let mut shares: Vec<f64> = line.records.iter().map(|record| record.share()).collect();
    shares.sort_by(f64::total_cmp);
    let part = |of: f64| shares[((shares.len() - 1) as f64 * of).round() as usize];
    let name = format!("<text class=\"name\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 12.0, y + 4.0, line.operation);
    let range = format!("<path class=\"range\" d=\"M{:.1} {y:.1}H{:.1}\"/>", at(part(0.25)), at(part(0.75)) + 0.1);
    let dot = |name: &String| {
        let share = line.share_of(name)?;
        let class = if share > 1.0 { "fbad".to_owned() } else { format!("f{}", class_of(name)) };
        let title = escaped(&format!("{} {name}: {share:.3} of the bound", line.operation));
        Some(format!("<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"><title>{title}</title></circle>", at(share)))
    };
    // What is planned lies on top.
    let dots: String = strategies.iter().rev().filter_map(dot).collect();
    name + &range + &dots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_beyond_the_bound() {
        assert_eq!((at(0.0), at(MOST), at(f64::INFINITY)), (LEFT, RIGHT, RIGHT));
        assert!(at(1.0) < RIGHT);
    }
}
