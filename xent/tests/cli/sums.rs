//! `xent logsumexp` over several dimensions, and of terms with factors.

use crate::files::Files;
use crate::values::{assert_file, assert_file_to};
use crate::{ENGINES, refused, succeeds};

/// An array of this shape, and each element's indices.
const SHAPE: [usize; 4] = [2, 3, 4, 2];

fn values() -> Vec<f32> {
    (0..48).map(|i| ((i * 29 % 48) as f32 - 20.0) / 8.0).collect()
}

fn indices(mut element: usize) -> [usize; 4] {
    let mut indices = [0; 4];
    for dim in (0..4).rev() {
        indices[dim] = element % SHAPE[dim];
        element /= SHAPE[dim];
    }
    indices
}

/// Where each element goes if these dimensions are reduced, and how many places there are.
fn places(dims: &[usize]) -> (Vec<usize>, usize) {
    let left: Vec<usize> = (0..4).filter(|dim| !dims.contains(dim)).collect();
    let place = |element: usize| left.iter().fold(0, |place, &dim| place * SHAPE[dim] + indices(element)[dim]);
    ((0..48).map(place).collect(), left.iter().map(|&dim| SHAPE[dim]).product())
}

const SETS: [(&str, &[usize]); 9] = [
    ("0", &[0]),
    ("1,2", &[1, 2]),
    ("2,-1", &[2, 3]),
    ("0,1,2,3", &[0, 1, 2, 3]),
    ("0,2", &[0, 2]),
    ("-1,0", &[0, 3]),
    ("1,-1", &[1, 3]),
    ("3,0,1", &[0, 1, 3]),
    ("0,2,3", &[0, 2, 3]),
];

fn kept(dims: &[usize], keep: bool) -> Vec<usize> {
    (0..4).filter(|dim| keep || !dims.contains(dim)).map(|dim| if dims.contains(&dim) { 1 } else { SHAPE[dim] }).collect()
}

#[test]
fn any_set_of_dimensions() {
    let files = Files::new();
    let x = values();
    let logits = files.f32("x.npy", &SHAPE, &x);
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    for engine in ENGINES {
        for (names, dims) in SETS {
            let (places, count) = places(dims);
            let mut sums = vec![0.0; count];
            (0..48).for_each(|i| sums[places[i]] += f64::from(x[i]).exp());
            let expected: Vec<f64> = sums.iter().map(|sum| sum.ln()).collect();
            let factors: Vec<f32> = (0..count).map(|i| i as f32 - 1.5).collect();
            let gradient: Vec<f64> = (0..48).map(|i| f64::from(factors[places[i]]) * f64::from(x[i]).exp() / sums[places[i]]).collect();
            for keep in [false, true] {
                let upstream = files.f32("u.npy", &kept(dims, !keep), &factors);
                let mut args = vec!["logsumexp", &logits, "-o", &out, "--dim", names, "--grad", &grad, "--upstream", &upstream];
                args.extend(keep.then_some("--keepdim"));
                succeeds(&[&args, engine].concat());
                assert_file(&out, &kept(dims, keep), &expected);
                assert_file(&grad, &SHAPE, &gradient);
            }
        }
    }
}

/// Sums with factors, of exp(scale x) where `takes_part`, are what the command answers with these options.
#[track_caller]
fn check_factors(files: &Files, options: &[&str], scale: f64, takes_part: impl Fn(usize) -> bool) {
    let x = values();
    let b: Vec<f32> = (0..48).map(|i| [1.0, -2.0, 0.0, 0.5, -0.25][i % 5]).collect();
    let (logits, factors) = (files.f32("x.npy", &SHAPE, &x), files.f32("b.npy", &SHAPE, &b));
    let (out, sign, grad) = (files.path("out.npy"), files.path("sign.npy"), files.path("grad.npy"));
    let upstream = files.f32("u.npy", &[], &[2.0]);
    for engine in ENGINES {
        for (names, dims) in SETS {
            let (places, count) = places(dims);
            let (mut sums, mut sizes) = (vec![0.0; count], vec![0.0; count]);
            let terms: Vec<f64> =
                (0..48).map(|i| if takes_part(i) { f64::from(b[i]) * (scale * f64::from(x[i])).exp() } else { 0.0 }).collect();
            for (place, term) in places.iter().zip(&terms) {
                sums[*place] += term;
                sizes[*place] += term.abs();
            }
            let results = ["-o", &out, "--sign", &sign, "--grad", &grad, "--upstream", &upstream];
            succeeds(&[&["logsumexp", &logits, "--b", &factors, "--dim", names], &results[..], options, engine].concat());
            // A sum S of terms t is right to 1e-6 sum|t|, so log|S| to 1e-6 sum|t| / |S|, and so, relatively, is t exp(-log|S|).
            let condition = |place: usize| sizes[place] / sums[place].abs();
            let logs: Vec<f64> = sums.iter().map(|sum| sum.abs().ln()).collect();
            assert_file_to(&out, &kept(dims, false), &logs, |i| condition(i) + logs[i].abs());
            assert_file(&sign, &kept(dims, false), &sums.iter().map(|sum| sum.signum()).collect::<Vec<_>>());
            let gradient: Vec<f64> = (0..48).map(|i| 2.0 * scale * terms[i] / sums[places[i]]).collect();
            assert_file_to(&grad, &SHAPE, &gradient, |i| 1.0 + condition(places[i]) * gradient[i].abs());
        }
    }
}

#[test]
fn factors_of_either_sign() {
    check_factors(&Files::new(), &[], 1.0, |_| true);
}

#[test]
fn factors_with_a_mask_and_a_temperature() {
    let files = Files::new();
    let mask = files.npy("m.npy", "|b1", &SHAPE, (0..48).map(|i| u8::from(i % 11 != 5)));
    check_factors(&files, &["--mask", &mask, "--temperature=2"], 0.5, |i| i % 11 != 5);
}

#[test]
fn sums_of_nothing_within_a_sum() {
    let files = Files::new();
    let empty = f32::NEG_INFINITY;
    let logits = files.f32("x.npy", &[2, 2, 2], &[empty, empty, 1.0, 2.0, empty, 0.0, 3.0, f32::INFINITY]);
    let upstream = files.f32("u.npy", &[], &[2.0]);
    let (out, grad) = (files.path("out.npy"), files.path("grad.npy"));
    for engine in ENGINES {
        succeeds(&[&["logsumexp", &logits, "-o", &out, "--dim=0,2", "--grad", &grad, "--upstream", &upstream], engine].concat());
        assert_file(&out, &[2], &[0.0, f64::INFINITY]);
        assert_file(&grad, &[2, 2, 2], &[0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, f64::NAN]);
    }
}

#[test]
fn what_does_not_fit() {
    let files = Files::new();
    let logits = files.f32("x.npy", &SHAPE, &values());
    let other = files.f32("b.npy", &[2, 3, 8], &values());
    let mask = files.i64("m.npy", &[4], &[1; 4]);
    let (out, sign) = (files.path("out.npy"), files.path("sign.npy"));
    let args = ["logsumexp", &logits, "-o", &out];
    refused(&files, &[&args[..], &["--b", &other]].concat(), &["b.npy: factors of shape [2, 3, 8], expected [2, 3, 4, 2]"]);
    refused(&files, &[&args[..], &["--sign", &sign]].concat(), &["--b <FILE>"]);
    refused(&files, &[&args[..], &["--b", &logits, "--sign", &out]].concat(), &["two outputs to one file"]);
    refused(&files, &[&args[..], &["--dim=0,2", "--class-mask", &mask]].concat(), &["[0, 2] do not follow each other"]);
    let softmax = ["softmax", &logits, "-o", &out, "--dim", "0,2"];
    refused(&files, &softmax, &["invalid value '0,2'"]);
}
