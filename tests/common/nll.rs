//! What a negative log-likelihood refuses.

use wgpu_xent::{ClassMask, CrossEntropy, Error, Factor, FaultPolicy, Logits, Result, Targets};

/// Calls it with everything that does not fit.
pub(crate) fn check_refusals<T: std::fmt::Debug>(nll_loss: impl Fn(&Logits<'_>, &Targets<'_>, &CrossEntropy<'_>) -> Result<T>) {
    let data = [-0.5_f32; 12];
    let x = Logits::new(&data, 3, 4).unwrap();
    let run = |options: CrossEntropy<'_>| nll_loss(&x, &Targets::new(&[0, 1, 2]), &options);
    let plain = CrossEntropy::new();
    run(plain).unwrap();
    for (options, name) in [
        (plain.label_smoothing(0.1), "label_smoothing"),
        (plain.z_loss(0.1), "z_loss"),
        (plain.scale(2.0), "transform"),
        (plain.softcap(2.0), "transform"),
        (plain.class_mask(ClassMask::shared(&[15], 4).unwrap()), "transform"),
        (plain.piece(0, 4), "piece"),
        (plain.faults(FaultPolicy::Zero), "faults"),
        (plain.top_k(1), "top_k"),
        (plain.logsumexp(true), "logsumexp"),
        (plain.log_prob(true), "log_prob"),
        (plain.argmax(true), "argmax"),
        (plain.rank(true), "rank"),
        (plain.entropy(true), "entropy"),
        (plain.z_loss_part(true), "z_loss_part"),
        (plain.states(true), "states"),
        (plain.target_gradient(true), "target_gradient"),
        (plain.upstream(Factor::Rows(&[1.0; 3])), "upstream"),
    ] {
        match run(options) {
            Err(Error::Options(text)) if text.contains(name) => {}
            other => panic!("{other:?}, expected one about {name}"),
        }
    }
    for (options, name, expected, got) in
        [(plain.class_weights(&[1.0; 3][..]), "class_weights", 4, 3), (plain.row_weights(&[1.0; 2][..]), "row_weights", 3, 2)]
    {
        match run(options) {
            Err(Error::Length { what, expected: e, got: g }) if (what, e, g) == (name, expected, got) => {}
            other => panic!("{other:?}, expected {name}: {got} for {expected}"),
        }
    }
    let short = nll_loss(&x, &Targets::new(&[0_u8, 0]), &plain);
    assert!(matches!(short, Err(Error::Length { what: "targets", expected: 3, got: 2 })), "{short:?}");
    let wrong = nll_loss(&x, &Targets::new(&[0, -100, 4]), &plain);
    assert!(matches!(wrong, Err(Error::Target { row: 2, target: 4, classes: 4, ignore_index: Some(-100) })), "{wrong:?}");
}
