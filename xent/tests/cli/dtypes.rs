//! Arrays of float16 and bfloat16: read as they are, written with `--dtype`.

use std::fs;

use half::{bf16, f16};

use crate::files::{Files, read, split};
use crate::values::{CLASSES, LOGITS, TARGETS};
use crate::{ENGINES, refused, succeeds};

fn halves(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|v| u16::from_le_bytes(v.try_into().unwrap())).collect()
}

/// The elements of a file's only tensor.
fn tensor(path: &str) -> Vec<u16> {
    let bytes = fs::read(path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert!(str::from_utf8(&bytes[8..8 + header]).unwrap().contains("\"BF16\""));
    halves(&bytes[8 + header..])
}

#[test]
fn results_are_those_of_float32_rounded() {
    let files = Files::new();
    let (x, targets) = (files.f32("x.npy", &[3, CLASSES], &LOGITS), files.i64("t.npy", &[3], &TARGETS));
    let [full, half, brain] = ["full.npy", "half.npy", "brain.safetensors"].map(|name| files.path(name));
    let commands = [vec!["softmax", &x, "-o"], vec!["loss", &x, &targets, "--reduction", "sum", "--grad"]];
    for (command, engine) in commands.iter().flat_map(|command| ENGINES.map(|engine| (command, engine))) {
        let run = |out: &str, dtype: &str| succeeds(&[command, &[out, "--dtype", dtype][..], engine].concat());
        run(&full, "float32");
        run(&half, "float16");
        run(&brain, "bfloat16");
        let values = read(&full).values;
        let (shape, bytes) = split(&half, "'<f2'");
        assert_eq!(shape, [3, CLASSES]);
        assert_eq!(halves(&bytes), values.iter().map(|&v| f16::from_f32(v).to_bits()).collect::<Vec<_>>());
        assert_eq!(tensor(&brain), values.iter().map(|&v| bf16::from_f32(v).to_bits()).collect::<Vec<_>>());
    }
    refused(&files, &["softmax", &x, "-o", "out.npy", "--dtype", "bfloat16"], &["out.npy", "no bfloat16", ".safetensors"]);
}

/// The same numbers give the same results, however they are stored, in rows of odd length and windows of many rows too.
#[test]
fn inputs_of_every_type() {
    let files = Files::new();
    let values: Vec<f32> = (0..35 * 4099).map(|i| (i % 257) as f32 * 0.03125 - 4.0).collect();
    for shape in [[35 * 4099 / 7, 7].as_slice(), &[35, 4099], &[5, 7, 4099]] {
        let full = files.f32("x.npy", shape, &values);
        let stored = [files.f16("h.npy", shape, &values), files.safetensors("b.safetensors", shape, &values) + ":logits"];
        let [expected, out] = ["expected.npy", "out.npy"].map(|name| files.path(name));
        for engine in ENGINES {
            succeeds(&[&["logsumexp", &full, "-o", &expected][..], engine].concat());
            for x in &stored {
                succeeds(&[&["logsumexp", x, "-o", &out][..], engine].concat());
                assert_eq!(read(&out), read(&expected), "{x} {shape:?}");
            }
        }
    }
}
