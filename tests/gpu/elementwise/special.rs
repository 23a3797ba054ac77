//! Special values, all against all, and the lines of the documentation one by one.

use super::case::{Case, Check, Op, unreduced};
use crate::common::{with_every_strategy, with_shares};
use wgpu_xent::{ElementLoss, ElementReduction, Logits, Weights};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const VALUES: [f32; 16] = [0.0, -0.0, INF, -INF, NAN, -NAN, 1.0, -1.0, 0.5, 2.0, 1e-30, -3.25, 100.0, -100.0, 1e6, 0.999_999_9];

/// Every pair, at every place within a quad and in more than one block, in rows of 37.
fn pairs() -> (Vec<f32>, Vec<f32>) {
    let all = || VALUES.into_iter().flat_map(|a| VALUES.into_iter().map(move |b| (a, b)));
    let (mut a, mut b): (Vec<f32>, Vec<f32>) = all().chain(all()).unzip();
    let whole = a.len().next_multiple_of(37);
    a.resize(whole, 0.5);
    b.resize(whole, 0.5);
    (a, b)
}

#[test]
fn all_against_all() {
    let (a, b) = pairs();
    let (rows, classes) = (a.len() / 37, 37);
    let weights: Vec<f32> = (0..rows * classes).map(|i| [1.0, 0.0, 2.0, -1.0, 0.5][i % 5]).collect();
    let weights = Weights::Elements(Logits::new(&weights, rows, classes).unwrap());
    let pos: Vec<f32> = (0..classes).map(|c| [1.0, 0.0, 3.0][c % 3]).collect();
    // Infinite targets make no sense, and nothing is promised for them.
    let finite: Vec<f32> = b.iter().map(|y| if y.is_infinite() { 0.25 } else { *y }).collect();
    let (a, b) = (Logits::new(&a, rows, classes).unwrap(), Logits::new(&b, rows, classes).unwrap());
    // Nor for logarithms of targets beyond what even f64 has an exponential of.
    let moderate: Vec<f32> = (0..rows).flat_map(|r| b.row(r)).map(|q| if q == 1e6 { -300.0 } else { q as f32 }).collect();
    let (y, log_q) = (Logits::new(&finite, rows, classes).unwrap(), Logits::new(&moderate, rows, classes).unwrap());
    let pos = Some(&pos[..]);
    with_every_strategy(|gpu| {
        for (weight, pos_weight) in [(None, None), (Some(weights), pos)] {
            Case { op: Op::Binary { weight, pos_weight }, a, b: y }.check(gpu, "special", unreduced(), 1.0);
        }
        let log = Op::Divergence { log_target: true };
        for (op, b) in [(Op::Divergence { log_target: false }, b), (log, log_q), (Op::Entropy, b), (Op::Distributions, b)] {
            Case { op, a, b }.check(gpu, "special", unreduced(), 1.0);
        }
    });
}

/// An element of each input; its loss and derivatives.
type Line = (f32, f32, [f32; 3]);

#[test]
fn line_by_line() {
    let same = |got: f32, expected: f32| got == expected || (got.is_nan() && expected.is_nan());
    with_shares(|gpu, share| {
        let pos = [3.0];
        let weighted = Op::Binary { weight: None, pos_weight: Some(&pos) };
        let nothing = Op::Binary { weight: Some(Weights::Classes(&[0.0])), pos_weight: None };
        let (plain, log) = (Op::Divergence { log_target: false }, Op::Divergence { log_target: true });
        let lines: [(Op<'_>, &[Line]); 6] = [
            (
                weighted,
                &[
                    (INF, 1.0, [0.0, 0.0, 0.0]),
                    (INF, 0.0, [INF, 1.0, 0.0]),
                    (-INF, 0.0, [0.0, 0.0, 0.0]),
                    (-INF, 1.0, [INF, -3.0, 0.0]),
                    (INF, 0.5, [INF, 0.5, 0.0]),
                    (NAN, 1.0, [NAN, NAN, 0.0]),
                ],
            ),
            (nothing, &[(NAN, 1.0, [0.0, 0.0, 0.0]), (INF, 0.0, [0.0, 0.0, 0.0])]),
            (
                plain,
                &[
                    (-INF, 0.0, [0.0, 0.0, 0.0]),
                    (NAN, 0.0, [0.0, 0.0, 0.0]),
                    (-1.0, 0.0, [0.0, 0.0, 0.0]),
                    (-INF, 0.25, [INF, -0.25, INF]),
                    (-1.0, -0.25, [NAN, 0.25, NAN]),
                    (NAN, 0.25, [NAN, -0.25, NAN]),
                ],
            ),
            (
                log,
                &[
                    (-1.0, -INF, [0.0, 0.0, 0.0]),
                    (-INF, -INF, [0.0, 0.0, 0.0]),
                    (-INF, 0.0, [INF, -1.0, INF]),
                    (-INF, -200.0, [INF, 0.0, INF]),
                    (-1.0, NAN, [NAN, NAN, NAN]),
                ],
            ),
            (
                Op::Entropy,
                &[(0.0, 0.0, [0.0, INF, 0.0]), (1.0, 0.0, [0.0, -1.0, 0.0]), (-0.5, 0.0, [NAN, NAN, 0.0]), (NAN, 0.0, [NAN, NAN, 0.0])],
            ),
            (
                Op::Distributions,
                &[
                    (0.0, 0.0, [0.0, 0.0, 0.0]),
                    (0.0, NAN, [0.0, 0.0, NAN]),
                    (0.5, 0.0, [INF, -INF, INF]),
                    (0.5, 1.0, [0.0, -0.5, 0.0]),
                    (0.5, -1.0, [NAN, 0.5, NAN]),
                    (NAN, 1.0, [NAN, NAN, 0.0]),
                ],
            ),
        ];
        for (_, (op, lines)) in lines.into_iter().enumerate().filter(|(i, _)| share.has(*i)) {
            let (a, b): (Vec<f32>, Vec<f32>) = lines.iter().map(|line| (line.0, line.1)).unzip();
            let case = Case { op, a: Logits::new(&a, a.len(), 1).unwrap(), b: Logits::new(&b, b.len(), 1).unwrap() };
            let out = case.on_gpu(gpu, case.all(unreduced())).unwrap();
            for (i, (a, b, expected)) in lines.iter().enumerate() {
                let got = [&out.elements, &out.gradient, &out.target_gradient].map(|m| m.as_ref().map_or(0.0, |m| m[i]));
                assert!(
                    got.iter().zip(expected).all(|(&got, &expected)| same(got, expected)),
                    "{op:?} of {a}, {b}: {got:?}, not {expected:?}"
                );
            }
        }
        let x = [-INF, INF, NAN, 0.0];
        let y = gpu.sigmoid(&Logits::new(&x, 1, 4).unwrap()).unwrap();
        assert!(y[0] == 0.0 && y[1] == 1.0 && y[2].is_nan() && y[3] == 0.5, "{y:?}");
        let (y, u) = ([0.0, 1.0, 0.5, 0.5, 0.5, NAN, 1.0], [INF, -INF, INF, -INF, NAN, 0.0, 5.0]);
        let g = gpu.sigmoid_backward(&Logits::new(&y, 1, 7).unwrap(), &Logits::new(&u, 1, 7).unwrap()).unwrap();
        assert!(g[0].is_nan() && g[1].is_nan() && g[2] == INF && g[3] == -INF && g[4].is_nan() && g[5].is_nan() && g[6] == 0.0, "{g:?}");
    });
}

/// Infinite and NaN elements anywhere in a long row, and sums that overflow.
#[test]
fn sums_of_what_is_not_finite() {
    let classes = 1003;
    // log q gives x its sign: the losses are -x at q = 1.
    let ones = vec![1.0_f32; 6 * classes];
    let mut x = vec![-0.5_f32; 6 * classes];
    for (row, places) in [
        (1, vec![(1002, -INF)]),
        (2, vec![(0, INF), (17, INF)]),
        (3, vec![(5, INF), (900, -INF)]),
        (4, vec![(500, NAN), (501, INF)]),
        (5, (0..classes).map(|c| (c, -3e38)).collect()),
    ] {
        places.into_iter().for_each(|(c, value)| x[row * classes + c] = value);
    }
    let (x, ones) = (Logits::new(&x, 6, classes).unwrap(), Logits::new(&ones, 6, classes).unwrap());
    with_every_strategy(|gpu| {
        let sum = ElementLoss::new().reduction(ElementReduction::Sum).row_loss(true);
        let out = gpu.kl_div(&x, &ones, false, &sum).unwrap();
        let rows = out.row_loss.unwrap();
        assert!(rows[..3] == [501.5, INF, -INF] && rows[3].is_nan() && rows[4].is_nan() && rows[5] == INF, "{rows:?}");
        assert!(out.loss.unwrap().is_nan());
    });
}
