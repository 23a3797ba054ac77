//! The kernels that WebGPU libraries of browsers use, written from their description: see `shaders/softmax.wgsl`.

use wgpu_xent::Gpu;

use crate::data::Data;
use crate::gpu_kit::{Kernel, Reader, buffer, encoder, filled, folded, read, run};
use crate::ours::Ours;
use crate::peer::{Op, Ran, Variant, timed};

/// Its name in results.
pub(crate) const NAME: &str = "web-style kernels";

/// Everything that is measured: softmax, and log-softmax with the mean loss. Their libraries have no fused gradient.
pub(crate) fn variants(gpu: &Gpu, ours: &Ours<'_>, data: &Data) -> Vec<Variant<'static>> {
    let threads = if data.rows == 1 { 256 } else { 64 };
    let (block, elements) = match data.classes % 4 {
        0 => (include_str!("../shaders/block_vec4.wgsl"), 4),
        _ => (include_str!("../shaders/block_scalar.wgsl"), 1),
    };
    let plan = format!("{elements} element(s) a read, {threads} threads a row, reused outputs");
    let source = format!("{block}\n{}", include_str!("../shaders/softmax.wgsl"));
    let grid = folded(gpu, data.rows as u64);
    let params = filled(gpu, &[data.rows as u32, data.classes as u32, grid.0, 0]);
    let kernel = |log: bool, result: &wgpu::Buffer| {
        let constants = [("WORKGROUP", f64::from(threads)), ("LOG", f64::from(u8::from(log)))];
        Kernel::new(gpu, &source, &constants, &[&params, ours.logits(), result], grid)
    };
    let (result, loss) = (buffer(gpu, data.values.len() as u64 * 4), buffer(gpu, 4));
    let (softmax, log_softmax) = (kernel(false, &result), kernel(true, &result));
    let mean = Kernel::new(gpu, include_str!("../shaders/mean_loss.wgsl"), &[], &[&params, &result, ours.targets(), &loss], (1, 1));
    let (reader, count) = (Reader::new(gpu, 1), data.values.len());
    let (gpu, other) = (gpu.clone(), gpu.clone());
    vec![
        Variant::new(NAME, Op::Loss, format!("log-softmax and mean, {plan}"), move |_| {
            let (ms, loss) = timed(|| {
                let mut encoder = encoder(&gpu);
                log_softmax.record(&mut encoder);
                mean.record(&mut encoder);
                reader.read(&gpu, encoder, &loss)[0]
            });
            Ran { ms, loss: Some(loss.into()), elements: None }
        }),
        Variant::new(NAME, Op::Softmax, plan, move |fetch| {
            let (ms, ()) = timed(|| {
                let mut encoder = encoder(&other);
                softmax.record(&mut encoder);
                run(&other, encoder);
            });
            Ran { ms, loss: None, elements: fetch.then(|| read(&other, &result, count)) }
        }),
    ]
}
