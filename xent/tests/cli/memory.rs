//! A file is never in memory as a whole.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::files::Files;

const ROWS: usize = 100_000;
const CLASSES: usize = 1000;

/// The most memory that a running process has had, in bytes, as long as it runs.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb * 1024)
}

/// 400 MB of zeros, sparse on disk: the loss of every row is log 1000, and far less than the file is in memory.
#[cfg(target_os = "linux")]
fn check(shape: &str, dim: &str) {
    let files = Files::new();
    let targets = files.i64("t.npy", &[ROWS], &vec![7; ROWS]);
    let logits = files.path("x.npy");
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    let mut file = File::create(&logits).unwrap();
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    writeln!(file, "{header:<117}").unwrap();
    file.set_len((128 + ROWS * CLASSES * 4) as u64).unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_xent"));
    let command = command.args(["loss", &logits, &targets, dim, "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = peak(child.id()).map_or(most, |bytes| bytes.max(most));
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!((json["loss"].as_f64().unwrap() - 1000_f64.ln()).abs() < 1e-6);
    // The drivers alone take some 100 MB.
    assert!(most > 10 << 20 && most < 250 << 20, "peak of {} MB for a file of 400 MB", most >> 20);
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_file_needs_little_memory() {
    check(&format!("{ROWS}, {CLASSES}"), "--dim=1");
}

/// The classes in front make the whole file one block.
#[test]
#[cfg(target_os = "linux")]
fn nor_does_a_large_block_need_more() {
    check(&format!("{CLASSES}, {ROWS}"), "--dim=0");
}
