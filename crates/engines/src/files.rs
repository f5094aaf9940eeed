//! Names of files that are not here: a path, of which the last part tells them from others.

use crate::target::{MAX_BYTES, TargetFault, fault};
use crate::text::clean;
use std::fmt;

/// What files are called where they are: a path such as `./project` or `/srv/project`. It is opened nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesName(String);

impl FilesName {
    /// Reads a path that ends in a name.
    pub fn parse(text: &str) -> Result<FilesName, TargetFault> {
        if text.len() > MAX_BYTES {
            return fault(format!("is longer than {MAX_BYTES} bytes"));
        }
        if clean(text.as_bytes(), MAX_BYTES) != text || text.contains(['\n', '\t']) {
            return fault("is a path with characters that no terminal shows");
        }
        if matches!(last(text), "" | "." | ".." | "~") {
            return fault("is a path without a name at its end: name the folder or the file, such as ./project");
        }
        Ok(FilesName(text.to_string()))
    }

    /// The files of a path that a report states: its last part, for the rest is of somebody else's machine.
    pub fn of(path: &str) -> Result<FilesName, TargetFault> {
        FilesName::parse(&format!("./{}", last(path)))
    }

    /// The name of the folder or the file.
    pub fn last(&self) -> &str {
        last(&self.0)
    }
}

impl fmt::Display for FilesName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn last(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_by_the_last_part_of_their_path() {
        for path in ["./project", "/srv/project/", "~/a b/project", "../project"] {
            let files = FilesName::parse(path).unwrap();
            assert_eq!((files.last(), files.to_string().as_str()), ("project", path));
            assert_eq!(FilesName::of(path).unwrap().to_string(), "./project");
        }
    }

    #[test]
    fn a_path_without_a_name_names_nothing() {
        for path in ["", ".", "./", "/", "../..", "~", "a\nb", "\u{202e}a", &"a".repeat(MAX_BYTES + 1)] {
            assert!(FilesName::parse(path).is_err(), "{path:?}");
        }
    }
}
