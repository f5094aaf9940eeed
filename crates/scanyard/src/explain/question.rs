//! What the words of a question name.

use scanyard_contract::catalogue::HELP;
use scanyard_contract::{Contract, Service};

/// The parts of a question; what is absent was not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    pub contract: Option<Contract>,
    pub service: Option<Service>,
    pub status: Option<u16>,
    pub code: Option<String>,
}

/// Where the failure stands that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// In the words themselves.
    Words(Question),
    /// In an answer on stdin; the words say whose it is, if anything.
    Answer(Question),
}

impl Question {
    /// Reads `CONTRACT[/SERVICE] [STATUS] [CODE]`, every part optional, with blanks or slashes between them.
    pub fn parse(text: &str) -> anyhow::Result<Asked> {
        let mut parts = text.split([' ', '/', '\t', ':']).filter(|part| !part.is_empty()).peekable();
        let mut question = Question::default();
        if let Some(contract) = parts.peek().and_then(|part| part.to_ascii_lowercase().parse().ok()) {
            question.contract = Some(contract);
            parts.next();
        }
        if let Some(service) = parts.peek().and_then(|part| service(question.contract, part)) {
            question.service = Some(service);
            question.contract = Some(service.contract());
            parts.next();
        }
        if let Some(number) = parts.peek().and_then(|part| part.parse::<u16>().ok()) {
            anyhow::ensure!((100..=599).contains(&number), "{number} is no status of HTTP");
            question.status = Some(number);
            parts.next();
        }
        let code: Vec<&str> = parts.collect();
        question.code = (!code.is_empty()).then(|| code.join(" "));
        let is_named = question.status.is_some() || question.code.is_some();
        Ok(if is_named { Asked::Words(question) } else { Asked::Answer(question) })
    }
}

/// What is asked about in the address of a page of the catalogue, with or without its host; other texts as they are.
pub fn without_address(text: &str) -> &str {
    text.rsplit_once(HELP).map_or(text, |(_, id)| id)
}

/// A service by its name, alone or behind its contract.
fn service(contract: Option<Contract>, name: &str) -> Option<Service> {
    match contract {
        Some(contract) => Service::named(contract, name),
        None => Contract::ALL.iter().find_map(|contract| Service::named(*contract, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Question::parse(text).unwrap()
    }

    #[test]
    fn every_part_is_found_in_its_place() {
        let zia =
            Question { contract: Some(Contract::Zscaler), service: Some(Service::Zia), status: Some(403), code: None };
        for text in ["zscaler/zia 403", "zscaler zia 403", "ZIA 403", "zscaler/zia/403"] {
            assert_eq!(asked(text), Asked::Words(zia.clone()), "{text}");
        }
        let coded = Question { code: Some("STATE_READONLY".into()), ..zia.clone() };
        assert_eq!(asked("zscaler/zia/403/STATE_READONLY"), Asked::Words(coded));
        let code = Question { code: Some("api.concurrent.access.error".into()), ..Question::default() };
        assert_eq!(asked("api.concurrent.access.error"), Asked::Words(code));
        let contract = Question { contract: Some(Contract::Tenable), ..Question::default() };
        assert_eq!(asked("tenable"), Asked::Answer(contract));
        assert_eq!(asked(""), Asked::Answer(Question::default()));
        assert!(Question::parse("tenable 42").is_err());
    }
}
