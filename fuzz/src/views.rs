//! Views of host slices and options on them, of any geometry and values. What is accepted holds the elements that its shape says,
//! and the reference computes with it; what is refused is refused for a reason.

use half::{bf16, f16};
use wgpu_xent::reference;
use wgpu_xent::{
    ClassMask, CrossEntropy, CrossEntropyResult, Denominator, Element, EmptyMean, Error, Factor, FaultPolicy, LogitTransform, Logits,
    Reduction, Sampling, Targets,
};

use super::draw::{Draw, check_message};

pub(crate) fn run(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let len = usize::from(draw.byte());
    let values = draw.floats(len);
    match draw.below(4) {
        0 => each(&mut draw, &values, |&value| value.into()),
        1 => each(&mut draw, &values.iter().map(|&v| f16::from_f32(v)).collect::<Vec<_>>(), |&value| value.into()),
        2 => each(&mut draw, &values.iter().map(|&v| bf16::from_f32(v)).collect::<Vec<_>>(), |&value| value.into()),
        _ => over_dimensions(&mut draw, &values),
    }
}

/// A view through one of the constructors, compared with what its shape says of the slice.
fn each<T: Element>(draw: &mut Draw<'_>, data: &[T], widen: impl Fn(&T) -> f64) {
    let (result, [blocks, classes, inner, stride], exact) = match draw.below(4) {
        0 => {
            let [rows, classes] = [draw.size(), draw.size()];
            (Logits::new(data, rows, classes), [rows, classes, 1, classes], true)
        }
        1 => {
            let [rows, classes, stride] = [draw.size(), draw.size(), draw.size()];
            (Logits::with_stride(data, rows, classes, stride), [rows, classes, 1, stride], false)
        }
        2 => {
            let [blocks, classes, inner, stride] = [draw.size(), draw.size(), draw.size(), draw.size()];
            (Logits::with_blocks(data, blocks, classes, inner, stride), [blocks, classes, inner, stride], false)
        }
        _ => {
            let shape: Vec<usize> = (0..draw.below(6)).map(|_| draw.size()).collect();
            let dim = draw.integer() as isize;
            let result = Logits::with_shape(data, &shape, dim);
            let at = if dim < 0 { dim.checked_add_unsigned(shape.len()) } else { Some(dim) };
            let Some(at) = at.and_then(|at| usize::try_from(at).ok()).filter(|&at| at < shape.len()) else {
                assert!(matches!(result, Err(Error::Dimension { dims, .. }) if dims == shape.len()), "{result:?}");
                return;
            };
            let product = |dims: &[usize]| dims.iter().fold(1_usize, |product, &dim| product.saturating_mul(dim));
            let (classes, inner) = (shape[at], product(&shape[at + 1..]));
            (result, [product(&shape[..at]), classes, inner, classes.saturating_mul(inner)], true)
        }
    };
    let wide = |n: usize| n as u128;
    let (rows, block) = (wide(blocks).saturating_mul(wide(inner)), wide(classes).saturating_mul(wide(inner)));
    let needed = if rows == 0 { 0 } else { (wide(blocks) - 1).saturating_mul(wide(stride)).saturating_add(block) };
    // A block beyond all addresses is refused even if there is none; a matrix of no rows has no block.
    let countable = inner <= 1 || block <= wide(usize::MAX);
    let shape = countable && (rows == 0 || classes > 0 && wide(stride) >= block);
    let fits = if exact { wide(data.len()) == needed } else { wide(data.len()) >= needed };
    assert_eq!(result.is_ok(), shape && fits, "{result:?} of {blocks} x {classes} x {inner}, stride {stride}, {} elements", data.len());
    let logits = match result {
        Ok(logits) => logits,
        Err(error) => {
            assert!(matches!(error, Error::Length { .. } | Error::NoClasses { .. } | Error::Stride { .. } | Error::TooLarge { .. }));
            return check_message(&error);
        }
    };
    assert_eq!((wide(logits.rows()), logits.classes()), (rows, classes));
    for row in 0..logits.rows() {
        let first = row / inner * stride + row % inner;
        for (class, value) in logits.row(row).enumerate() {
            assert_eq!(value.to_bits(), widen(&data[first + class * inner]).to_bits());
        }
    }
    compute(draw, &logits);
}

/// The results that the reference has, or why not.
fn compute(draw: &mut Draw<'_>, logits: &Logits<'_>) {
    let (rows, classes) = (logits.rows(), logits.classes());
    let near = |draw: &mut Draw<'_>, len: usize| if draw.byte() < 224 { len.min(1 << 12) } else { usize::from(draw.byte()) };
    let [scales, class_weights, row_weights] = [rows, classes, rows].map(|len| {
        let len = near(draw, len);
        draw.floats(len)
    });
    let words: Vec<u32> = (0..draw.byte()).map(|_| draw.word()).collect();
    let of_row = words.len() / rows.max(1) * 32;
    let mask = if draw.flag() { ClassMask::shared(&words, draw.size()) } else { ClassMask::per_row(&words, rows, of_row.min(classes)) };
    let mut transform = LogitTransform::new();
    match draw.below(6) {
        0 => transform = transform.scale(draw.float()),
        1 => transform = transform.temperature(draw.float()),
        2 => transform = transform.scale(&scales),
        3 => transform = transform.temperature(&scales),
        _ => {}
    }
    if draw.flag() {
        transform = transform.softcap(draw.float());
    }
    transform = transform.mask(mask.ok().filter(|_| draw.flag()));

    let size = rows * classes;
    let told = |result: Result<usize, Error>, expected: usize| match result {
        Ok(len) => assert_eq!(len, expected),
        Err(error) => check_message(&error),
    };
    told(reference::softmax_with(logits, &transform).map(|p| p.len()), size);
    told(reference::logsumexp_with(logits, &transform).map(|lse| lse.len()), rows);
    let k = draw.word();
    told(reference::top_k_log_probs(logits, k, &transform).map(|top| top.classes.len()), rows.saturating_mul(k as usize));
    let sampling = Sampling::new(draw.number()).transform(transform).draw(draw.word()).first_row(draw.size());
    let (top_k, top_p) = (draw.flag().then(|| draw.word()), draw.flag().then(|| draw.float()));
    told(reference::sample(logits, &sampling.top_k(top_k).top_p(top_p)).map(|classes| classes.len()), rows);

    let mut options = CrossEntropy::new()
        .reduction([Reduction::Mean, Reduction::Sum, Reduction::None][draw.below(3)])
        .empty_mean([EmptyMean::Nan, EmptyMean::Zero][draw.below(2)])
        .faults([FaultPolicy::Propagate, FaultPolicy::Zero, FaultPolicy::Fail][draw.below(3)])
        .transform(transform);
    let value = draw.float();
    let denominators =
        [Denominator::TargetWeights, Denominator::Rows, Denominator::ValidRows, Denominator::AllWeights, Denominator::Value(value)];
    options = options.denominator(denominators[draw.below(5)]).ignore_index(draw.flag().then(|| draw.integer()));
    let bits = draw.byte();
    if bits & 1 != 0 {
        options = options.label_smoothing(draw.float());
    }
    if bits & 2 != 0 {
        options = options.z_loss(draw.float());
    }
    if bits & 4 != 0 {
        options = options.class_weights(&class_weights[..]);
    }
    if bits & 8 != 0 {
        options = options.row_weights(&row_weights[..]);
    }
    if bits & 16 != 0 {
        options = options.upstream(Factor::Rows(&row_weights));
    }
    if bits & 32 != 0 {
        options = options.piece(draw.size(), draw.size());
    }
    if bits & 64 != 0 {
        options = options.top_k(draw.word()).rank(true).log_prob(true);
    }
    options = options.argmax(draw.flag()).entropy(draw.flag()).gradient(true).target_gradient(draw.flag());
    let wanted = near(draw, rows);
    let targets: Vec<i64> =
        (0..wanted).map(|_| if draw.byte() < 224 { (draw.size() % classes.max(1)) as i64 } else { draw.integer() }).collect();
    let gradient = |result: Result<CrossEntropyResult<f64>, Error>| result.map(|result| result.gradient.unwrap().len());
    told(gradient(reference::cross_entropy(logits, &Targets::new(&targets), &options)), size);
    told(gradient(reference::soft_cross_entropy(logits, logits, &options)), size);
    let plain = CrossEntropy::new().gradient(true);
    told(gradient(reference::nll_loss(logits, &Targets::new(&targets), &plain)), size);
}

/// Log-sum-exp over any dimensions of any shape.
fn over_dimensions(draw: &mut Draw<'_>, data: &[f32]) {
    let shape: Vec<usize> = (0..draw.below(6)).map(|_| draw.size()).collect();
    let dims: Vec<isize> = (0..draw.below(6)).map(|_| draw.integer() as isize).collect();
    match reference::logsumexp_over(data, &shape, &dims) {
        Ok(sums) => assert!(sums.len() <= data.len()),
        Err(error) => check_message(&error),
    }
}
