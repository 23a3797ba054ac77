//! What the reference refuses.

use crate::common::{NAN, X, dense};
use crate::shared::nll::check_refusals;
use wgpu_xent::reference::{
    binary_cross_entropy_with_logits, cross_entropy, distribution_cross_entropy, entropy, kl_div, log_softmax_backward,
    log_softmax_backward_with, log_softmax_with, logsumexp_backward, logsumexp_backward_with, logsumexp_over, logsumexp_with, nll_loss,
    sigmoid_backward, signed_logsumexp, signed_logsumexp_backward, soft_cross_entropy, softmax_backward, softmax_backward_with,
    softmax_with, top_k_log_probs,
};
use wgpu_xent::{
    BinaryCrossEntropy, ClassMask, CrossEntropy, Denominator, ElementLoss, Error, Factor, LogitTransform, Logits, Reduction, Result,
    Targets, Weights,
};

#[track_caller]
fn length<T: std::fmt::Debug>(result: Result<T>, what: &str, expected: usize, got: usize) {
    match result {
        Err(Error::Length { what: w, expected: e, got: g }) if (w, e, g) == (what, expected, got) => {}
        other => panic!("{other:?}, expected {what}: {got} for {expected}"),
    }
}

#[track_caller]
fn value<T: std::fmt::Debug>(result: Result<T>, what: &str, index: Option<usize>) {
    match result {
        Err(Error::Value { what: w, index: i, .. }) if (w, i) == (what, index) => {}
        other => panic!("{other:?}, expected {what}"),
    }
}

/// The message names the option.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, names: &str) {
    match result {
        Err(Error::Options(text)) if text.contains(names) => {}
        other => panic!("{other:?}, expected one about {names}"),
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let (a, fewer, other) = (dense(&X, 4), dense(&X[..8], 4), dense(&X, 3));
    let blocks = Logits::with_shape(&X, &[4, 3], 0).unwrap();
    let none = LogitTransform::new();
    let loss = ElementLoss::new();
    for (wrong, expected, got) in [(fewer, 3, 2), (other, 3, 4), (blocks, 1, 3)] {
        length(softmax_backward(&a, &wrong), "upstream", expected, got);
        length(log_softmax_backward(&a, &wrong), "upstream", expected, got);
        length(sigmoid_backward(&a, &wrong), "upstream", expected, got);
        length(signed_logsumexp(&a, &wrong, &none), "b", expected, got);
        length(signed_logsumexp_backward(&a, &wrong, &[0.0; 3], &[1.0; 3], &[1.0; 3], &none), "b", expected, got);
        length(soft_cross_entropy(&a, &wrong, &CrossEntropy::new()), "probabilities", expected, got);
        length(binary_cross_entropy_with_logits(&a, &wrong, &BinaryCrossEntropy::new()), "targets", expected, got);
        let weighted = BinaryCrossEntropy::new().weight(Weights::Elements(wrong));
        length(binary_cross_entropy_with_logits(&a, &a, &weighted), "weight", expected, got);
        length(kl_div(&a, &wrong, false, &loss), "targets", expected, got);
        length(distribution_cross_entropy(&a, &wrong, &loss), "targets", expected, got);
    }
    length(softmax_backward(&a, &Logits::new(&X[..9], 3, 3).unwrap()), "upstream", 4, 3);
    length(logsumexp_backward(&a, &[0.0; 2], &[0.0; 3]), "logsumexp", 3, 2);
    length(logsumexp_backward(&a, &[0.0; 3], &[0.0; 4]), "upstream", 3, 4);
    length(signed_logsumexp_backward(&a, &a, &[0.0; 2], &[1.0; 3], &[1.0; 3], &none), "logsumexp", 3, 2);
    length(signed_logsumexp_backward(&a, &a, &[0.0; 3], &[1.0; 2], &[1.0; 3], &none), "sign", 3, 2);
    length(signed_logsumexp_backward(&a, &a, &[0.0; 3], &[1.0; 3], &[1.0; 2], &none), "upstream", 3, 2);
}

#[test]
fn transforms_that_do_not_fit() {
    let a = dense(&X, 4);
    let each = |transform: LogitTransform<'_>, check: &dyn Fn(Result<()>)| {
        check(softmax_with(&a, &transform).map(drop));
        check(log_softmax_with(&a, &transform).map(drop));
        check(logsumexp_with(&a, &transform).map(drop));
        check(softmax_backward_with(&a, &a, &transform).map(drop));
        check(log_softmax_backward_with(&a, &a, &transform).map(drop));
        check(logsumexp_backward_with(&a, &[0.0; 3], &[0.0; 3], &transform).map(drop));
        check(signed_logsumexp(&a, &a, &transform).map(drop));
        check(signed_logsumexp_backward(&a, &a, &[0.0; 3], &[0.0; 3], &[0.0; 3], &transform).map(drop));
        check(top_k_log_probs(&a, 1, &transform).map(drop));
        check(cross_entropy(&a, &Targets::new(&[0, 1, 2]), &CrossEntropy::new().transform(transform)).map(drop));
        check(soft_cross_entropy(&a, &a, &CrossEntropy::new().transform(transform)).map(drop));
    };
    let plain = LogitTransform::new();
    each(plain.scale(&[1.0; 2][..]), &|result| length(result, "scale", 3, 2));
    each(plain.scale(&[1.0, NAN, 1.0][..]), &|result| value(result, "scale", Some(1)));
    each(plain.temperature(0.0), &|result| value(result, "temperature", None));
    each(plain.softcap(-1.0), &|result| value(result, "softcap", None));
    let mask = ClassMask::shared(&[7], 3).unwrap();
    each(plain.mask(mask), &|result| length(result, "a row of class_mask", 4, 3));
    let mask = ClassMask::per_row(&[7; 2], 2, 4).unwrap();
    each(plain.mask(mask), &|result| length(result, "class_mask's rows", 3, 2));
    refused(softmax_backward_with(&a, &a, &plain.softcap(1.0)), "softcap");
    refused(log_softmax_backward_with(&a, &a, &plain.softcap(1.0)), "softcap");
}

#[test]
fn dimensions_that_do_not_fit() {
    length(logsumexp_over(&X, &[3, 3], &[0]), "data", 9, 12);
    for dim in [2, -3, 7] {
        let error = logsumexp_over(&X, &[3, 4], &[0, dim]).unwrap_err();
        assert!(matches!(error, Error::Dimension { dim: d, dims: 2 } if d == dim), "{error:?}");
    }
    refused(logsumexp_over(&X, &[3, 4], &[0, 0]), "dimension 0");
    refused(logsumexp_over(&X, &[3, 4], &[1, -1]), "dimension -1");
    refused(logsumexp_over(&X, &[3, 4], &[]), "no dimension");
    refused(logsumexp_over(&[3.0], &[], &[]), "no dimension");
    assert!(matches!(logsumexp_over(&[], &[3, 0], &[1]), Err(Error::NoClasses { rows: 3 })));
    assert!(matches!(logsumexp_over(&[], &[3, 0], &[0, 1]), Err(Error::NoClasses { rows: 1 })));
}

#[test]
fn targets_that_do_not_fit() {
    let x = dense(&X, 4);
    length(cross_entropy(&x, &Targets::new(&[0_u8, 1]), &CrossEntropy::new()), "targets", 3, 2);
    for (targets, ignore_index, row, target) in [([0, -100, 4], -100, 2, 4), ([0, -1, 4], 4, 1, -1)] {
        let error = cross_entropy(&x, &Targets::new(&targets), &CrossEntropy::new().ignore_index(ignore_index)).unwrap_err();
        let Error::Target { row: r, target: t, classes: 4, ignore_index: Some(i) } = error else { panic!("{error:?}") };
        assert_eq!((r, t, i), (row, target, ignore_index));
    }
}

#[test]
fn options_that_do_not_fit() {
    let x = dense(&X, 4);
    let each = |options: CrossEntropy<'_>, check: &dyn Fn(Result<()>)| {
        check(cross_entropy(&x, &Targets::new(&[0, 1, 2]), &options).map(drop));
        check(soft_cross_entropy(&x, &x, &options).map(drop));
    };
    let plain = CrossEntropy::new();
    each(plain.upstream(Factor::Rows(&[1.0; 3])), &|result| refused(result, "upstream"));
    each(plain.reduction(Reduction::None).upstream(Factor::Rows(&[1.0; 2])), &|result| length(result, "upstream", 3, 2));
    each(plain.class_weights(&[1.0; 3][..]), &|result| length(result, "class_weights", 4, 3));
    each(plain.class_weights(&[1.0, 1.0, NAN, 1.0][..]), &|result| value(result, "class_weights", Some(2)));
    each(plain.row_weights(&[1.0; 4][..]), &|result| length(result, "row_weights", 3, 4));
    each(plain.row_weights(&[f32::INFINITY, 1.0, 1.0][..]), &|result| value(result, "row_weights", Some(0)));
    for smoothing in [-0.1, 1.1, NAN] {
        each(plain.label_smoothing(smoothing), &|result| value(result, "label_smoothing", None));
    }
    each(plain.piece(0, 8), &|result| refused(result, "piece"));
    each(plain.z_loss(NAN), &|result| value(result, "z_loss", None));
    each(plain.denominator(Denominator::Value(NAN)), &|result| value(result, "denominator", None));
    refused(cross_entropy(&x, &Targets::new(&[0, 1, 2]), &plain.target_gradient(true)), "target_gradient");
    refused(soft_cross_entropy(&x, &x, &plain.ignore_index(0)), "ignore_index 0");
    assert!(soft_cross_entropy(&x, &x, &plain.ignore_index(-1)).is_ok());
    value(cross_entropy(&x, &Targets::new(&[0, 1, 2]), &plain.top_k(0)), "top_k", None);
    for options in [plain.log_prob(true), plain.rank(true), plain.top_k(1)] {
        refused(soft_cross_entropy(&x, &x, &options), "class indices");
    }
}

#[test]
fn what_nll_loss_does_not_have() {
    check_refusals(nll_loss);
}

#[test]
fn options_of_elements_that_do_not_fit() {
    let x = dense(&X, 4);
    let run = |options: BinaryCrossEntropy<'_>| binary_cross_entropy_with_logits(&x, &x, &options);
    let plain = BinaryCrossEntropy::new();
    length(run(plain.weight(Weights::Classes(&[1.0; 3]))), "weight", 4, 3);
    value(run(plain.weight(Weights::Classes(&[1.0, NAN, 1.0, 1.0]))), "weight", Some(1));
    length(run(plain.pos_weight(&[1.0; 5][..])), "pos_weight", 4, 5);
    value(run(plain.pos_weight(&[1.0, 1.0, 1.0, f32::INFINITY][..])), "pos_weight", Some(3));
    refused(run(plain.loss(ElementLoss::new().target_gradient(true))), "targets");
    refused(entropy(&x, &ElementLoss::new().target_gradient(true)), "targets");
    let of_none = ElementLoss::new().batch(0);
    value(run(plain.loss(of_none)), "batch", None);
    value(kl_div(&x, &x, false, &of_none), "batch", None);
    value(entropy(&x, &of_none), "batch", None);
}
