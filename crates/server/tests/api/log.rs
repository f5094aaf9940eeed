//! Everything that is logged while the tests run: per test in memory, and, where `SCANYARD_TEST_TRACE` names a folder,
//! all of it in a file there, beside the secrets that were used and the answers that must not hold them.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{LazyLock, Once};

thread_local! {
    /// What this thread logged: a test runs on one thread of its own.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os("SCANYARD_TEST_TRACE").map(PathBuf::from));
static LOG: LazyLock<Option<File>> = LazyLock::new(|| open("log"));
static SECRETS: LazyLock<Option<File>> = LazyLock::new(|| open("secrets"));
static ANSWERS: LazyLock<Option<File>> = LazyLock::new(|| open("answers"));

/// Several test programs add to the same file; one write is one line.
fn open(name: &str) -> Option<File> {
    let path = FOLDER.as_ref()?.join(name);
    Some(OpenOptions::new().create(true).append(true).open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

fn add(file: Option<&File>, text: &str) {
    if let Some(mut file) = file {
        file.write_all(format!("{text}\n").as_bytes()).unwrap();
    }
}

/// One subscriber serves the whole process: with one per test, a call site that another test's thread reached first could
/// stay silent.
struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend(bytes));
        if let Some(mut file) = LOG.as_ref() {
            file.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log of the test's thread.
pub struct Log;

impl Log {
    /// Logs everything from now on.
    pub fn begin() -> Log {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let format = tracing_subscriber::fmt().with_writer(|| Writer).with_ansi(false);
            format.with_max_level(tracing::Level::TRACE).init();
        });
        LOGGED.take();
        Log
    }

    pub fn text(&self) -> String {
        LOGGED.with_borrow(|logged| String::from_utf8_lossy(logged).into_owned())
    }
}

/// Begins the log of all tests where it is asked for.
pub fn begin_if_traced() {
    if FOLDER.is_some() {
        Log::begin();
    }
}

/// A secret that the tests use: it may stand in no log, no failure and no metric.
pub fn is_secret(secret: &str) {
    add(SECRETS.as_ref(), secret);
}

/// A failure or a page of metrics.
pub fn answered(text: &str) {
    add(ANSWERS.as_ref(), text);
}
