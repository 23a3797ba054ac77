//! The kept inputs of a fuzz target, one after the other.

use std::path::Path;

/// Calls the target with each input of its corpus, and with short ones besides.
pub(crate) fn replay(target: &str, run: impl Fn(&[u8])) {
    let corpus =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|path| path.join("fuzz/corpus").join(target)).find(|path| path.is_dir());
    let corpus = corpus.unwrap_or_else(|| panic!("no fuzz/corpus/{target}"));
    let mut paths: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "{} inputs of {target}", paths.len());
    for path in paths {
        println!("{}", path.display());
        run(&std::fs::read(path).unwrap());
    }
    run(&[]);
    for byte in 0..=u8::MAX {
        run(&[byte]);
        run(&[byte; 40]);
    }
}
