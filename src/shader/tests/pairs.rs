//! Every pair of choices that can meet.

use std::collections::HashSet;

use super::super::*;
use super::modules::{PHASES, UNITS, trimmed};
use crate::views::Storage::{Bf16, F16, F32};

/// One value of one thing that variants differ in.
struct Choice {
    thing: &'static str,
    set: fn(&mut Variant),
}

macro_rules! choice {
    (($($place:tt)+), $value:expr) => {
        Choice { thing: stringify!($($place)+), set: |v| v.$($place)+ = $value }
    };
}

/// A choice for each value of a place in a variant.
macro_rules! choices {
    ($($place:tt: [$($value:expr),*];)*) => { vec![$($(choice!($place, $value)),*),*] };
}

fn choices() -> Vec<Choice> {
    choices! {
        (unit): [UNITS[0], UNITS[1], UNITS[2], UNITS[3], UNITS[4]];
        (phase): [PHASES[0], PHASES[1], PHASES[2], PHASES[3], PHASES[4], PHASES[5], PHASES[6], PHASES[7], PHASES[8], PHASES[9]];
        (elements): [false, true];
        (from): [LogitsFrom::Buffer, LogitsFrom::Result, LogitsFrom::Texture];
        (strided): [false, true];
        (forms.logits.storage): [F32, F16, Bf16];
        (forms.logits.at_once): [AtOnce::One, AtOnce::Two, AtOnce::Four];
        (forms.second.storage): [F32, F16, Bf16];
        (forms.second.at_once): [AtOnce::One, AtOnce::Two, AtOnce::Four];
        (forms.third.storage): [F32, F16, Bf16];
        (forms.third.at_once): [AtOnce::One, AtOnce::Two, AtOnce::Four];
        (forms.result.storage): [F32, F16, Bf16];
        (forms.result.at_once): [AtOnce::One, AtOnce::Two, AtOnce::Four];
        (forms.target_result): [F32, F16, Bf16];
        (features.transform): [Transform::Identity, Transform::Scale, Transform::Softcap];
        (features.masked): [false, true];
        (features.weighted): [false, true];
        (features.element_weights): [false, true];
        (features.pos_weights): [false, true];
        (features.writes): [Writes::Values, Writes::Gradient, Writes::TargetGradient];
        (features.labels): [false, true];
        (features.smooths): [false, true];
        (features.argmax): [false, true];
        (features.rank): [false, true];
        (features.entropy): [false, true];
        (features.details): [false, true];
        (features.row_factors): [false, true];
        (features.states): [false, true];
        (features.target_gradient): [false, true];
    }
}

/// The pairs of choices that a variant has made.
fn pairs(choices: &[Choice], v: &Variant) -> Vec<(usize, usize)> {
    let is_made = |&i: &usize| {
        let mut with = *v;
        (choices[i].set)(&mut with);
        with == *v
    };
    let made: Vec<usize> = (0..choices.len()).filter(is_made).collect();
    made.iter().enumerate().flat_map(|(n, &b)| made[..n].iter().map(move |&a| (a, b))).collect()
}

/// Adds what it takes for every two choices that a variant of the kernel can make to be made in one of them.
pub(super) fn complete(kernel: &Kernel, variants: &mut Vec<Variant>) {
    let choices = choices();
    let mut met: HashSet<_> = variants.iter().flat_map(|v| pairs(&choices, v)).collect();
    let given = variants.clone();
    for b in 0..choices.len() {
        for a in 0..b {
            if choices[a].thing == choices[b].thing || met.contains(&(a, b)) {
                continue;
            }
            // From another place each time, so that what is added differs in all else too.
            let from = (a * 7919 + b * 104_729) % given.len();
            let possible = given[from..].iter().chain(&given[..from]).find_map(|v| {
                let mut v = *v;
                (choices[a].set)(&mut v);
                (choices[b].set)(&mut v);
                // What is trimmed away was not chosen.
                (v.is_of(kernel) && trimmed(kernel, v) == v).then_some(v)
            });
            if let Some(v) = possible {
                met.extend(pairs(&choices, &v));
                variants.push(v);
            }
        }
    }
}

/// Some of the variants, in which every two choices meet that meet in any.
pub(super) fn cover(variants: &[Variant]) -> Vec<Variant> {
    let choices = choices();
    let mut met = HashSet::new();
    // Neighbours are much alike, so not in their order.
    let scattered = (0..variants.len()).map(|i| &variants[i * 7919 % variants.len()]);
    scattered.filter(|v| pairs(&choices, v).into_iter().filter(|&pair| met.insert(pair)).count() > 0).copied().collect()
}
