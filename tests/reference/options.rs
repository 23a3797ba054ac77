//! The options of cross-entropy: closed forms, outputs and layout.

use crate::common::{NAN, X, all, assert_close, dense, hard, one_mask, soft, soft_all};
use wgpu_xent::reference::{cross_entropy, soft_cross_entropy};
use wgpu_xent::{ClassMask, CrossEntropy, Factor, LogitTransform, Logits, NO_CLASS, Reduction, Targets};

const LN_2: f64 = std::f64::consts::LN_2;

#[test]
fn two_classes_with_everything() {
    // p = (1/3, 2/3) after the scale; w, ε, λ, a by hand.
    let x = [0.0, 0.5 * std::f32::consts::LN_2];
    let scale = 2.0;
    let z = f64::from(scale) * f64::from(x[1]);
    let lse = z.exp().ln_1p();
    let (p0, p1) = (1.0 / (1.0 + z.exp()), z.exp() / (1.0 + z.exp()));
    let options = all().scale(scale).class_weights(&[3.0, 0.5][..]).label_smoothing(0.25).z_loss(0.5).row_weights(&[-2.0][..]);
    let out = hard(&x, 2, &[0], options.upstream(4.0));
    // Coefficients: 3 (3/4 + 1/8), 1/2 1/8.
    let (k0, k1) = (2.625, 0.0625);
    let z_loss = -2.0 * 0.5 * lse * lse;
    assert_close(&out.row_loss.unwrap(), &[-2.0 * (k0 * lse + k1 * (lse - z)) + z_loss], 1e-15);
    assert_close(&out.row_z_loss.unwrap(), &[z_loss], 1e-15);
    let of_z = [(k0 + k1) * p0 - k0 + lse * p0, (k0 + k1) * p1 - k1 + lse * p1];
    assert_close(&out.gradient.unwrap(), &of_z.map(|g| 4.0 * -2.0 * 2.0 * g), 1e-14);
    assert_close(&out.log_prob.unwrap(), &[-lse], 1e-15);
    assert_close(&out.entropy.unwrap(), &[p0 * lse + p1 * (lse - z)], 1e-15);
    assert_eq!((out.rank.unwrap(), out.correct, out.correct_top_k), (vec![1], Some(0), Some(1)));
    assert_eq!(out.denominator, 3.0);
}

#[test]
fn soft_targets_by_hand() {
    let x = [0.0, 0.0, 0.0, 0.0];
    let q = [0.5, 0.25, 0.0, -1.0];
    let out = soft(&x, 4, &q, soft_all().class_weights(&[1.0, 2.0, 3.0, 0.5][..]).label_smoothing(0.5).upstream(2.0));
    // Half of q and 1/8, times the weight.
    let k = [0.375, 0.5, 0.375, -0.1875];
    let total = 1.0625;
    assert_close(&out.row_loss.unwrap(), &[total * 2.0 * LN_2], 1e-15);
    assert_close(&out.gradient.unwrap(), &k.map(|k| 2.0 * (total * 0.25 - k)), 1e-15);
    assert_close(&out.target_gradient.unwrap(), &[1.0, 2.0, 3.0, 0.5].map(|w| 2.0 * 0.5 * w * 2.0 * LN_2), 1e-15);
    assert_eq!((out.correct, out.rank, out.log_prob, out.states), (None, None, None, None));
}

#[test]
fn one_hot_probabilities_are_class_indices() {
    let one_hot = |t: usize| (0..4).map(|c| if c == t { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
    let targets = [2, 0, 3];
    let q: Vec<f32> = targets.iter().flat_map(|&t| one_hot(t as usize)).collect();
    for ahead in [0.0, 12.0, 20.0, 60.0, 300.0] {
        let mut x = X;
        for (r, &t) in targets.iter().enumerate() {
            x[r * 4 + t as usize] += ahead;
        }
        for options in [soft_all(), soft_all().z_loss(0.5).softcap(40.0), soft_all().class_weights(&[1.0, 2.0, 0.5, 3.0][..])] {
            let (a, b) = (hard(&x, 4, &targets, options), soft(&x, 4, &q, options));
            assert_close(&b.row_loss.unwrap(), &a.row_loss.unwrap(), 1e-15);
            assert_close(&b.gradient.unwrap(), &a.gradient.unwrap(), 1e-14);
            assert_eq!((b.entropy, b.logsumexp, b.argmax), (a.entropy, a.logsumexp, a.argmax));
        }
    }
}

#[test]
fn confident_rows_keep_their_accuracy_with_options() {
    let mask = one_mask(&[true, true, false]);
    let transform = LogitTransform::new().temperature(0.5).mask(ClassMask::shared(&mask, 3).unwrap());
    for ahead in [12.0_f32, 20.0, 60.0] {
        let small = (-2.0 * f64::from(ahead)).exp();
        let options = all().transform(transform).class_weights(&[3.0, 1.0, 1.0][..]).row_weights(&[0.5][..]);
        let out = hard(&[1e3 + ahead, 1e3, NAN], 3, &[0], options);
        assert_close(&out.row_loss.unwrap(), &[1.5 * small.ln_1p()], 1e-15);
        let p1 = small / (1.0 + small);
        assert_close(&out.gradient.unwrap(), &[-3.0 * p1, 3.0 * p1, 0.0], 1e-14);
        assert_close(&out.log_prob.unwrap(), &[-small.ln_1p()], 1e-15);
        let entropy = small.ln_1p() / (1.0 + small) + p1 * (2.0 * f64::from(ahead) + small.ln_1p());
        assert_close(&out.entropy.unwrap(), &[entropy], 1e-14);
    }
}

#[test]
fn smoothing_spreads_over_the_classes_that_take_part() {
    let mask = one_mask(&[true, false, true, true]);
    let options = all().label_smoothing(0.75).class_mask(ClassMask::shared(&mask, 4).unwrap());
    let x = [0.0, NAN, LN_2 as f32, LN_2 as f32];
    let z = f64::from(x[2]);
    let lse = (2.0 * z.exp()).ln_1p();
    let out = hard(&x, 4, &[2], options);
    assert_close(&out.row_loss.unwrap(), &[0.25 * lse + 0.5 * (lse - z) + 0.25 * (lse - z)], 1e-15);
    let p = 1.0 / (1.0 + 2.0 * z.exp());
    let (p0, p2) = (p, p * z.exp());
    assert_close(&out.gradient.unwrap(), &[p0 - 0.25, 0.0, p2 - 0.5, p2 - 0.25], 1e-14);
    assert_eq!((out.argmax.unwrap(), out.rank.unwrap()), (vec![2], vec![0]));
}

#[test]
fn softcap_follows_the_hyperbolic_tangent() {
    let out = hard(&[2.0, -1.0, 1e30], 3, &[1], all().softcap(3.0).scale(1.5));
    let z = [3.0 * 1_f64.tanh(), 3.0 * (-0.5_f64).tanh(), 3.0];
    let lse = z.iter().map(|z| z.exp()).sum::<f64>().ln();
    assert_close(&out.row_loss.unwrap(), &[lse - z[1]], 1e-15);
    let slope = |u: f64| 1.5 / (u.cosh() * u.cosh());
    let gradient = [(z[0] - lse).exp() * slope(1.0), ((z[1] - lse).exp() - 1.0) * slope(-0.5), 0.0];
    assert_close(&out.gradient.unwrap(), &gradient, 1e-14);
    // Far out the slope is tiny, and still accurate: 4 exp(-2u).
    let out = hard(&[90.0, 0.0], 2, &[1], all().softcap(3.0));
    assert_close(&out.gradient.unwrap()[..1], &[4.0 * (-60_f64).exp() / (1.0 + (-3_f64).exp())], 1e-14);
}

#[test]
fn scales_and_temperatures() {
    let scaled = hard(&X, 4, &[0, 1, 2], all().scale(&[0.5, 2.0, -4.0][..]));
    let x: Vec<f32> = X.iter().enumerate().map(|(i, x)| x * [0.5, 2.0, -4.0][i / 4]).collect();
    let plain = hard(&x, 4, &[0, 1, 2], all());
    assert_eq!((&scaled.row_loss, &scaled.rank, &scaled.entropy), (&plain.row_loss, &plain.rank, &plain.entropy));
    let expected: Vec<f64> = plain.gradient.unwrap().iter().enumerate().map(|(i, g)| g * [0.5, 2.0, -4.0][i / 4]).collect();
    assert_close(&scaled.gradient.unwrap(), &expected, 1e-15);
    // A temperature is the factor 1/T, rounded as the kernels get it.
    let (a, b) = (hard(&X, 4, &[0, 1, 2], all().temperature(0.3)), hard(&X, 4, &[0, 1, 2], all().scale(1.0_f32 / 0.3)));
    assert_eq!(a, b);
}

#[test]
fn all_classes_alike() {
    let out = hard(&[7.0; 8], 8, &[3], all().z_loss(2.0).label_smoothing(0.5));
    let ln_8 = 3.0 * LN_2;
    assert_close(&out.entropy.unwrap(), &[ln_8], 1e-15);
    assert_close(&out.row_z_loss.unwrap(), &[2.0 * (7.0 + ln_8) * (7.0 + ln_8)], 1e-15);
    assert_close(&out.log_prob.unwrap(), &[-ln_8], 1e-15);
    assert_eq!((out.rank.unwrap(), out.argmax.unwrap()), (vec![3], vec![0]));
    // One class: certainty, and 0 rather than -0.
    let out = hard(&[7.0], 1, &[0], all());
    assert!(out.log_prob.unwrap()[0].is_sign_positive());
    assert_eq!(out.entropy.unwrap(), [0.0]);
}

#[test]
fn ranks_and_counts() {
    let x = [1.0, 5.0, 5.0, 2.0, /**/ 1.0, 5.0, 5.0, 2.0, /**/ 1.0, 5.0, 5.0, 2.0, /**/ 1.0, 5.0, 5.0, 2.0];
    let run = |targets: &[i32], k| hard(&x, 4, targets, all().top_k(k));
    let out = run(&[1, 2, 3, 0], 2);
    assert_eq!(out.rank.unwrap(), [0, 1, 2, 3]);
    assert_eq!((out.correct, out.correct_top_k, out.valid_rows), (Some(1), Some(2), 4));
    let out = run(&[1, -100, 3, 0], 3);
    assert_eq!(out.rank.unwrap(), [0, NO_CLASS, 2, 3]);
    assert_eq!((out.correct, out.correct_top_k, out.valid_rows), (Some(1), Some(2), 3));
    assert_eq!(run(&[0; 4], 9).correct_top_k, Some(4));
    assert_eq!(hard(&x, 4, &[0; 4], all().top_k(None)).correct_top_k, None);
    assert_eq!(run(&[1, -100, 3, 0], 1).top_k_accuracy().unwrap(), 1.0 / 3.0);
}

#[test]
fn classes_in_the_middle() {
    let blocks: Vec<f32> = (0..24).map(|i| ((i * 37 % 17) as f32 - 8.0) * 0.25).collect();
    let middle = Logits::with_shape(&blocks, &[2, 4, 3], 1).unwrap();
    // Row r is column r % 3 of block r / 3.
    let place = |r: usize, c: usize| r / 3 * 12 + c * 3 + r % 3;
    let moved: Vec<f32> = (0..24).map(|i| blocks[place(i / 4, i % 4)]).collect();
    let scale: [f32; 6] = [1.0, 0.5, 2.0, -1.0, 1.5, 3.0];
    let allowed: Vec<bool> = (0..24).map(|i| i % 5 != 2).collect();
    let words = ClassMask::pack(&allowed, 4);
    let options = soft_all()
        .scale(&scale[..])
        .class_mask(ClassMask::per_row(&words, 6, 4).unwrap())
        .class_weights(&[1.0, 2.0, 3.0, 0.5][..])
        .row_weights(&[1.0, 2.0, 3.0, 4.0, 0.5, 0.25][..])
        .upstream(Factor::Rows(&[1.0, -1.0, 2.0, 0.5, 3.0, 0.75]));
    let targets = Targets::new(&[3_i64, -100, 1, 3, 3, 0]);
    let back = |gradient: Option<Vec<f64>>| {
        let gradient = gradient.unwrap();
        (0..24).map(|i| gradient[place(i / 4, i % 4)]).collect::<Vec<_>>()
    };
    let a = cross_entropy(&middle, &targets, &options).unwrap();
    let b = cross_entropy(&dense(&moved, 4), &targets, &options).unwrap();
    assert_eq!((&a.row_loss, &a.entropy, &a.argmax), (&b.row_loss, &b.entropy, &b.argmax));
    assert_eq!(back(a.gradient), b.gradient.unwrap());
    let q: Vec<f32> = (0..24).map(|i| (i % 7) as f32 * 0.125).collect();
    let moved_q: Vec<f32> = (0..24).map(|i| q[place(i / 4, i % 4)]).collect();
    let options = options.target_gradient(true);
    let a = soft_cross_entropy(&middle, &Logits::with_shape(&q, &[2, 4, 3], 1).unwrap(), &options).unwrap();
    let b = soft_cross_entropy(&dense(&moved, 4), &dense(&moved_q, 4), &options).unwrap();
    assert_eq!(a.row_loss, b.row_loss);
    assert_eq!((back(a.gradient), back(a.target_gradient)), (b.gradient.unwrap(), b.target_gradient.unwrap()));
}

#[test]
fn only_what_is_asked_for() {
    let x = dense(&X, 4);
    let plain = cross_entropy(&x, &Targets::new(&[0, 1, 2]), &CrossEntropy::new().states(true)).unwrap();
    assert!(plain.loss.is_some() && plain.states.is_none());
    let few = (plain.log_prob, plain.rank, plain.entropy, plain.row_z_loss, plain.z_loss, plain.correct_top_k);
    assert_eq!(few, (None, None, None, None, None, None));
    assert_eq!((plain.gradient, plain.target_gradient, plain.correct), (None, None, None));
    let all = cross_entropy(&x, &Targets::new(&[0, 1, 2]), &all().reduction(Reduction::Mean)).unwrap();
    assert!(all.log_prob.is_some() && all.rank.is_some() && all.entropy.is_some() && all.row_z_loss.is_some());
    assert!(all.row_loss.is_none() && all.z_loss == Some(0.0) && all.correct_top_k.is_some());
}
