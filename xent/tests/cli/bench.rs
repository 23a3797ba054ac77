//! `xent bench`. Times themselves are not tested.

use std::fs;

use serde_json::Value;

use crate::files::Files;
use crate::{command, finished, refused, succeeds};

const SMALL: &[&str] = &["bench", "--quick", "--shapes", "64x10,16x1000"];

const OPERATIONS: [&str; 7] = ["softmax", "log_softmax", "logsumexp", "loss", "loss+gradient", "loss+gradient in place", "backward"];
const CEILINGS: [&str; 4] = ["copy", "read", "read+exp", "write"];

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[track_caller]
fn check(record: &Value) {
    for text in ["adapter", "peer", "op", "dtype", "plan"] {
        assert!(record[text].as_str().is_some_and(|text| !text.is_empty()), "{text} of {record}");
    }
    let number = |name: &str| record[name].as_f64().filter(|&n| n.is_finite() && n > 0.0).unwrap_or_else(|| panic!("{name} of {record}"));
    for name in ["rows", "classes", "sets"] {
        number(name);
    }
    assert!(number("p20_ms") <= number("median_ms") && number("median_ms") <= number("p80_ms"), "{record}");
    assert!((number("share_of_copy") / (number("gb_s") / number("copy_gb_s")) - 1.0).abs() < 1e-9, "{record}");
    // An adapter without timestamps says so; with them, what it did is a part of what was waited for.
    match &record["gpu_ms"] {
        Value::Null => {}
        _ => assert!(number("gpu_ms") < 10.0 * number("p80_ms"), "{record}"),
    }
    let elements = number("rows") * number("classes") * if record["dtype"] == "f32" { 4.0 } else { 2.0 };
    if record["op"] == "softmax" {
        let bytes = number("gb_s") * number("median_ms") * 1e6;
        assert!((bytes / (2.0 * elements) - 1.0).abs() < 1e-9, "{record}");
    }
}

#[test]
fn every_operation_of_every_type_has_a_line() {
    let records = records(&succeeds(&[SMALL, &["--json", "--dtypes", "f32,f16,bf16"]].concat()));
    records.iter().for_each(check);
    for dtype in ["f32", "f16", "bf16"] {
        for (rows, classes) in [(64, 10), (16, 1000)] {
            let of = |r: &&Value| r["dtype"] == dtype && r["rows"] == rows && r["classes"] == classes;
            let of_peer = |peer: &str| records.iter().filter(of).filter(|r| r["peer"] == peer).map(|r| r["op"].clone()).collect::<Vec<_>>();
            assert_eq!(
                (of_peer("ceiling"), of_peer("wgpu-xent")),
                (CEILINGS.map(Value::from).to_vec(), OPERATIONS.map(Value::from).to_vec())
            );
            let copy = records.iter().filter(of).find(|r| r["op"] == "copy").unwrap();
            assert!(records.iter().filter(of).all(|r| r["copy_gb_s"] == copy["gb_s"]), "{copy}");
        }
    }
}

#[test]
fn files_hold_what_the_table_shows() {
    let files = Files::new();
    let (json, csv, html) = (files.path("a.json"), files.path("a.csv"), files.path("a.html"));
    let args = ["--ops", "loss,loss+gradient-in-place", "--json", &json, "--csv", &csv, "--html", &html];
    let table = succeeds(&[SMALL, &args].concat());
    for part in ["adapter   ", "median ms", "(read+exp)", "loss+gradient in place", "64x10 f32: 64 sets of buffers in turn"] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    let records = records(&fs::read_to_string(&json).unwrap());
    assert_eq!(records.len(), 2 * (4 + 2));
    let csv = fs::read_to_string(csv).unwrap();
    assert_eq!(csv.lines().count(), 1 + records.len(), "{csv}");
    assert!(csv.starts_with("adapter,peer,op,rows,"), "{csv}");

    let page = fs::read_to_string(html).unwrap();
    let name = records[0]["adapter"].as_str().unwrap().split(" (").next().unwrap();
    for part in ["<svg", "<style>", "prefers-color-scheme: dark", name, "readback", "16x1000", records[5]["plan"].as_str().unwrap()] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    for part in ["http", "<script", "<link", "src=", "url(", "@import", "NaN", "inf\""] {
        assert!(!page.contains(part), "{part} is in the page");
    }
}

#[test]
fn a_run_is_compared_with_an_earlier_one() {
    let files = Files::new();
    let json = files.path("a.json");
    let args = ["bench", "--quick", "--shapes", "64x10", "--ops", "softmax", "--json", &json];
    succeeds(&args);
    let same = succeeds(&["bench", "--compare", &json, &json]);
    assert!(same.contains("no change beyond the spread of either run, of 5 compared") && same.contains("1.000"), "{same}");
    // Longer than any noise, and another shape.
    let slower: String = fs::read_to_string(&json).unwrap().lines().map(|line| format!("{}\n", slowed(line))).collect();
    let slower = files.put("b.json", slower.as_bytes());
    let text = succeeds(&["bench", "--compare", &json, &slower]);
    assert!(text.contains("0.000  SLOWER") && text.contains("0 faster, 5 slower, of 5 compared"), "{text}");
    let text = succeeds(&["bench", "--quick", "--shapes", "64x10,32x10", "--ops", "softmax", "--compare", &json]);
    assert!(text.contains("of 5 compared\n5 not in the old file\n"), "{text}");
}

fn slowed(line: &str) -> Value {
    let mut record: Value = serde_json::from_str(line).unwrap();
    for name in ["median_ms", "p20_ms", "p80_ms"] {
        record[name] = (1e4 * record[name].as_f64().unwrap()).into();
    }
    record
}

#[test]
fn all_adapters_have_their_lines() {
    let records = records(&succeeds(&["bench", "--quick", "--shapes", "64x10", "--ops", "loss", "--json", "--adapter", "all"]));
    records.iter().for_each(check);
    let of_one = CEILINGS.len() + 1;
    let adapters = wgpu_xent::Gpu::adapters();
    assert_eq!(records.len(), adapters.len() * of_one, "{records:?}");
    for (records, adapter) in records.chunks(of_one).zip(adapters) {
        assert!(records.iter().all(|record| record["adapter"].as_str().unwrap().starts_with(&adapter.info.name)), "{adapter}: {records:?}");
    }
}

#[test]
fn bad_options_are_refused() {
    let files = Files::new();
    let missing = files.path("missing.json");
    let bad = files.put("bad.json", b"\n{\"adapter\":\"a\"}\n");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--ops", "softmax,sortmax"], &["invalid value 'sortmax'", "log_softmax", "loss+gradient-in-place"]),
        (&["--shapes", "10"], &["invalid value '10'", "4096x1000"]),
        (&["--shapes", "64x10,0x5"], &["invalid value '0x5'"]),
        (&["--dtypes", "f64"], &["invalid value 'f64'", "f32, f16 or bf16"]),
        (&["--compare", &missing], &["missing.json: cannot read the file"]),
        (&["--compare", &bad], &["bad.json: line 2: no record: missing field"]),
        (&["--compare", &bad, "--json"], &["bad.json: line 2"]),
        (&["--adapter", "reference"], &["it is not measured"]),
        (&["--adapter", "no such thing"], &["no adapter \"no such thing\", there are: 0 "]),
        (&["--json", &files.path("none/a.json")], &["a.json: cannot create the file"]),
        (&["--html", &files.path("none/a.html")], &["a.html: cannot create the file"]),
    ];
    for (args, parts) in cases {
        let args = [SMALL, args].concat();
        let run = finished(command(&args));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{args:?}: {run:?}");
        // An adapter that was opened is announced before.
        let last = run.stderr.lines().last().unwrap_or_default();
        assert!(parts.iter().all(|part| last.contains(part)), "{args:?}: {run:?}");
    }
    let good = files.put("empty.json", b"");
    refused(&files, &[SMALL, &["--compare", &good, "--json"]].concat(), &["--json and --compare both print to stdout"]);
}
