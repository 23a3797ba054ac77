//! Values as an adapter stores them.

use half::{bf16, f16};
use wgpu_xent::Storage;

/// The storage type of this name.
#[must_use]
pub fn storage_named(name: &str) -> Option<Storage> {
    [Storage::F32, Storage::F16, Storage::Bf16].into_iter().find(|s| s.to_string() == name)
}

/// The bytes of values in a storage type, each rounded to it.
pub(crate) fn stored(values: &[f32], storage: Storage) -> Vec<u8> {
    match storage {
        Storage::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_ne_bytes()).collect(),
        Storage::Bf16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_ne_bytes()).collect(),
        _ => bytemuck::cast_slice(values).to_vec(),
    }
}

/// The values that some bytes store.
pub(crate) fn widened(bytes: &[u8], storage: Storage) -> Vec<f32> {
    let halves = bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    match storage {
        Storage::F16 => halves.map(|b| f16::from_ne_bytes(b).to_f32()).collect(),
        Storage::Bf16 => halves.map(|b| bf16::from_ne_bytes(b).to_f32()).collect(),
        _ => bytemuck::pod_collect_to_vec(bytes),
    }
}

/// How far a value may be from the one that rounds to it: relative, and absolute where it has fewer digits.
pub(crate) fn rounding(storage: Storage) -> (f64, f64) {
    match storage {
        Storage::F16 => (1.0 / 2048.0, 3e-8),
        Storage::Bf16 => (1.0 / 256.0, 1.2e-38),
        _ => (0.0, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let values = [0.0, 1.5, -2.25, 100.0];
        for storage in ["f32", "f16", "bf16"].map(|name| storage_named(name).unwrap()) {
            let bytes = stored(&values, storage);
            assert_eq!(bytes.len(), values.len() * storage.bytes());
            assert_eq!(widened(&bytes, storage), values);
        }
        assert_eq!(storage_named("f64"), None);
    }
}
