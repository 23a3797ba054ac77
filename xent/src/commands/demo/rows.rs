//! A few rows of the language model: its likeliest next tokens, as bars.

use wgpu_xent::{LogitTransform, Logits};

use super::data::{DataSet, Tokens};
use crate::engine::Engine;
use crate::failure::Result;
use crate::terminal::Paint;

/// Classes shown for a row; the target comes on top of them if it is not among them.
const SHOWN: usize = 5;
/// Characters of a bar that stands for certainty.
const BAR: usize = 40;
/// Characters of a token's text.
const TOKEN: usize = 14;

pub(super) fn render(engine: &Engine, set: &DataSet, tokens: &Tokens, losses: &[f64], paint: Paint) -> Result<String> {
    let mut text = String::new();
    for row in telling(losses) {
        let logits = set.row(row);
        let probabilities = engine.softmax(&Logits::new(logits, 1, set.classes)?, false, &LogitTransform::new())?;
        // Checked when the data was read: every target is a class.
        let target = set.indices[row] as usize;
        text += &format!("\n{} {}\n", paint.dim("…"), paint.bold(&tokens.before(row)));
        for class in classes(logits, target) {
            let name = tokens.name(class);
            let line = line(&name, logits[class], f64::from(probabilities[class]), paint);
            let mark = if class == target { paint.green(&format!(" ◀ the text, {:.3} nats", losses[row])) } else { String::new() };
            text += &format!("{line}{mark}\n");
        }
    }
    Ok(text)
}

/// The rows that the model was surest of, neither sure nor unsure, and most surprised by.
fn telling(losses: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]));
    let mut rows: Vec<usize> = [0, order.len() / 2, order.len().saturating_sub(1)].iter().filter_map(|&i| order.get(i).copied()).collect();
    rows.dedup();
    rows
}

/// The likeliest classes in falling order, and the target.
fn classes(logits: &[f32], target: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    order.truncate(SHOWN);
    if !order.contains(&target) {
        order.push(target);
    }
    order
}

fn line(name: &str, logit: f32, probability: f64, paint: Paint) -> String {
    let numbers = format!("  {name:TOKEN$} {logit:>8.3} → {probability:>9.6}");
    match bar(probability).as_str() {
        "" => numbers,
        bar => format!("{numbers} {}", paint.blue(bar)),
    }
}

/// A bar in steps of an eighth of a character.
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (8 * BAR) as f64).round() as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_the_share() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0).chars().count(), BAR);
        assert_eq!(bar(0.0625), "██▌");
        assert_eq!(bar(f64::NAN), "");
    }

    #[test]
    fn the_target_is_always_shown() {
        let logits = [5.0, 1.0, 4.0, 0.0, 2.0, 3.0, f32::NEG_INFINITY];
        assert_eq!(classes(&logits, 4), [0, 2, 5, 4, 1]);
        assert_eq!(classes(&logits, 6), [0, 2, 5, 4, 1, 6]);
    }

    #[test]
    fn the_least_the_middle_and_the_largest_loss() {
        assert_eq!(telling(&[3.0, 1.0, 2.0]), [1, 2, 0]);
        assert_eq!(telling(&[3.0]), [0]);
        assert!(telling(&[]).is_empty());
    }
}
