//! Every module for another compiler, and some to be executed by it, with what the reference says: `scripts/tint.sh` takes it from here.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::modules::covering;
use super::*;

mod executed;

/// A module as `tests/tint/check.mjs` reads it: texts are files of their own, each there once.
struct Written {
    folder: PathBuf,
    texts: Vec<String>,
}

impl Written {
    fn module(&mut self, name: &str, source: &Source, unit: Unit, constants: &[(&str, f64)]) -> Value {
        let at = self.texts.iter().position(|text| *text == source.text).unwrap_or_else(|| {
            self.texts.push(source.text.clone());
            fs::write(self.folder.join(format!("{}.wgsl", self.texts.len() - 1)), &source.text).expect("a text is written");
            self.texts.len() - 1
        });
        let bindings: Vec<Value> = source.slots().iter().map(|s| json!([s.index, format!("{:?}", s.access)])).collect();
        let constants: serde_json::Map<String, Value> = constants.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        json!({ "name": name, "text": format!("{at}.wgsl"), "subgroups": uses_subgroups(unit), "constants": constants, "bindings": bindings })
    }

    fn list(&self, file: &str, values: &[Value]) {
        fs::write(self.folder.join(file), serde_json::to_string(values).expect("JSON")).expect("a list is written");
    }
}

#[test]
#[ignore = "scripts/tint.sh runs it and says where the modules go"]
fn modules_are_written() {
    let folder = PathBuf::from(std::env::var("XENT_MODULES").expect("XENT_MODULES names a folder"));
    let mut written = Written { folder, texts: Vec::new() };
    let modules = covering();
    let pipelines: Vec<Value> = modules.iter().map(|m| written.module(&m.name, &m.source, m.unit, &m.constants)).collect();
    written.list("pipelines.json", &pipelines);
    // All texts, also those of no pipeline here.
    let texts: Vec<Value> = distinct_texts().into_iter().map(|m| written.module(&m.name, &m.source, m.unit, &m.constants)).collect();
    written.list("modules.json", &texts);
    let cases = executed::cases(&mut written);
    written.list("cases.json", &cases);
    println!("{} texts, {} pipelines, {} cases", written.texts.len(), pipelines.len(), cases.len());
}
