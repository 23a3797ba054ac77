//! The tables of `docs/bad-input.md`: what was tried, and the message that it got.

/// Tests write the same file, one after the other.
static FILE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Holds the rows against those of a section of the document, or writes them there if `XENT_WRITE_DOCS` is set.
pub(crate) fn check_section(section: &str, rows: &[(&str, String)]) {
    let _alone = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.ancestors().map(|folder| folder.join("docs/bad-input.md")).find(|path| path.is_file()).expect("docs/bad-input.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->\n"));
    let cell = |text: &str| text.replace('|', "\\|");
    let code = |text: &str| if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") };
    let lines: String = rows.iter().map(|(tried, told)| format!("| {} | {} |\n", cell(tried), cell(&code(told)))).collect();
    let table = format!("| tried | told |\n|---|---|\n{lines}");
    let start = text.find(&begin).expect("the section") + begin.len();
    let stop = start + text[start..].find(&end).expect("the section's end");
    if std::env::var_os("XENT_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..start], &text[stop..])).unwrap();
        return;
    }
    for (now, written) in table.lines().zip(text[start..stop].lines()) {
        assert_eq!(now, written, "{section} of docs/bad-input.md: XENT_WRITE_DOCS=1 cargo test bad_input writes it anew");
    }
    assert_eq!(table.lines().count(), text[start..stop].lines().count(), "{section} of docs/bad-input.md");
}
