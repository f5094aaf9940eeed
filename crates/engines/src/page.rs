//! The target's page as it answers when an engine is done with it. A page that sends every request to its login looks to
//! sqlmap like one without faults, one that leads to another server does to what goes from link to link, a server that leads
//! everybody to another one does to what guesses paths, and a server that answers nobody any more does to every engine.

use crate::job::{Control, Job, Outcome, Report};
use crate::sentinel::http::{ANSWER_BYTES, Answer, MAX_PLACE, Request};
use crate::sentinel::net;
use crate::sentinel::tls::{self, Opened};
use crate::{auth, text};
use scanyard_contract::scan::{Failure, FailureReason};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::Url;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// A page that no server has, beside the target's.
const NOTHING: &str = "scanyard-no-such-page";

/// The report of a completed run that guesses paths, which has failed where the target says of itself that it shows nothing: it
/// answers nobody, or leads to another server even from a path that nobody has.
pub async fn guessed(report: Report, job: &Job, control: &Control) -> Report {
    let fault = async {
        let url = job.target.url()?;
        let page = ask_again(job, url).await?;
        if let Some(fault) = nothing_said(job, &page) {
            return Some(fault);
        }
        let fault = led_away(url, &page)?;
        let nothing = url.join(NOTHING).ok()?;
        led_away(&nothing, &ask_again(job, &nothing).await?).map(|_| fault)
    };
    judged(report, control, fault).await
}

/// The same of a run that goes from link to link: none of them was seen where the page leads to another server.
pub async fn crawled(report: Report, job: &Job, control: &Control) -> Report {
    let fault = async {
        let url = job.target.url()?;
        let page = ask_again(job, url).await?;
        nothing_said(job, &page).or_else(|| led_away(url, &page))
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

fn nothing_said(job: &Job, page: &Said) -> Option<String> {
    let target = &job.target;
    match page {
        Said::Answer(answer) if answer.says_nothing() => Some(format!(
            "{target} answers {}, which says nothing of what lies there; let the scan through, or scan again when it answers",
            answer.status
        )),
        Said::Nothing => Some(format!(
            "{target} gave no answer when the scan was done, so nobody knows how much of it was seen; scan again when it answers"
        )),
        Said::Answer(_) | Said::Foreign => None,
    }
}

/// An engine stays on the server that it was given, so of a page that leads to another one, as from HTTP to HTTPS, it saw nothing.
fn led_away(url: &Url, page: &Said) -> Option<String> {
    let Said::Answer(answer) = page else { return None };
    let place = Request::of(url).leading_away(url.scheme() == "https", answer)?;
    Some(format!(
        "{url} redirects to {place}, which is another server, so nothing but that was seen; scan what it leads to"
    ))
}

/// Where the target redirects a GET, or a POST of `data`, to, without the query; `None` when it does not, or is silent.
pub async fn redirect(job: &Job, data: Option<&str>) -> Option<String> {
    let (url, address) = (job.target.url()?, *job.addresses.first()?);
    let Said::Answer(mut answer) = ask(job, url, address, data, &[]).await else { return None };
    let cookies: Vec<_> = answer.all("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
    if !cookies.is_empty() {
        // As sqlmap does: some pages redirect to themselves whoever has no cookie yet.
        let Said::Answer(second) = ask(job, url, address, data, &cookies).await else { return None };
        answer = second;
    }
    place(&answer).map(|place| text::clean(place.as_bytes(), MAX_PLACE))
}

/// Where an answer redirects to, without the query.
fn place(answer: &Answer) -> Option<&str> {
    let place = answer.header("location").filter(|_| (300..400).contains(&answer.status))?;
    place.split(['?', '#']).next()
}

/// What a server said to a request.
enum Said {
    Answer(Answer),
    /// No connection, or no answer of HTTP.
    Nothing,
    /// TLS that is not spoken here, and may be spoken by an engine.
    Foreign,
}

/// Asks at each address until one answers, and once more: what a scan has kept busy may need a moment.
async fn ask_again(job: &Job, url: &Url) -> Option<Said> {
    let mut said = None;
    for address in job.addresses.iter().chain(&job.addresses) {
        match ask(job, url, *address, None, &[]).await {
            Said::Nothing => said = said.or(Some(Said::Nothing)),
            heard => return Some(heard),
        }
    }
    said
}

async fn ask(job: &Job, url: &Url, address: IpAddr, data: Option<&str>, cookies: &[&str]) -> Said {
    let address = SocketAddr::new(address, url.port_or_known_default().unwrap_or_default());
    let request = bytes(job, url, data, cookies);
    let heard = if url.scheme() == "https" {
        match tls::open(address, &job.target.host(), ANSWER).await {
            Opened::Session(mut session) => {
                net::ask(&mut session, &request, ANSWER_BYTES, ANSWER, Answer::is_complete).await
            }
            Opened::Failed if net::connect(address, ANSWER).await.is_ok() => return Said::Foreign,
            Opened::Failed | Opened::Silent => return Said::Nothing,
        }
    } else {
        let Ok(mut stream) = net::connect(address, ANSWER).await else { return Said::Nothing };
        net::ask(&mut stream, &request, ANSWER_BYTES, ANSWER, Answer::is_complete).await
    };
    Answer::parse(&heard.bytes).map_or(Said::Nothing, Said::Answer)
}

/// A GET, or a POST of `data`, with the scan's credentials and these cookies.
fn bytes(job: &Job, url: &Url, data: Option<&str>, cookies: &[&str]) -> Vec<u8> {
    let request = Request::of(url);
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
    [request.bytes(method, &headers).as_slice(), data.unwrap_or_default().as_bytes()].concat()
}
