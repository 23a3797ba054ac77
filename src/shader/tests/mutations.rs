//! The list of `tests/mutations.txt`, which scripts/mutations.py goes through: that it is whole, and that each change leaves a kernel.

use super::*;

/// Parts that declare, or do nothing.
const NOTHING_TO_CHANGE: [&str; 5] =
    ["no_state_out.wgsl", "no_target_gradient.wgsl", "no_tile_result.wgsl", "partials.wgsl", "stats_none_subgroup.wgsl"];

/// File, what stands there, what stands instead.
fn mutations() -> Vec<(String, String, String)> {
    let lines = include_str!("../../../tests/mutations.txt").lines().filter(|line| !line.starts_with('#'));
    let text = |field: &str| field.replace("\\n", "\n");
    let fields = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    fields
        .map(|fields| match fields[..] {
            [file, from, to, why] | [file, from, to, why, _] if !why.is_empty() => (file.to_owned(), text(from), text(to)),
            _ => panic!("four or five fields divided by tabs: {fields:?}"),
        })
        .collect()
}

#[test]
fn each_part_is_changed() {
    let changed: BTreeSet<String> = mutations().into_iter().map(|(file, ..)| file).collect();
    for part in ALL_PARTS {
        assert_ne!(changed.contains(part.file), NOTHING_TO_CHANGE.contains(&part.file), "{}", part.file);
    }
}

/// What no compiler takes would be seen by any test, and show nothing.
#[test]
fn each_changed_kernel_is_valid() {
    for (file, from, to) in mutations() {
        let part = ALL_PARTS.iter().find(|p| p.file == file).unwrap_or_else(|| panic!("no part {file}"));
        assert_eq!(part.text.matches(&from).count(), 1, "{file}: {from:?}");
        assert!(from != to, "{file}: {from:?}");
        let module = MODULES.iter().chain(WIDE.iter()).find(|m| m.source.files().contains(&part.file)).expect("a part is used");
        let of = |p: &&Part| if p.file == part.file { p.text.replacen(&from, &to, 1) } else { p.text.to_owned() };
        let text = module.source.parts.iter().map(of).collect::<Vec<_>>().join("\n");
        let changed = naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{file}: {to:?}: {}", e.message()));
        validate_with(&changed, module.unit, Capabilities::SHADER_INT64);
    }
}
