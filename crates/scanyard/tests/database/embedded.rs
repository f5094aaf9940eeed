//! Backup and restore of the embedded database, by the real binary, while a server is under load.

use crate::command::{python, said, scanyard};
use crate::server::{Server, serve_command};
use nix::sys::signal::Signal;
use serde_json::json;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const UNLIMITED: [(&str, &str); 2] = [("SCANYARD_LIMITS_PER_MINUTE", "100000"), ("SCANYARD_LIMITS_PER_HOUR", "100000")];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn scan() -> String {
    json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}).to_string()
}

#[test]
fn a_backup_under_load_holds_all_that_was_answered_before_it_began() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, file) = (dir.path().join("data"), dir.path().join("a b?.db"));
    let server = Server::start(dir.path(), &UNLIMITED);
    let (acknowledged, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let before = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let (status, answer) = server.call("POST", "/scans", &scan());
                    assert_eq!(status, 201, "{answer}");
                    acknowledged.lock().unwrap().push(answer["data"]["id"].as_str().unwrap().to_string());
                }
            });
        }
        while acknowledged.lock().unwrap().len() < 50 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let before = acknowledged.lock().unwrap().clone();
        let output = scanyard(&["backup", text(&file), "--data-dir", text(&data)]);
        is_over.store(true, Ordering::SeqCst);
        let (code, said) = said(&output);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("schema version") && said.contains("the master key is not in the backup"), "{said}");
        before
    });
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, refused) = said(&scanyard(&["backup", text(&file), "--data-dir", text(&data)]));
    assert_eq!((code, refused.contains("is there already")), (Some(2), true), "{refused}");
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_string_lossy().contains(".part-")).count(), 0);
    drop(server);

    let restored = other.path().join("data");
    let (code, warned) = said(&scanyard(&["restore", text(&file), "--data-dir", text(&restored)]));
    assert_eq!((code, warned.contains("the master key mk-")), (Some(0), true), "{warned}");
    let refused = serve_command(other.path(), &UNLIMITED).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "it started without the master key");
    std::fs::copy(data.join("master.key"), restored.join("master.key")).unwrap();
    std::fs::copy(dir.path().join("owner.key"), other.path().join("owner.key")).unwrap();
    let server = Server::start(other.path(), &[]);
    for id in &before {
        server.scan(id, "sentinel");
    }
    server.wait(&before[0], "sentinel", "a queued scan of the backup runs", |scan| scan["status"] == "completed");
}

#[test]
fn a_restore_replaces_nothing_unasked_and_keeps_what_it_replaces() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("backup.db"));
    let restore =
        |more: &[&str]| said(&scanyard(&[&["restore", text(&file), "--data-dir", text(&data)], more].concat()));
    let mut server = Server::start(dir.path(), &UNLIMITED);
    let kept = server.submit(serde_json::from_str(&scan()).unwrap());
    assert_eq!(scanyard(&["backup", text(&file), "--data-dir", text(&data)]).status.code(), Some(0));
    let later = server.submit(serde_json::from_str(&scan()).unwrap());
    let (code, refused) = restore(&["--force"]);
    assert_eq!((code, refused.contains("a process uses the data folder")), (Some(2), true), "{refused}");
    // Killed, so that its last writes are in the log beside the database.
    server.signal(Signal::SIGKILL);
    server.child.wait().unwrap();
    let (code, refused) = restore(&[]);
    assert_eq!((code, refused.contains("--force")), (Some(2), true), "{refused}");
    let (code, done) = restore(&["--force"]);
    assert_eq!((code, done.contains("is now")), (Some(0), true), "{done}");

    let ids = |path: &Path| python(text(path), "print([id for (id,) in c.execute('SELECT id FROM scan')])");
    let aside = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    let mut aside = aside.filter(|path| text(path).contains(".db.before-") && !text(path).contains("-wal"));
    let old = ids(&aside.next().expect("the old database"));
    assert!(old.contains(&kept) && old.contains(&later), "{old}");
    let server = Server::start(dir.path(), &UNLIMITED);
    server.scan(&kept, "sentinel");
    assert_eq!(server.call("GET", &format!("/scans/{later}?scanType=sentinel"), "").0, 404);
    drop(server);

    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let (code, refused) = restore(&["--force"]);
    assert_eq!(code, Some(3), "{refused}");
    assert!(ids(&data.join("scanyard.db")).contains(&kept), "the database is not what it was");
    std::fs::write(&file, "no database").unwrap();
    assert_eq!(restore(&["--force"]).0, Some(3));
}

#[test]
fn a_backup_of_nothing_or_of_postgresql_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.db");
    let (code, refused) = said(&scanyard(&["backup", text(&file), "--data-dir", text(&dir.path().join("none"))]));
    assert_eq!((code, refused.contains("there is no database")), (Some(2), true), "{refused}");
    let (code, refused) = said(&scanyard(&["backup", text(&file), "--database-url", "postgres://u@127.0.0.1/d"]));
    assert_eq!((code, refused.contains("pg_dump")), (Some(2), true), "{refused}");
    assert!(!file.exists());
}

/// A server that was killed: its last writes are in the log beside the database.
fn killed(dir: &Path) -> String {
    let mut server = Server::start(dir, &UNLIMITED);
    let id = server.submit(serde_json::from_str(&scan()).unwrap());
    server.signal(Signal::SIGKILL);
    server.child.wait().unwrap();
    id
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_restored_database_belongs_to_the_owner_of_the_folder_or_of_the_one_before() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, file) = (other.path().join("data"), dir.path().join("backup.db"));
    killed(dir.path());
    assert_eq!(said(&scanyard(&["backup", text(&file), "--data-dir", text(&dir.path().join("data"))])).0, Some(0));
    std::fs::create_dir(&data).unwrap();
    // Only root can give files away; who is not root has everything anyway.
    let give = |path: &Path, id: u32| {
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(path, Some(id), Some(id)).unwrap();
        }
    };
    let owner = |path: &Path| std::fs::metadata(path).map(|file| (file.uid(), file.gid())).unwrap();
    give(&data, 65534);
    let database = data.join("scanyard.db");
    let restore = || said(&scanyard(&["restore", text(&file), "--data-dir", text(&data), "--force"]));
    assert_eq!(restore().0, Some(0));
    assert_eq!(names(&data), ["lock", "scanyard.db"]);
    assert_eq!(owner(&database), owner(&data));
    assert_eq!(owner(&data.join("lock")), owner(&data));
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);

    give(&database, 4242);
    let before = owner(&database);
    assert_eq!(restore().0, Some(0));
    assert_eq!(owner(&database), before);
}

#[test]
fn a_restore_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("other"), dir.path().join("backup.db"));
    killed(dir.path());
    assert_eq!(said(&scanyard(&["backup", text(&file), "--data-dir", text(&dir.path().join("data"))])).0, Some(0));
    // What stands in the way shows only when the copy is there.
    std::fs::create_dir_all(data.join("scanyard.db")).unwrap();
    let (code, refused) = said(&scanyard(&["restore", text(&file), "--data-dir", text(&data), "--force"]));
    assert_eq!(code, Some(3), "{refused}");
    assert_eq!(names(&data), ["scanyard.db"]);
}

#[test]
fn a_database_that_was_taken_without_a_backup_is_restored_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (data, taken, empty) = (dir.path().join("data"), dir.path().join("taken"), dir.path().join("empty"));
    let restore = |from: &Path| said(&scanyard(&["restore", text(from), "--data-dir", text(&empty)]));
    let id = killed(dir.path());
    std::fs::create_dir(&taken).unwrap();
    let file = taken.join("scanyard.db");
    std::fs::copy(data.join("scanyard.db"), &file).unwrap();
    let (code, refused) = restore(&file);
    assert_eq!((code, refused.contains("without the scanyard.db-wal")), (Some(3), true), "{refused}");
    std::fs::copy(data.join("scanyard.db-wal"), taken.join("scanyard.db-wal")).unwrap();
    let (code, refused) = restore(&file);
    assert_eq!((code, refused.contains("`scanyard backup")), (Some(2), true), "{refused}");
    assert_eq!(names(&taken), ["scanyard.db", "scanyard.db-wal"]);
    // As it says.
    let backup = dir.path().join("backup.db");
    assert_eq!(said(&scanyard(&["backup", text(&backup), "--data-dir", text(&taken)])).0, Some(0));
    assert_eq!(restore(&backup).0, Some(0));
    let ids = python(text(&empty.join("scanyard.db")), "print([id for (id,) in c.execute('SELECT id FROM scan')])");
    assert!(ids.contains(&id), "{ids}");
}

#[test]
fn a_data_folder_may_have_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("50%41 a?mode=ro&b#c");
    std::fs::create_dir(&odd).unwrap();
    let server = Server::start(&odd, &UNLIMITED);
    let id = server.submit(serde_json::from_str(&scan()).unwrap());
    assert!(odd.join("data/scanyard.db").is_file());
    let (backup, second) = (dir.path().join("first.db"), dir.path().join("second.db"));
    assert_eq!(said(&scanyard(&["backup", text(&backup), "--data-dir", text(&odd.join("data"))])).0, Some(0));
    // The same by its URL, where such characters are written as in every URL.
    let url = format!("sqlite://{}/50%2541%20a%3Fmode=ro&b%23c/data/scanyard.db", text(dir.path()));
    assert_eq!(said(&scanyard(&["backup", text(&second), "--database-url", &url])).0, Some(0));
    for file in [backup, second] {
        let ids = python(text(&file), "print([id for (id,) in c.execute('SELECT id FROM scan')])");
        assert!(ids.contains(&id), "{ids}");
    }
}
