//! Draws are those of the CPU, bit for bit; and they are draws from the softmax.

use crate::common::data::{Data, make};
use crate::common::{gpu, gpus, on_every_adapter, with_every_strategy, with_shares};
use crate::device::{buffer, encoder, floats, placed, words};
use wgpu_xent::{
    ClassMask, DeviceMask, DeviceMatrix, DeviceVector, Error, LogitTransform, Logits, NO_CLASS, Sampling, TransformBuffers, reference,
};

/// Some classes, the same way in every row, or not.
fn mask(rows: usize, classes: usize) -> Vec<u32> {
    let allowed: Vec<bool> = (0..rows * classes).map(|i| (i * 7 + i / 5) % 3 != 0 || i % classes == 0).collect();
    ClassMask::pack(&allowed, classes)
}

/// The logits of a shape, and what is asked of them with the CPU's answer.
fn check_draws(shapes: &[(Data, usize, usize)]) {
    let temperatures = [0.3_f32, 1.3, 2.3, 3.3, 4.3, 5.3, 6.3];
    let masks: Vec<Vec<u32>> = shapes.iter().map(|&(_, rows, classes)| mask(rows, classes)).collect();
    let made: Vec<Vec<f32>> = shapes.iter().map(|&(data, rows, classes)| make(data, rows, classes, 31).0).collect();
    let mut cases = Vec::new();
    for ((&(_, rows, classes), values), words) in shapes.iter().zip(&made).zip(&masks) {
        let logits = Logits::new(values, rows, classes).unwrap();
        let per_row = ClassMask::per_row(words, rows, classes).unwrap();
        let plain = Sampling::new(0x1234_5678_9abc_def0);
        let k = classes as u32 / 3 + 1;
        let all = [
            plain,
            plain.draw(3).first_row(u32::MAX as usize).temperature(0.7),
            plain.temperature(&temperatures[..rows]).class_mask(per_row),
            plain.top_k(k),
            plain.top_k(1).first_row(7),
            plain.top_p(0.3),
            plain.top_p(0.999_9).temperature(1.3),
            plain.top_k(k).top_p(0.8).class_mask(per_row).temperature(2.0),
        ];
        cases.extend(all.into_iter().enumerate().map(|(i, options)| (i, logits, options, reference::sample(&logits, &options).unwrap())));
    }
    with_shares(|gpu, share| {
        for (_, logits, options, expected) in cases.iter().filter(|(i, ..)| share.has(*i)) {
            let got = gpu.sample(logits, options).unwrap();
            assert_eq!(&got, expected, "{} x {}, {options:?}", logits.rows(), logits.classes());
        }
    });
}

#[test]
fn draws_are_those_of_the_cpu() {
    check_draws(&[(Data::Normal, 1, 1), (Data::Normal, 7, 10), (Data::Outliers, 3, 1000), (Data::Masked, 2, 5003)]);
}

#[test]
fn draws_of_long_rows_are_those_of_the_cpu() {
    check_draws(&[(Data::Equal, 1, 50_257)]);
}

/// The float in the middle, as floats are counted.
fn between(low: f32, high: f32) -> f32 {
    let number = |x: f32| i64::from(x.to_bits() & 0x7fff_ffff) * if x < 0.0 { -1 } else { 1 };
    let middle = (number(low) + number(high)).div_euclid(2);
    let size = f32::from_bits(middle.unsigned_abs() as u32);
    if middle < 0 { -size } else { size }
}

/// On either side of the very float at which the CPU's draw changes, the GPU's is the same: the last bits of noise and masses agree.
#[test]
fn draws_change_where_those_of_the_cpu_do() {
    let (rows, classes) = (400, 5);
    let (base, _) = make(Data::Normal, rows, classes, 41);
    let at = |first: &[f32]| {
        let mut values = base.clone();
        values.chunks_mut(classes).zip(first).for_each(|(row, &x)| row[0] = x);
        values
    };
    let plain = Sampling::new(17);
    for options in [plain, plain.temperature(1.7), plain.top_p(0.6), plain.top_k(4).top_p(0.8), plain.top_k(2)] {
        let draw = |first: &[f32]| reference::sample(&Logits::new(&at(first), rows, classes).unwrap(), &options).unwrap();
        let (mut low, mut high) = (vec![-6.0_f32; rows], vec![6.0_f32; rows]);
        let end = draw(&high);
        while low.iter().zip(&high).any(|(l, h)| l.next_up() < *h) {
            // Halves the number of floats between the two, on the same side of 0 or up to it.
            let middle: Vec<f32> = low.iter().zip(&high).map(|(&l, &h)| between(l, h)).collect();
            for (r, (class, end)) in draw(&middle).into_iter().zip(&end).enumerate() {
                if class == *end { high[r] = middle[r] } else { low[r] = middle[r] }
            }
        }
        let sides = [low, high].map(|first| (at(&first), draw(&first)));
        let differ = sides[0].1.iter().zip(&sides[1].1).filter(|(a, b)| a != b).count();
        assert!(differ > 300, "{options:?}: only {differ} rows have an edge");
        with_every_strategy(|gpu| {
            for (values, expected) in &sides {
                assert_eq!(&gpu.sample(&Logits::new(values, rows, classes).unwrap(), &options).unwrap(), expected, "{options:?}");
            }
        });
    }
}

#[test]
fn classes_may_lie_apart() {
    with_every_strategy(|gpu| {
        let (blocks, classes, inner) = (3, 37, 5);
        let (values, _) = make(Data::Normal, blocks, classes * inner, 2);
        let logits = Logits::with_shape(&values, &[blocks, classes, inner], 1).unwrap();
        for options in [Sampling::new(1), Sampling::new(2).top_k(9).top_p(0.6).temperature(0.5)] {
            assert_eq!(gpu.sample(&logits, &options).unwrap(), reference::sample(&logits, &options).unwrap());
        }
    });
}

#[test]
fn many_rows_and_windows_are_one_sequence() {
    on_every_adapter(|gpu| {
        let (rows, classes) = (3000, 6);
        let (values, _) = make(Data::Normal, rows, classes, 6);
        let options = Sampling::new(99).top_p(0.7);
        let whole = gpu.sample(&Logits::new(&values, rows, classes).unwrap(), &options).unwrap();
        assert_eq!(whole, reference::sample(&Logits::new(&values, rows, classes).unwrap(), &options).unwrap());
        let (front, back) = values.split_at(1000 * classes);
        let mut pieces = gpu.sample(&Logits::new(front, 1000, classes).unwrap(), &options).unwrap();
        pieces.extend(gpu.sample(&Logits::new(back, 2000, classes).unwrap(), &options.first_row(1000)).unwrap());
        assert_eq!(pieces, whole);
    });
}

/// 100 MB: more than a window of the host level.
#[test]
fn windows_are_one_sequence() {
    let (rows, classes) = (600, 40_000);
    let row: Vec<f32> = (0..classes).map(|c| (c % 17) as f32 * 0.1).collect();
    let values = row.repeat(rows);
    let got = gpu().sample(&Logits::new(&values, rows, classes).unwrap(), &Sampling::new(5)).unwrap();
    for r in [0, 1, 399, 419, 420, 500, 599] {
        let one = Logits::new(&row, 1, classes).unwrap();
        assert_eq!(got[r..=r], reference::sample(&one, &Sampling::new(5).first_row(r)).unwrap(), "row {r}");
    }
}

#[test]
fn rows_without_a_class_to_draw() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let rows = [
        [0.0, nan, 0.0],
        [0.0, -nan, 0.0],
        [inf, 0.0, 0.0],
        [-inf, -inf, -inf],
        [-inf, 0.0, -inf],
        [f32::MIN, -inf, -inf],
        [nan, inf, 5.0],
    ];
    let values = rows.concat();
    let allowed: Vec<bool> = [[true; 3]; 6].concat().into_iter().chain([false, false, true]).collect();
    let words = ClassMask::pack(&allowed, 3);
    let mask = ClassMask::per_row(&words, 7, 3).unwrap();
    let expected = [NO_CLASS, NO_CLASS, NO_CLASS, NO_CLASS, 1, 0, 2];
    with_every_strategy(|gpu| {
        let logits = Logits::new(&values, 7, 3).unwrap();
        for options in [Sampling::new(1), Sampling::new(1).top_k(2), Sampling::new(1).top_p(0.5), Sampling::new(1).top_k(1).top_p(0.01)] {
            assert_eq!(gpu.sample(&logits, &options.class_mask(mask)).unwrap(), expected, "{options:?}");
        }
        // Beyond f32 after the scale.
        let logits = Logits::new(&[1e38, 0.0, -1e38, 2.0], 2, 2).unwrap();
        let options = Sampling::new(1).transform(LogitTransform::new().scale(10.0));
        assert_eq!(gpu.sample(&logits, &options).unwrap(), [NO_CLASS, 1]);
    });
}

/// 20,000 draws of one row against its softmax: chi-square with 9 degrees of freedom is above 27.9 once in a thousand seeds.
#[test]
fn draws_follow_the_softmax() {
    let row = [1.0_f32, -1.0, 0.5, 0.0, 2.0, -0.5, 1.5, 0.25, -2.0, 0.75];
    let n = 20_000;
    let values = row.repeat(n);
    let logits = Logits::new(&values, n, 10).unwrap();
    let p = reference::softmax(&Logits::new(&row, 1, 10).unwrap());
    let drawn = gpu().sample(&logits, &Sampling::new(2026)).unwrap();
    let chi_square = |drawn: &[u32], p: &[f64]| {
        let mut counts = [0_f64; 10];
        drawn.iter().for_each(|&class| counts[class as usize] += 1.0);
        counts.iter().zip(p).map(|(o, p)| (o - p * n as f64).powi(2) / (p * n as f64)).sum::<f64>()
    };
    assert!(chi_square(&drawn, &p) < 27.9, "{}", chi_square(&drawn, &p));
    let mut swapped = p.clone();
    swapped.swap(0, 9);
    assert!(chi_square(&drawn, &swapped) > 27.9, "the test sees another distribution");
    // So does one row drawn again and again: draws are independent too.
    let again: Vec<u32> = (0..200)
        .flat_map(|draw| gpu().sample(&Logits::new(&values[..1000], 100, 10).unwrap(), &Sampling::new(7).draw(draw)).unwrap())
        .collect();
    assert!(chi_square(&again, &p) < 27.9, "{}", chi_square(&again, &p));
}

#[test]
fn seeds_draws_and_rows_differ() {
    let values = vec![0.0_f32; 50 * 100];
    let logits = Logits::new(&values, 50, 100).unwrap();
    let base = gpu().sample(&logits, &Sampling::new(1)).unwrap();
    assert_eq!(gpu().sample(&logits, &Sampling::new(1)).unwrap(), base, "repeats");
    let others = [
        Sampling::new(2),
        Sampling::new(1 << 32 | 1),
        Sampling::new(1).draw(1),
        Sampling::new(1).first_row(1 << 32),
        Sampling::new(1).first_row(50),
    ];
    for options in others {
        let other = gpu().sample(&logits, &options).unwrap();
        let equal = base.iter().zip(&other).filter(|(a, b)| a == b).count();
        assert!(equal < 10, "{options:?}: {equal} of 50 are the same");
    }
    assert!((1..50).any(|r| base[r] != base[0]), "rows differ");
}

/// The classes that are ever drawn are those that a plain sort keeps.
#[test]
fn filters_keep_what_a_sort_keeps() {
    let row = [0.0_f32, 2.0, 1.0, 2.0, -1.0, 0.5, 1.5, f32::NEG_INFINITY, -0.5, 1.0];
    let p = reference::softmax(&Logits::new(&row, 1, 10).unwrap());
    let mut order: Vec<usize> = (0..10).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let with_ties =
        |count: usize| -> Vec<u32> { (0..10).filter(|&c| p[c] >= p[order[count - 1]] && p[c] > 0.0).map(|c| c as u32).collect() };
    let n = 4000;
    let values = row.repeat(n);
    let logits = Logits::new(&values, n, 10).unwrap();
    let drawn = |options: &Sampling<'_>| {
        let mut classes = gpu().sample(&logits, options).unwrap();
        classes.sort_unstable();
        classes.dedup();
        classes
    };
    for k in 1..=10 {
        assert_eq!(drawn(&Sampling::new(1).top_k(k)), with_ties(k as usize), "top {k}");
    }
    for share in [1e-6_f32, 0.1, 0.25, 0.4, 0.52, 0.7, 0.85, 0.95, 0.99, 0.999, 1.0] {
        let mut sum = 0.0;
        let count = order.iter().take_while(|&&c| {
            let before = sum;
            sum += p[c];
            before < f64::from(share)
        });
        let count = count.count();
        assert_eq!(drawn(&Sampling::new(1).top_p(share)), with_ties(count), "p {share}");
    }
    // The share of what top_k leaves: of 2, 2 and 1.5 the first two have 0.77.
    assert_eq!(drawn(&Sampling::new(1).top_k(3).top_p(0.75)), [1, 3]);
    assert_eq!(drawn(&Sampling::new(1).top_k(3).top_p(0.8)), [1, 3, 6]);
}

/// A softcap is not exact, but the drawn class is still the CPU's but for near ties.
#[test]
fn a_softcap_is_close() {
    let (values, _) = make(Data::Outliers, 300, 20, 8);
    let logits = Logits::new(&values, 300, 20).unwrap();
    let options = Sampling::new(3).transform(LogitTransform::new().softcap(5.0));
    let expected = reference::sample(&logits, &options).unwrap();
    for gpu in gpus() {
        let got = gpu.sample(&logits, &options).unwrap();
        let differ = got.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert!(differ <= 1, "{differ} of 300 differ on {}", gpu.describe());
    }
}

#[test]
fn wrong_options() {
    let logits = Logits::new(&[0.0_f32; 6], 2, 3).unwrap();
    for options in [Sampling::new(0).top_k(0), Sampling::new(0).top_p(0.0), Sampling::new(0).top_p(1.5), Sampling::new(0).top_p(f32::NAN)] {
        assert!(matches!(gpu().sample(&logits, &options), Err(Error::Value { .. })), "{options:?}");
    }
    assert!(matches!(gpu().sample(&logits, &Sampling::new(0).temperature(0.0)), Err(Error::Value { .. })));
    assert_eq!(gpu().sample(&Logits::new(&[0.0_f32; 0], 0, 3).unwrap(), &Sampling::new(0)).unwrap(), [0_u32; 0]);
}

#[test]
fn at_the_device_level() {
    on_every_adapter(|gpu| {
        let (rows, classes, lead, stride) = (9, 21, 3, 25);
        let (dense, _) = make(Data::Normal, rows, classes, 12);
        let logits = Logits::new(&dense, rows, classes).unwrap();
        let mask_words = mask(rows, classes);
        let scales: Vec<f32> = (0..rows).map(|r| 0.5 + r as f32 * 0.25).collect();
        let input = floats(gpu, &placed(&dense, classes, lead, stride));
        let matrix = DeviceMatrix::with_layout::<f32>(&input, lead as u64 * 4, rows, classes, stride).unwrap();
        let (mask_buffer, scale_buffer) = (buffer(gpu, &mask_words), floats(gpu, &scales));
        let buffers = TransformBuffers { scales: Some(DeviceVector::new(&scale_buffer)), mask: Some(DeviceMask::per_row(&mask_buffer, 0)) };
        let options = Sampling::new(11).top_k(9).top_p(0.8).first_row(5);
        let output = buffer(gpu, &vec![77; rows + 2]);
        let mut encoder = encoder(gpu);
        gpu.record_sample(&mut encoder, &matrix, &options, &buffers, DeviceVector::with_offset(&output, 4)).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let transform = LogitTransform::new().scale(&scales[..]).mask(ClassMask::per_row(&mask_words, rows, classes).unwrap());
        let got = words(gpu, &output);
        assert_eq!(got[1..=rows], reference::sample(&logits, &options.transform(transform)).unwrap());
        assert_eq!((got[0], got[rows + 1]), (77, 77), "nothing else is written");
    });
}
