//! What `curl` and `wget` print beside an answer, and the answer without it.

/// An answer among what the tool that asked prints beside it: what `curl -v` marks as received with the body between, what
/// `curl` prints over its meter, what `wget` prints with `-S`. `None` when the text is of none of them.
pub fn printed(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let is_answer = |line: &str| received(&without_progress(line)).is_some_and(|line| line.starts_with("HTTP/"));
    let is_verbose = text.lines().any(is_answer);
    let is_wget = text.contains("awaiting response...");
    if !is_verbose && !is_wget && !text.contains("% Received") {
        return None;
    }
    let mut out = String::new();
    for line in text.lines() {
        let said = without_progress(line);
        let mark = said.trim_start();
        match received(&said).filter(|_| is_verbose) {
            Some(received) => out.push_str(received),
            None if said.is_empty() && !line.trim().is_empty() => continue,
            None if is_verbose && ["*", ">", "{ [", "} ["].iter().any(|remark| mark.starts_with(remark)) => continue,
            None if is_wget && is_remark(mark) => continue,
            // The remark behind a body that ends without a line feed.
            None if is_verbose => out.push_str(said.split("* Connection #").next().unwrap_or_default()),
            None => out.push_str(&said),
        }
        out.push('\n');
    }
    Some(out.into_bytes())
}

/// A line that `curl -v` marks as received, without the mark.
fn received(line: &str) -> Option<&str> {
    let mark = line.trim_start();
    mark.strip_prefix("< ").or((mark.trim_end() == "<").then_some(""))
}

/// A line without the meters and bars that were printed over it, each behind a carriage return, and without the time that
/// `curl --trace-time` puts before it.
fn without_progress(line: &str) -> String {
    line.split('\r').map(without_meter).map(without_time).collect()
}

/// A line without a time such as `14:51:17.861785 ` before it.
fn without_time(line: &str) -> &str {
    let is_time =
        |text: &str| text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).eq(*b"00:00:00.000000 ");
    line.split_at_checked(16).filter(|(time, _)| is_time(time)).map_or(line, |(_, rest)| rest)
}

/// What was printed behind a meter, of columns of which three are hours, minutes and seconds, or behind a bar with its
/// percentage: both are wide, whatever they show.
fn without_meter(part: &str) -> &str {
    let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || " .,:-=#%kKMGTPs".contains(c));
    let meter = &part[..part.len() - rest.len()];
    let is_meter = meter.len() > 60 && (meter.contains('%') || meter.matches(':').count() >= 6);
    if is_meter { rest } else { part }
}

/// What `wget` says beside an answer: where it saves the body, and in the end, with the time before it, how it went.
fn is_remark(line: &str) -> bool {
    let is_time = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "- :".contains(c));
    line.starts_with("Saving to: ")
        || line.split_at_checked(19).is_some_and(|(time, said)| {
            is_time(time) && [" ERROR ", " ("].iter().any(|verdict| said.starts_with(verdict))
        })
}
