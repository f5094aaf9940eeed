//! The target's page as it answers when an engine is done with it. A page that sends every request to its login looks to
//! sqlmap like one without faults, one that leads to another server does to what goes from link to link, and a server that
//! answers nobody any more does to every engine.

use crate::job::{Control, Job, Outcome, Report};
use crate::sentinel::http::{ANSWER_BYTES, Answer, Request};
use crate::sentinel::net;
use crate::sentinel::tls::{self, Opened};
use crate::{auth, text};
use scanyard_contract::scan::{Failure, FailureReason};
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The longest place that is named.
const MAX_PLACE: usize = 200;

/// The report of a completed run, which has failed where the target says of itself that it shows nothing.
pub async fn seen(report: Report, job: &Job, control: &Control) -> Report {
    judged(report, control, async { nothing_said(job, &ask(job, None, &[]).await?) }).await
}

/// The same of a run that goes from link to link: none of them was seen where the page leads to another server.
pub async fn crawled(report: Report, job: &Job, control: &Control) -> Report {
    let fault = async {
        let answer = ask(job, None, &[]).await?;
        nothing_said(job, &answer).or_else(|| led_away(job, &answer))
    };
    judged(report, control, fault).await
}

/// The report of a completed run, which has failed where there is a fault; a run that is to end does not wait for it.
pub async fn judged(mut report: Report, control: &Control, fault: impl Future<Output = Option<String>>) -> Report {
    if report.outcome != Outcome::Completed {
        return report;
    }
    let fault = tokio::select! {
        fault = fault => fault,
        () = control.cancel.cancelled() => None,
        () = control.stop.cancelled() => None,
    };
    if let Some(message) = fault {
        report.outcome =
            Outcome::Failed(Failure { reason: FailureReason::EngineFailed, message, last_lines: Vec::new() });
    }
    report
}

fn nothing_said(job: &Job, answer: &Answer) -> Option<String> {
    answer.says_nothing().then(|| {
        format!(
            "{} answers {}, which says nothing of what lies there; let the scan through, or scan again when it answers",
            job.target, answer.status
        )
    })
}

/// An engine stays on the server that it was given, so of a page that leads to another one, as from HTTP to HTTPS, it saw nothing.
fn led_away(job: &Job, answer: &Answer) -> Option<String> {
    let url = job.target.url()?;
    let place = url.join(place(answer)?).ok().filter(|place| place.origin() != url.origin())?;
    let place = text::clean(place.as_str().as_bytes(), MAX_PLACE);
    Some(format!(
        "{url} redirects to {place}, which is another server, so nothing but that was seen; scan what it leads to"
    ))
}

/// Where the target redirects a GET, or a POST of `data`, to, without the query; `None` when it does not, or is silent.
pub async fn redirect(job: &Job, data: Option<&str>) -> Option<String> {
    let mut answer = ask(job, data, &[]).await?;
    let cookies: Vec<_> = answer.all("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
    if !cookies.is_empty() {
        // As sqlmap does: some pages redirect to themselves whoever has no cookie yet.
        answer = ask(job, data, &cookies).await?;
    }
    place(&answer).map(|place| text::clean(place.as_bytes(), MAX_PLACE))
}

/// Where an answer redirects to, without the query.
fn place(answer: &Answer) -> Option<&str> {
    let place = answer.header("location").filter(|_| (300..400).contains(&answer.status))?;
    place.split(['?', '#']).next()
}

async fn ask(job: &Job, data: Option<&str>, cookies: &[&str]) -> Option<Answer> {
    let url = job.target.url()?;
    let address = SocketAddr::new(*job.addresses.first()?, url.port_or_known_default()?);
    let request = bytes(job, data, cookies)?;
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
fn bytes(job: &Job, data: Option<&str>, cookies: &[&str]) -> Option<Vec<u8>> {
    let request = Request::of(job.target.url()?);
    let mut headers: Vec<_> = job.auth.iter().flat_map(auth::headers).collect();
    let given = job.auth.as_ref().and_then(auth::cookie_line);
    let cookies = given.as_deref().into_iter().chain(cookies.iter().copied()).collect::<Vec<_>>().join("; ");
    if !cookies.is_empty() {
        headers.push(("Cookie".to_string(), cookies));
    }
    if let Some(data) = data {
        headers.push(("Content-Type".to_string(), "application/x-www-form-urlencoded".to_string()));
        headers.push(("Content-Length".to_string(), data.len().to_string()));
    }
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let method = if data.is_some() { "POST" } else { "GET" };
    Some([request.bytes(method, &headers).as_slice(), data.unwrap_or_default().as_bytes()].concat())
}
