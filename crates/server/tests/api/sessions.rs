//! Sessions: what an access token opens and for how long, logins, refreshes, log-outs and new passwords.

use crate::harness::{Answer, Caller, Test};
use serde_json::json;

const ROLES: [&str; 4] = ["owner", "admin", "analyst", "viewer"];

#[tokio::test]
async fn a_session_opens_what_its_role_opens() {
    let t = Test::new().await;
    let scan = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    for role in ROLES {
        let caller = t.session(role).made().await;
        caller.again().get("/scans").await.ok(200);
        let posted = caller.again().post("/scans", scan.clone()).await;
        match role {
            "viewer" => {
                posted.is(403, "INSUFFICIENT_SCOPE");
                assert_eq!(posted.details(), ["scope: the viewer lacks scans:create"]);
            }
            _ => drop(posted.ok(201)),
        }
        let tenants = caller.again().get("/tenants").await;
        match role {
            "owner" => drop(tenants.ok(200)),
            _ => drop(tenants.is(403, "INSUFFICIENT_SCOPE")),
        }
    }
}

#[tokio::test]
async fn an_owner_of_another_tenant_has_nothing_of_the_operators() {
    let t = Test::new().await;
    t.key("tenants:create").post("/tenants", json!({"name": "other"})).await.ok(201);
    let owner = t.session("owner").of_tenant("other").made().await;
    owner.again().get("/tenants").await.is(403, "INSUFFICIENT_SCOPE");
    owner.get("/scans").await.ok(200);
}

#[tokio::test]
async fn a_token_that_is_none_is_invalid_and_an_old_one_expired() {
    let t = Test::new().await;
    let caller = t.session("viewer").made().await;
    for (header, code) in [
        ("Bearer x", "INVALID_TOKEN"),
        ("bearer eyJhbGciOiJub25lIn0.e30.", "INVALID_TOKEN"),
        ("Bearer cix_sk_abc", "MISSING_API_KEY"),
        ("Basic dTpw", "MISSING_API_KEY"),
        ("Bearer", "MISSING_API_KEY"),
    ] {
        t.nobody().header("authorization", header).get("/scans").await.is(401, code);
    }
    let refused = t.nobody().header("authorization", "Bearer x").get("/scans").await;
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    t.pass(15 * 60 * 1000 - 1);
    caller.again().get("/scans").await.ok(200);
    t.pass(1);
    let expired = caller.again().get("/scans").await;
    expired.is(401, "TOKEN_EXPIRED");
    assert_eq!(expired.details(), ["Authorization: the token ended at 2026-03-06T10:15:00Z"]);
}

#[tokio::test]
async fn who_is_suspended_or_gone_stops_within_a_second() {
    let t = Test::new().await;
    for (sql, status, code) in [
        ("UPDATE session SET ended_at = 1", 401, "INVALID_TOKEN"),
        ("UPDATE app_user SET status = 'suspended'", 401, "USER_SUSPENDED"),
        ("DELETE FROM app_user", 401, "INVALID_TOKEN"),
        ("UPDATE tenant SET status = 'suspended'", 403, "TENANT_SUSPENDED"),
    ] {
        let caller = t.session("analyst").made().await;
        caller.again().get("/scans").await.ok(200);
        t.sql(sql).await;
        caller.again().get("/scans").await.ok(200);
        t.pass(1_000);
        caller.again().get("/scans").await.is(status, code);
    }
}

#[tokio::test]
async fn a_user_has_limits_of_its_own() {
    let t = Test::with(|config| config.limits.user_per_minute = 2).await;
    let (one, other) = (t.session("viewer").made().await, t.session("viewer").made().await);
    assert_eq!(one.again().get("/scans").await.ok(200).header("ratelimit-remaining"), "1");
    one.again().get("/scans").await.ok(200);
    let refused = one.again().get("/scans").await;
    assert_eq!(refused.is(429, "RATE_LIMIT_EXCEEDED").header("retry-after"), "60");
    other.get("/scans").await.ok(200);
}

#[tokio::test]
async fn tokens_that_are_tried_out_are_counted_by_source() {
    let t = Test::with(|config| config.limits.per_source = 1).await;
    let tried = || t.nobody().header("authorization", "Bearer x").get("/scans");
    tried().await.is(401, "INVALID_TOKEN");
    tried().await.is(429, "RATE_LIMIT_EXCEEDED");
    t.session("viewer").get("/scans").await.ok(200);
}

const PASSWORD: &str = "Correct-Horse-1";
const EMAIL: &str = "ada@example.test";
const MINUTES: i64 = 60_000;

/// A user with [`EMAIL`] and [`PASSWORD`].
async fn ada(t: &Test, role: &str) -> String {
    let body = json!({"email": EMAIL, "role": role, "password": PASSWORD});
    t.key("users:create").post("/users", body).await.ok(201).data()["id"].as_str().unwrap().to_string()
}

async fn log_in(t: &Test, email: &str, password: &str) -> Answer {
    t.nobody().post("/auth/login", json!({"email": email, "password": password})).await
}

fn text(answer: &Answer, field: &str) -> String {
    answer.data()[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", answer.text)).to_string()
}

async fn refresh(t: &Test, token: &str) -> Answer {
    t.nobody().post("/auth/refresh", json!({"refreshToken": token})).await
}

fn bearer<'t>(t: &'t Test, tokens: &Answer) -> Caller<'t> {
    t.nobody().header("authorization", &format!("Bearer {}", text(tokens, "accessToken")))
}

#[tokio::test]
async fn a_login_gives_a_session_that_works() {
    let t = Test::new().await;
    let id = ada(&t, "analyst").await;
    let tokens = log_in(&t, "Ada@Example.TEST", PASSWORD).await;
    tokens.ok(200);
    assert_eq!(tokens.header("cache-control"), "no-store");
    assert_eq!((&tokens.data()["tokenType"], &tokens.data()["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(tokens.data()["sessionExpiresAt"], "2026-03-13T10:00:00Z");
    assert_eq!(tokens.data()["user"]["lastLoginAt"], "2026-03-06T10:00:00Z");
    let me = bearer(&t, &tokens).get("/auth/me").await;
    assert_eq!((&me.ok(200).data()["user"]["id"], &me.data()["user"]["email"]), (&json!(id), &json!(EMAIL)));
    assert!(me.data()["scopes"].as_array().unwrap().contains(&json!("scans:create")));
    assert_eq!(me.data().get("impersonatedBy"), None);
    t.key("users:read").get("/auth/me").await.is(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let (wrong, unknown) = (log_in(&t, EMAIL, "x").await, log_in(&t, "bob@example.test", "x").await);
    assert_eq!(wrong.is(401, "INVALID_CREDENTIALS").details(), unknown.is(401, "INVALID_CREDENTIALS").details());
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    for email in [EMAIL, "bob@example.test"] {
        for _ in 0..4 {
            log_in(&t, email, "x").await.is(401, "INVALID_CREDENTIALS");
        }
        let locked = log_in(&t, email, PASSWORD).await;
        assert_eq!(locked.is(429, "ACCOUNT_LOCKED").header("retry-after"), "900");
        assert_eq!(locked.details(), ["email: is locked until 2026-03-06T10:15:00Z"]);
    }
    let actions = t.texts("SELECT action FROM audit ORDER BY id").await;
    assert_eq!(actions, ["user.created", "user.locked"]);
}

#[tokio::test]
async fn a_lock_ends_by_itself_or_by_an_admin_and_never_ends_sessions() {
    let t = Test::new().await;
    let id = ada(&t, "viewer").await;
    let session = log_in(&t, EMAIL, PASSWORD).await;
    for _ in 0..5 {
        log_in(&t, EMAIL, "x").await.is(401, "INVALID_CREDENTIALS");
    }
    log_in(&t, EMAIL, PASSWORD).await.is(429, "ACCOUNT_LOCKED");
    bearer(&t, &session).get("/scans").await.ok(200);
    let admin = t.session("admin").made().await;
    let path = format!("/users/{id}");
    assert_eq!(admin.again().get(&path).await.data()["lockedUntil"], "2026-03-06T10:15:00Z");
    admin.again().post_text(&format!("{path}/unlock"), "").await.ok(200);
    assert_eq!(admin.again().get(&path).await.data().get("lockedUntil"), None);
    log_in(&t, EMAIL, PASSWORD).await.ok(200);
    for _ in 0..5 {
        log_in(&t, EMAIL, "x").await.is(401, "INVALID_CREDENTIALS");
    }
    t.pass(15 * MINUTES - 1);
    assert_eq!(log_in(&t, EMAIL, PASSWORD).await.is(429, "ACCOUNT_LOCKED").header("retry-after"), "1");
    t.pass(1);
    // After the lock the count begins anew.
    for _ in 0..4 {
        log_in(&t, EMAIL, "x").await.is(401, "INVALID_CREDENTIALS");
    }
    log_in(&t, EMAIL, PASSWORD).await.ok(200);
    log_in(&t, EMAIL, "x").await.is(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn of_many_wrong_passwords_at_once_five_are_looked_at() {
    let t = Test::with(|config| config.limits.logins_per_source = 1_000).await;
    ada(&t, "viewer").await;
    let guesses = (0..32).map(|_| log_in(&t, EMAIL, "x"));
    let answers = futures::future::join_all(guesses).await;
    let count = |code: &str| answers.iter().filter(|answer| answer.body["code"] == code).count();
    assert_eq!((count("INVALID_CREDENTIALS"), count("ACCOUNT_LOCKED")), (5, 27));
}

#[tokio::test]
async fn many_right_logins_at_once_lock_nobody_out() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let logins = futures::future::join_all((0..8).map(|_| log_in(&t, EMAIL, PASSWORD))).await;
    for answer in &logins {
        answer.ok(200);
    }
}

#[tokio::test]
async fn logins_are_limited_by_source() {
    let t = Test::with(|config| config.limits.logins_per_source = 2).await;
    log_in(&t, "a@example.test", "x").await.is(401, "INVALID_CREDENTIALS");
    log_in(&t, "b@example.test", "x").await.is(401, "INVALID_CREDENTIALS");
    assert_eq!(log_in(&t, "c@example.test", "x").await.is(429, "RATE_LIMIT_EXCEEDED").header("retry-after"), "60");
    let body = json!({"email": "c@example.test", "password": "x"});
    t.nobody().from("192.0.2.7").post("/auth/login", body).await.is(401, "INVALID_CREDENTIALS");
    assert_eq!(t.rows("login_failure").await, 3);
}

#[tokio::test]
async fn who_is_suspended_learns_so_only_with_the_right_password() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    t.sql("UPDATE app_user SET status = 'suspended'").await;
    log_in(&t, EMAIL, "x").await.is(401, "INVALID_CREDENTIALS");
    log_in(&t, EMAIL, PASSWORD).await.is(401, "USER_SUSPENDED");
    t.sql("UPDATE app_user SET status = 'active'").await;
    t.sql("UPDATE tenant SET status = 'suspended'").await;
    log_in(&t, EMAIL, PASSWORD).await.is(403, "TENANT_SUSPENDED");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let first = log_in(&t, EMAIL, PASSWORD).await;
    t.pass(20 * MINUTES);
    bearer(&t, &first).get("/scans").await.is(401, "TOKEN_EXPIRED");
    let second = refresh(&t, &text(&first, "refreshToken")).await;
    bearer(&t, second.ok(200)).get("/scans").await.ok(200);
    assert_eq!(second.data()["sessionExpiresAt"], "2026-03-13T10:20:00Z");
    let third = refresh(&t, &text(&second, "refreshToken")).await;
    bearer(&t, third.ok(200)).get("/scans").await.ok(200);

    let reused = refresh(&t, &text(&first, "refreshToken")).await;
    reused.is(401, "INVALID_TOKEN");
    assert!(reused.details()[0].starts_with("refreshToken: was used before"), "{:?}", reused.details());
    bearer(&t, &third).get("/scans").await.is(401, "INVALID_TOKEN");
    let late = refresh(&t, &text(&third, "refreshToken")).await;
    assert_eq!(late.is(401, "INVALID_TOKEN").details(), ["refreshToken: its session has ended: log in again"]);
    let actions = t.texts("SELECT action FROM audit ORDER BY id").await;
    assert_eq!(actions, ["user.created", "session.started", "session.reused"]);
}

#[tokio::test]
async fn an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let tokens = log_in(&t, EMAIL, PASSWORD).await;
    refresh(&t, &text(&tokens, "accessToken")).await.is(401, "INVALID_TOKEN");
    let header = format!("Bearer {}", text(&tokens, "refreshToken"));
    t.nobody().header("authorization", &header).get("/scans").await.is(401, "INVALID_TOKEN");
    t.nobody().post_text("/auth/refresh", "").await.is(401, "INVALID_TOKEN");
    t.pass(7 * 24 * 60 * MINUTES);
    refresh(&t, &text(&tokens, "refreshToken")).await.is(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_rotates() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let token = text(&log_in(&t, EMAIL, PASSWORD).await, "refreshToken");
    let (one, other) = tokio::join!(refresh(&t, &token), refresh(&t, &token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_browser_keeps_its_refresh_token_in_a_cookie() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let body = json!({"email": EMAIL, "password": PASSWORD, "refreshIn": "cookie"});
    let tokens = t.nobody().post("/api/v1/auth/login", body).await;
    assert_eq!(tokens.ok(200).data().get("refreshToken"), None);
    let set = tokens.header("set-cookie").to_string();
    assert!(set.ends_with("; Path=/api/v1/auth; Max-Age=604800; HttpOnly; Secure; SameSite=Strict"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let next = t.nobody().header("cookie", cookie).post_text("/auth/refresh", "").await;
    assert_eq!(next.ok(200).data().get("refreshToken"), None);
    let cookie = next.header("set-cookie").split(';').next().unwrap().to_string();
    let out = t.nobody().header("cookie", &cookie).post_text("/auth/logout", "").await;
    assert_eq!(out.ok(200).data()["sessionsEnded"], 1);
    assert!(out.header("set-cookie").starts_with("scanyard_refresh=; Path=/scan-api/api/v1/auth; Max-Age=0;"));
    t.nobody().header("cookie", &cookie).post_text("/auth/refresh", "").await.is(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_log_out_ends_the_session_at_once_and_can_be_repeated() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    for by_access in [true, false] {
        let tokens = log_in(&t, EMAIL, PASSWORD).await;
        bearer(&t, &tokens).get("/scans").await.ok(200);
        let body = json!({"refreshToken": text(&tokens, "refreshToken")});
        let out = async || match by_access {
            true => bearer(&t, &tokens).post_text("/auth/logout", "").await,
            false => t.nobody().post("/auth/logout", body.clone()).await,
        };
        assert_eq!(out().await.ok(200).data()["sessionsEnded"], 1);
        bearer(&t, &tokens).get("/scans").await.is(401, "INVALID_TOKEN");
        assert_eq!(out().await.ok(200).data()["sessionsEnded"], 0);
    }
    t.nobody().post_text("/auth/logout", "").await.is(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn tokens_are_shown_once_also_to_a_repeat() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let keyed = |key: &str| t.nobody().header("idempotency-key", key);
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let tokens = keyed("a").post("/auth/login", body.clone()).await;
    tokens.ok(200);
    keyed("a").post("/auth/login", body).await.is(409, "SECRET_ALREADY_SHOWN");
    assert_eq!(t.rows("session").await, 1);
    let body = json!({"refreshToken": text(&tokens, "refreshToken")});
    let next = keyed("b").post("/auth/refresh", body.clone()).await;
    keyed("b").post("/auth/refresh", body.clone()).await.is(409, "SECRET_ALREADY_SHOWN");
    bearer(&t, next.ok(200)).get("/scans").await.ok(200);
    let stored = t.texts("SELECT body_hash || body FROM idempotency").await.join(" ");
    assert!(!stored.contains("eyJ") && !stored.contains(PASSWORD), "{stored}");
}

#[tokio::test]
async fn a_new_password_keeps_the_rules_and_ends_the_other_sessions() {
    let t = Test::new().await;
    ada(&t, "viewer").await;
    let (other, mine) = (log_in(&t, EMAIL, PASSWORD).await, log_in(&t, EMAIL, PASSWORD).await);
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        bearer(&t, &mine).post("/auth/change-password", body).await
    };
    change("x", "Correct-Horse-2").await.is(401, "INVALID_CREDENTIALS");
    let weak = change(PASSWORD, "correcthorse").await;
    weak.is(400, "PASSWORD_POLICY_VIOLATION");
    assert_eq!(
        weak.details(),
        [
            "newPassword: must have an upper-case letter",
            "newPassword: must have a digit",
            "newPassword: must have a special character, such as !",
        ]
    );
    assert_eq!(weak.body["error"], "The password breaks 3 of the rules for passwords");
    assert_eq!(change(PASSWORD, "Correct-Horse-2").await.ok(200).data()["sessionsEnded"], 1);
    bearer(&t, &other).get("/scans").await.is(401, "INVALID_TOKEN");
    bearer(&t, &mine).get("/scans").await.ok(200);
    log_in(&t, EMAIL, PASSWORD).await.is(401, "INVALID_CREDENTIALS");
    log_in(&t, EMAIL, "Correct-Horse-2").await.ok(200);
    for i in 2..6 {
        let (current, next) = (format!("Correct-Horse-{i}"), format!("Correct-Horse-{}", i + 1));
        let reused = change(&current, &current).await;
        assert_eq!(
            reused.is(400, "PASSWORD_POLICY_VIOLATION").details(),
            ["newPassword: must be none of the last five passwords"]
        );
        change(&current, &next).await.ok(200);
    }
    // Six passwords later the first one is forgotten, the second is not.
    change("Correct-Horse-6", "Correct-Horse-2").await.is(400, "PASSWORD_POLICY_VIOLATION");
    change("Correct-Horse-6", PASSWORD).await.ok(200);
}
