//! Every mistake of a caller, and what it is told.

use crate::common::gpu;
use wgpu_xent::{CrossEntropy, DeviceMatrix, DeviceVector, Error, Factor, Gpu, Logits, Output, Reduction, RowState, Strategy, Targets};

/// The message of the error that a call must give.
#[track_caller]
fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n') && !text.ends_with('.'), "one line without a full stop: {text:?}");
    text
}

#[test]
fn views() {
    let data = [0.0_f32; 12];
    assert_eq!(message(Logits::new(&data, 5, 2)), "logits holds 12 elements, but 10 are needed");
    assert_eq!(message(Logits::new(&data, 0, 2)), "logits holds 12 elements, but 0 are needed");
    assert_eq!(message(Logits::with_stride(&data, 3, 4, 3)), "the row stride of logits is 3, less than its 4 classes");
    assert_eq!(message(Logits::with_stride(&data, 3, 4, 5)), "logits holds 12 elements, but 14 are needed");
    assert_eq!(message(Logits::new(&[] as &[f32], 3, 0)), "3 rows of 0 classes: at least one class is needed");
    assert_eq!(message(Logits::new(&data, usize::MAX, 2)), format!("logits holds 12 elements, but {} are needed", usize::MAX));
    // One row has no next one, however far away it would be.
    let one = Logits::with_stride(&data, 1, 3, usize::MAX).unwrap();
    assert_eq!(gpu().softmax(&one).unwrap().len(), 3);
    let text = message(Logits::with_stride(&data, usize::MAX, 2, usize::MAX));
    assert!(text.starts_with("logits needs"), "{text}");
}

#[test]
fn targets() {
    let data = [0.0_f32; 6];
    let logits = Logits::new(&data, 2, 3).unwrap();
    let loss = |targets: &[i64], options: &CrossEntropy<'_>| message(gpu().cross_entropy(&logits, &Targets::new(targets), options));
    let plain = CrossEntropy::new();
    assert_eq!(loss(&[0, 3], &plain), "target 3 of row 1 is not in 0..3 and is not ignore_index -100");
    assert_eq!(loss(&[-1, 5], &plain), "target -1 of row 0 is not in 0..3 and is not ignore_index -100");
    assert_eq!(loss(&[0, -100], &plain.ignore_index(None)), "target -100 of row 1 is not in 0..3");
    assert_eq!(loss(&[0], &plain), "targets holds 1 elements, but 2 are needed");
    assert_eq!(loss(&[0, i64::MAX], &plain), format!("target {} of row 1 is not in 0..3 and is not ignore_index -100", i64::MAX));
    // 2^32 must not wrap to class 0.
    assert_eq!(loss(&[0, 1 << 32], &plain), "target 4294967296 of row 1 is not in 0..3 and is not ignore_index -100");
    let text = message(gpu().cross_entropy(&logits, &Targets::new(&[7_u8, 0]), &plain));
    assert_eq!(text, "target 7 of row 0 is not in 0..3 and is not ignore_index -100");
}

#[test]
fn upstream_and_saved() {
    let data = [0.0_f32; 6];
    let logits = Logits::new(&data, 2, 3).unwrap();
    let targets = Targets::new(&[0_i64, 1]);
    let rows = CrossEntropy::new().upstream(Factor::Rows(&[1.0, 2.0]));
    assert_eq!(message(gpu().cross_entropy(&logits, &targets, &rows)), "an upstream gradient for each row needs reduction none, not Mean");
    let short = CrossEntropy::new().reduction(Reduction::None).upstream(Factor::Rows(&[1.0]));
    assert_eq!(message(gpu().cross_entropy(&logits, &targets, &short)), "upstream holds 1 elements, but 2 are needed");
    let text = message(gpu().cross_entropy_backward(&logits, &targets, &[RowState::EMPTY], &CrossEntropy::new()));
    assert_eq!(text, "states holds 1 elements, but 2 are needed");
    let other = Logits::new(&data, 3, 2).unwrap();
    assert_eq!(message(gpu().softmax_backward(&logits, &other)), "upstream holds 3 elements, but 2 are needed");
    let other = Logits::new(&data[..3], 1, 3).unwrap();
    assert_eq!(message(gpu().log_softmax_backward(&logits, &other)), "upstream holds 1 elements, but 2 are needed");
    assert_eq!(message(gpu().logsumexp_backward(&logits, &[0.0; 2], &[0.0])), "upstream holds 1 elements, but 2 are needed");
}

#[test]
fn limits_and_strategies() {
    // One row of 160 MB, more than lavapipe and GL bind; the memory is never touched.
    let limit = gpu().caps().max_binding;
    let classes = (limit / 4 + 1) as usize;
    let data = vec![0.0_f32; classes];
    let text = message(gpu().softmax(&Logits::new(&data, 1, classes).unwrap()));
    assert!(text.starts_with(&format!("one row needs {} bytes, more than the limit of", classes * 4)), "{text}");
    let data = vec![0.0_f32; 2_000_000];
    let text = message(gpu().with_strategy(Strategy::Thread).softmax(&Logits::new(&data, 1, 2_000_000).unwrap()));
    assert!(text.starts_with("strategy thread cannot run 1 x 2000000 here: a thread would need"), "{text}");
}

#[test]
fn adapters() {
    let count = Gpu::adapters().len();
    let text = message(Gpu::open(&wgpu_xent::AdapterChoice::Index(count)));
    assert!(text.starts_with(&format!("no GPU adapter with index {count} among {count} found: ")), "{text}");
    let text = message(Gpu::open(&wgpu_xent::AdapterChoice::Name("Voodoo 3".into())));
    assert!(text.starts_with(&format!("no GPU adapter whose name contains \"Voodoo 3\" among {count} found: ")), "{text}");
}

#[test]
fn device_buffers() {
    let device = gpu().device();
    let buffer = |size, usage| device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
    let storage = buffer(96, wgpu::BufferUsages::STORAGE);
    let other = buffer(96, wgpu::BufferUsages::STORAGE);
    let plain = buffer(96, wgpu::BufferUsages::COPY_SRC);
    assert_eq!(message(DeviceMatrix::new::<f32>(&storage, 5, 5)), "buffer for a matrix: 100 bytes from offset 0 on, but it has 96");
    assert_eq!(message(DeviceMatrix::with_layout::<f32>(&storage, 2, 2, 2, 2)), "buffer for a matrix: offset 2 is not a multiple of 4");
    assert_eq!(
        message(DeviceMatrix::with_layout::<f32>(&storage, 0, 2, 2, 1)),
        "the row stride of a device matrix is 1, less than its 2 classes"
    );
    assert!(message(DeviceMatrix::new::<f32>(&plain, 2, 2)).ends_with("lacks STORAGE"));

    let matrix = DeviceMatrix::new::<f32>(&storage, 4, 3).unwrap();
    let small = DeviceMatrix::new::<f32>(&other, 3, 3).unwrap();
    let again = DeviceMatrix::with_layout::<f32>(&storage, 48, 4, 3, 3).unwrap();
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    assert_eq!(message(gpu().record_softmax(&mut encoder, &matrix, Output::To(small))), "the result holds 3 elements, but 4 are needed");
    assert!(message(gpu().record_softmax(&mut encoder, &matrix, Output::To(again))).contains("use Output::InPlace or another buffer"));
    let vector = DeviceVector::new(&other);
    assert!(message(gpu().record_logsumexp(&mut encoder, &matrix, vector)).ends_with("lacks COPY_DST"));
    let other = buffer(96, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    let vector = DeviceVector::new(&other);
    let buffers = wgpu_xent::CrossEntropyBuffers::new(matrix, DeviceVector::with_offset(&other, 84));
    let text = message(gpu().record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()));
    assert_eq!(text, "buffer for targets: 16 bytes from offset 84 on, but it has 96");
    let buffers = wgpu_xent::CrossEntropyBuffers::new(matrix, vector);
    let text = message(gpu().record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new().ignore_index(1 << 40)));
    assert_eq!(text, "ignore_index 1099511627776 does not fit the 32-bit targets on the device");
}

/// Every call on a lost device says so, whether its pipelines are there already or not, and other devices go on.
#[test]
fn a_lost_device_is_told() {
    let logits = Logits::new(&[0.0_f32, 1.0], 1, 2).unwrap();
    let targets = Targets::new(&[1]);
    for warm in [false, true] {
        let own = Gpu::new().unwrap();
        if warm {
            own.softmax(&logits).unwrap();
            own.cross_entropy(&logits, &targets, &CrossEntropy::new()).unwrap();
        }
        own.device().destroy();
        let errors = [
            own.softmax(&logits).unwrap_err(),
            pollster::block_on(own.softmax_async(&logits)).unwrap_err(),
            own.cross_entropy(&logits, &targets, &CrossEntropy::new()).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
        }
    }
    assert!(gpu().softmax(&logits).is_ok(), "another device is not touched");
}
