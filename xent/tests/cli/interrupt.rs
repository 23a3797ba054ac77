//! Ctrl-C in the middle of a long pass.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::files::Files;

/// 800 MB of zeros, sparse on disk, whose softmax would take seconds: neither the result nor the temporary file is left.
#[test]
#[cfg(unix)]
fn leaves_no_file() {
    let files = Files::new();
    let logits = files.path("x.npy");
    let mut file = File::create(&logits).unwrap();
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    writeln!(file, "{:<117}", "{'descr': '<f4', 'fortran_order': False, 'shape': (200000, 1000), }").unwrap();
    file.set_len(128 + 800_000_000).unwrap();
    for engine in ["llvmpipe", "reference"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xent"));
        command.args(["softmax", &logits, "-o", &files.path("p.npy"), "--adapter", engine]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        // The first windows are written.
        let temporary = || files.names().into_iter().find(|name| name.ends_with(".tmp"));
        let size = || temporary().and_then(|name| std::fs::metadata(files.path(&name)).ok()).map_or(0, |file| file.len());
        for _ in 0..3000 {
            if size() > 1 << 20 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(size() > 1 << 20, "{engine}: nothing is written");
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(130) && text.ends_with("xent: interrupted\n"), "{engine}: {:?} {text}", output.status);
        assert_eq!(files.names(), ["x.npy"], "{engine}");
    }
}
