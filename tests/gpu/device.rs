//! The device level: the caller's buffers and encoder, offsets and strides, in place, and the faults that only the GPU sees.

use crate::common::data::{Data, Random, make};
use crate::common::{Bound, TINY, assert_close, gpu, on_every_adapter, with_every_strategy};
use wgpu::BufferUsages as Usage;
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Factor, Gpu, Logits, Output, Reduction, RowState, Targets,
    reference,
};

const ALL: Usage = Usage::STORAGE.union(Usage::COPY_SRC).union(Usage::COPY_DST);

pub(crate) fn buffer(gpu: &Gpu, words: &[u32]) -> wgpu::Buffer {
    let size = words.len() as u64 * 4;
    let made = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage: ALL, mapped_at_creation: false });
    gpu.queue().write_buffer(&made, 0, bytemuck::cast_slice(words));
    made
}

pub(crate) fn floats(gpu: &Gpu, values: &[f32]) -> wgpu::Buffer {
    buffer(gpu, bytemuck::cast_slice(values))
}

/// What a buffer holds once everything submitted is done.
pub(crate) fn words(gpu: &Gpu, from: &wgpu::Buffer) -> Vec<u32> {
    let usage = Usage::MAP_READ | Usage::COPY_DST;
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: from.size(), usage, mapped_at_creation: false });
    let mut encoder = encoder(gpu);
    encoder.copy_buffer_to_buffer(from, 0, &staging, 0, from.size());
    gpu.queue().submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let view = staging.get_mapped_range(..).unwrap();
    bytemuck::cast_slice(&view).to_vec()
}

pub(crate) fn values(gpu: &Gpu, from: &wgpu::Buffer) -> Vec<f32> {
    bytemuck::cast_vec(words(gpu, from))
}

pub(crate) fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}

/// Places a dense matrix into words, behind `lead` words and with a stride; everything else is `7.5`.
pub(crate) fn placed(dense: &[f32], classes: usize, lead: usize, stride: usize) -> Vec<f32> {
    let rows = dense.len() / classes;
    let mut all = vec![7.5; lead + (rows - 1) * stride + classes];
    for (row, from) in dense.chunks(classes).enumerate() {
        all[lead + row * stride..][..classes].copy_from_slice(from);
    }
    all
}

pub(crate) fn taken(all: &[f32], rows: usize, classes: usize, lead: usize, stride: usize) -> Vec<f32> {
    (0..rows).flat_map(|row| &all[lead + row * stride..][..classes]).copied().collect()
}

fn far(_: usize) -> Bound {
    Bound { relative: 7e-6, absolute: 1e-7 }
}

/// Classes, offsets and strides for access to four elements at once, to two, and to one: by the offset, the stride, the classes.
const LAYOUTS: [(usize, usize, usize); 10] =
    [(12, 0, 12), (12, 4, 16), (7, 8, 8), (10, 2, 10), (58, 6, 62), (12, 2, 16), (12, 3, 13), (10, 3, 14), (9, 2, 10), (1001, 129, 1003)];

#[test]
fn offsets_strides_and_in_place() {
    with_every_strategy(|gpu| {
        for (classes, lead, stride) in LAYOUTS {
            let rows = 5;
            let (dense, targets) = make(Data::Outliers, rows, classes, 11);
            let logits = Logits::new(&dense, rows, classes).unwrap();
            let all = placed(&dense, classes, lead, stride);
            let at = |b| DeviceMatrix::with_layout::<f32>(b, lead as u64 * 4, rows, classes, stride).unwrap();
            let input = floats(gpu, &all);
            let result = floats(gpu, &vec![7.5; all.len()]);

            let mut encoder = encoder(gpu);
            gpu.record_softmax(&mut encoder, &at(&input), Output::To(at(&result))).unwrap();
            gpu.queue().submit([encoder.finish()]);
            let got = values(gpu, &result);
            let expected = reference::softmax(&logits);
            assert_close("softmax", &taken(&got, rows, classes, lead, stride), &expected, far);
            let rounded: Vec<f32> = taken(&got, rows, classes, lead, stride);
            assert_eq!(got, placed(&rounded, classes, lead, stride), "what is around the result is untouched");
            assert_eq!(values(gpu, &input), all, "the input is untouched");

            // The gradient over the logits, with everything else that can be asked for.
            let target_words: Vec<u32> = targets.iter().map(|&t| t as u32).collect();
            let target_buffer = buffer(gpu, &target_words);
            let per_row = floats(gpu, &vec![0.0; 3 * rows + 1]);
            let vector = |plane: usize| Some(DeviceVector::with_offset(&per_row, (plane * rows * 4) as u64));
            let buffers = CrossEntropyBuffers {
                row_loss: vector(0),
                logsumexp: vector(1),
                argmax: vector(2),
                loss: vector(3),
                gradient: Some(Output::InPlace),
                ..CrossEntropyBuffers::new(at(&input), DeviceVector::new(&target_buffer))
            };
            let mut encoder = self::encoder(gpu);
            let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
            gpu.queue().submit([encoder.finish()]);
            let summary = pending.read(gpu).unwrap();
            let options = CrossEntropy::new().row_loss(true).logsumexp(true).argmax(true).gradient(true);
            let expected = reference::cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
            let got = values(gpu, &input);
            let gradient = taken(&got, rows, classes, lead, stride);
            assert_close("gradient in place", &gradient, &expected.gradient.unwrap(), far);
            assert_eq!(got, placed(&gradient, classes, lead, stride), "padding is untouched");
            let got = values(gpu, &per_row);
            let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
            assert_close("row loss", &got[..rows], &expected.row_loss.unwrap(), tight);
            assert_close("logsumexp", &got[rows..2 * rows], &expected.logsumexp.unwrap(), far);
            assert_eq!(bytemuck::cast_slice::<f32, u32>(&got[2 * rows..3 * rows]), expected.argmax.unwrap());
            assert_close("loss", &got[3 * rows..], &[expected.loss.unwrap()], tight);
            assert_eq!(summary.loss, Some(got[3 * rows]));
            assert_eq!((summary.valid_rows, summary.correct), (expected.valid_rows, expected.correct));
        }
    });
}

/// Forward, backward and another use of the result, in one encoder without any wait between them.
#[test]
fn a_chain_in_one_encoder() {
    with_every_strategy(|gpu| {
        let (rows, classes) = (6, 70);
        let (dense, mut targets) = make(Data::Normal, rows, classes, 12);
        targets[2] = -100;
        let factors: Vec<f32> = (0..rows).map(|r| 1.0 - r as f32).collect();
        let input = floats(gpu, &dense);
        let target_buffer = buffer(gpu, &targets.iter().map(|&t| (t as i32).cast_unsigned()).collect::<Vec<_>>());
        let upstream = floats(gpu, &factors);
        let (saved_lse, saved_loss) = (floats(gpu, &vec![0.0; rows]), floats(gpu, &vec![0.0; rows]));
        let states = buffer(gpu, &vec![0; rows * size_of::<RowState>() / 4]);
        let gradient = floats(gpu, &dense);
        let (p, y, back) = (floats(gpu, &dense), floats(gpu, &dense), floats(gpu, &dense));
        let back_log = floats(gpu, &dense);
        let lse_grad = floats(gpu, &dense);
        let (logits, at) =
            (DeviceMatrix::new::<f32>(&input, rows, classes).unwrap(), |b| DeviceMatrix::new::<f32>(b, rows, classes).unwrap());

        let options = CrossEntropy::new().reduction(Reduction::None);
        let buffers = CrossEntropyBuffers {
            upstream: Some(DeviceVector::new(&upstream)),
            row_loss: Some(DeviceVector::new(&saved_loss)),
            logsumexp: Some(DeviceVector::new(&saved_lse)),
            new_states: Some(DeviceVector::new(&states)),
            gradient: Some(Output::To(at(&gradient))),
            ..CrossEntropyBuffers::new(logits, DeviceVector::new(&target_buffer))
        };
        let mut encoder = encoder(gpu);
        gpu.record_softmax(&mut encoder, &logits, Output::To(at(&p))).unwrap();
        let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &options).unwrap();
        gpu.record_log_softmax(&mut encoder, &logits, Output::To(at(&y))).unwrap();
        gpu.record_softmax_backward(&mut encoder, &at(&p), &at(&gradient), Output::To(at(&back))).unwrap();
        gpu.record_log_softmax_backward(&mut encoder, &at(&y), &at(&gradient), Output::To(at(&back_log))).unwrap();
        let (lse, g) = (DeviceVector::new(&saved_lse), DeviceVector::new(&upstream));
        gpu.record_logsumexp_backward(&mut encoder, &logits, lse, g, Output::To(at(&lse_grad))).unwrap();
        let sum = CrossEntropy::new().reduction(Reduction::Sum).upstream(Factor::Scalar(2.0));
        let backward = |logits, upstream, gradient| CrossEntropyBuffers {
            states: Some(DeviceVector::new(&states)),
            upstream,
            gradient: Some(gradient),
            ..CrossEntropyBuffers::new(logits, DeviceVector::new(&target_buffer))
        };
        let per_row = floats(gpu, &dense);
        let buffers = backward(logits, Some(g), Output::To(at(&per_row)));
        gpu.record_cross_entropy(&mut encoder, &buffers, &options).unwrap();
        let pending_back = gpu.record_cross_entropy(&mut encoder, &backward(logits, None, Output::InPlace), &sum).unwrap();
        gpu.record_logsumexp(&mut encoder, &at(&y), DeviceVector::new(&saved_loss)).unwrap();
        gpu.queue().submit([encoder.finish()]);

        assert_eq!(pending.read(gpu).unwrap().valid_rows, rows - 1);
        assert_eq!(pending_back.read(gpu).unwrap().valid_rows, rows - 1);
        let logits = Logits::new(&dense, rows, classes).unwrap();
        let view = Targets::new(&targets);
        let wanted = options.upstream(Factor::Rows(&factors)).gradient(true);
        let expected = reference::cross_entropy(&logits, &view, &wanted).unwrap().gradient.unwrap();
        let got = values(gpu, &gradient);
        assert_close("gradient", &got, &expected, far);
        assert_close("backward with an upstream of the rows", &values(gpu, &per_row), &expected, far);
        let (p, y) = (values(gpu, &p), values(gpu, &y));
        let (p, y, u) =
            (Logits::new(&p, rows, classes).unwrap(), Logits::new(&y, rows, classes).unwrap(), Logits::new(&got, rows, classes).unwrap());
        assert_close("softmax_backward", &values(gpu, &back), &reference::softmax_backward(&p, &u).unwrap(), far);
        assert_close("log_softmax_backward", &values(gpu, &back_log), &reference::log_softmax_backward(&y, &u).unwrap(), |_| Bound {
            relative: 7e-6,
            absolute: 2e-6,
        });
        let expected = reference::logsumexp_backward(&logits, &values(gpu, &saved_lse), &factors).unwrap();
        assert_close("logsumexp_backward", &values(gpu, &lse_grad), &expected, far);
        let expected = reference::cross_entropy(&logits, &view, &sum.gradient(true)).unwrap().gradient.unwrap();
        assert_close("backward in place", &values(gpu, &input), &expected, far);
        assert_close("logsumexp of log-probabilities", &values(gpu, &saved_loss), &vec![0.0; rows], |_| Bound {
            relative: 0.0,
            absolute: 1e-6,
        });
    });
}

#[test]
fn wrong_targets_on_the_device_are_named() {
    with_every_strategy(|gpu| {
        let (rows, classes) = (3000, 6);
        let (dense, _) = make(Data::Normal, rows, classes, 13);
        let input = floats(gpu, &dense);
        let logits = DeviceMatrix::new::<f32>(&input, rows, classes).unwrap();
        for (bad, shown) in [(6_u32, 6), (u32::MAX, -1), (0x8000_0000, i64::from(i32::MIN))] {
            let mut targets = vec![1_u32; rows];
            targets[5] = (-100_i32).cast_unsigned();
            targets[2222] = 99;
            targets[1777] = bad;
            let target_buffer = buffer(gpu, &targets);
            let (losses, gradient) = (floats(gpu, &vec![0.0; rows]), floats(gpu, &dense));
            let buffers = CrossEntropyBuffers {
                row_loss: Some(DeviceVector::new(&losses)),
                gradient: Some(Output::To(DeviceMatrix::new::<f32>(&gradient, rows, classes).unwrap())),
                ..CrossEntropyBuffers::new(logits, DeviceVector::new(&target_buffer))
            };
            let mut encoder = encoder(gpu);
            let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
            gpu.queue().submit([encoder.finish()]);
            match pending.read(gpu) {
                Err(Error::Target { row: 1777, target, classes: 6, ignore_index: Some(-100) }) => assert_eq!(target, shown),
                other => panic!("{other:?}"),
            }
            let (losses, gradient) = (values(gpu, &losses), values(gpu, &gradient));
            for row in 0..rows {
                let wrong = row == 1777 || row == 2222;
                assert_eq!(losses[row].is_nan(), wrong, "row {row}");
                assert_eq!(gradient[row * classes..][..classes].iter().all(|g| g.is_nan()), wrong, "row {row}");
            }
        }
    });
}

/// A summary that nobody submitted is no result.
#[test]
fn an_unsubmitted_summary_is_told() {
    let gpu = gpu();
    let (input, targets) = (floats(gpu, &[1.0, 2.0]), buffer(gpu, &[0]));
    let buffers = CrossEntropyBuffers::new(DeviceMatrix::new::<f32>(&input, 1, 2).unwrap(), DeviceVector::new(&targets));
    let mut encoder = encoder(gpu);
    let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
    assert_eq!(pending.read(gpu).unwrap_err().to_string(), "the summary was read before the recorded commands were submitted");
    gpu.queue().submit([encoder.finish()]);
    assert!((pending.read(gpu).unwrap().loss.unwrap() - 1.313_261_7).abs() < 1e-6);
}

/// A summary may be read again, and by several at once.
#[test]
fn a_summary_is_read_as_often_as_one_likes() {
    let gpu = gpu();
    let (input, targets) = (floats(gpu, &[1.0, 2.0]), buffer(gpu, &[0]));
    let buffers = CrossEntropyBuffers::new(DeviceMatrix::new::<f32>(&input, 1, 2).unwrap(), DeviceVector::new(&targets));
    let mut encoder = encoder(gpu);
    let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
    gpu.queue().submit([encoder.finish()]);
    let read = || assert!((pending.clone().read(gpu).unwrap().loss.unwrap() - 1.313_261_7).abs() < 1e-6);
    std::thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(read)));
    read();
}

/// A matrix of several bindings in one buffer, and an empty one.
#[test]
fn windows_and_nothing() {
    on_every_adapter(|gpu| {
        let (rows, classes) = (300, 128_256);
        let mut random = Random::new(3);
        let row: Vec<f32> = (0..classes).map(|_| random.normal() as f32).collect();
        let size = (rows * classes * 4) as u64;
        let input = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage: ALL, mapped_at_creation: false });
        for r in 0..rows {
            gpu.queue().write_buffer(&input, (r * classes * 4) as u64, bytemuck::cast_slice(&row));
            if r % 50 == 49 {
                gpu.queue().submit([]);
            }
        }
        let targets: Vec<u32> = (0..rows as u32).map(|r| r * 400).collect();
        let (target_buffer, losses) = (buffer(gpu, &targets), floats(gpu, &vec![0.0; rows]));
        let logits = DeviceMatrix::new::<f32>(&input, rows, classes).unwrap();
        let buffers = CrossEntropyBuffers {
            row_loss: Some(DeviceVector::new(&losses)),
            gradient: Some(Output::InPlace),
            ..CrossEntropyBuffers::new(logits, DeviceVector::new(&target_buffer))
        };
        let mut encoder = encoder(gpu);
        let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let mean = pending.read(gpu).unwrap().loss.unwrap();
        let lse = reference::logsumexp(&Logits::new(&row, 1, classes).unwrap())[0];
        let expected: Vec<f64> = targets.iter().map(|&t| lse - f64::from(row[t as usize])).collect();
        let tight = |_: usize| Bound { relative: 1e-6, absolute: 0.0 };
        assert_close("row loss", &values(gpu, &losses), &expected, tight);
        assert_close("mean", &[mean], &[expected.iter().sum::<f64>() / rows as f64], tight);
        let gradient = values(gpu, &input);
        for r in [0, 137, 299] {
            let one = &gradient[r * classes..(r + 1) * classes];
            let sum: f64 = one.iter().map(|&g| f64::from(g)).sum();
            assert!(sum.abs() < 1e-8, "a row's gradient sums to 0, not {sum:e}");
            let at_target = f64::from(one[targets[r] as usize]) * rows as f64;
            assert!((at_target - (-expected[r]).exp_m1()).abs() < 1e-6);
        }

        let nothing = DeviceMatrix::new::<f32>(&losses, 0, 5).unwrap();
        let loss = floats(gpu, &[1.0]);
        let buffers = CrossEntropyBuffers {
            loss: Some(DeviceVector::new(&loss)),
            ..CrossEntropyBuffers::new(nothing, DeviceVector::new(&target_buffer))
        };
        let mut encoder = self::encoder(gpu);
        let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
        gpu.queue().submit([encoder.finish()]);
        assert!(pending.read(gpu).unwrap().loss.unwrap().is_nan() && values(gpu, &loss)[0].is_nan());
    });
}

/// A device of the caller with nothing but WebGPU's default limits and no features.
#[test]
fn a_callers_device_with_default_limits() {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let able: Vec<_> = adapters.iter().filter(|a| wgpu::Limits::default().check_limits(&a.limits())).collect();
    assert!(!able.is_empty(), "no adapter has WebGPU's default limits");
    for adapter in able {
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).unwrap();
        let gpu = Gpu::from_device(device, queue);
        assert_eq!(gpu.caps().subgroup, None);
        assert_eq!(gpu.info().name, adapter.get_info().name);
        let (dense, targets) = make(Data::Outliers, 20, 5000, 14);
        let logits = Logits::new(&dense, 20, 5000).unwrap();
        let options = CrossEntropy::new().gradient(true).row_loss(true).logsumexp(true).argmax(true);
        let got = gpu.cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
        let expected = reference::cross_entropy(&logits, &Targets::new(&targets), &options).unwrap();
        assert_close("gradient", &got.gradient.unwrap(), &expected.gradient.unwrap(), far);
        assert_eq!(got.argmax, expected.argmax);
    }
    assert!(gpu().caps().alignment <= 256);
}
