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
    for words in ["zia 429", "zcc 429", "zpa 403", "zdx 429", "zidentity 403"] {
        assert_eq!(explained(&[words])["isAmbiguous"], true, "{words}");
        let (service, status) = words.split_once(' ').unwrap();
        assert_eq!(of_answer(&[service], &format!("HTTP/1.1 {status} X\n\n"))["isAmbiguous"], true, "{words}");
        assert!(run(&["explain", words]).0.contains("Causes (the answer does not tell which):"), "{words}");
    }
    assert_eq!(explained(&["tenable 429"])["isAmbiguous"], true, "a duplicate export is one as well");
    assert_eq!(explained(&["zpa", "invalid.toomanyrequests"])["isAmbiguous"], false);
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
fn a_class_and_an_answer_are_known_in_the_forms_in_which_they_are_copied() {
    for class in ["pytenable.errors.RetryError", "tenable.errors.RetryError", "pytenable tenable.errors.RetryError"] {
        assert_eq!(ids(&explained(&[class])), ["pytenable/RetryError"], "{class}");
    }
    let body = r#""{\"id\": \"api.concurrent.access.error\", \"reason\": \"x\"}""#;
    for answer in [format!("HTTP/1.1 409 Conflict\r\r{body}"), format!("  :status: 409\n\n  {body}")] {
        assert_eq!(ids(&of_answer(&[], &answer)), ["zscaler/zpa/409/api.concurrent.access.error"], "{answer}");
    }
    let alone = r#""{\"id\": \"invalid.toomanyrequests\"}""#;
    assert_eq!(ids(&of_answer(&[], alone)), ["zscaler/zpa/429/invalid.toomanyrequests"]);
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

/// What curl 7.88.1 and Wget 1.21.3 printed, both channels in one, for a ZPA limit of `scanyard simulate zscaler`.
#[test]
fn what_curl_and_wget_print_beside_an_answer_is_not_of_it() {
    let texts = [
        ("curl -v", include_str!("pasted/curl-v.txt")),
        ("curl -v --trace-time", include_str!("pasted/curl-v-trace-time.txt")),
        ("curl -v, two seconds", include_str!("pasted/curl-v-slow.txt")),
        ("curl -v -#, POST", include_str!("pasted/curl-v-bar.txt")),
        ("curl -svN", include_str!("pasted/curl-svN.txt")),
        ("curl -vN, two seconds", include_str!("pasted/curl-vN-slow.txt")),
        ("curl -vN, POST", include_str!("pasted/curl-vN-post.txt")),
        ("curl -iN, two seconds", include_str!("pasted/curl-iN-slow.txt")),
        ("curl -iv", include_str!("pasted/curl-iv.txt")),
        ("wget -S --content-on-error", include_str!("pasted/wget-S.txt")),
        ("wget --save-headers --content-on-error", include_str!("pasted/wget-save-headers.txt")),
    ];
    for (command, text) in texts {
        for text in [text.to_string(), format!("```\n{text}\n```\nWhat is this?\n")] {
            let found = of_answer(&[], &text);
            let answer = &found["readings"][0]["answer"];
            assert_eq!(ids(&found), ["zscaler/zpa/429/invalid.toomanyrequests"], "{command}: {found}");
            assert_eq!(answer["message"], "Exceeded the number of requests allowed", "{command}");
            assert_eq!(answer["waitMs"], 13_000, "{command}");
        }
    }
    for text in [include_str!("pasted/curl-vN-text.txt"), include_str!("pasted/wget-S-text.txt")] {
        let found = of_answer(&["zscaler/zia"], text);
        assert_eq!(ids(&found), ["zscaler/common/ONLY_ONEAPI_SUPPORTED"]);
        assert_eq!(found["readings"][0]["answer"]["message"], "Access is possible only through zscaler oneapi");
    }
    // wget throws the body of a failure away, where nothing else is asked for.
    let empty = of_answer(&[], include_str!("pasted/wget-S-without-body.txt"));
    assert_eq!((ids(&empty), empty["readings"][0]["answer"].get("message")), (vec!["zscaler/zpa/429"], None));
}

#[test]
fn an_id_and_the_address_of_a_page_are_explained_as_that_page() {
    for id in [
        "zscaler/zia/401/Resource-Access-Blocked",
        "tenable/429/Duplicate-export-not-allowed",
        "tenable/other",
        "zscaler/other",
        "arctic-wolf/aurora/other",
        "scan-api/KEY_EXPIRED",
        "pytenable/RetryError",
    ] {
        let page = format!("/api/v1/errors/{id}");
        for asked in [id, &page, &format!("https://scanyard.example.test:8443{page}")] {
            let found = explained(&[asked]);
            assert_eq!((ids(&found), &found["question"]), (vec![id], &id.into()), "{asked}");
        }
    }
    let open = explained(&["/api/v1/errors/zscaler/zia/403"]);
    assert_eq!((ids(&open), &open["isAmbiguous"]), (vec!["zscaler/zia/403"], &true.into()), "as `zscaler/zia 403`");
}

#[test]
fn an_answer_that_two_contracts_give_is_shown_as_both() {
    let found = of_answer(&[], "HTTP/1.1 403 Forbidden\n\n{\"error\": \"Access denied\"}");
    assert_eq!(found["isAmbiguous"], true);
    assert_eq!(found["readings"].as_array().unwrap().len(), 2);
}

#[test]
fn an_answer_of_a_vendor_is_read_for_every_service_that_lists_it() {
    let found = of_answer(&["arctic-wolf"], "HTTP/1.1 404 Not Found\r\n\r\n");
    let wolves = [
        "arctic-wolf/aurora/404",
        "arctic-wolf/ticket/404/not_found",
        "arctic-wolf/data-retrieval/404",
        "arctic-wolf/reports/404/not_found",
    ];
    assert_eq!((ids(&found), &found["isAmbiguous"]), (wolves.to_vec(), &true.into()));
    let forbidden = of_answer(&[], "HTTP/1.1 403 Forbidden\nx-transaction-id: t-1\n\n");
    assert_eq!(ids(&forbidden), ids(&explained(&["zscaler", "403"])));
    let text = forbidden.to_string();
    for cause in ["disabled the API key", "NOT_SUBSCRIBED", "SCOPE_LIMITED", "maintenance", "microtenant"] {
        assert!(text.contains(cause), "{cause} in {text}");
    }
    let moded = of_answer(&["zscaler"], "HTTP/1.1 403 Forbidden\nx-zscaler-mode: read-write\n\n");
    assert_eq!(ids(&moded), ["zscaler/zia/403", "zscaler/cbc/403"]);
    let coded = of_answer(&["zscaler"], "HTTP/1.1 409 Conflict\n\n{\"code\": \"EDIT_LOCK_NOT_AVAILABLE\"}");
    assert_eq!(ids(&coded), ["zscaler/zia/409/EDIT_LOCK_NOT_AVAILABLE", "zscaler/cbc/409/EDIT_LOCK_NOT_AVAILABLE"]);
    let unlisted = of_answer(&["arctic-wolf"], "HTTP/1.1 418 X\n\n");
    assert_eq!(
        (ids(&unlisted), &unlisted["readings"][0]["isListed"]),
        (vec!["arctic-wolf/aurora/other"], &false.into())
    );
    assert_eq!(ids(&of_answer(&["arctic-wolf"], "HTTP/1.1 200 OK\n\n[]")), ["arctic-wolf/aurora/200"]);
}

#[test]
fn causes_that_the_answer_excludes_are_not_shown() {
    let answer = "HTTP/1.1 403 Forbidden\nx-zscaler-mode: read-write\n\n";
    let found = of_answer(&["zscaler/zia"], answer);
    assert!(!found["readings"][0]["error"]["causes"].to_string().contains("maintenance"));
    assert!(!found["readings"][0]["alternatives"].to_string().contains("STATE_READONLY"));
    let answer = "HTTP/1.1 403 Forbidden\nx-zscaler-mode: read-only\n\n";
    let put = of_answer(&["zscaler/zia", "--method", "PUT"], answer);
    assert_eq!((&put["readings"][0]["kind"], &put["isAmbiguous"]), (&"maintenance".into(), &false.into()));
    let unknown = of_answer(&["zscaler/zia"], answer);
    assert_eq!((&unknown["readings"][0]["kind"], &unknown["isAmbiguous"]), (&"maintenance".into(), &true.into()));
    assert_eq!(unknown["readings"][0]["alternatives"][0]["id"], "zscaler/zia/403");
    let coded = of_answer(&["zia", "--method", "PUT"], &format!("{answer}{{\"code\": \"NOT_SUBSCRIBED\"}}"));
    assert_eq!(ids(&coded), ["zscaler/zia/403/NOT_SUBSCRIBED"]);
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
fn an_answer_without_headers_is_recognised_by_its_words_or_as_graphql() {
    let moved = of_answer(&[], "HTTP/1.1 400 X\n\nAccess only through zscaler oneapi");
    assert_eq!(ids(&moved), ["zscaler/common/ONLY_ONEAPI_SUPPORTED"]);
    let graphql = "HTTP/1.1 200 OK\n\n{\"errors\": [{\"message\": \"no such field\"}], \"data\": null}";
    for words in [&[][..], &["zscaler"]] {
        let found = of_answer(words, graphql);
        assert_eq!(ids(&found), ["zscaler/graphql/200/errors"], "{words:?}");
        assert_eq!(found["readings"][0]["answer"]["message"], "no such field", "{words:?}");
    }
    let page = of_answer(&[], "HTTP/1.1 200 OK\n\n<html><title>Sign in</title></html>");
    let reading = &page["readings"][0];
    assert_eq!((&reading["kind"], reading.get("contract")), (&"decode".into(), None));
    assert_eq!(reading["note"], "a success with a page for people in place of data: Sign in");
    assert_eq!(of_answer(&[], "HTTP/1.1 201 Created\n\n{}")["readings"][0]["kind"], "created");
}

#[test]
fn the_wait_is_the_one_that_is_stated_or_the_one_that_the_client_keeps() {
    let answer = "HTTP/1.1 429 X\nretry-after: 60\n\n{\"message\": \"slow down\", \"x\": 1}";
    let found = of_answer(&[], answer);
    let reading = &found["readings"][0];
    assert_eq!((&reading["answer"]["waitMs"], &reading["answer"]["message"]), (&60_000.into(), &"slow down".into()));
    assert_eq!((&reading["kind"], &reading["retry"]), (&"rate_limited".into(), &"after_wait".into()));
    let text = |words: &[&str], answer: &str| {
        let output = scanyard(&[&["explain"], words].concat()).write_stdin(answer).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(&[], answer).contains("asks for 60 s"), "{}", text(&[], answer));
    let bare = "HTTP/1.1 429 X\n\n";
    assert_eq!(of_answer(&["arctic-wolf/aurora"], bare)["readings"][0]["assumedWaitMs"], 60_000);
    let wolf = text(&["arctic-wolf/aurora"], bare);
    assert!(wolf.contains("states no wait: Scanyard's client waits 60 s") && !wolf.contains("seconds in"), "{wolf}");
    let tenable = text(&["tenable"], bare);
    assert!(tenable.contains("client waits at most 1 s, then twice as long"), "{tenable}");
    let stated = of_answer(&["arctic-wolf/aurora"], "HTTP/1.1 429 X\nretry-after: 7\n\n");
    assert_eq!(stated["readings"][0].get("assumedWaitMs"), None);
    assert!(run(&["explain", "arctic-wolf", "429"]).0.contains("client waits 60 s"));
    let endless = text(&["tenable"], "HTTP/1.1 429 X\nretry-after: 99999999999999999999\n\n");
    assert!(endless.contains("asks for 18446744073709551.615 s: longer than any client should wait"), "{endless}");
}

#[test]
fn a_success_is_one_also_where_no_table_lists_it() {
    for words in [["tenable", "200"], ["arctic-wolf/ticket", "200"], ["zscaler/zpa", "202"]] {
        let asked = explained(&words);
        let (reading, pasted) =
            (&asked["readings"][0], of_answer(&words[..1], &format!("HTTP/1.1 {} OK\n\n", words[1])));
        assert_eq!(reading["kind"], if words[1] == "202" { "accepted" } else { "ok" }, "{words:?}");
        assert_eq!(reading, &pasted["readings"][0], "{words:?}");
        let (text, _) = run(&[&["explain"], &words[..]].concat());
        assert!(!text.contains("proxy") && text.contains("The status alone says"), "{text}");
    }
}

#[test]
fn a_success_that_is_none_says_what_is_wrong_with_it() {
    let page = "HTTP/1.1 200 OK\ncontent-type: text/html\n\n<html><title>Sign in</title></html>";
    for words in ["zscaler/zia", "zscaler", "tenable"] {
        let found = of_answer(&[words], page);
        let reading = &found["readings"][0];
        assert_eq!((ids(&found), &reading["kind"]), (vec!["-"], &"decode".into()), "{words}");
        assert_eq!(reading["note"], "a success with a page for people in place of data: Sign in", "{words}");
    }
    let output = scanyard(&["explain", "zscaler/zia"]).write_stdin(page).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("This is a success with a page for people") && !text.contains("list"), "{text}");
    let center = of_answer(&["tenable"], "HTTP/1.1 200 OK\n\n{\"error_code\": 143, \"error_msg\": \"denied\"}");
    let reading = &center["readings"][0];
    assert_eq!((ids(&center), &reading["note"]), (vec!["-"], &"a success whose body holds an error".into()));
    assert_eq!((&reading["answer"]["code"], &reading["answer"]["message"]), (&"143".into(), &"denied".into()));
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
