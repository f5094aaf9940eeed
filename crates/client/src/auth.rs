//! How a request says who is calling: a credential that stays, or a token that is fetched and renewed.

use crate::arctic_wolf::aurora;
use crate::error::Error;
use crate::request::{Answer, Request};
use crate::tenable::session;
use crate::zscaler::{legacy, oauth};
use http::{HeaderMap, HeaderName, HeaderValue};
use scanyard_contract::Service;
use scanyard_contract::hidden::Hidden;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// A token is renewed so long before its end, so that it does not end on the way.
const MARGIN: Duration = Duration::from_secs(30);

/// Who is calling.
#[derive(Debug)]
pub(crate) enum Auth {
    Nobody,
    /// Headers that stay the same, marked as sensitive.
    Fixed(HeaderMap),
    Session(Box<Session>),
}

/// The ways to get a token.
#[derive(Debug)]
pub(crate) enum Login {
    Tenable(session::Session),
    OAuth(Box<oauth::OAuth>),
    Legacy(legacy::Legacy),
    Aurora(aurora::Application),
}

/// What a login gave.
#[derive(Debug)]
pub(crate) struct Token {
    /// For every call, marked as sensitive.
    pub headers: HeaderMap,
    /// What must not be shown.
    pub secrets: Vec<Hidden>,
    /// How long it is good for; `None` when nobody said.
    pub life: Option<Duration>,
    /// It ends when it is not used for so long.
    pub idle: Option<Duration>,
}

impl Login {
    /// What to ask, and where.
    pub fn request(&self, now: SystemTime) -> Result<(Url, Option<Service>, Request), Error> {
        match self {
            Login::Tenable(session) => Ok((session.base.clone(), None, session.request())),
            Login::OAuth(oauth) => Ok((oauth.base.clone(), Some(Service::Common), oauth.request(now)?)),
            Login::Legacy(legacy) => Ok((legacy.base.clone(), Some(legacy.service()), legacy.request(now)?)),
            Login::Aurora(application) => {
                Ok((application.base.clone(), Some(Service::Aurora), application.request(now)))
            }
        }
    }

    /// Reads the token; the error says what is missing and repeats nothing of the answer.
    pub fn read(&self, answer: &Answer) -> Result<Token, &'static str> {
        match self {
            Login::Tenable(session) => session.read(answer),
            Login::OAuth(_) => oauth::read(answer),
            Login::Legacy(legacy) => legacy.read(answer),
            Login::Aurora(_) => oauth::read(answer),
        }
    }
}

/// A token that all clones of a client share.
#[derive(Debug)]
pub(crate) struct Session {
    pub login: Login,
    held: Mutex<Held>,
    /// How many logins have ended, well or not.
    logins: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    token: Option<(Token, Instant)>,
    used_at: Option<Instant>,
    /// Why the last login failed, while no later one did better.
    failure: Option<Error>,
}

/// The headers for one attempt, and which login they are of.
pub(crate) struct Pass {
    pub headers: HeaderMap,
    pub login: u64,
}

impl Session {
    pub fn new(login: Login) -> Session {
        Session { login, held: Mutex::default(), logins: AtomicU64::new(0) }
    }

    /// The present token, or a new one by `log_in` when there is none, when it is over, or when it is of the login `stale`
    /// that was refused. Clones that need one at the same time share one login, and its failure: a wrong password must not
    /// lock the account.
    pub async fn pass(
        &self,
        stale: Option<u64>,
        now: Instant,
        log_in: impl Future<Output = Result<Token, Error>>,
    ) -> Result<Pass, Error> {
        let seen = self.logins.load(Ordering::Acquire);
        let mut held = self.held.lock().await;
        let login = self.logins.load(Ordering::Acquire);
        if stale == Some(login) {
            held.token = None;
        }
        if let Some(headers) = held.usable(now) {
            return Ok(Pass { headers, login });
        }
        // Somebody else's login ended while this call waited for the lock.
        if let (true, Some(failure)) = (login != seen, &held.failure) {
            return Err(failure.clone());
        }
        let outcome = log_in.await;
        let login = self.logins.fetch_add(1, Ordering::AcqRel) + 1;
        match outcome {
            Ok(token) => {
                let headers = token.headers.clone();
                *held = Held { token: Some((token, Instant::now())), used_at: Some(Instant::now()), failure: None };
                Ok(Pass { headers, login })
            }
            Err(error) => {
                *held = Held { token: None, used_at: None, failure: Some(error.clone()) };
                Err(error)
            }
        }
    }

    /// Whether there is a token.
    pub async fn is_open(&self) -> bool {
        self.held.lock().await.token.is_some()
    }

    /// Takes the token away, for logging out.
    pub async fn end(&self) {
        self.held.lock().await.token = None;
    }
}

impl Held {
    fn usable(&mut self, now: Instant) -> Option<HeaderMap> {
        let (token, got_at) = self.token.as_ref()?;
        let is_old = token.life.is_some_and(|life| now.duration_since(*got_at) + MARGIN.min(life / 2) >= life);
        let used_at = self.used_at.unwrap_or(*got_at);
        let is_idle = token.idle.is_some_and(|idle| now.duration_since(used_at) + MARGIN.min(idle / 2) >= idle);
        if is_old || is_idle {
            return None;
        }
        self.used_at = Some(now);
        Some(token.headers.clone())
    }
}

/// A header whose value no list of headers prints.
pub(crate) fn sensitive(name: HeaderName, value: &str) -> Option<HeaderMap> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(HeaderMap::from_iter([(name, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scanyard_contract::{Contract, Kind};
    use std::sync::Arc;

    fn session() -> Arc<Session> {
        let base = Url::parse("http://127.0.0.1/").unwrap();
        let user = session::Session::new(base, "u".to_string(), Hidden::new("p"));
        Arc::new(Session::new(Login::Tenable(user)))
    }

    fn token(text: &str, life: u64) -> Token {
        Token {
            headers: sensitive(http::header::AUTHORIZATION, text).unwrap(),
            secrets: Vec::new(),
            life: Some(Duration::from_secs(life)),
            idle: Some(Duration::from_secs(300)),
        }
    }

    #[tokio::test]
    async fn clones_that_need_a_token_at_once_share_one_login_and_its_failure() {
        let (session, count) = (session(), Arc::new(AtomicU64::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (session, count) = (session.clone(), count.clone());
                tokio::spawn(async move {
                    let log_in = async {
                        count.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Err(Error::here(Contract::Tenable, Kind::Unauthenticated, "no"))
                    };
                    session.pass(None, Instant::now(), log_in).await.is_err()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        let again = session.pass(None, Instant::now(), async { Ok(token("a", 60)) }).await;
        assert_eq!(again.unwrap().login, 2);
    }

    #[tokio::test]
    async fn a_token_is_renewed_once_when_it_was_refused_and_when_it_is_old_or_idle() {
        let session = session();
        let now = Instant::now();
        let first = session.pass(None, now, async { Ok(token("a", 3600)) }).await.unwrap();
        let same = session.pass(None, now, async { panic!("there is one") }).await.unwrap();
        assert_eq!(first.login, same.login);
        let second = session.pass(Some(first.login), now, async { Ok(token("b", 3600)) }).await.unwrap();
        let late = session.pass(Some(first.login), now, async { panic!("it was renewed") }).await.unwrap();
        assert_eq!((second.login, late.login), (2, 2));
        let idle = now + Duration::from_secs(271);
        assert_eq!(session.pass(None, idle, async { Ok(token("c", 3600)) }).await.unwrap().login, 3);
        let old = Instant::now() + Duration::from_secs(3571);
        assert_eq!(session.pass(None, old, async { Ok(token("d", 3600)) }).await.unwrap().login, 4);
    }
}
