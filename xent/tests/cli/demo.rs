//! `xent demo`.

use crate::files::Files;
use crate::{ENGINES, refused, succeeds};

#[test]
fn real_losses_and_rows() {
    for engine in ENGINES {
        let text = succeeds(&[&["demo"], engine].concat());
        let loss = text.lines().find(|line| line.starts_with("mean loss")).unwrap_or_else(|| panic!("{text}"));
        // From data/README.md, as the scripts computed them.
        for (found, expected) in loss.split_whitespace().skip(3).zip([2.454_068_623, 0.041_572_523]) {
            let found: f64 = found.parse().unwrap();
            assert!((found / expected - 1.0_f64).abs() < 1e-6, "{text}");
        }
        for part in ["SmolLM2-135M", "digits", "0.4500", "0.9889", "GB/s", "\" to\"", "█", "◀ the text"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains('\x1b'), "colours outside a terminal");
    }
}

#[test]
fn missing_data_is_named() {
    let files = Files::new();
    refused(&files, &["demo", "--data", &files.path("none")], &["none: no such directory", "--data"]);
    refused(&files, &["demo", "--data", &files.path("")], &["smollm2_logits.npy"]);
}
