//! trivy leaves out `dev`, `proc` and `sys` at the root of what it is pointed at, without a word, for of a system they are the
//! kernel's. Of a project they are folders as any other: such a project lies one folder deeper.

use std::fs::{DirBuilder, Permissions, rename, set_permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What trivy leaves out.
const KERNEL: [&str; 3] = ["dev", "proc", "sys"];

/// Moves a project one folder deeper, into one of the same name, where trivy would take a part of it for a system's. Gives that
/// folder's name with a slash; nothing where all stays.
pub fn nest(path: &Path, name: &str) -> io::Result<String> {
    if is_system(path) || !KERNEL.iter().any(|folder| path.join(folder).is_dir()) {
        return Ok(String::new());
    }
    let aside = path.with_file_name(format!("{name}.aside"));
    rename(path, &aside)?;
    DirBuilder::new().create(path)?;
    set_permissions(path, Permissions::from_mode(0o755))?;
    rename(aside, path.join(name))?;
    Ok(format!("{name}/"))
}

/// The report as if the folder `within`, which ends with a slash, were what trivy was pointed at.
pub fn lifted(report: Vec<u8>, within: &str) -> Vec<u8> {
    let mut text = match String::from_utf8(report) {
        Ok(text) => text,
        Err(error) => return error.into_bytes(),
    };
    for key in ["Target", "PkgPath", "FilePath"] {
        // No text of the report has such quotes: there they are escaped.
        text = text.replace(&format!("\"{key}\": \"{within}"), &format!("\"{key}\": \""));
    }
    text.into_bytes()
}

/// Folders that were left out: those of the scan, and of a system those that are trivy's.
pub fn skipped(root: &Path, skip_dirs: &[String]) -> Vec<String> {
    let plain = |path: &String| path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    let of_system = if is_system(root) { KERNEL.map(str::to_string).to_vec() } else { Vec::new() };
    skip_dirs.iter().map(plain).chain(of_system).collect()
}

/// Whether a folder is the root of a system, such as that of a container. A project may have an `etc` of its own.
fn is_system(root: &Path) -> bool {
    ["etc", "usr"].iter().all(|folder| root.join(folder).is_dir())
}
