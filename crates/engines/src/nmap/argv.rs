//! nmap's arguments: options from a fixed table, values that were parsed and printed again, addresses after `--`.

use super::options::{Options, Profile, Scripts};
use std::net::IpAddr;
use std::time::Duration;

/// The scripts of the profile `safe`. `external` must be out: two scripts that call themselves safe ask third parties.
const SAFE_SCRIPTS: &str = "(default or vuln) and safe and not (external or dos or exploit or brute or fuzzer or \
                            intrusive or broadcast or malware) and not http-slowloris-check";

/// The arguments of one run. `--noninteractive` is left out because it silences `--stats-every`.
pub fn argv(options: &Options, addresses: &[IpAddr], timeout: Duration) -> Vec<String> {
    let mut args: Vec<String> = vec!["-n".into()];
    let mut push = |items: &[&str]| args.extend(items.iter().map(|item| item.to_string()));
    if !options.host_discovery {
        push(&["-Pn"]);
    }
    if addresses.iter().any(IpAddr::is_ipv6) {
        push(&["-6"]);
    }
    push(&["-sT", ["-T0", "-T1", "-T2", "-T3", "-T4"][usize::from(options.timing.min(4))]]);
    match (&options.ports, options.profile) {
        (Some(ports), _) => push(&["-p", &ports.to_string()]),
        (None, Profile::Quick) => push(&["--top-ports", "100"]),
        (None, Profile::Default) => push(&["--top-ports", "1000"]),
        (None, Profile::Full) => push(&["-p", "1-65535"]),
    }
    if options.service_detection {
        push(&["-sV", "--version-light"]);
    }
    match options.scripts {
        Scripts::None => {}
        Scripts::Safe => push(&["--script", SAFE_SCRIPTS, "--script-timeout", "30s"]),
    }
    if let Some(rate) = options.max_rate {
        push(&["--max-rate", &rate.to_string()]);
    }
    push(&["--max-retries", &options.max_retries.to_string()]);
    push(&["--host-timeout", &format!("{}s", host_timeout(timeout).as_secs())]);
    push(&["-v", "--stats-every", "2s", "-oX", "-", "--"]);
    args.extend(addresses.iter().map(IpAddr::to_string));
    args
}

/// A little less than the run's own limit, so that nmap gives up on a slow host itself and still reports the others.
fn host_timeout(timeout: Duration) -> Duration {
    (timeout * 9 / 10).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ports;
    use proptest::prelude::*;

    /// Every argument that may begin with `-`.
    const TABLE: &[&str] = &[
        "-n",
        "-Pn",
        "-6",
        "-sT",
        "-T0",
        "-T1",
        "-T2",
        "-T3",
        "-T4",
        "-p",
        "--top-ports",
        "-sV",
        "--version-light",
        "--script",
        "--script-timeout",
        "--max-rate",
        "--max-retries",
        "--host-timeout",
        "-v",
        "--stats-every",
        "-oX",
        "-",
        "--",
    ];

    fn line(options: &Options, address: &str) -> String {
        argv(options, &[address.parse().unwrap()], Duration::from_secs(100)).join(" ")
    }

    #[test]
    fn the_defaults_scan_the_thousand_most_common_ports() {
        assert_eq!(
            line(&Options::default(), "127.0.0.1"),
            "-n -Pn -sT -T3 --top-ports 1000 --max-retries 2 --host-timeout 90s -v --stats-every 2s -oX - -- 127.0.0.1"
        );
    }

    #[test]
    fn every_option_has_its_argument() {
        let options = Options {
            ports: Some(Ports::parse("443,1-3").unwrap()),
            profile: Profile::Default,
            timing: 4,
            service_detection: true,
            scripts: Scripts::Safe,
            max_rate: Some(500),
            max_retries: 0,
            host_discovery: true,
        };
        assert_eq!(
            line(&options, "::1"),
            format!(
                "-n -6 -sT -T4 -p 1-3,443 -sV --version-light --script {SAFE_SCRIPTS} --script-timeout 30s --max-rate 500 \
                 --max-retries 0 --host-timeout 90s -v --stats-every 2s -oX - -- ::1"
            )
        );
    }

    fn any_options() -> impl Strategy<Value = Options> {
        let ports = proptest::option::of("[0-9]{1,4}(-[0-9]{1,5})?(,[0-9]{1,4}){0,3}");
        let profile = prop_oneof![Just(Profile::Quick), Just(Profile::Default), Just(Profile::Full)];
        let scripts = prop_oneof![Just(Scripts::None), Just(Scripts::Safe)];
        let flags = (any::<bool>(), any::<bool>());
        let numbers = (any::<u8>(), any::<u8>(), any::<Option<u16>>());
        (ports, profile, scripts, flags, numbers).prop_map(|(ports, profile, scripts, flags, numbers)| Options {
            ports: ports.and_then(|text| Ports::parse(&text).ok()),
            profile,
            timing: numbers.0,
            service_detection: flags.0,
            scripts,
            max_rate: numbers.2,
            max_retries: numbers.1,
            host_discovery: flags.1,
        })
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            options in any_options(), addresses in proptest::collection::vec(any::<IpAddr>(), 1..5), seconds in 0u64..90_000
        ) {
            let args = argv(&options, &addresses, Duration::from_secs(seconds));
            for arg in &args {
                prop_assert!(!arg.starts_with('-') || TABLE.contains(&arg.as_str()), "{}", arg);
            }
            let targets = args.iter().skip_while(|arg| *arg != "--").skip(1);
            prop_assert!(targets.eq(addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().iter()));
        }
    }
}
