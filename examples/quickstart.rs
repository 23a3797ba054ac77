//! The loss and its gradient for two rows of three classes.
use wgpu_xent::{CrossEntropy, Gpu, Logits, Targets};

fn main() -> wgpu_xent::Result<()> {
    let gpu = Gpu::new()?;
    println!("running on {}", gpu.describe());

    let logits = [2.0_f32, 1.0, 0.1, 0.3, 0.2, 3.0];
    let logits = Logits::new(&logits, 2, 3)?;
    let targets = [0_i64, 2];

    let out = gpu.cross_entropy(&logits, &Targets::new(&targets), &CrossEntropy::new().argmax(true).gradient(true))?;
    println!("loss {:.6} nats, accuracy {:.0} %", out.loss.unwrap_or(f32::NAN), 100.0 * out.accuracy().unwrap_or(f64::NAN));
    for row in out.gradient.as_deref().unwrap_or_default().chunks(3) {
        println!("gradient {row:+.6?}");
    }
    Ok(())
}
