//! `xent adapters` and the option `--adapter`.

use serde_json::Value;

use crate::files::Files;
use crate::values::{CLASSES, LOGITS, assert_file, logsumexp};
use crate::{command, finished, refused, succeeds};

fn adapters() -> Vec<Value> {
    let json: Value = serde_json::from_str(&succeeds(&["adapters", "--json"])).unwrap();
    let adapters = json.as_array().unwrap().clone();
    assert!(!adapters.is_empty(), "no adapter found: install a driver, as the README says");
    adapters
}

#[test]
fn json_holds_the_facts() {
    for (index, adapter) in adapters().iter().enumerate() {
        assert_eq!(adapter["index"], index);
        for text in ["name", "backend", "type", "driver"] {
            assert!(adapter[text].is_string(), "{adapter}");
        }
        assert!(adapter["features"].is_array(), "{adapter}");
        assert!(adapter["subgroup_sizes"].is_null() || adapter["subgroup_sizes"][1].as_u64() >= adapter["subgroup_sizes"][0].as_u64());
        assert!(adapter["limits"]["max_storage_buffer_binding_size"].as_u64().unwrap() >= 1 << 20, "{adapter}");
    }
}

#[test]
fn the_table_has_a_line_for_each() {
    let table = succeeds(&["adapters"]);
    // Quirks stand below.
    let lines: Vec<_> = table.lines().take_while(|line| !line.is_empty()).collect();
    let adapters = adapters();
    assert_eq!(lines.len(), 1 + adapters.len(), "{table}");
    assert!(lines[0].starts_with("index  name"), "{table}");
    for (line, adapter) in lines[1..].iter().zip(&adapters) {
        for fact in [&adapter["index"].to_string(), adapter["name"].as_str().unwrap(), adapter["backend"].as_str().unwrap()] {
            assert!(line.contains(fact), "{fact} is not in {line}");
        }
    }
}

#[test]
fn every_name_of_an_adapter_opens_it() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let out = files.path("out.npy");
    let adapters = adapters();
    let name = adapters[0]["name"].as_str().unwrap().to_uppercase();
    let last = (adapters.len() - 1).to_string();
    for adapter in [&name, "0", &last, "reference"] {
        succeeds(&["logsumexp", &logits, "-o", &out, "--adapter", adapter]);
        assert_file(&out, &[3], &logsumexp(&LOGITS));
        succeeds(&["--adapter", adapter, "logsumexp", &logits, "-o", &out]);
    }
}

#[test]
fn a_software_adapter_is_announced() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    for adapter in adapters() {
        let run = finished(command(&["logsumexp", &logits, "-o", &files.path("out.npy"), "--adapter", &adapter["index"].to_string()]));
        let software = adapter["type"] == "Cpu";
        assert_eq!(run.stderr.lines().count(), usize::from(software), "{run:?}");
        assert_eq!(run.stderr.contains("xent: warning: "), software, "{run:?}");
        assert_eq!(run.stderr.contains("software adapter"), software, "{run:?}");
    }
}

#[test]
fn an_unknown_adapter_is_refused_with_the_known_ones() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let first = format!("0 {}", adapters()[0]["name"].as_str().unwrap());
    for asked in ["no such thing", "999"] {
        let args = ["logsumexp", &logits, "-o", &files.path("out.npy"), "--adapter", asked];
        refused(&files, &args, &[&format!("no adapter \"{asked}\""), &first, "reference"]);
    }
}

#[test]
fn an_adapter_that_the_environment_asks_for_is_not_replaced() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let mut command = command(&["logsumexp", &logits, "-o", &files.path("out.npy")]);
    command.env("WGPU_ADAPTER_NAME", "no such thing");
    let run = finished(command);
    assert_eq!((run.code, run.stderr.lines().count()), (Some(2), 1), "{run:?}");
    assert!(run.stderr.contains("no such thing"), "{run:?}");
    assert_eq!(files.names(), ["x.npy"]);
}

/// A backend that this system does not have leaves no adapter, as on a machine without drivers.
const FOREIGN: &str = if cfg!(windows) { "metal" } else { "dx12" };

#[test]
fn without_a_driver_the_reference_takes_over() {
    let files = Files::new();
    let logits = files.f32("x.npy", &[3, CLASSES], &LOGITS);
    let out = files.path("out.npy");
    let mut command = command(&["logsumexp", &logits, "-o", &out]);
    command.env("WGPU_BACKEND", FOREIGN);
    let run = finished(command);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    for part in ["xent: warning: no GPU adapter found", "apt-get install mesa-vulkan-drivers", "CPU reference"] {
        assert!(run.stderr.contains(part), "{run:?}");
    }
    assert_file(&out, &[3], &logsumexp(&LOGITS));
}

#[test]
fn without_a_driver_the_list_is_empty() {
    for (args, stdout) in [(&["adapters", "--json"][..], "[]\n"), (&["adapters"], "")] {
        let mut command = command(args);
        command.env("WGPU_BACKEND", FOREIGN);
        let run = finished(command);
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), stdout), "{run:?}");
        assert!(run.stderr.contains("apt-get install mesa-vulkan-drivers"), "{run:?}");
    }
}
