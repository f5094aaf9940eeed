//! Credentials for wapiti, which takes headers from its command line only, where everybody on the machine can read them.
//! So its own Python starts it with a loader of two lines, which reads those arguments from a file in the job folder.

use crate::auth;
use crate::process::JobDir;
use scanyard_contract::scan::ScanAuth;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The file of further arguments, one a line.
const FILE: &str = "credentials";
/// Adds the arguments of the file and becomes the script that is named first.
const LOADER: &str = "import sys,runpy;sys.argv=sys.argv[1:]+open('credentials').read().splitlines();\
                      runpy.run_path(sys.argv[0],run_name='__main__')";

/// The program and its arguments, once the credentials are in the job folder.
pub fn started(script: &Path, args: Vec<String>, auth: &ScanAuth, dir: &JobDir) -> io::Result<(PathBuf, Vec<String>)> {
    let python = interpreter(script)?;
    dir.write(FILE, arguments(auth).as_bytes())?;
    // `-I`: no module comes from the job folder or the environment.
    let first = ["-I", "-c", LOADER].map(str::to_string).into_iter().chain([script.to_string_lossy().into_owned()]);
    Ok((python, first.chain(args).collect()))
}

/// One argument a line; no value has a line break.
fn arguments(auth: &ScanAuth) -> String {
    let headers = auth::headers(auth).into_iter().map(|(name, value)| format!("--header={name}: {value}\n"));
    let cookies = auth::cookie_line(auth).map(|line| format!("--header=Cookie: {line}\n"));
    headers.chain(cookies).collect()
}

/// The Python that a script names in its first line, which must be an absolute path.
fn interpreter(script: &Path) -> io::Result<PathBuf> {
    let mut line = String::new();
    BufReader::new(std::fs::File::open(script)?.take(4096)).read_line(&mut line)?;
    let path = line.strip_prefix("#!").map(str::trim).unwrap_or_default();
    match path.starts_with('/') && !path.contains(' ') {
        true => Ok(PathBuf::from(path)),
        false => Err(io::Error::other(format!("{} does not name its Python in its first line", script.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_among_the_arguments() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("wapiti");
        std::fs::write(&script, "#!/opt/python3\nimport sys\n").unwrap();
        let job_dir = JobDir::create(dir.path(), uuid::Uuid::now_v7()).unwrap();
        let auth = serde_json::from_value(serde_json::json!({
            "headers": [{"name": "X-Token", "value": "t0p"}], "cookies": [{"name": "sid", "value": "c00kie"}]
        }));
        let (python, args) = started(&script, vec!["--url=http://a.test/".into()], &auth.unwrap(), &job_dir).unwrap();
        assert_eq!(python, Path::new("/opt/python3"));
        assert_eq!(args[3..], [script.to_string_lossy().as_ref(), "--url=http://a.test/"]);
        assert!(args.iter().all(|arg| !arg.contains("t0p") && !arg.contains("c00kie")));
        let file = String::from_utf8(job_dir.read(FILE, 1000).unwrap()).unwrap();
        assert_eq!(file, "--header=X-Token: t0p\n--header=Cookie: sid=c00kie\n");
    }

    #[test]
    fn a_script_that_names_no_python_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (name, first) in [("a", "#!/usr/bin/env python3"), ("b", "\u{7f}ELF"), ("c", "")] {
            let script = dir.path().join(name);
            std::fs::write(&script, first).unwrap();
            assert!(interpreter(&script).is_err(), "{first}");
        }
    }
}
