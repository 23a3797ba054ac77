//! What calls from slices consist of: a bar each, as long as any other, divided by time.

use xent_measure::HostPath;

use crate::commands::bench::run::Path;
use crate::page::escaped;

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 770.0;
const STEP: f64 = 24.0;
const BAR: f64 = 15.0;

const PARTS: [&str; 4] = ["upload", "kernel", "readback", "rest"];

pub(super) fn legend() -> String {
    let swatch = |i: usize| format!("<svg viewBox=\"0 0 26 12\"><rect class=\"f{i}\" width=\"26\" height=\"12\" rx=\"2\"/></svg>");
    let parts = PARTS.iter().enumerate().map(|(i, name)| format!("<span>{}{name}</span>", swatch(i)));
    format!("<div class=\"legend\">{}</div>", parts.collect::<String>())
}

pub(super) fn chart(paths: &[Path]) -> String {
    let bars: String = paths.iter().enumerate().map(|(i, path)| bar(path, i as f64 * STEP)).collect();
    let height = paths.len() as f64 * STEP;
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"parts of calls from slices\">{bars}</svg>")
}

fn bar(path: &Path, y: f64) -> String {
    let times = &path.times;
    let parts = [times.upload, times.kernel, times.readback, times.rest()];
    let shares = shares(parts);
    let middle = y + BAR / 2.0 + 4.0;
    let name = format!("{} {} {}", times.op, path.shape, path.dtype);
    let mut svg = format!("<text class=\"name\" x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>", LEFT - 10.0, escaped(&name));
    let mut x = LEFT;
    for (i, share) in shares.into_iter().enumerate() {
        let width = share * (RIGHT - LEFT);
        let title = format!("{}: {:.3} ms", PARTS[i], parts[i]);
        svg += &format!(
            "<rect class=\"f{i}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\"><title>{title}</title></rect>",
            (width - 1.0).max(0.0)
        );
        x += width;
    }
    let (total, rest) = (times.total, 100.0 * times.rest() / times.total);
    let text = format!("{total:.2} ms, rest {rest:.0}%  {}", rates(times));
    svg + &format!("<text x=\"{}\" y=\"{middle:.1}\">{text}</text>", RIGHT + 10.0)
}

/// How fast the transfers are; a few words take their time whatever the rate.
fn rates(times: &HostPath) -> String {
    let transfers = [("up", times.up_bytes, times.upload), ("down", times.down_bytes, times.readback)];
    let large = transfers.into_iter().filter(|&(_, bytes, _)| bytes >= 1 << 16);
    // 10^6 bytes a millisecond are 10^9 a second.
    let rates: Vec<_> = large.map(|(name, bytes, ms)| format!("{name} {:.2} GB/s", bytes as f64 / ms * 1e-6)).collect();
    rates.join(", ")
}

/// Each part's share of their sum, which is the whole unless they overlap.
fn shares(parts: [f64; 4]) -> [f64; 4] {
    let sum: f64 = parts.iter().sum();
    parts.map(|part| if sum > 0.0 { part / sum } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fill_the_bar() {
        assert_eq!(shares([1.0, 1.0, 2.0, 0.0]), [0.25, 0.25, 0.5, 0.0]);
        assert_eq!(shares([0.0; 4]), [0.0; 4]);
    }
}
