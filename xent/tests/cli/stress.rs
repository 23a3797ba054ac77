//! `xent stress`, for seconds instead of minutes.

use crate::files::Files;
use crate::{refused, succeeds};

#[test]
fn a_short_load() {
    for adapter in ["llvmpipe", "reference"] {
        let args = [
            "stress",
            "--adapter",
            adapter,
            "--minutes",
            "0.05",
            "--threads",
            "3",
            "--devices",
            "1",
            "--reopen",
            "1",
            "--margin",
            "512",
            "--json",
        ];
        if adapter == "reference" {
            refused(&Files::new(), &args, &["no load to bear"]);
            continue;
        }
        let json: serde_json::Value = serde_json::from_str(&succeeds(&args)).unwrap();
        let number = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("{name} in {json}"));
        assert!(number("calls") > 20 && number("failures") == 0 && number("reopened") > 0, "{json}");
        assert!(number("in_use") == 0 && json["messages"].as_array().unwrap().is_empty(), "{json}");
        assert!(json["seconds"].as_f64().unwrap() >= 3.0, "{json}");
        // Seconds are too few to tell what drivers still gather from what is lost: that is for minutes.
        #[cfg(target_os = "linux")]
        assert!(number("memory_gained") < 512 << 20 && number("memory_start") < number("memory_end"), "{json}");
    }
}

#[test]
fn wrong_options() {
    let files = Files::new();
    for (option, value) in [("--minutes", "0"), ("--minutes", "NaN"), ("--threads", "0"), ("--devices", "65"), ("--patience", "0")] {
        refused(&files, &["stress", option, value], &[value]);
    }
}
