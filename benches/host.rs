//! Where the time of a host-level call goes: host to host, beside its uploads, its kernels and its readbacks alone.
//!
//! `cargo bench --bench host -- [--adapter NAME|INDEX|all] [--quick] [--save] [TEXT]`
//!
//! Uploads and readbacks alone go window by window through reused buffers, as in a call, but by one thread, and results are
//! appended to fresh memory. Kernels alone are the same call at device level. All take turns, so that a loaded machine hits them
//! alike. What is left of a call is its own work; it is negative where these overlap, or several threads copy. "memory" is what
//! calls took of the device: buffers, and the texture that llvmpipe reads logits from.

mod common;

use common::{Args, fail};
use std::time::Instant;
use wgpu::BufferUsages as Usage;
use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Logits, Output, Targets};
use xent_measure::{Environment, Limits, Random, Report, buffer, encoder, filled, interleaved, run, save};

const SHAPES: [(usize, usize); 4] = [(65_536, 10), (4096, 1000), (16_384, 1000), (2048, 32_000)];

const QUICK_SHAPES: [(usize, usize); 2] = [(8192, 10), (5000, 1000)];

const OPERATIONS: [&str; 3] = ["loss", "loss+gradient", "softmax"];

/// The most bytes of a piece that goes up or comes back at once: those of a window.
const PIECE: usize = 16 << 20;

fn main() {
    let args = Args::parse();
    if args.strategies {
        fail("host has no strategies");
    }
    for gpu in args.gpus() {
        let mut report = Report::default();
        report.line(Environment::now(&gpu).to_string());
        report.line(format!(
            "{:14} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>11} {:>11}",
            "operation", "shape", "total ms", "upload", "kernels", "readback", "left", "share", "logits MB", "memory MB"
        ));
        let shapes: &[_] = if args.quick { &QUICK_SHAPES } else { &SHAPES };
        for &(rows, classes) in shapes {
            for operation in OPERATIONS.iter().filter(|o| args.wants(&format!("{o} {rows}x{classes}"))) {
                let line = Case::new(&gpu, rows, classes).line(operation, if args.quick { Limits::QUICK } else { Limits::FULL });
                report.line(line);
            }
        }
        if args.save {
            save(&gpu, "-host.txt", report.text());
        }
    }
}

/// A shape, at the host and resident.
struct Case<'a> {
    gpu: &'a Gpu,
    rows: usize,
    classes: usize,
    values: Vec<f32>,
    indices: Vec<u32>,
    logits: wgpu::Buffer,
    result: wgpu::Buffer,
    targets: wgpu::Buffer,
    loss: wgpu::Buffer,
}

impl<'a> Case<'a> {
    fn new(gpu: &'a Gpu, rows: usize, classes: usize) -> Self {
        let mut random = Random::new((rows * 31 + classes) as u64);
        let values: Vec<f32> = (0..rows * classes).map(|_| (12.0 * random.uniform() - 6.0) as f32).collect();
        let indices: Vec<u32> = (0..rows).map(|row| (row * 7919 % classes) as u32).collect();
        let [logits, result] = [(); 2].map(|()| buffer(gpu, (rows * classes * 4) as u64));
        for (number, piece) in values.chunks(PIECE / 4).enumerate() {
            gpu.queue().write_buffer(&logits, (number * PIECE) as u64, bytemuck::cast_slice(piece));
            gpu.queue().submit([]);
        }
        Self { gpu, rows, classes, logits, result, targets: filled(gpu, &indices), loss: buffer(gpu, 4), values, indices }
    }

    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.values)
    }

    fn line(&self, operation: &str, limits: Limits) -> String {
        let elements = operation != "loss";
        self.gpu.trim();
        self.call(operation);
        let memory = self.gpu.call_memory();
        let staging = Staging::new(self.gpu, self.bytes().len().min(PIECE));
        let samples = interleaved(
            limits,
            &mut [
                Box::new(|| self.call(operation)),
                Box::new(|| staging.upload(self.bytes())),
                Box::new(|| self.kernels(operation)),
                Box::new(|| if elements { staging.read_back(self.bytes().len()) } else { 0.0 }),
            ],
        );
        let [total, upload, kernels, readback] = [0, 1, 2, 3].map(|i: usize| samples[i].median());
        let left = total - upload - kernels - readback;
        let mb = |bytes: u64| bytes as f64 / 1e6;
        format!(
            "{operation:14} {:>12} {total:9.2} {upload:9.2} {kernels:9.2} {readback:9.2} {left:9.2} {:6.0}% {:11.2} {:11.2}",
            format!("{}x{}", self.rows, self.classes),
            100.0 * left / total,
            mb(self.bytes().len() as u64),
            mb(memory.peak + memory.texture)
        )
    }

    /// The milliseconds of a call, host to host.
    fn call(&self, operation: &str) -> f64 {
        let logits = Logits::new(&self.values, self.rows, self.classes).expect("a matrix");
        let targets = Targets::new(&self.indices);
        let start = Instant::now();
        let elements = match operation {
            "softmax" => self.gpu.softmax(&logits).expect("a softmax").len(),
            _ => {
                let options = CrossEntropy::new().gradient(operation == "loss+gradient");
                let result = self.gpu.cross_entropy(&logits, &targets, &options).expect("a loss");
                result.gradient.map_or(0, |gradient| gradient.len())
            }
        };
        let time = start.elapsed().as_secs_f64() * 1e3;
        assert_eq!(elements, if operation == "loss" { 0 } else { self.values.len() });
        time
    }

    /// The milliseconds of the same at device level.
    fn kernels(&self, operation: &str) -> f64 {
        let mut encoder = encoder(self.gpu);
        let [logits, result] = [&self.logits, &self.result].map(|b| DeviceMatrix::new::<f32>(b, self.rows, self.classes).expect("it fits"));
        if operation == "softmax" {
            self.gpu.record_softmax(&mut encoder, &logits, Output::To(result)).expect("a softmax");
        } else {
            let buffers = CrossEntropyBuffers {
                loss: Some(DeviceVector::new(&self.loss)),
                gradient: (operation == "loss+gradient").then_some(Output::To(result)),
                ..CrossEntropyBuffers::new(logits, DeviceVector::new(&self.targets))
            };
            self.gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).expect("a loss");
        }
        run(self.gpu, encoder)
    }
}

/// Reused buffers for what goes up and comes back: mapped themselves if the adapter lets kernels use such.
struct Staging<'a> {
    gpu: &'a Gpu,
    mapped: bool,
    up: wgpu::Buffer,
    down: wgpu::Buffer,
    device: wgpu::Buffer,
}

impl<'a> Staging<'a> {
    fn new(gpu: &'a Gpu, bytes: usize) -> Self {
        let mapped = gpu.device().features().contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
        let made = |usage| {
            let size = bytes.next_multiple_of(16) as u64;
            gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
        };
        Self {
            gpu,
            mapped,
            up: made(Usage::MAP_WRITE | Usage::COPY_SRC),
            down: made(Usage::MAP_READ | Usage::COPY_DST),
            device: made(Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST),
        }
    }

    fn map(&self, buffer: &wgpu::Buffer, mode: wgpu::MapMode, bytes: usize) {
        buffer.map_async(mode, ..bytes as u64, |mapped| mapped.expect("it can be mapped"));
        self.gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("the device is there");
    }

    fn upload(&self, bytes: &[u8]) -> f64 {
        let start = Instant::now();
        for piece in bytes.chunks(PIECE) {
            if self.mapped {
                self.map(&self.up, wgpu::MapMode::Write, piece.len());
                self.up.get_mapped_range_mut(..piece.len() as u64).expect("it is mapped").copy_from_slice(piece);
                self.up.unmap();
            } else {
                self.gpu.queue().write_buffer(&self.device, 0, piece);
                run(self.gpu, encoder(self.gpu));
            }
        }
        start.elapsed().as_secs_f64() * 1e3
    }

    fn read_back(&self, bytes: usize) -> f64 {
        let start = Instant::now();
        let mut all: Vec<u8> = Vec::with_capacity(bytes);
        for first in (0..bytes).step_by(PIECE) {
            let count = PIECE.min(bytes - first);
            if !self.mapped {
                let mut encoder = encoder(self.gpu);
                encoder.copy_buffer_to_buffer(&self.device, 0, &self.down, 0, count as u64);
                run(self.gpu, encoder);
            }
            self.map(&self.down, wgpu::MapMode::Read, count);
            all.extend_from_slice(&self.down.get_mapped_range(..count as u64).expect("it is mapped"));
            self.down.unmap();
        }
        std::hint::black_box(&all);
        start.elapsed().as_secs_f64() * 1e3
    }
}
