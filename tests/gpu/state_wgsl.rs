//! The merge of row states in a kernel of the caller, from the text that the library gives out.

use crate::common::on_every_adapter;
use crate::device::{buffer, encoder, words};
use wgpu_xent::{CrossEntropy, Gpu, Logits, ROW_STATE_WGSL, RowState, Targets};

/// The example of the documentation.
const MERGE: &str = "
@group(0) @binding(0) var<uniform> ones: vec4<u32>;
fn all_ones() -> u32 { return ones.x; }
@group(0) @binding(1) var<storage, read_write> mine: array<Stats>;
@group(0) @binding(2) var<storage, read> theirs: array<Stats>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < arrayLength(&mine) { mine[id.x] = combine(mine[id.x], theirs[id.x]); }
}
";

fn merged_by_kernel(gpu: &Gpu, mine: &[RowState], theirs: &[RowState]) -> Vec<RowState> {
    let device = gpu.device();
    let source = wgpu::ShaderSource::Wgsl(format!("{ROW_STATE_WGSL}{MERGE}").into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let ones = device.create_buffer(&wgpu::BufferDescriptor { label: None, size: 16, usage, mapped_at_creation: false });
    gpu.queue().write_buffer(&ones, 0, &[0xff; 16]);
    let [mine, theirs] = [mine, theirs].map(|states| buffer(gpu, bytemuck::cast_slice(states)));
    let entries = [&ones, &mine, &theirs].map(wgpu::Buffer::as_entire_binding);
    let entries: Vec<_> = (0..).zip(entries).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
    let group = wgpu::BindGroupDescriptor { label: None, layout: &pipeline.get_bind_group_layout(0), entries: &entries };
    let group = device.create_bind_group(&group);
    let mut encoder = encoder(gpu);
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(&pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.dispatch_workgroups(1, 1, 1);
    drop(pass);
    gpu.queue().submit([encoder.finish()]);
    bytemuck::cast_slice(&words(gpu, &mine)).to_vec()
}

#[test]
fn a_kernel_of_the_caller_merges_as_the_library() {
    let (inf, rows) = (f32::INFINITY, 6);
    let left = [[0.5, -3.0, 2.0], [-inf; 3], [90.0, 1.0, 2.0], [f32::NAN, 0.0, 0.0], [5.0, 5.0, 5.0], [1.0, 2.0, inf]].concat();
    let right = [[2.0, 1.0], [-inf, 0.25], [-90.0, 89.0], [0.0, 1.0], [5.0, 5.0], [0.0, 0.0]].concat();
    let targets = Targets::new(&[0, 1, 2, 3, 4, 3]);
    let options = CrossEntropy::new().label_smoothing(0.1).argmax(true).entropy(true);
    on_every_adapter(|gpu| {
        let states = |values, classes, first| {
            gpu.row_states(&Logits::new(values, rows, classes).unwrap(), &targets, &options.piece(first, 5)).unwrap()
        };
        let (a, b) = (states(&left, 3, 0), states(&right, 2, 3));
        let got = merged_by_kernel(gpu, &a, &b);
        for ((got, a), b) in got.iter().zip(a).zip(b) {
            let expected = a.merge(b);
            let exact =
                |s: &RowState| (s.max.to_bits(), s.count, s.second.to_bits(), s.magnitude, s.best, s.target_bits, s.allowed, s.flags);
            assert_eq!(exact(got), exact(&expected));
            let sums = |s: &RowState| [s.rest, s.spread, s.smooth_sum, s.smooth_dot];
            for (got, expected) in sums(got).into_iter().zip(sums(&expected)) {
                assert!(
                    got == expected || got.is_nan() && expected.is_nan() || (got - expected).abs() <= 1e-6 * (1.0 + expected.abs()),
                    "{got:?} instead of {expected:?}"
                );
            }
        }
    });
}
