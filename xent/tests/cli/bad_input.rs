//! The tables of `docs/bad-input.md` about the command: bad files and bad arguments, and the line that each gets.

#[path = "../../../tests/common/told.rs"]
mod told;

use crate::files::Files;
use crate::{command, finished};

/// One row after the other of a table.
struct Table {
    files: Files,
    rows: Vec<(&'static str, String)>,
}

impl Table {
    fn new() -> Self {
        Self { files: Files::new(), rows: vec![] }
    }

    /// Runs the command, which must refuse with one line and code 2 and leave no file; notes the line, without the folder.
    fn run(&mut self, tried: &'static str, args: &[&str]) {
        let before = self.files.names();
        let run = finished(command(&[args, &["--adapter", "reference"]].concat()));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (Some(2), "", 1), "{tried}: {run:?}");
        assert_eq!(self.files.names(), before, "{tried}");
        let line = run.stderr.trim_end().replace(&self.files.path(""), "");
        self.rows.push((tried, line.strip_prefix("xent: ").expect("the command's name").to_owned()));
    }

    /// As the logits of a softmax.
    fn softmax(&mut self, tried: &'static str, spec: &str) {
        let out = self.files.path("out.npy");
        self.run(tried, &["softmax", spec, "-o", &out]);
    }

    fn npy(&mut self, tried: &'static str, bytes: &[u8]) {
        let path = self.files.put("x.npy", bytes);
        self.softmax(tried, &path);
    }

    fn safetensors(&mut self, tried: &'static str, header: &str, elements: usize) {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(vec![0; elements]);
        let path = self.files.put("x.safetensors", &bytes);
        self.softmax(tried, &path);
    }
}

fn npy(header: &str, elements: usize) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(vec![0; elements]);
    bytes
}

fn plain(descr: &str, shape: &str, elements: usize) -> Vec<u8> {
    npy(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), elements)
}

#[test]
fn bad_input_npy() {
    let mut t = Table::new();
    t.npy("empty file", b"");
    t.npy("cut off within the magic", b"\x93NUM");
    t.npy("wrong magic (an archive)", b"PK\x03\x04 what numpy.savez writes");
    t.npy("unknown version", b"\x93NUMPY\x09\x00\x00\x00");
    t.npy("cut off within the header", &plain("<f4", "(2, 2)", 16)[..40]);
    t.npy("header longer than the file", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{");
    t.npy("cut off within the elements", &plain("<f4", "(2, 2)", 13));
    t.npy("bytes behind the elements", &plain("<f4", "(2, 2)", 17));
    t.npy("header that is no dictionary", &npy("[1, 2]", 0));
    t.npy("header without a key", &npy("{'descr': '<f4', 'shape': (1, 1)}", 4));
    t.npy("a key twice", &npy("{'descr': '<f4', 'descr': '<f4', 'shape': ()}", 4));
    t.npy("a key that is unknown, with an escape", &npy("{'\x1b[31m': 1}", 4));
    t.npy("object dtype (pickled)", &plain("|O", "(2,)", 16));
    t.npy("complex dtype", &plain("<c8", "(2,)", 16));
    t.npy("text dtype", &plain("<U1", "(2,)", 8));
    t.npy("structured dtype", &npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8));
    t.npy("bfloat16, as NumPy writes it", &plain("<V2", "(2,)", 4));
    t.npy("float64 logits", &plain("<f8", "(1, 2)", 16));
    t.npy("Fortran order", &npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 16));
    t.npy("negative dimension", &plain("<f4", "(-1, 2)", 0));
    t.npy("fractional dimension", &plain("<f4", "(1.5, 2)", 0));
    t.npy("dimension above 2^64", &plain("<f4", "(99999999999999999999, 1)", 0));
    t.npy("product of the shape overflows", &plain("<f4", "(4294967296, 4294967296, 4)", 0));
    t.npy("the same, beside a dimension of 0", &plain("<f4", "(0, 18446744073709551615)", 0));
    t.npy("70 dimensions", &plain("<f4", &format!("({})", "1,".repeat(70)), 4));
    t.npy("rows of no classes", &plain("<f4", "(3, 0)", 0));
    t.npy("scalar", &plain("<f4", "()", 4));
    told::check_section("npy files", &t.rows);
}

#[test]
fn bad_input_safetensors() {
    let mut t = Table::new();
    let one =
        |dtype: &str, shape: &str, offsets: &str| format!(r#"{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#);
    let two = |second: &str| {
        format!(r#"{{"x":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"y":{{"dtype":"F32","shape":[2],"data_offsets":{second}}}}}"#)
    };
    let empty = t.files.put("empty.safetensors", b"");
    t.softmax("empty file", &empty);
    let cut = t.files.put("cut.safetensors", &[200, 0, 0, 0, 0, 0, 0, 0, b'{']);
    t.softmax("cut off within the header", &cut);
    let huge = t.files.put("huge.safetensors", &u64::MAX.to_le_bytes());
    t.softmax("header of 2^64 bytes", &huge);
    t.safetensors("header that is no JSON", "{'x': 1}", 0);
    t.safetensors("header of another form", "[]", 0);
    t.safetensors("no tensors", "{}", 0);
    t.safetensors("two tensors, none named", &two("[8,16]"), 16);
    t.safetensors("overlapping tensors", &two("[4,12]"), 12);
    t.safetensors("a gap between tensors", &two("[12,20]"), 20);
    t.safetensors("offsets that go backwards", &one("F32", "[1]", "[8,4]"), 8);
    t.safetensors("offsets of another size than the shape's", &one("F32", "[3]", "[0,8]"), 8);
    t.safetensors("cut off within the elements", &one("F32", "[2]", "[0,8]"), 7);
    t.safetensors("bytes behind the elements", &one("F32", "[2]", "[0,8]"), 9);
    t.safetensors("product of the shape overflows", &one("F32", "[4294967296,4294967296]", "[0,8]"), 8);
    t.safetensors("the same, beside a dimension of 0", &one("F32", "[0,18446744073709551615]", "[0,0]"), 0);
    t.safetensors("negative dimension", &one("F32", "[-1]", "[0,8]"), 8);
    t.safetensors("unknown dtype", &one("F33", "[2]", "[0,8]"), 8);
    t.safetensors("dtype that is not read", &one("F8_E4M3", "[8]", "[0,8]"), 8);
    let path = t.files.put("x.safetensors", &[&2_u64.to_le_bytes()[..], b"{}"].concat());
    t.softmax("unknown name", &format!("{path}:logits"));
    t.softmax("empty name", &format!("{path}:"));
    told::check_section("safetensors files", &t.rows);
}

#[test]
fn bad_input_paths_and_arguments() {
    let mut t = Table::new();
    let x = t.files.f32("x.npy", &[3, 4], &[0.0; 12]);
    let targets = t.files.i64("t.npy", &[3], &[0, 1, 2]);
    let out = t.files.path("out.npy");
    let missing = t.files.path("missing.npy");
    t.softmax("a file that is not there", &missing);
    std::fs::create_dir(t.files.path("folder.npy")).unwrap();
    let folder = t.files.path("folder.npy");
    t.softmax("a directory", &folder);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/null", t.files.path("null.npy")).unwrap();
        let device = t.files.path("null.npy");
        t.softmax("a device", &device);
    }
    let text = t.files.put("x.txt", b"1 2 3");
    t.softmax("another format", &text);
    t.softmax("no path at all", "");

    let loss = |t: &mut Table, tried, targets: &str, more: &[&str]| t.run(tried, &[&["loss", &x, targets], more].concat());
    let floats = t.files.f32("floats.npy", &[3], &[f32::NAN; 3]);
    loss(&mut t, "targets as floats, NaN among them", &floats, &[]);
    let short = t.files.i64("short.npy", &[2], &[0, 1]);
    loss(&mut t, "too few targets", &short, &[]);
    let beyond = t.files.i64("beyond.npy", &[3], &[0, 4, 1]);
    loss(&mut t, "a target that is no class", &beyond, &[]);
    let wrapping = t.files.i64("wrapping.npy", &[3], &[0, 1 << 32, 1]);
    loss(&mut t, "a target that 32 bits would make a class", &wrapping, &[]);
    let large = t.files.npy("large.npy", "<u8", &[3], [0xff; 24]);
    loss(&mut t, "an unsigned target above the largest int64", &large, &[]);
    loss(&mut t, "a dimension that is not there", &targets, &["--dim=5"]);
    loss(&mut t, "smoothing above 1", &targets, &["--label-smoothing", "1.5"]);
    loss(&mut t, "smoothing that is NaN", &targets, &["--label-smoothing", "nan"]);
    loss(&mut t, "temperature of 0", &targets, &["--temperature", "0"]);
    loss(&mut t, "infinite z-loss", &targets, &["--z-loss", "inf"]);
    loss(&mut t, "softcap below 0", &targets, &["--softcap=-3"]);
    let nan = t.files.f32("nan.npy", &[4], &[1.0, f32::NAN, 1.0, 1.0]);
    loss(&mut t, "a class weight that is NaN", &targets, &["--weight", &nan]);
    loss(&mut t, "class weights of another length", &targets, &["--weight", &floats]);
    loss(&mut t, "an option that is unknown", &targets, &["--gard", "g.npy"]);
    loss(&mut t, "a value that is no number", &targets, &["--ignore-index", "never"]);
    loss(&mut t, "two outputs to one file", &targets, &["--lse", &out, "--loss", &out]);
    let nowhere = t.files.path("nowhere/out.npy");
    loss(&mut t, "an output in no directory", &targets, &["--lse", &nowhere]);
    loss(&mut t, "an output over a directory", &targets, &["--lse", &folder]);
    told::check_section("paths and arguments", &t.rows);
}
