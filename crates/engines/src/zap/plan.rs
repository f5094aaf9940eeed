//! The automation plan of one run: JSON, which is YAML too, so that no value can end where another begins.

use super::options::{Options, Profile};
use crate::Target;
use scanyard_contract::scan::ScanAuth;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use url::Url;

/// The files in the job folder.
pub const PLAN: &str = "plan.yaml";
pub const REPORT: &str = "report.json";
const HOME: &str = "zap-home";

/// The jobs that tell when they start and end.
pub const STEPS: [&str; 4] = ["spider", "passiveScan-wait", "activeScan", "report"];

/// ZAP's arguments: nothing of the scan is in them. Two ZAPs cannot share a home.
pub fn argv(dir: &Path) -> Vec<String> {
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    vec!["-cmd".into(), "-silent".into(), "-dir".into(), path(HOME), "-autorun".into(), path(PLAN)]
}

/// A little less than the run's own limit, so that ZAP stops itself and still reports.
pub fn time_limit(timeout: Duration) -> Duration {
    (timeout * 8 / 10).max(Duration::from_secs(1))
}

/// The plan; `None` for a target that is no URL, or one that ZAP would read a variable from.
pub fn plan(
    options: &Options,
    auth: Option<&ScanAuth>,
    target: &Target,
    dir: &Path,
    timeout: Duration,
) -> Option<Value> {
    let Target::Url(url) = target else { return None };
    if url.as_str().contains("${") {
        return None;
    }
    let limit = time_limit(timeout);
    let minutes = limit.as_secs().div_ceil(60).max(1);
    let origin = url.origin().ascii_serialization();
    let excluded: Vec<String> =
        options.exclude.iter().map(|path| format!("^{}.*$", escape(&format!("{origin}{path}")))).collect();
    let mut jobs: Vec<Value> = auth.map(|auth| credentials(auth, &origin)).into_iter().collect();
    jobs.extend([
        json!({"type": "spider", "parameters": {
            "context": "target", "url": url.as_str(), "maxDuration": minutes, "maxDepth": options.depth,
            "maxChildren": options.max_children, "threadCount": options.threads, "postForm": false
        }}),
        json!({"type": "passiveScan-wait", "parameters": {"maxDuration": minutes}}),
    ]);
    match options.profile {
        Profile::Passive => {}
        Profile::Active => jobs.push(json!({
            "type": "activeScan",
            "parameters": {
                "context": "target", "maxScanDurationInMins": minutes, "maxRuleDurationInMins": minutes.div_ceil(10),
                "threadPerHost": options.threads, "delayInMs": options.delay_ms
            },
            "policyDefinition": {"defaultStrength": options.intensity.as_str(), "defaultThreshold": "medium"}
        })),
    }
    jobs.push(json!({"type": "report", "alwaysRun": true, "parameters": {
        "template": "traditional-json", "reportDir": dir.to_string_lossy(), "reportFile": REPORT, "displayReport": false
    }}));
    jobs.push(json!({"type": "exitStatus", "alwaysRun": true, "parameters": {
        "okExitValue": 0, "errorExitValue": 1, "warnExitValue": 2
    }}));
    Some(json!({
        "env": {
            "contexts": [{
                "name": "target",
                "urls": [url.as_str()],
                "includePaths": [format!("^{}.*$", escape(&folder(url)))],
                "excludePaths": excluded
            }],
            "parameters": {
                "failOnError": true, "failOnWarning": false, "continueOnFailure": false, "progressToStdout": true,
                "maxDuration": limit.as_secs()
            }
        },
        "jobs": jobs
    }))
}

/// Sets the headers of every request to the target, and of none to anybody else.
fn credentials(auth: &ScanAuth, origin: &str) -> Value {
    let headers = crate::auth::headers_and_cookies(auth);
    let rule = |(name, value): (String, String)| {
        json!({
            "description": name, "url": format!("^{}/.*$", escape(origin)), "matchType": "req_header",
            "matchString": name, "matchRegex": false, "replacementString": value
        })
    };
    json!({"type": "replacer", "parameters": {"deleteAllRules": true}, "rules": headers.map(rule).collect::<Vec<_>>()})
}

/// The URL up to the last slash of its path.
fn folder(url: &Url) -> String {
    let path = url.path();
    let end = path.rfind('/').map_or(0, |at| at + 1);
    format!("{}{}", url.origin().ascii_serialization(), &path[..end])
}

/// A text as a regular expression of Java that is that text.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '/' | ':' | '_' | '%') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan_of(options: &Options, url: &str) -> Value {
        plan(options, None, &Target::parse(url).unwrap(), Path::new("/jobs/1"), Duration::from_secs(600)).unwrap()
    }

    #[test]
    fn a_passive_plan_attacks_nothing() {
        let options = Options { exclude: vec!["/logout".to_string()], ..Options::default() };
        let plan = plan_of(&options, "http://app.example.test:8080/shop/item?id=1");
        let context = &plan["env"]["contexts"][0];
        assert_eq!(context["includePaths"], json!(["^http://app\\.example\\.test:8080/shop/.*$"]));
        assert_eq!(context["excludePaths"], json!(["^http://app\\.example\\.test:8080/logout.*$"]));
        assert_eq!(plan["env"]["parameters"]["maxDuration"], 480);
        let types: Vec<&str> = plan["jobs"].as_array().unwrap().iter().filter_map(|job| job["type"].as_str()).collect();
        assert_eq!(types, ["spider", "passiveScan-wait", "report", "exitStatus"]);
    }

    #[test]
    fn an_active_plan_has_its_intensity() {
        let options = Options { profile: Profile::Active, delay_ms: 20, ..Options::default() };
        let plan = plan_of(&options, "http://127.0.0.1:8081/");
        let job = &plan["jobs"][2];
        assert_eq!((&job["type"], &job["parameters"]["delayInMs"]), (&json!("activeScan"), &json!(20)));
        assert_eq!(job["policyDefinition"]["defaultStrength"], "low");
    }

    #[test]
    fn credentials_go_to_the_target_alone() {
        let auth: ScanAuth = serde_json::from_value(json!({
            "cookies": [{"name": "sid", "value": "abc"}], "basic": {"username": "a", "password": "b"}
        }))
        .unwrap();
        let target = Target::parse("http://app.example.test/").unwrap();
        let dir = Path::new("/jobs/1");
        let plan = plan(&Options::default(), Some(&auth), &target, dir, Duration::from_secs(60)).unwrap();
        let rules = plan["jobs"][0]["rules"].as_array().unwrap();
        let pairs: Vec<_> = rules.iter().map(|rule| (&rule["matchString"], &rule["replacementString"])).collect();
        assert_eq!(pairs, [(&json!("Authorization"), &json!("Basic YTpi")), (&json!("Cookie"), &json!("sid=abc"))]);
        assert!(rules.iter().all(|rule| rule["url"] == "^http://app\\.example\\.test/.*$"));
    }

    #[test]
    fn the_arguments_hold_nothing_of_the_scan() {
        let line = argv(Path::new("/jobs/1")).join(" ");
        assert_eq!(line, "-cmd -silent -dir /jobs/1/zap-home -autorun /jobs/1/plan.yaml");
    }

    fn options() -> impl Strategy<Value = Options> {
        let texts = proptest::collection::vec("-?[!-~]{0,20}", 0..3);
        (any::<bool>(), texts, any::<u16>()).prop_map(|(is_active, exclude, number)| Options {
            profile: if is_active { Profile::Active } else { Profile::Passive },
            delay_ms: number,
            exclude,
            ..Options::default()
        })
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            options in options(), url in "https?://[a-z0-9-]{1,10}\\.test/[!-~]{0,30}", parts in "(/[-a-z0-9]{1,8}){1,4}"
        ) {
            let dir = Path::new(&parts);
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let Some(plan) = plan(&options, None, &target, dir, Duration::from_secs(60)) else { return Ok(()) };
            for (i, arg) in argv(dir).iter().enumerate() {
                let is_of_table = ["-cmd", "-silent", "-dir", "-autorun"].contains(&arg.as_str());
                prop_assert!(is_of_table || Path::new(arg).parent() == Some(dir), "{} {}", i, arg);
            }
            // What the scan says is a value in the plan, and no job, add-on or setting of it.
            let types: Vec<&str> = plan["jobs"].as_array().unwrap().iter().filter_map(|job| job["type"].as_str()).collect();
            let of_table = ["spider", "passiveScan-wait", "activeScan", "report", "exitStatus"];
            prop_assert!(types.iter().all(|word| of_table.contains(word)), "{:?}", types);
        }

        #[test]
        fn no_target_adds_a_job_or_a_variable(
            url in "https?://[a-z0-9-]{1,10}(\\.test)?(:[0-9]{1,5})?/\\PC{0,30}", path in "/[!-~]{0,20}"
        ) {
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let options = Options { exclude: vec![path], ..Options::default() };
            let plan = plan(&options, None, &target, Path::new("/jobs/1"), Duration::from_secs(60));
            if let Some(plan) = plan {
                let text = serde_json::to_string(&plan).unwrap();
                let read: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read["jobs"].as_array().unwrap().len(), 4);
                let has_variable = text.contains("${");
                prop_assert!(!has_variable);
            }
        }
    }
}
