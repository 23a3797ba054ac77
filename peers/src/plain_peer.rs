//! A loss as one writes it first, a thread a row, without numerics, checks and options: see `shaders/plain.wgsl`.

use wgpu_xent::Gpu;

use crate::data::Data;
use crate::gpu_kit::{Kernel, Reader, buffer, encoder, filled, folded, read};
use crate::ours::Ours;
use crate::peer::{Op, Ran, Variant, timed};

/// Its name in results.
pub(crate) const NAME: &str = "plain kernels";

/// The loss, with and without its gradient; why not if a thread may not loop through a row.
pub(crate) fn variants<'a>(gpu: &Gpu, ours: &Ours<'_>, data: &Data) -> Result<Vec<Variant<'a>>, String> {
    let (quads, most) = (data.classes.div_ceil(4), gpu.caps().max_loop_trips);
    if quads as u64 > u64::from(most) {
        return Err(format!("{quads} quads a row, a thread of the adapter loops {most} times at most"));
    }
    Ok([Op::Loss, Op::LossAndGradient].map(|op| variant(gpu, ours, data, op)).into())
}

fn variant<'a>(gpu: &Gpu, ours: &Ours<'_>, data: &Data, op: Op) -> Variant<'a> {
    let (count, threads) = (data.values.len(), if gpu.is_software() { 32 } else { 64 });
    let (quad, elements) = match data.classes % 4 {
        0 => (include_str!("../shaders/quad_vec4.wgsl"), 4),
        _ => (include_str!("../shaders/quad_scalar.wgsl"), 1),
    };
    let source = format!("{quad}\n{}", include_str!("../shaders/plain.wgsl"));
    let grid = folded(gpu, data.rows.div_ceil(threads) as u64);
    let params = filled(gpu, &[data.rows as u32, grid.0, 0, 0]);
    let (losses, gradient, loss) = (buffer(gpu, data.rows as u64 * 4), buffer(gpu, count as u64 * 4), buffer(gpu, 4));
    let constants = [
        ("WORKGROUP", threads as f64),
        ("GRADIENT", f64::from(u8::from(op == Op::LossAndGradient))),
        ("CLASSES", data.classes as f64),
        ("QUADS", data.classes.div_ceil(4) as f64),
    ];
    let rows = Kernel::new(gpu, &source, &constants, &[&params, ours.logits(), ours.targets(), &losses, &gradient], grid);
    let mean = Kernel::new(gpu, include_str!("../shaders/mean_of_rows.wgsl"), &[], &[&params, &losses, &loss], (1, 1));
    let (reader, gpu) = (Reader::new(gpu, 1), gpu.clone());
    Variant::new(NAME, op, format!("{elements} element(s) a read, a thread a row, reused outputs"), move |fetch| {
        let (ms, loss) = timed(|| {
            let mut encoder = encoder(&gpu);
            rows.record(&mut encoder);
            mean.record(&mut encoder);
            reader.read(&gpu, encoder, &loss)[0]
        });
        let elements = (fetch && op == Op::LossAndGradient).then(|| read(&gpu, &gradient, count));
        Ran { ms, loss: Some(loss.into()), elements }
    })
}
