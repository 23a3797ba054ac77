//! Maximum-likelihood training of a classifier: softmax regression on 8x8 images of digits.
//!
//! The forward and backward pass of the linear layer are plain loops here; the loss and its gradient with respect to the
//! logits come from the GPU in one call a step. Three of four images are trained on, the rest is held out.
//!
//! `cargo run --release --example train_digits`

use std::error::Error;

use wgpu_xent::{CrossEntropy, Gpu, Logits, Targets};

const PIXELS: usize = 64;
const CLASSES: usize = 10;
const STEPS: usize = 200;
const RATE: f32 = 0.5;
const MOMENTUM: f32 = 0.9;

/// Images as rows of pixels in 0..=1 with a constant 1 behind them, and their digits.
struct Digits {
    inputs: Vec<[f32; PIXELS + 1]>,
    targets: Vec<i64>,
}

/// The bytes behind the header of one of the shipped `.npy` files, whose types are known.
fn npy_data(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
    let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    Ok(bytes[10 + header..].to_vec())
}

fn load() -> Result<(Digits, Digits), Box<dyn Error>> {
    let pixels = npy_data("digits_images.npy")?;
    let labels = npy_data("digits_targets.npy")?;
    let mut parts = [true, false].map(|_| Digits { inputs: Vec::new(), targets: Vec::new() });
    for (i, (image, label)) in pixels.chunks_exact(PIXELS).zip(labels.chunks_exact(8)).enumerate() {
        let mut input = [1.0; PIXELS + 1];
        for (x, &p) in input.iter_mut().zip(image) {
            *x = f32::from(p) / 16.0;
        }
        let part = &mut parts[usize::from(i % 4 == 3)];
        part.inputs.push(input);
        part.targets.push(i64::from_le_bytes(label.try_into()?));
    }
    let [train, held_out] = parts;
    Ok((train, held_out))
}

type Weights = [[f32; CLASSES]; PIXELS + 1];

/// `logits = inputs * weights`.
fn logits(inputs: &[[f32; PIXELS + 1]], weights: &Weights) -> Vec<f32> {
    let mut all = vec![0.0; inputs.len() * CLASSES];
    for (row, input) in all.chunks_exact_mut(CLASSES).zip(inputs) {
        for (x, w) in input.iter().zip(weights) {
            for (y, w) in row.iter_mut().zip(w) {
                *y += x * w;
            }
        }
    }
    all
}

/// `d loss / d weights = inputs^T * d loss / d logits`.
fn weight_gradient(inputs: &[[f32; PIXELS + 1]], gradient: &[f32]) -> Weights {
    let mut all = [[0.0; CLASSES]; PIXELS + 1];
    for (row, input) in gradient.chunks_exact(CLASSES).zip(inputs) {
        for (x, sums) in input.iter().zip(&mut all) {
            for (sum, g) in sums.iter_mut().zip(row) {
                *sum += x * g;
            }
        }
    }
    all
}

fn main() -> Result<(), Box<dyn Error>> {
    let gpu = Gpu::new()?;
    println!("running on {}", gpu.describe());
    let (train, held_out) = load()?;
    println!("{} images to train on, {} held out", train.targets.len(), held_out.targets.len());

    let mut weights = [[0.0; CLASSES]; PIXELS + 1];
    let mut velocity = weights;
    let step_options = CrossEntropy::new().gradient(true).argmax(true);
    for step in 0..=STEPS {
        let values = logits(&train.inputs, &weights);
        let view = Logits::new(&values, train.inputs.len(), CLASSES)?;
        let out = gpu.cross_entropy(&view, &Targets::new(&train.targets), &step_options)?;
        if step % 20 == 0 {
            let loss = out.loss.unwrap_or(f32::NAN);
            let bar = "#".repeat((loss * 20.0) as usize);
            println!("step {step:3}  loss {loss:.4} nats  accuracy {:5.1} %  {bar}", 100.0 * out.accuracy().unwrap_or(f64::NAN));
        }
        let gradient = weight_gradient(&train.inputs, out.gradient.as_deref().unwrap_or_default());
        for ((w, v), g) in weights.as_flattened_mut().iter_mut().zip(velocity.as_flattened_mut()).zip(gradient.as_flattened()) {
            *v = MOMENTUM * *v - RATE * g;
            *w += *v;
        }
    }

    let values = logits(&held_out.inputs, &weights);
    let view = Logits::new(&values, held_out.inputs.len(), CLASSES)?;
    let out = gpu.cross_entropy(&view, &Targets::new(&held_out.targets), &CrossEntropy::new().argmax(true))?;
    let accuracy = out.accuracy().unwrap_or(f64::NAN);
    println!("held out: loss {:.4} nats, accuracy {:.2} %", out.loss.unwrap_or(f32::NAN), 100.0 * accuracy);
    if accuracy > 0.95 { Ok(()) } else { Err(format!("accuracy {accuracy} is not above 0.95").into()) }
}
