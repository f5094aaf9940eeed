//! Mail policies of a domain, as its TXT records state them.

/// What the SPF records of a domain come to (RFC 7208).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spf<'a> {
    None,
    /// More than one is an error, and receivers use none.
    Several,
    /// Ends with `+all` or `?all`, or without saying anything of the rest.
    AllowsAll(&'a str),
    Limits,
}

/// What the DMARC records of a domain come to (RFC 7489).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dmarc<'a> {
    None,
    /// More than one count as none.
    Several,
    /// `p=none`.
    WatchesOnly(&'a str),
    Enforced,
}

/// Whether a text is an SPF record.
pub fn is_spf(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("v=spf1"))
}

/// Reads SPF among all texts of a name.
pub fn spf(texts: &[String]) -> Spf<'_> {
    let mut records = texts.iter().filter(|text| is_spf(text));
    let Some(record) = records.next() else { return Spf::None };
    if records.next().is_some() {
        return Spf::Several;
    }
    let mut verdict = Spf::AllowsAll(record);
    for term in record.split_whitespace().skip(1).map(str::to_ascii_lowercase) {
        match term.as_str() {
            // What stands after `all` is never reached.
            "-all" | "~all" => return Spf::Limits,
            "all" | "+all" | "?all" => return Spf::AllowsAll(record),
            // Somebody else's record decides.
            term if term.starts_with("redirect=") => verdict = Spf::Limits,
            _ => {}
        }
    }
    verdict
}

/// Reads DMARC among all texts of `_dmarc.` and the name.
pub fn dmarc(texts: &[String]) -> Dmarc<'_> {
    let tags = |text: &str| -> Vec<(String, String)> {
        let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
        pairs.map(|(tag, value)| (tag.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase())).collect()
    };
    let is_dmarc = |text: &&String| tags(text).first().is_some_and(|(tag, value)| tag == "v" && value == "dmarc1");
    let mut records = texts.iter().filter(is_dmarc);
    let Some(record) = records.next() else { return Dmarc::None };
    if records.next().is_some() {
        return Dmarc::Several;
    }
    match tags(record).iter().find(|(tag, _)| tag == "p") {
        Some((_, policy)) if policy == "reject" || policy == "quarantine" => Dmarc::Enforced,
        Some(_) | None => Dmarc::WatchesOnly(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn spf_is_judged_by_what_it_says_of_the_rest() {
        for (records, verdict) in [
            (&["unrelated", "v=spf10 -all"][..], Spf::None),
            (&["v=spf1 mx -all"], Spf::Limits),
            (&["V=SPF1 mx ~ALL"], Spf::Limits),
            (&["v=spf1 redirect=_spf.example.test"], Spf::Limits),
            (&["v=spf1 mx +all"], Spf::AllowsAll("v=spf1 mx +all")),
            (&["v=spf1 all -all"], Spf::AllowsAll("v=spf1 all -all")),
            (&["v=spf1 mx"], Spf::AllowsAll("v=spf1 mx")),
            (&["v=spf1 -all", "v=spf1 mx -all"], Spf::Several),
        ] {
            assert_eq!(spf(&texts(records)), verdict, "{records:?}");
        }
    }

    #[test]
    fn dmarc_is_judged_by_its_policy() {
        for (records, verdict) in [
            (&["unrelated"][..], Dmarc::None),
            (&["v=DMARC1; p=reject; rua=mailto:a@example.test"], Dmarc::Enforced),
            (&["v=DMARC1;p=Quarantine"], Dmarc::Enforced),
            (&["v=DMARC1; p=none"], Dmarc::WatchesOnly("v=DMARC1; p=none")),
            (&["v=DMARC1; sp=reject"], Dmarc::WatchesOnly("v=DMARC1; sp=reject")),
            (&["p=reject; v=DMARC1"], Dmarc::None),
            (&["v=DMARC1; p=reject", "v=DMARC1; p=reject"], Dmarc::Several),
        ] {
            assert_eq!(dmarc(&texts(records)), verdict, "{records:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(v=spf1 |v=DMARC1;)?\\PC{0,80}") {
            let texts = vec![text];
            let _ = (spf(&texts), dmarc(&texts));
        }
    }
}
