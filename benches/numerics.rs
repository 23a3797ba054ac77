//! How near exp and log of `shaders/numerics.wgsl` come to the truth, beside the built-in ones, and what they cost.
//!
//! `cargo bench --bench numerics -- [--adapter NAME|INDEX|all] [--quick] [--save] [accuracy|special values|cost]`

mod common;

use common::{Args, fail};
use wgpu_xent::{Gpu, wgpu};
use xent_measure::{Environment, Kernel, Limits, Random, Report, buffer, encoder, filled, grid, interleaved, read, run, save};

const SOURCE: &str = concat!(include_str!("../shaders/numerics.wgsl"), include_str!("numerics.wgsl"));

/// A built-in, ours, the truth, and where they are compared.
struct Comparison {
    names: [&'static str; 2],
    /// `FUNCTION` of numerics.wgsl.
    functions: [u32; 2],
    truth: fn(f64) -> f64,
    ranges: &'static [(f64, f64)],
}

const FUNCTIONS: [Comparison; 4] = [
    Comparison {
        names: ["exp(x)", "exp4(x)"],
        functions: [0, 1],
        truth: f64::exp,
        ranges: &[(-1.0, 0.0), (-10.0, -1.0), (-20.0, -10.0), (-60.0, -20.0), (-87.0, -60.0)],
    },
    Comparison {
        names: ["log(1 + x)", "log1p(x)"],
        functions: [2, 3],
        truth: f64::ln_1p,
        ranges: &[(1e-10, 1e-3), (1e-3, 0.4), (0.4, 1.0), (1.0, 1e6)],
    },
    Comparison { names: ["log(x)", "log_from_one(x)"], functions: [4, 5], truth: f64::ln, ranges: &[(1.0, 2.0), (2.0, 1e6)] },
    Comparison {
        names: ["exp(x) - 1", "expm1_4(x)"],
        functions: [6, 7],
        truth: f64::exp_m1,
        ranges: &[(-1e-6, 0.0), (-0.5, 0.0), (-20.0, -0.5)],
    },
];

const SPECIALS: [f32; 5] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0];

fn main() {
    let args = Args::parse();
    if args.strategies {
        fail("numerics has no strategies");
    }
    for gpu in args.gpus() {
        let mut report = Report::default();
        report.line(Environment::now(&gpu).to_string());
        if args.wants("accuracy") {
            accuracy(&gpu, if args.quick { 10_000 } else { 1_000_000 }, &mut report);
        }
        if args.wants("special values") {
            specials(&gpu, &mut report);
        }
        if args.wants("cost") {
            cost(&gpu, if args.quick { Limits::QUICK } else { Limits::FULL }, &mut report);
        }
        if args.save {
            save(&gpu, "-numerics.txt", report.text());
        }
    }
}

/// `Params` of numerics.wgsl, with a maximum of 0.
struct Params {
    items: u32,
    grid_x: u32,
    quads: u32,
    step: u32,
    stride: u32,
}

impl Params {
    fn words(&self) -> [u32; 8] {
        let Self { items, grid_x, quads, step, stride } = *self;
        [items, grid_x, quads, step, stride, u32::MAX, 0, 0]
    }
}

fn kernel(gpu: &Gpu, function: u32, sums: bool) -> Kernel {
    let constants = [("WORKGROUP", f64::from(workgroup(gpu))), ("FUNCTION", f64::from(function)), ("SUMS", f64::from(u8::from(sums)))];
    Kernel::new(gpu, "numerics", SOURCE, &constants)
}

fn workgroup(gpu: &Gpu) -> u32 {
    if gpu.is_software() { 32 } else { 64 }
}

/// A function of so many arguments, a multiple of four.
fn apply(gpu: &Gpu, function: u32, arguments: &[f32]) -> Vec<f32> {
    let quads = arguments.len() / 4;
    let grid = grid(gpu, quads as u64, workgroup(gpu));
    let params = Params { items: quads as u32, grid_x: grid.0, quads: 0, step: 0, stride: 0 };
    let buffers = [filled(gpu, &params.words()), filled(gpu, arguments), buffer(gpu, arguments.len() as u64 * 4)];
    let kernel = kernel(gpu, function, false);
    let group = kernel.bind(gpu, &buffers.each_ref().map(wgpu::Buffer::as_entire_buffer_binding));
    let mut encoder = encoder(gpu);
    kernel.record(&mut encoder, &group, grid);
    run(gpu, encoder);
    read(gpu, &buffers[2], arguments.len(), <[f32]>::to_vec)
}

/// The largest relative errors over the ranges: spread evenly, those of several decades by their logarithm.
fn accuracy(gpu: &Gpu, points: usize, report: &mut Report) {
    report.line(format!("largest relative error of {points} points"));
    report.line(format!("{:10} {:>22} {:>14} {:>10}   {:16} {:>10}", "built-in", "x in", "", "", "ours", ""));
    for comparison in FUNCTIONS {
        for &(low, high) in comparison.ranges {
            let mut random = Random::new(7);
            let by_logarithm = low > 0.0 && high > 10.0 * low;
            let mut point = || {
                let u = random.uniform();
                (if by_logarithm { low * (high / low).powf(u) } else { low + (high - low) * u }) as f32
            };
            let mut arguments: Vec<f32> = (0..points).map(|_| point()).collect();
            // The ends belong to the range.
            (arguments[0], arguments[1]) = (low as f32, high as f32);
            let [built_in, ours] = comparison.functions.map(|f| worst(&arguments, &apply(gpu, f, &arguments), comparison.truth));
            let [built_in_name, own_name] = comparison.names;
            report.line(format!(
                "{built_in_name:10} {:>22} {:>14} {built_in:10.1e}   {own_name:16} {ours:10.1e}",
                format!("[{low:?}, {high:?}]"),
                if by_logarithm { "by logarithm" } else { "" },
            ));
        }
    }
    report.line("");
}

fn worst(arguments: &[f32], values: &[f32], truth: fn(f64) -> f64) -> f64 {
    let error = |(&x, &got): (&f32, &f32)| {
        let (want, got) = (truth(f64::from(x)), f64::from(got));
        if got == want { 0.0 } else { ((got - want) / want).abs() }
    };
    arguments.iter().zip(values).map(error).fold(0.0, |worst, e| if e > worst || e.is_nan() { e } else { worst })
}

/// What becomes of arguments that are not ordinary numbers. Kernels never rely on it: they look at the bits.
fn specials(gpu: &Gpu, report: &mut Report) {
    let columns = |cells: Vec<String>| cells.iter().map(|c| format!(" {c:>12}")).collect::<String>();
    report.line(format!("{:16}{}", "special values", columns(SPECIALS.map(|x| format!("{x:?}")).to_vec())));
    let arguments: Vec<f32> = SPECIALS.into_iter().chain([-1.0; 3]).collect();
    for comparison in FUNCTIONS {
        for (name, function) in comparison.names.iter().zip(comparison.functions) {
            let values = apply(gpu, function, &arguments);
            report.line(format!("{name:16}{}", columns(values[..SPECIALS.len()].iter().map(|v| format!("{v:?}")).collect())));
        }
    }
    report.line("");
}

/// A thread sums exp(x - m) over a row, m known: the built-in against ours.
fn cost(gpu: &Gpu, limits: Limits, report: &mut Report) {
    // Not 4096 classes: then all rows begin in the same few lines of a CPU's cache, and that is all that is measured.
    let (rows, classes) = (4096_u32, 4080_u32);
    let quads = classes / 4;
    let mut random = Random::new(8);
    let logits: Vec<f32> = (0..rows * classes).map(|_| (-20.0 * random.uniform()) as f32).collect();
    let grid = grid(gpu, u64::from(rows), workgroup(gpu));
    // A CPU likes a row's quads beside each other, a GPU those of neighbouring threads.
    let (step, stride) = if gpu.is_software() { (1, quads) } else { (rows, 1) };
    let params = Params { items: rows, grid_x: grid.0, quads, step, stride };
    let buffers = [filled(gpu, &params.words()), filled(gpu, &logits), buffer(gpu, u64::from(rows) * 16)];
    let kernels = [0, 1].map(|function| {
        let kernel = kernel(gpu, function, true);
        let group = kernel.bind(gpu, &buffers.each_ref().map(wgpu::Buffer::as_entire_buffer_binding));
        (kernel, group)
    });
    let once = |(kernel, group): &(Kernel, wgpu::BindGroup)| {
        let mut encoder = encoder(gpu);
        kernel.record(&mut encoder, group, grid);
        run(gpu, encoder)
    };
    let first_row = |i: u32| f64::from(logits[(i / 4 * step * 4 + i % 4) as usize]).exp();
    let expected: f64 = (0..classes).map(first_row).sum();
    for kernel in &kernels {
        once(kernel);
        let got = f64::from(read(gpu, &buffers[2], 1, |v| v[0]));
        assert!((got / expected - 1.0).abs() < 1e-4, "the sum is {got}, not {expected}");
    }
    let [a, b] = &kernels;
    let [built_in, ours] = &interleaved(limits, &mut [Box::new(|| once(a)), Box::new(|| once(b))])[..] else { unreachable!() };
    report.line(format!("sum of exp(x - m) of [{rows} x {classes}], a thread a row: median ms (p20, p80)"));
    for (name, times) in [("exp", built_in), ("exp4", ours)] {
        let bytes = f64::from(rows * classes * 4);
        let (median, speed) = (times.median(), bytes / (times.median() * 1e6));
        report.line(format!("{name:6} {median:9.3} ({:.3}, {:.3})  {speed:.2} GB/s", times.p20(), times.p80()));
    }
    report.line(format!("exp4 takes {:.2} times the time of exp\n", ours.median() / built_in.median()));
}
