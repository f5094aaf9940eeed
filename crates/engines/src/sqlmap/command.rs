//! Which program is sqlmap.

use std::path::{Path, PathBuf};

/// The program to start and the arguments that come first. In a virtual environment `bin/sqlmap` is a wrapper that ends
/// with 0 whatever sqlmap ends with, so the environment's own Python runs sqlmap's script instead.
pub(crate) fn command(path: &Path) -> (PathBuf, Vec<String>) {
    let python = path.with_file_name("python");
    match script(path) {
        Some(script) if python.is_file() => (python, vec![script.to_string_lossy().into_owned()]),
        Some(_) | None => (path.to_path_buf(), Vec::new()),
    }
}

/// `lib/python3.*/site-packages/sqlmap/sqlmap.py` of the environment whose `bin` holds the wrapper.
fn script(path: &Path) -> Option<PathBuf> {
    let lib = path.parent()?.parent()?.join("lib");
    let mut pythons = std::fs::read_dir(lib).ok()?.flatten();
    pythons.find_map(|python| {
        let is_python = python.file_name().to_string_lossy().starts_with("python3");
        Some(python.path().join("site-packages/sqlmap/sqlmap.py")).filter(|script| is_python && script.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_runs_the_script_and_not_its_wrapper() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("lib/python3.11/site-packages/sqlmap");
        let wrapper = dir.path().join("bin/sqlmap");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::create_dir_all(dir.path().join("bin")).unwrap();
        std::fs::write(&wrapper, "").unwrap();
        assert_eq!(command(&wrapper), (wrapper.clone(), Vec::new()));

        let script = package.join("sqlmap.py");
        std::fs::write(&script, "").unwrap();
        std::fs::write(dir.path().join("bin/python"), "").unwrap();
        assert_eq!(command(&wrapper), (dir.path().join("bin/python"), vec![script.display().to_string()]));
    }
}
