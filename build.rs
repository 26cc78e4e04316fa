//! Lists the files of `policies/` that the program carries with it, so that a new rule is one new file.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What `policy::builtin` calls them, and their folder.
const EMBEDDED: [(&str, &str); 4] = [("SCHEMA", "schema"), ("RULES", "rules"), ("DEMO", "demo"), ("CASES", "cases")];

fn main() -> io::Result<()> {
    let var = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let policies = var("CARGO_MANIFEST_DIR")?.join("policies");
    let mut lists = String::new();
    for (list, folder) in EMBEDDED {
        println!("cargo::rerun-if-changed=policies/{folder}");
        let _ = writeln!(lists, "const {list}: &[(&str, &str)] = &[");
        for (name, path) in files(&policies.join(folder))? {
            let _ = writeln!(lists, "    ({name:?}, include_str!({path:?})),");
        }
        lists.push_str("];\n");
    }
    fs::write(var("OUT_DIR")?.join("embedded.rs"), lists)
}

/// The files of a folder, by name, with their paths.
fn files(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let readable = |name: OsString| name.into_string().map_err(|name| io::Error::other(format!("{}", name.display())));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((readable(entry.file_name())?, readable(entry.path().into_os_string())?));
    }
    files.retain(|(name, _)| !name.starts_with('.'));
    files.sort();
    Ok(files)
}
