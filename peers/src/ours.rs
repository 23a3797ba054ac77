//! wgpu-xent: on resident buffers with outputs that are reused or made for the call, and from host to host.

use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Logits, Output, Plan, Storage, Targets, Work};

use crate::data::Data;
use crate::gpu_kit::{Copy, buffer, encoder, filled, read, run};
use crate::peer::{Op, Ran, Variant, timed};

/// Its name in results.
pub(crate) const NAME: &str = "wgpu-xent";

/// What the host level's plans say.
pub(crate) const HOST: &str = "host to host, fresh outputs";

/// What the plans of the device level end with where outputs are made for the call.
pub(crate) const FRESH: &str = ", fresh outputs";

/// The buffers of one shape on one adapter.
pub(crate) struct Ours<'a> {
    gpu: Gpu,
    data: &'a Data,
    logits: wgpu::Buffer,
    targets: wgpu::Buffer,
    result: wgpu::Buffer,
}

impl<'a> Ours<'a> {
    /// Uploads the data; says why not if the adapter has no room for it.
    pub(crate) fn new(gpu: &Gpu, data: &'a Data) -> Result<Self, String> {
        let bytes = data.values.len() as u64 * 4;
        let most = gpu.caps().max_buffer.min(gpu.caps().max_binding);
        if bytes.next_multiple_of(16) > most {
            return Err(format!("{bytes} bytes of logits, the adapter binds at most {most}"));
        }
        let (logits, targets) = (filled(gpu, &data.values), filled(gpu, &data.targets));
        Ok(Self { gpu: gpu.clone(), data, logits, targets, result: buffer(gpu, bytes) })
    }

    /// The logits, for other peers on the same device.
    pub(crate) fn logits(&self) -> &wgpu::Buffer {
        &self.logits
    }

    /// The targets, for other peers on the same device.
    pub(crate) fn targets(&self) -> &wgpu::Buffer {
        &self.targets
    }

    /// The adapter's copy of the logits.
    pub(crate) fn copy(&self) -> Copy {
        Copy::new(&self.gpu, &self.logits, &self.result)
    }

    /// Everything that is measured.
    pub(crate) fn variants(&self) -> Vec<Variant<'_>> {
        let mut variants = Vec::new();
        for op in Op::ALL {
            variants
                .push(Variant::new(NAME, op, format!("{}, reused outputs", self.plan(op)), move |fetch| self.on_device(op, false, fetch)));
            if op != Op::Loss {
                variants.push(Variant::new(NAME, op, format!("{}{FRESH}", self.plan(op)), move |fetch| self.on_device(op, true, fetch)));
            }
            variants.push(Variant::new(NAME, op, HOST, move |fetch| self.on_host(op, fetch)));
        }
        variants
    }

    fn plan(&self, op: Op) -> String {
        let work = Work::dense(self.data.rows as u64, self.data.classes as u64, Storage::F32, op != Op::Loss);
        Plan::new(&work, self.gpu.caps(), None).map_or_else(|e| e.to_string(), |plan| plan.to_string())
    }

    fn matrix<'b>(&self, buffer: &'b wgpu::Buffer) -> DeviceMatrix<'b> {
        DeviceMatrix::new::<f32>(buffer, self.data.rows, self.data.classes).expect("buffers fit the shape")
    }

    /// Recorded, submitted, waited for, a loss read back: what the peers' calls do. A fresh output is a buffer made and dropped within the
    /// call, which wgpu fills with zeros before a kernel may see it.
    fn on_device(&self, op: Op, is_fresh: bool, fetch: bool) -> Ran {
        let (ms, (loss, fresh)) = timed(|| {
            let fresh = is_fresh.then(|| buffer(&self.gpu, self.result.size()));
            let output = || Output::To(self.matrix(fresh.as_ref().unwrap_or(&self.result)));
            let mut encoder = encoder(&self.gpu);
            let loss = if op == Op::Softmax {
                self.gpu.record_softmax(&mut encoder, &self.matrix(&self.logits), output()).expect("softmax is recorded");
                run(&self.gpu, encoder);
                None
            } else {
                let buffers = CrossEntropyBuffers {
                    gradient: (op == Op::LossAndGradient).then(output),
                    ..CrossEntropyBuffers::new(self.matrix(&self.logits), DeviceVector::new(&self.targets))
                };
                let pending = self.gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).expect("a loss is recorded");
                self.gpu.queue().submit([encoder.finish()]);
                pending.read(&self.gpu).expect("targets are classes").loss.map(f64::from)
            };
            (loss, fresh.filter(|_| fetch))
        });
        let elements = (fetch && op != Op::Loss).then(|| read(&self.gpu, fresh.as_ref().unwrap_or(&self.result), self.data.values.len()));
        Ran { ms, loss, elements }
    }

    /// Slices in, vectors out, and dropped within the call as PyTorch drops its outputs.
    fn on_host(&self, op: Op, fetch: bool) -> Ran {
        let logits = Logits::new(&self.data.values, self.data.rows, self.data.classes).expect("the data fits the shape");
        let targets = Targets::new(&self.data.targets);
        let (ms, (loss, elements)) = timed(|| {
            if op == Op::Softmax {
                return (None, Some(self.gpu.softmax(&logits).expect("softmax runs")).filter(|_| fetch));
            }
            let options = CrossEntropy::new().gradient(op == Op::LossAndGradient);
            let result = self.gpu.cross_entropy(&logits, &targets, &options).expect("targets are classes");
            (result.loss.map(f64::from), result.gradient.filter(|_| fetch))
        });
        Ran { ms, loss, elements }
    }
}
