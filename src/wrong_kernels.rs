//! Proof that the comparison with the reference catches wrong kernels: shader parts are changed, one place at a time, and
//! each change must be seen.

// A unit test cannot use the conformance kit, which uses this library: so it has these files of the kit for itself.
#[path = "../verify/src/compare.rs"]
#[expect(dead_code, unreachable_pub, reason = "of the conformance kit's, which is public, what is needed here")]
pub(crate) mod compare;
#[path = "../verify/src/data.rs"]
#[expect(dead_code, unreachable_pub, reason = "of the conformance kit's, which is public, what is needed here")]
pub(crate) mod data;

use std::cell::Cell;

use crate::{AdapterChoice, CrossEntropy, Gpu, Logits, Strategy, Targets, reference};
use compare::{Bound, TINY, compare};
use data::{Data, make};

thread_local! {
    /// What replaces what in every module that this thread joins.
    static CHANGE: Cell<Option<(&'static str, &'static str)>> = const { Cell::new(None) };
}

/// The joined text, with this thread's change in it.
pub(crate) fn changed(text: String) -> String {
    CHANGE.get().map_or(text.clone(), |(from, to)| text.replace(from, to))
}

/// The largest error of loss, gradient, log-sum-exp and softmax in terms of their bounds, or what is wrong.
fn check(gpu: &Gpu, data: Data, rows: usize, classes: usize) -> Result<f64, String> {
    let (values, mut targets) = make(data, rows, classes, 21);
    targets[1] = -100;
    let logits = Logits::new(&values, rows, classes).unwrap();
    let targets = Targets::new(&targets);
    let options = CrossEntropy::new().row_loss(true).logsumexp(true).argmax(true).states(true).gradient(true);
    let told = |e: crate::Error| e.to_string();
    let got = gpu.cross_entropy(&logits, &targets, &options).map_err(told)?;
    let expected = reference::cross_entropy(&logits, &targets, &options).unwrap();
    let tight = |_: usize| Bound { relative: 1e-6, absolute: TINY };
    let far = |_: usize| Bound { relative: 7e-6, absolute: TINY };
    let rounded = |_: usize| Bound { relative: 1e-6, absolute: 1e-6 };
    if (&got.argmax, got.valid_rows, got.correct) != (&expected.argmax, expected.valid_rows, expected.correct) {
        return Err("argmax or counts".into());
    }
    let errors = [
        compare(&[got.loss.unwrap()], &[expected.loss.unwrap()], tight)?,
        compare(got.row_loss.as_ref().unwrap(), &expected.row_loss.unwrap(), tight)?,
        compare(got.logsumexp.as_ref().unwrap(), &expected.logsumexp.unwrap(), rounded)?,
        compare(got.gradient.as_ref().unwrap(), expected.gradient.as_ref().unwrap(), far)?,
        compare(&gpu.softmax(&logits).map_err(told)?, &reference::softmax(&logits), far)?,
    ];
    let backward = gpu.cross_entropy_backward(&logits, &targets, &got.states.unwrap(), &options).map_err(told)?;
    let errors = errors.into_iter().chain([compare(&backward, &expected.gradient.unwrap(), far)?]);
    Ok(errors.fold(0.0, f64::max))
}

fn check_all(gpu: &Gpu) -> Result<f64, String> {
    let mut worst = 0.0_f64;
    // Each unit once, whole rows and split ones.
    let split = if gpu.caps().subgroup.is_some() { Strategy::SplitSubgroup } else { Strategy::SplitThread };
    for strategy in [Strategy::Thread, Strategy::Workgroup, split] {
        let gpu = gpu.with_strategy(strategy).with_vector_strategy(strategy);
        for (data, rows, classes) in [(Data::Outliers, 5, 1003), (Data::Ahead(60.0), 5, 72), (Data::Masked, 4, 70)] {
            worst = worst.max(check(&gpu, data, rows, classes)?);
        }
    }
    Ok(worst)
}

/// What stands in a part, and what a slip of the hand could make of it.
const CHANGES: [(&str, &str, &str); 23] = [
    ("numerics: no split of ln 2", "const LN2_LOW: f32 = 1.428606765330187e-6;", "const LN2_LOW: f32 = 0.0;"),
    ("numerics: one coefficient", "p = fma(p, r, 1.666651964187622e-1);", "p = fma(p, r, 1.67e-1);"),
    (
        "log1p: the cancelling form",
        "return log1p_near_zero(x);\n    }\n    return log_from_one(1.0 + x);",
        "}\n    return log_from_one(1.0 + x);",
    ),
    ("stats: the largest is not kept apart", "min(peaks, z));", "z);"),
    ("stats: what is kept apart but not the largest is lost", "add_others(state, below_largest(state.peaks))", "state"),
    ("stats: no rescaling", "state.rest.value *= factor;", "state.rest.value *= 1.0;"),
    ("stats: a quad of the block is lost", "total((ea + eb) + (ec + ed))", "total((ea + eb) + ec)"),
    (
        "stats: merging forgets the scale",
        "return Others(second, others.rest * factor, spread);",
        "return Others(second, others.rest, spread);",
    ),
    ("stats: merging forgets the largest of the lower", "whole.rest + state.count", "whole.rest"),
    ("scan: every second block", "quad += 4u * lanes", "quad += 8u * lanes"),
    ("quads: the tail is not cut off", "return is_inside(quad) & allowed4(row, quad);", "return allowed4(row, quad);"),
    ("cross-entropy: p - 1 at the largest", "lift / sum - (hard + labels) * (others / sum)", "(hard + labels) / sum - (hard + labels)"),
    ("cross-entropy: the loss as lse - x", "log_prob = -((stats.max - own) + log_sum);", "log_prob = own - opaque(stats.max + log_sum);"),
    ("cross-entropy: the weight of the target", "hard = (1.0 - params.smoothing)", "hard = (2.0 - params.smoothing)"),
    ("the mean divides by something else", "factor /= denominator();", "factor /= f32(params.quads);"),
    ("subgroups: sums without rescaling", "let own = relative_to(below, second);", "let own = below;"),
    ("targets: rows count twice", "state.valid += number_of(named);", "state.valid += 2u * number_of(named);"),
    ("targets: rows weigh twice", "select(f32(state.valid), value_of", "select(2.0 * f32(state.valid), value_of"),
    (
        "x4: a quad too far",
        "[(params.logits_start + row * params.logits_stride) / 4u + quad]",
        "[(params.logits_start + row * params.logits_stride) / 4u + quad + 1u]",
    ),
    ("texels: one texel too far", "/ 4u + quad));", "/ 4u + quad + 1u));"),
    ("texels: words in the wrong order", "vec4(near.zw, far.xy)", "vec4(near.wz, far.xy)"),
    ("split: a chunk is left out", "i < params.chunks; i += lanes", "i + 1u < params.chunks; i += lanes"),
    ("elements: the last element is not written", "store_some(row, quad, value, there);", "store_some(row, quad, value, min(there, 2u));"),
];

/// What a compiler refuses is named by file and line.
#[test]
fn a_refused_shader_is_located() {
    CHANGE.set(Some(("let n = floor(v * LOG2_E + 0.5);", "let n = flour(v * LOG2_E + 0.5);")));
    let error = Gpu::new().unwrap().softmax(&Logits::new(&[0.0_f32], 1, 1).unwrap()).unwrap_err();
    CHANGE.set(None);
    let line = crate::shader::NUMERICS.text.lines().position(|l| l.contains("let n = floor(v")).unwrap() + 1;
    match error {
        crate::Error::Shader { file: "numerics.wgsl", line: told, .. } => assert_eq!(told, line),
        other => panic!("{other}"),
    }
}

#[test]
fn each_change_of_a_kernel_is_seen() {
    // A new handle for each: its pipelines are compiled from the changed text.
    let open = |textures| Gpu::open(&AdapterChoice::Best).unwrap().with_texture_reads(textures);
    for textures in [false, true] {
        let clean = check_all(&open(textures));
        assert!(clean.is_ok(), "{clean:?}");
    }
    for (name, from, to) in CHANGES {
        let found = crate::shader::ALL_PARTS.iter().any(|p| p.text.contains(from));
        // The scan's condition stands in elements.wgsl too: a change there is one as well.
        assert!(found, "{name}: no part holds {from:?}");
        CHANGE.set(Some((from, to)));
        let result = check_all(&open(name.starts_with("texels")));
        CHANGE.set(None);
        match result {
            Ok(worst) => panic!("{name}: not seen, largest error {worst} of the bound"),
            Err(seen) => println!("{name}: {seen}"),
        }
    }
}
