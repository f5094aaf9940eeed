//! `scanyard explain`, from words and from pasted answers.

use crate::support::{fail, json, run, scanyard};
use serde_json::Value;

fn explained(words: &[&str]) -> Value {
    let (text, code) = run(&[&["explain"], words, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{words:?}: {text}");
    json(&text)
}

fn of_answer(words: &[&str], answer: &str) -> Value {
    let args = [&["explain"], words, &["--format", "json"]].concat();
    let output = scanyard(&args).write_stdin(answer).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json(&String::from_utf8(output.stdout).unwrap())
}

fn ids(explanation: &Value) -> Vec<&str> {
    let readings = explanation["readings"].as_array().unwrap().iter();
    readings.map(|reading| reading["error"]["id"].as_str().unwrap_or("-")).collect()
}

#[test]
fn a_code_is_found_in_every_contract_that_has_it() {
    assert_eq!(ids(&explained(&["QUOTA_EXCEEDED"])), ["scan-api/QUOTA_EXCEEDED"]);
    assert_eq!(
        ids(&explained(&["edit_lock_not_available"])),
        ["zscaler/zia/409/EDIT_LOCK_NOT_AVAILABLE", "zscaler/cbc/409/EDIT_LOCK_NOT_AVAILABLE",]
    );
    let concurrent = explained(&["api.concurrent.access.error"]);
    assert!(ids(&concurrent).contains(&"zscaler/zpa/409/api.concurrent.access.error"));
    let both = explained(&["RATE_LIMIT_EXCEEDED"]);
    assert_eq!(ids(&both), ["scan-api/RATE_LIMIT_EXCEEDED", "zscaler/bi/429/RATE_LIMIT_EXCEEDED"]);
    assert_eq!(both["isAmbiguous"], true);
}

#[test]
fn what_a_status_leaves_open_is_said() {
    let zia = explained(&["zscaler/zia", "403"]);
    assert_eq!((zia["isAmbiguous"].as_bool(), ids(&zia)), (Some(true), vec!["zscaler/zia/403"]));
    let others: Vec<&str> = zia["readings"][0]["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    for kind in ["maintenance", "feature_missing", "quota", "permission"] {
        assert!(others.contains(&kind), "{kind} in {others:?}");
    }
    for (words, open) in
        [(["arctic-wolf", "404"], "key"), (["tenable", "401"], "permissions"), (["zscaler", "429"], "quota")]
    {
        let found = explained(&words);
        assert_eq!(found["isAmbiguous"], true, "{words:?}");
        assert!(found["readings"].to_string().contains(open), "{words:?}");
    }
    let cbc = explained(&["ztw 403"]);
    assert_eq!(ids(&cbc), ["zscaler/cbc/403"]);
    assert!(cbc["readings"][0]["error"]["causes"][0].as_str().unwrap().contains("API key"));
}

#[test]
fn a_service_falls_back_on_what_all_services_share() {
    assert_eq!(ids(&explained(&["zscaler/zcc 503"])), ["zscaler/common/503"]);
    let (text, _) = run(&["explain", "zidentity", "429"]);
    assert!(text.contains("what all services share"), "{text}");
}

#[test]
fn a_status_that_is_not_listed_says_so_and_whom_to_ask() {
    let (text, code) = run(&["explain", "arctic-wolf", "418"]);
    assert_eq!(code, 0);
    assert!(text.contains("not list") && text.contains("Arctic Wolf's support"), "{text}");
    assert_eq!(explained(&["arctic-wolf", "418"])["readings"][0]["isListed"], false);
}

#[test]
fn a_class_of_pytenable_is_explained_with_its_generation_and_todays_name() {
    let (text, _) = run(&["explain", "UnsupportedError"]);
    for part in ["409", "1.3.3", "RequestConflictError"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let (text, _) = run(&["explain", "RetryError"]);
    assert!(text.contains("TooManyRequestsError") && text.contains("1.3.3"), "{text}");
}

#[test]
fn a_pasted_answer_is_recognised_by_its_marks() {
    let zpa = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 13s\r\n\r\n\
               {\"exception\": \"invalid.toomanyrequests\", \"id\": \"invalid.toomanyrequests\", \"reason\": \"Exceeded\"}";
    let found = of_answer(&[], zpa);
    assert_eq!(ids(&found), ["zscaler/zpa/429/invalid.toomanyrequests"]);
    assert_eq!(found["readings"][0]["answer"]["waitMs"], 13_000);
    assert_eq!(found["readings"][0]["retry"], "after_wait");
    let tenable =
        "HTTP/2 429\nretry-after: 30\nserver: tenable.io\ncontent-type: text/html\n\n<html><title>429</title></html>";
    assert_eq!(ids(&of_answer(&[], tenable)), ["tenable/429"]);
    let ours = r#"{"success":false,"error":"x","code":"KEY_EXPIRED","requestId":"r","retryable":false,"help":"/h"}"#;
    assert_eq!(ids(&of_answer(&[], ours)), ["scan-api/KEY_EXPIRED"]);
    let lock = r#"{"code":"EDIT_LOCK_NOT_AVAILABLE"}"#;
    assert_eq!(of_answer(&["zia"], &format!("HTTP/1.1 409 Conflict\n\n{lock}"))["readings"][0]["kind"], "edit_lock");
}

#[test]
fn an_answer_that_two_contracts_give_is_shown_as_both() {
    let found = of_answer(&[], "HTTP/1.1 403 Forbidden\n\n{\"error\": \"Access denied\"}");
    assert_eq!(found["isAmbiguous"], true);
    assert_eq!(found["readings"].as_array().unwrap().len(), 2);
}

#[test]
fn causes_that_the_answer_excludes_are_not_shown() {
    let answer = "HTTP/1.1 403 Forbidden\nx-zscaler-mode: read-write\n\n";
    let found = of_answer(&["zscaler/zia"], answer);
    assert!(!found["readings"][0]["error"]["causes"].to_string().contains("maintenance"));
    assert!(!found["readings"][0]["alternatives"].to_string().contains("STATE_READONLY"));
    let answer = "HTTP/1.1 403 Forbidden\nx-zscaler-mode: read-only\n\n";
    assert_eq!(of_answer(&["zscaler/zia", "--method", "PUT"], answer)["readings"][0]["kind"], "maintenance");
    let forbidden = "HTTP/1.1 403 Forbidden\nx-request-uuid: 0123\n\n{\"error\": \"no\"}";
    assert_eq!(of_answer(&["--impersonated"], forbidden)["readings"][0]["kind"], "impersonation");
}

#[test]
fn an_answer_without_marks_is_judged_by_its_status() {
    let output = scanyard(&["explain"]).write_stdin("HTTP/1.1 502 Bad Gateway\n\n<html>").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("unavailable") && text.contains("tells whose it is"), "{text}");
}

#[test]
fn nothing_to_explain_is_wrong_usage() {
    for words in [&["explain", "NO_SUCH_CODE"][..], &["explain", "tenable", "42"], &["explain", "tenable", "NO_SUCH"]] {
        assert_eq!(fail(words).1, 2, "{words:?}");
    }
    for stdin in ["", " \n", "{\"x\": 1}"] {
        let output = scanyard(&["explain"]).write_stdin(stdin).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{stdin:?}");
    }
}

#[test]
fn an_answer_cannot_steer_the_terminal() {
    let answer = "HTTP/1.1 400 Bad Request\nx-request-uuid: a\n\n{\"error\": \"\\u001b[2Jgone\"}";
    let output = scanyard(&["explain"]).write_stdin(answer).output().unwrap();
    assert!(!output.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stdout));
}
