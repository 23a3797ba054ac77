//! Drawing classes. Unlike everything else here in `f32`, and in a fixed order: a draw is the same bit for bit wherever it is made.
//!
//! Each result of `+`, `-` or `*` is rounded to `f32` once; nothing is fused. Denormal logits are 0.

use std::cmp::Reverse;

use super::row::as_class;
use crate::{LogitTransform, Logits, NO_CLASS, Result, Sampling};

/// One class a row, drawn from the softmax of the transformed logits among those that `top_k` and `top_p` keep; one value a row.
///
/// With `z` the transformed logits, the drawn class has the largest `z - log(-log(1 - v))`, the first of equal ones. The uniform `v` are
/// `min((w + 1/2) / 2^32, 1 - 2^-24)`, rounded once, where `w` is word `class % 4` of Philox4x32-10 of the counter `(class / 4,
/// row, draw, row / 2^32)` and the key `seed`, all low words first; rows are counted from `first_row`. `top_p` keeps the classes of
/// the largest `z` such that all of these and those of larger `z` have `p` (rounded up to a multiple of `2^-31`) of the sum over
/// `exp(z - max z)`, whose terms are rounded to 24 bits, and cut off at the unit that just keeps all sums below `2^63` units.
///
/// [`NO_CLASS`] for rows that hold NaN or +inf, or nothing above -inf.
///
/// # Errors
/// If the options do not fit the logits.
pub fn sample(logits: &Logits<'_>, sampling: &Sampling<'_>) -> Result<Vec<u32>> {
    sampling.check(logits.rows(), logits.classes())?;
    Ok((0..logits.rows()).map(|row| sample_row(logits, sampling, row)).collect())
}

fn sample_row(logits: &Logits<'_>, sampling: &Sampling<'_>, row: usize) -> u32 {
    let transform = &sampling.transform;
    let taking_part = logits.row(row).enumerate().filter(|&(class, _)| transform.allows(row, class));
    // What was widened is exact again.
    let all: Vec<(usize, f32)> = taking_part.map(|(class, x)| (class, transformed(x as f32, transform, row))).collect();
    if all.iter().any(|&(_, z)| z.is_nan() || z == f32::INFINITY) {
        return NO_CLASS;
    }
    let mut kept: Vec<(usize, f32)> = all.into_iter().filter(|&(_, z)| z > f32::NEG_INFINITY).collect();
    kept.sort_by(|a, b| b.1.total_cmp(&a.1));
    if let Some(&(_, last)) = sampling.top_k.and_then(|k| kept.get(k as usize - 1)) {
        kept.retain(|&(_, z)| z >= last);
    }
    if let Some(p) = sampling.top_p.filter(|&p| p < 1.0) {
        let last = last_of_share(&kept, p, logits.classes());
        kept.retain(|&(_, z)| Some(z) >= last);
    }
    let number = sampling.first_row.wrapping_add(row as u64);
    let noisy = kept.into_iter().map(|(class, z)| (z + gumbel(sampling, number, class), class));
    noisy.max_by(|a, b| a.0.total_cmp(&b.0).then(Reverse(a.1).cmp(&Reverse(b.1)))).map_or(NO_CLASS, |(_, class)| as_class(class))
}

fn transformed(x: f32, transform: &LogitTransform<'_>, row: usize) -> f32 {
    let scaled = transform.scale_of(row) * normal_or_zero(x);
    normal_or_zero(match transform.softcap.map(f64::from) {
        Some(cap) => (cap * (f64::from(scaled) / cap).tanh()) as f32,
        None => scaled,
    })
}

fn normal_or_zero(x: f32) -> f32 {
    if x.is_subnormal() || x == 0.0 { 0.0 } else { x }
}

/// The logit of the last class that makes up the share `p`, of classes in falling order.
fn last_of_share(kept: &[(usize, f32)], p: f32, classes: usize) -> Option<f32> {
    let &(_, largest) = kept.first()?;
    let unit = 62 - classes.ilog2();
    let masses: Vec<u128> = kept.iter().map(|&(_, z)| mass(z - largest, unit)).collect();
    let share = (f64::from(p) * f64::from(1_u32 << 31)).ceil() as u128;
    let needed = (masses.iter().sum::<u128>() * share).div_ceil(1 << 31);
    let mut sum = 0;
    let at = masses.iter().position(|mass| {
        sum += mass;
        sum >= needed
    })?;
    Some(kept[at].1)
}

/// `2^unit e^x`, cut off to a whole number.
fn mass(x: f32, unit: u32) -> u128 {
    let x = x.max(-87.3);
    let n = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let r = n * -1.428_606_8e-6 + (n * -0.693_145_75 + x);
    let p = [8.368_781e-3, 4.166_839_3e-2, 1.666_652e-1, 4.999_999_4e-1].iter().fold(1.381_446_7e-3_f32, |p, c| p * r + c);
    let power = (p * r * r + r) + 1.0;
    // Exact: 24 bits, times a power of two.
    let exponent = n as i32 + unit as i32;
    (f64::from(power) * 2_f64.powi(exponent)).floor() as u128
}

/// Gumbel noise.
fn gumbel(sampling: &Sampling<'_>, row: u64, class: usize) -> f32 {
    let counter = [as_class(class / 4), row as u32, sampling.draw, (row >> 32) as u32];
    let word = philox(counter, [sampling.seed as u32, (sampling.seed >> 32) as u32])[class % 4];
    // Whole words and half ones are exact in f64.
    let v = ((f64::from(word) + 0.5) / 4_294_967_296.0) as f32;
    let v = v.min(1.0 - f32::EPSILON / 2.0);
    let e = -log(1.0 - v, -v);
    -log(e, e - 1.0)
}

/// `log x`; `x_less_1` is `x - 1`, known better than `x` if need be.
fn log(x: f32, x_less_1: f32) -> f32 {
    // x = 2^n m with m between the roots of 1/2 and 2.
    const ROOT_OF_HALF: u32 = 0x3f35_04f3;
    let above = x.to_bits().wrapping_sub(ROOT_OF_HALF);
    let n = (above as i32) >> 23;
    let m = f32::from_bits((above & 0x007f_ffff) + ROOT_OF_HALF);
    let f = if n == 0 { x_less_1 } else { m - 1.0 };
    let coefficients = [0.127_654_27, -0.131_620_05, 0.142_013_68, -0.166_231_44, 0.200_012_36, -0.250_008_26, 0.333_333_3, -0.5];
    let p = coefficients.iter().fold(-0.076_343_84_f32, |p, c| p * f + c);
    let p = p * (f * f) + f;
    let n = n as f32;
    n * 0.693_145_75 + (n * 1.428_606_8e-6 + p)
}

/// Philox4x32 with ten rounds.
fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let words = |product: u64| ((product >> 32) as u32, product as u32);
    let mut c = counter;
    for round in 0..10_u32 {
        let bumped = |key: u32, weyl: u32| key.wrapping_add(round.wrapping_mul(weyl));
        let (high_0, low_0) = words(0xd251_1f53 * u64::from(c[0]));
        let (high_1, low_1) = words(0xcd9e_8d57 * u64::from(c[2]));
        c = [high_1 ^ c[1] ^ bumped(key[0], 0x9e37_79b9), low_1, high_0 ^ c[3] ^ bumped(key[1], 0xbb67_ae85), low_0];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the authors' `kat_vectors`.
    #[test]
    fn philox_gives_the_known_answers() {
        let known = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in known {
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn log_and_mass_are_close() {
        for i in 0..100_000 {
            let x = 2_f32.powf(i as f32 / 2500.0 - 33.0);
            let expected = f64::from(x).ln();
            assert!((f64::from(log(x, x - 1.0)) - expected).abs() <= 2e-7 * expected.abs(), "log {x}");
            let small = x.min(0.9);
            let expected = (-f64::from(small)).ln_1p();
            assert!((f64::from(log(1.0 - small, -small)) - expected).abs() <= 3e-7 * expected.abs(), "log1p -{small}");
            let below = i as f32 * -8e-4;
            let share = mass(below, 62) as f64 / 2_f64.powi(62);
            let expected = f64::from(below).exp();
            assert!((share - expected).abs() <= 2e-7 * expected + 2_f64.powi(-62), "exp {below}");
        }
    }
}
