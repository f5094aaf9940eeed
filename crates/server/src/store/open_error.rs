//! Why a database cannot be used, said once, with the setting and the next step, and never with a password.

use super::StoreError;

/// What kind of trouble it is: it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A setting is wrong: nothing changes until somebody changes it.
    Setting,
    /// Nobody who takes writes answers there now.
    Unreachable,
    /// The database answers and cannot be used by this program.
    Unfit,
}

/// Why a database cannot be opened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{setting}: {message}")]
pub struct OpenError {
    pub trouble: Trouble,
    setting: &'static str,
    /// Ends with what to do.
    message: String,
}

impl OpenError {
    /// A fault of `database.url`.
    pub fn new(trouble: Trouble, reason: impl std::fmt::Display) -> OpenError {
        OpenError { trouble, setting: "database.url", message: reason.to_string() }
    }

    /// The same fault where the database was named by something else.
    pub fn named_by(self, setting: &'static str) -> OpenError {
        OpenError { setting, ..self }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> OpenError {
        OpenError::new(Trouble::Unfit, error)
    }
}

/// What PostgreSQL or the way to it says, as advice. `place` is the URL without its password.
pub fn of_postgres(place: &str, error: &sqlx::Error) -> OpenError {
    use Trouble::{Setting, Unfit, Unreachable};
    let (trouble, reason) = match error {
        sqlx::Error::Database(error) => of_code(error.code().unwrap_or_default().as_ref(), error.message()),
        sqlx::Error::Io(error) => of_io(error),
        sqlx::Error::Tls(error) => (Setting, format!("{}; {TLS_ADVICE}", chain(error.as_ref()))),
        sqlx::Error::Configuration(error) => (Setting, format!("the URL cannot be used: {error}")),
        sqlx::Error::PoolTimedOut => (Unreachable, SILENT.to_string()),
        sqlx::Error::Protocol(error) => (Setting, format!("what answers there is no PostgreSQL server: {error}")),
        error => (Unfit, error.to_string()),
    };
    OpenError::new(trouble, format!("{place}: {reason}"))
}

/// SQLite's code for a file that cannot be opened or made.
const CANNOT_OPEN: &str = "14";

/// What SQLite says of its file.
pub fn of_sqlite(url: &str, error: &sqlx::Error) -> OpenError {
    match error {
        sqlx::Error::Database(said) if said.code().as_deref() == Some(CANNOT_OPEN) => {
            let reason = "the file cannot be opened or made; is its folder there, and may this user write to it?";
            OpenError::new(Trouble::Setting, format!("{url}: {reason}"))
        }
        error => OpenError::new(Trouble::Unfit, format!("{url}: {error}")),
    }
}

/// Which of them it is cannot be told: both take the connection, or nobody says that it is refused.
const SILENT: &str = "no answer in time: the way there is blocked, or what takes connections there does not answer as PostgreSQL; \
                      are host and port right, and is the server well?";

/// What a server that answers and is of no use is asked.
pub const STANDBY: &str = "takes no writes: is it a standby, or is default_transaction_read_only on?";

const TLS_ADVICE: &str = "sslmode and sslrootcert of the URL say what is asked of the server's certificate";

fn of_io(error: &std::io::Error) -> (Trouble, String) {
    let text = chain(error);
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            (Trouble::Unreachable, "nobody listens there; is the server running, and are host and port right?".into())
        }
        // How rustls' own errors arrive.
        std::io::ErrorKind::InvalidData => (Trouble::Setting, format!("{text}; {TLS_ADVICE}")),
        std::io::ErrorKind::UnexpectedEof => {
            (Trouble::Setting, "what answers there hangs up; is it a PostgreSQL server?".into())
        }
        _ => (Trouble::Unreachable, format!("cannot be reached: {text}")),
    }
}

/// By the server's own code; its message says whom and what.
fn of_code(code: &str, message: &str) -> (Trouble, String) {
    use Trouble::{Setting, Unfit, Unreachable};
    match code {
        "28P01" => (Setting, format!("the server refuses the password: {message}")),
        "28000" if message.contains("no encryption") => {
            (Setting, format!("the server asks for TLS: {message}; add sslmode=verify-full to the URL"))
        }
        "28000" => (Setting, format!("the server does not let this user in: {message}; see its pg_hba.conf")),
        "3D000" => (Setting, format!("{message}; make it with `createdb`, owned by the user of the URL")),
        "42501" => (
            Setting,
            format!("{message}; the user of the URL must own the database, or have the right CREATE on its schema"),
        ),
        "3F000" => (
            Setting,
            format!(
                "{message}; the user of the URL has no schema that it may use: see search_path, and USAGE on schema public"
            ),
        ),
        "53300" => (Unreachable, format!("{message}; raise max_connections there, or lower database.connections")),
        "57P03" => (Unreachable, format!("it does not take connections now: {message}")),
        _ => (Unfit, format!("{message} ({code})")),
    }
}

/// An error and what caused it; some say the same twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
