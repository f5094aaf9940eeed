//! Where the engines' programs are on this machine. Never by `PATH`.

use crate::engine::{Availability, engine};
use scanyard_contract::ScanType;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folders that `scripts/install-engines` fills, with a folder for each engine.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Filled by root, for every user of the machine; a program in it that others can change is not run.
    pub machine: PathBuf,
    /// Filled by this process's user.
    pub own: Option<PathBuf>,
}

/// Looks for an engine: the configured path alone when there is one, else in the folders of `installed`, the machine's first,
/// then in `/usr/bin` and `/usr/local/bin`.
pub fn locate(scan_type: ScanType, configured: Option<&Path>, installed: &Installed) -> Availability {
    if scan_type == ScanType::Sentinel {
        return Availability::Native;
    }
    let searched = match configured {
        Some(path) => vec![path.to_path_buf()],
        None => places(scan_type, installed),
    };
    let Some(path) = searched.iter().find(|path| path.is_file()) else { return Availability::Missing { searched } };
    if configured.is_none() && path.starts_with(&installed.machine) {
        match open_to_others(path) {
            Ok(None) => {}
            Ok(Some(place)) => {
                return Availability::NotReady(format!(
                    "{} is not run, for others than root can change {}: chown root:root, chmod go-w",
                    path.display(),
                    place.display()
                ));
            }
            Err(error) => return Availability::NotReady(format!("{}: {error}", path.display())),
        }
    }
    Availability::Program(path.clone())
}

/// Where an engine can be: a virtual environment has its programs in `bin`, a vendor's archive in its top folder.
fn places(scan_type: ScanType, installed: &Installed) -> Vec<PathBuf> {
    let program = engine(scan_type).program;
    let folders = [Some(&installed.machine), installed.own.as_ref()].into_iter().flatten();
    let own = folders.map(|dir| dir.join(scan_type.as_str())).flat_map(|dir| [dir.join("bin"), dir]);
    own.chain(["/usr/bin", "/usr/local/bin"].map(PathBuf::from)).map(|dir| dir.join(program)).collect()
}

/// What of the way to a file, itself included, somebody else than root could put something else in the place of.
fn open_to_others(path: &Path) -> std::io::Result<Option<PathBuf>> {
    let path = path.canonicalize()?;
    for place in path.ancestors() {
        let found = place.metadata()?;
        if found.uid() != 0 || found.mode() & 0o022 != 0 {
            return Ok(Some(place.to_path_buf()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(folder: &Path) -> PathBuf {
        let program = folder.join("nmap/bin/nmap");
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "").unwrap();
        program
    }

    #[test]
    fn an_engine_of_the_install_script_comes_before_the_system_s() {
        let dir = tempfile::tempdir().unwrap();
        let installed = Installed { machine: dir.path().join("none"), own: Some(dir.path().into()) };
        let find = || locate(ScanType::Nmap, None, &installed);
        assert!(!matches!(find(), Availability::Program(path) if path.starts_with(dir.path())));
        let program = install(dir.path());
        assert_eq!(find(), Availability::Program(program));
    }

    #[test]
    fn a_program_of_the_machine_that_others_can_change_is_not_run() {
        // The folder for temporary files is open to everybody.
        let dir = tempfile::tempdir().unwrap();
        let installed = Installed { machine: dir.path().join("machine"), own: Some(dir.path().join("own")) };
        let program = install(&installed.machine);
        install(installed.own.as_ref().unwrap());
        match locate(ScanType::Nmap, None, &installed) {
            Availability::NotReady(reason) => assert!(reason.contains("others than root can change"), "{reason}"),
            other => panic!("{other:?}"),
        }
        // Whoever writes the settings vouches for what they name.
        assert_eq!(locate(ScanType::Nmap, Some(&program), &installed), Availability::Program(program));
    }

    #[test]
    fn what_only_root_can_change_is_told_from_the_rest() {
        assert_eq!(open_to_others(Path::new("/bin/sh")).unwrap(), None);
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(open_to_others(&file).unwrap().is_some());
        // A link is what it leads to, and the way there.
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        assert_eq!(open_to_others(&link).unwrap(), None);
    }

    #[test]
    fn a_configured_path_is_the_only_one() {
        let dir = tempfile::tempdir().unwrap();
        let installed = Installed { machine: dir.path().join("none"), own: None };
        let path = dir.path().join("nmap");
        let searched = vec![path.clone()];
        assert_eq!(locate(ScanType::Nmap, Some(&path), &installed), Availability::Missing { searched });
        std::fs::write(&path, "").unwrap();
        assert_eq!(locate(ScanType::Nmap, Some(&path), &installed), Availability::Program(path));
    }
}
