//! `xent tune`, and the tuning that other commands use.

use std::fs;

use crate::files::Files;
use crate::{command, finished, refused, succeeds};

#[test]
fn a_tuning_is_used() {
    let files = Files::new();
    let path = files.path("tuning");
    assert_eq!(succeeds(&["tune", "--adapter", "llvmpipe", "--shapes", "64x10", "--dtypes", "f32,bf16", "--output", &path]), "");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let keys: Vec<String> = lines[1..].iter().map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(keys, ["reads f32 64 8", "reads bf16 64 8", "writes f32 64 8", "writes bf16 64 8"]);

    // The plan of a call shows that the tuning was read.
    let forced = format!("{}\nwrites f32 64 8 split-thread buffer 1.0 2.0\n", lines[0]);
    let bench = ["bench", "--adapter", "llvmpipe", "--quick", "--shapes", "64x10", "--ops", "softmax,logsumexp", "--json"];
    let plans = |tuning: &str| {
        let mut bench = command(&bench);
        bench.env("XENT_TUNING", files.put("forced", tuning.as_bytes()));
        let text = finished(bench).stdout;
        let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let own = records.filter(|record| record["peer"] == "wgpu-xent");
        own.map(|record| record["plan"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(plans(&forced), ["split-thread", "thread"]);
}

#[test]
fn what_is_no_tuning_is_refused() {
    let files = Files::new();
    refused(&files, &["tune", "--adapter", "reference"], &["nothing to tune"]);
    refused(&files, &["tune", "--shapes", "10"], &["10"]);
    for (text, part) in [("elsewhere\n", "it is of \"elsewhere\""), ("x\nreads f32\n", "line 2: \"reads f32\" is not")] {
        let logits = files.f32("x.npy", &[1, 2], &[0.0, 1.0]);
        let mut logsumexp = command(&["logsumexp", &logits, "--output", &files.path("out.npy"), "--adapter", "llvmpipe"]);
        let path = files.put("tuning", text.as_bytes());
        logsumexp.env("XENT_TUNING", &path);
        let run = finished(logsumexp);
        assert!(run.code == Some(2) && run.stderr.contains(part) && run.stderr.contains(&path), "{run:?}");
    }
}
