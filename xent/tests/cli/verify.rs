//! `xent verify`, and the option `--avoid`.

use std::fs;

use serde_json::Value;
use wgpu_xent::Strategy;

use crate::files::Files;
use crate::values::{CLASSES, LOGITS, assert_file, logsumexp};
use crate::{command, finished, refused, succeeds};

/// An operation with few pipelines.
const SMALL: &[&str] = &["verify", "--quick", "--op", "logsumexp_over"];

#[test]
fn every_result_has_a_line_of_json() {
    let text = succeeds(&[SMALL, &["--adapter", "llvmpipe", "--json"]].concat());
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(records.len() > 40, "{}", records.len());
    for record in &records {
        for name in ["adapter", "driver", "backend", "operation", "strategy", "plan", "storage", "data", "result", "verdict"] {
            assert!(record[name].as_str().is_some_and(|text| !text.is_empty()), "{name} of {record}");
        }
        for name in ["ulp", "relative", "bound", "share", "rows", "classes"] {
            assert!(!record[name].is_null(), "{name} of {record}");
        }
        assert_eq!((&record["verdict"], &record["operation"]), (&"passed".into(), &"logsumexp_over".into()), "{record}");
        assert!(record["share"].as_f64().is_some_and(|share| share <= 1.0), "{record}");
    }
    for (name, value) in [("strategy", "planned"), ("data", "special rows"), ("data", "offset 1e6"), ("result", "over rows")] {
        assert!(records.iter().any(|record| record[name] == value), "no {name} is {value}");
    }
}

#[test]
fn a_table_and_a_page_tell_the_same() {
    let files = Files::new();
    let (json, html) = (files.path("a.json"), files.path("a.html"));
    let text = succeeds(&[SMALL, &["--adapter", "all", "--json", &json, "--html", &html]].concat());
    let adapters: Value = serde_json::from_str(&succeeds(&["adapters", "--json"])).unwrap();
    let adapters = adapters.as_array().unwrap().len();
    assert_eq!(text.matches("\npassed: ").count(), adapters, "{text}");
    for part in ["of bound", "ULP", "logsumexp_over", "quirk    llvmpipe ends long loops (avoided: loop-trips=65000)"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let results = fs::read_to_string(&json).unwrap().lines().count();
    let told: usize = text.lines().filter_map(|line| line.strip_prefix("passed: ")?.split(' ').next()?.parse::<usize>().ok()).sum();
    assert_eq!(results, told, "{text}");

    let page = fs::read_to_string(html).unwrap();
    assert_eq!(page.matches("<b>Passed</b>").count(), adapters);
    for part in ["<svg", "<style>", "prefers-color-scheme: dark", "logsumexp_over", "Known quirks", "65,535", "Environment"] {
        assert!(page.contains(part), "{part} is not in the page");
    }
    for part in ["http", "<script", "<link", "src=", "url(", "@import", "NaN<", "inf\""] {
        assert!(!page.contains(part), "{part} is in the page");
    }
}

/// With every strategy avoided no call can run: that is what a broken adapter looks like.
#[test]
fn a_failure_is_told_and_is_exit_code_1() {
    let files = Files::new();
    let all = Strategy::ALL.map(|strategy| strategy.to_string()).join(",");
    let html = files.path("a.html");
    let run = finished(command(&[SMALL, &["--adapter", "llvmpipe", "--avoid", &all, "--html", &html]].concat()));
    assert_eq!(run.code, Some(1), "{run:?}");
    for part in ["FAILED: ", "failures\n", "it is avoided on this adapter", "avoided  loop-trips=65000, thread, "] {
        assert!(run.stdout.contains(part), "{part} is not in {}", run.stdout);
    }
    assert!(run.stderr.lines().last().unwrap().contains(" results are wrong on llvmpipe"), "{}", run.stderr);
    let page = fs::read_to_string(html).unwrap();
    assert!(page.contains("<b>Failed</b>") && page.contains("What is wrong") && page.contains("it is avoided"), "{page}");

    let first = finished(command(&[SMALL, &["--adapter", "llvmpipe", "--avoid", &all, "--fail-fast", "--json"]].concat()));
    assert_eq!((first.code, first.stdout.lines().count()), (Some(1), 1), "{first:?}");
    assert!(first.stdout.contains("\"verdict\":\"failed\"") && first.stdout.contains("\"share\":\"inf\""), "{first:?}");
}

/// What is avoided is avoided by every command, and the results are the same.
#[test]
fn other_commands_avoid_too() {
    let files = Files::new();
    let (logits, out) = (files.f32("x.npy", &[3, CLASSES], &LOGITS), files.path("out.npy"));
    succeeds(&["logsumexp", &logits, "-o", &out, "--avoid", "subgroups,thread", "--avoid", "texture-reads"]);
    assert_file(&out, &[3], &logsumexp(&LOGITS));
    let plans = |avoid: &[&str]| {
        let bench = ["bench", "--adapter", "llvmpipe", "--quick", "--shapes", "64x10", "--ops", "softmax", "--json"];
        let text = succeeds(&[&bench, avoid].concat());
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own = records.filter(|record| record["peer"] == "wgpu-xent");
        own.map(|record| record["plan"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((plans(&[]), plans(&["--avoid", "thread"])), (vec!["thread".to_owned()], vec!["subgroup".to_owned()]));
}

#[test]
fn bad_options_are_refused() {
    let files = Files::new();
    let missing = files.path("none/a");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--adapter", "reference"], &["it is what is compared with"]),
        (&["--adapter", "no such thing"], &["no adapter \"no such thing\", there are: 0 "]),
        (&["--avoid", "subgroup-operations"], &["invalid value 'subgroup-operations'", "split-thread"]),
    ];
    for (args, parts) in cases {
        refused(&files, &[SMALL, args].concat(), parts);
    }
    // An adapter that was opened is announced before.
    let calls: [(&[&str], &str); 3] = [
        (&["verify", "--quick", "--json", &missing], "cannot create the file"),
        (&["verify", "--quick", "--html", &missing], "cannot create the file"),
        (&["verify", "--quick", "--op", "sort"], "no operation is called \"sort\""),
    ];
    for (args, part) in calls {
        let run = finished(command(args));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.stderr.lines().last().unwrap_or_default().contains(part), "{run:?}");
    }
}
