//! A change of one shader part, told by the environment: only in builds with `--cfg xent_mutations`, which scripts/mutations.py runs.

use std::borrow::Cow;

use crate::shader::Part;

/// The part's text, changed as `XENT_MUTATION` says if it names this part: file, what stands there once, what stands instead, divided
/// by tabs, with `\n` for the end of a line.
pub(crate) fn text_of(part: &Part) -> Cow<'static, str> {
    let Ok(mutation) = std::env::var("XENT_MUTATION") else { return part.text.into() };
    let fields: Vec<&str> = mutation.split('\t').collect();
    let [file, from, to] = fields[..] else { panic!("XENT_MUTATION is not FILE, FROM and TO: {mutation:?}") };
    if part.file != file {
        return part.text.into();
    }
    let [from, to] = [from, to].map(|text| text.replace("\\n", "\n"));
    assert_eq!(part.text.matches(&from).count(), 1, "{from:?} in {file}");
    part.text.replacen(&from, &to, 1).into()
}
