//! The array files of the command: any bytes as `.npy` or `.safetensors`, named or not. What can be opened can be read in every
//! way, and what is written of it reads the same.

use std::cell::OnceCell;
use std::fs;

use tempfile::TempDir;

use super::draw::check_message;
use crate::arrays::{Array, Dtype, Writer};

/// The most elements that are looked at one by one.
const LOOKED_AT: usize = 4096;

pub(crate) fn run(bytes: &[u8]) {
    thread_local! {
        static DIRECTORY: OnceCell<TempDir> = const { OnceCell::new() };
    }
    let Some((&form, file)) = bytes.split_first() else { return };
    DIRECTORY.with(|directory| {
        let directory = directory.get_or_init(|| tempfile::tempdir().unwrap()).path();
        let (name, tensor) = [("a.npy", ""), ("a.safetensors", ""), ("a.safetensors", ":x")][usize::from(form) % 3];
        let path = directory.join(name).to_str().unwrap().to_owned();
        fs::write(&path, file).unwrap();
        match Array::open(&format!("{path}{tensor}")) {
            Ok(array) => {
                check(&array, file.len());
                copy(&array, &directory.join(format!("copy-of-{name}")).to_string_lossy());
            }
            // A directory of any length is no part of what is held here.
            Err(error) => check_message(&error.to_string().replace(&path, name)),
        }
    });
}

/// An opened array holds what its shape says, and tells of ranges that it does not hold.
fn check(array: &Array, file: usize) {
    let len = array.len();
    let product = array.shape().iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim)).unwrap();
    assert_eq!(product, len);
    assert!(len.checked_mul(array.dtype().size()).unwrap() <= file);

    let looked = len.min(LOOKED_AT);
    let mut floats = vec![0.0; looked];
    if array.read_f32(0, &mut floats).is_ok() {
        let window = array.window_f32(0, looked).unwrap();
        assert!(window.iter().zip(&floats).all(|(a, b)| a.to_bits() == b.to_bits()));
        // The last ones again, from an odd place.
        let tail = array.window_f32(looked / 2, looked - looked / 2).unwrap();
        assert!(tail.iter().zip(&floats[looked / 2..]).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert_eq!(array.stored::<f32>(0, looked).unwrap().is_some(), matches!(window, std::borrow::Cow::Borrowed(_)));
    }
    let (mut integers, mut flags) = (vec![0; looked], vec![false; looked]);
    if array.read_i64(0, &mut integers).is_ok() {
        array.read_bool(0, &mut flags).unwrap();
        assert!(integers.iter().zip(&flags).all(|(&n, &flag)| flag == (n != 0)));
    }
    for (start, len) in [(0, len + 1), (len + 1, 0), (usize::MAX, 2), (1, usize::MAX)] {
        check_message(&array.window_f32(start, len).unwrap_err());
    }
    array.release(0, len);
    array.release_around(len / 2, usize::MAX / 4);
}

/// Writes the elements to another file and reads them from there.
fn copy(array: &Array, path: &str) {
    let (len, shape) = (array.len(), array.shape());
    if len > LOOKED_AT {
        return;
    }
    if let Ok(values) = array.window_f32(0, len) {
        let mut writer = Writer::create(path, shape).unwrap();
        writer.write(&values).unwrap();
        writer.finish().unwrap();
        let again = Array::open(path).unwrap();
        assert_eq!((again.shape(), again.dtype()), (shape, Dtype::F32));
        assert!(again.window_f32(0, len).unwrap().iter().zip(&*values).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
