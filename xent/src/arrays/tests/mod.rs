//! Tests over both formats; each file holds one concern.

mod fuzzed;
mod malformed;
mod reading;
mod writing;

use std::fs;

use tempfile::TempDir;

use super::{Array, ArrayError, Dtype, Spec, Writer};

/// A directory for one test, and paths in it as specifications.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A version 1 file with this header text and these elements.
fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(elements);
    file
}

fn plain_npy(descr: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    npy(&header, elements)
}

fn safetensors(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(elements);
    file
}

fn f32s(spec: &str) -> Vec<f32> {
    let array = Array::open(spec).unwrap();
    array.window_f32(0, array.len()).unwrap().into_owned()
}

fn i64s(spec: &str) -> Vec<i64> {
    let array = Array::open(spec).unwrap();
    let mut values = vec![0; array.len()];
    array.read_i64(0, &mut values).unwrap();
    values
}

#[track_caller]
fn assert_message<T>(result: Result<T, ArrayError>, parts: &[&str]) {
    let message = result.err().expect("an error").to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    assert!(!message.contains('\n'), "{message:?}");
    assert!(message.len() < 1500, "{message:?}");
}

#[test]
fn specifications() {
    let tensors = |path: &str, name: Option<&str>| Spec::Safetensors(path.into(), name.map(str::to_owned));
    let parsed = |spec| Spec::parse(spec).unwrap();
    assert_eq!(parsed("a/b.npy"), Spec::Npy("a/b.npy".into()));
    assert_eq!(parsed("b.safetensors"), tensors("b.safetensors", None));
    assert_eq!(parsed("C:\\b.safetensors:x.y"), tensors("C:\\b.safetensors", Some("x.y")));
    assert_eq!(parsed("b.safetensors:c.safetensors:d.npy"), tensors("b.safetensors", Some("c.safetensors:d.npy")));
    assert_message(Spec::parse("b.safetensors:"), &["b.safetensors: ", "empty"]);
    for spec in ["", "b", "b.npz", "b.npy:x", "b.NPY"] {
        assert_message(Spec::parse(spec), &[spec, "unknown format"]);
    }
}

#[test]
fn dtypes_print_as_numpy_names_them() {
    let text = format!("{} {:>8} {}", Dtype::F32, Dtype::I64, Dtype::Bf16);
    assert_eq!(text, "float32    int64 bfloat16");
}

#[test]
fn arrays_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Array>();
    shared::<Writer>();
    shared::<ArrayError>();
}
