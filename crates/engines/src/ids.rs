//! Ids of public lists in texts from outside.

/// The most ids that one text gives; more is a list of a database, not a finding.
const MAX_IDS: usize = 50;

/// The CVE ids in a text, upper case, ascending.
pub fn cves(text: &str) -> Vec<String> {
    found(text, "CVE-", |text| {
        let (year, rest) = text.strip_prefix("CVE-")?.split_once('-')?;
        let digits = digits(rest);
        let is_id = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && (4..=7).contains(&digits);
        is_id.then(|| format!("CVE-{year}-{}", &rest[..digits]))
    })
}

/// The CWE ids in a text, upper case, ascending.
pub fn cwes(text: &str) -> Vec<String> {
    found(text, "CWE-", |text| {
        let number = text.strip_prefix("CWE-")?;
        let digits = digits(number);
        (1..=5).contains(&digits).then(|| format!("CWE-{}", &number[..digits]))
    })
}

fn found(text: &str, prefix: &str, id: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let text = text.to_ascii_uppercase();
    let mut found: Vec<String> =
        text.match_indices(prefix).filter_map(|(at, _)| id(&text[at..])).take(MAX_IDS).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_ids_are_found_in_text() {
        assert_eq!(cves("CVE:CVE-2014-3566 x cve-2021-44228."), ["CVE-2014-3566", "CVE-2021-44228"]);
        assert_eq!(cves("CVE-CVE-2014-3566, CVE-14-1, CVE-2014-123, CVE-é014-1234"), ["CVE-2014-3566"]);
    }

    #[test]
    fn cwe_ids_are_found_in_text() {
        assert_eq!(cwes("see cwe-548, CWE-79 and CWE-, CWE-x, CWE-79"), ["CWE-548", "CWE-79"]);
    }
}
