//! Small array files of a test, written and read without the command's own code.

use std::fs;

use half::{bf16, f16};
use tempfile::TempDir;

/// A directory for one test.
pub(crate) struct Files(TempDir);

/// What a .npy file of float32 holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Floats {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn f32(&self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.npy(name, "<f4", shape, values.iter().flat_map(|v| v.to_le_bytes()))
    }

    pub(crate) fn f16(&self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.npy(name, "<f2", shape, values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()))
    }

    pub(crate) fn i64(&self, name: &str, shape: &[usize], values: &[i64]) -> String {
        self.npy(name, "<i8", shape, values.iter().flat_map(|v| v.to_le_bytes()))
    }

    pub(crate) fn npy(&self, name: &str, descr: &str, shape: &[usize], elements: impl IntoIterator<Item = u8>) -> String {
        let dims: String = shape.iter().map(|dim| format!("{dim}, ")).collect();
        let dims = if shape.len() > 1 { dims.trim_end_matches(", ") } else { dims.trim_end() };
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(elements);
        self.put(name, &bytes)
    }

    /// A .safetensors file of two tensors, `logits` in bfloat16 and `other`.
    pub(crate) fn safetensors(&self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let logits: Vec<u8> = values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect();
        let end = logits.len();
        let header = format!(
            r#"{{"logits":{{"dtype":"BF16","shape":{shape:?},"data_offsets":[0,{end}]}},"other":{{"dtype":"U8","shape":[1],"data_offsets":[{end},{}]}}}}"#,
            end + 1
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(logits);
        bytes.push(7);
        self.put(name, &bytes)
    }
}

/// What a .npy file of int64 holds.
#[track_caller]
pub(crate) fn read_i64(path: &str) -> (Vec<usize>, Vec<i64>) {
    let (shape, elements) = split(path, "'<i8'");
    (shape, elements.chunks_exact(8).map(|v| i64::from_le_bytes(v.try_into().unwrap())).collect())
}

#[track_caller]
pub(crate) fn read(path: &str) -> Floats {
    let (shape, elements) = split(path, "'<f4'");
    Floats { shape, values: elements.chunks_exact(4).map(|v| f32::from_le_bytes(v.try_into().unwrap())).collect() }
}

/// The shape of a file of this type, and the bytes of its elements.
#[track_caller]
pub(crate) fn split(path: &str, descr: &str) -> (Vec<usize>, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = str::from_utf8(&bytes[10..start]).unwrap();
    assert!(header.contains(descr), "{header}");
    let dims = header.split(['(', ')']).nth(1).unwrap();
    let shape = dims.split(',').map(str::trim).filter(|dim| !dim.is_empty()).map(|dim| dim.parse().unwrap()).collect();
    (shape, bytes[start..].to_vec())
}
