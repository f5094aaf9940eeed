//! The page as it answers when sqlmap has found nothing: sqlmap follows no redirect and does not tell of one, so a page
//! that sends every request to its login looks to it like one without faults.

use super::options::Options;
use crate::job::Job;
use crate::sentinel::http::{ANSWER_BYTES, Answer, Request};
use crate::sentinel::net;
use crate::sentinel::tls::{self, Opened};
use crate::{auth, text};
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answer may take: as long as sqlmap waits for one.
const ANSWER: Duration = Duration::from_secs(10);
/// The longest place that is named.
const MAX_PLACE: usize = 200;

/// Where the target redirects sqlmap's request to, without the query; `None` when it does not, or is silent.
pub async fn redirect(job: &Job, options: &Options) -> Option<String> {
    let mut answer = ask(job, options, &[]).await?;
    let cookies: Vec<_> = answer.all("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
    if !cookies.is_empty() {
        // As sqlmap does: some pages redirect to themselves whoever has no cookie yet.
        answer = ask(job, options, &cookies).await?;
    }
    let place = answer.header("location").filter(|_| (300..400).contains(&answer.status))?;
    let place = place.split(['?', '#']).next().unwrap_or_default();
    Some(text::clean(place.as_bytes(), MAX_PLACE))
}

async fn ask(job: &Job, options: &Options, cookies: &[&str]) -> Option<Answer> {
    let url = job.target.url()?;
    let address = SocketAddr::new(*job.addresses.first()?, url.port_or_known_default()?);
    let request = bytes(job, options, cookies)?;
    let heard = if url.scheme() == "https" {
        let Opened::Session(mut session) = tls::open(address, &job.target.host(), ANSWER).await else { return None };
        net::ask(&mut session, &request, ANSWER_BYTES, ANSWER, Answer::is_complete).await
    } else {
        let mut stream = net::connect(address, ANSWER).await.ok()?;
        net::ask(&mut stream, &request, ANSWER_BYTES, ANSWER, Answer::is_complete).await
    };
    Answer::parse(&heard.bytes)
}

/// A GET, or a POST of `data`, with the scan's credentials and these cookies.
fn bytes(job: &Job, options: &Options, cookies: &[&str]) -> Option<Vec<u8>> {
    let request = Request::of(job.target.url()?);
    let mut headers: Vec<_> = job.auth.iter().flat_map(auth::headers).collect();
    let given = job.auth.as_ref().and_then(auth::cookie_line);
    let cookies = given.as_deref().into_iter().chain(cookies.iter().copied()).collect::<Vec<_>>().join("; ");
    if !cookies.is_empty() {
        headers.push(("Cookie".to_string(), cookies));
    }
    if let Some(data) = &options.data {
        headers.push(("Content-Type".to_string(), "application/x-www-form-urlencoded".to_string()));
        headers.push(("Content-Length".to_string(), data.len().to_string()));
    }
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let method = if options.data.is_some() { "POST" } else { "GET" };
    let data = options.data.as_deref().unwrap_or_default();
    Some([request.bytes(method, &headers).as_slice(), data.as_bytes()].concat())
}
