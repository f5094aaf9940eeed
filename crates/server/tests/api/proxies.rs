//! Where a request came from: the socket, or what trusted proxies say.

use crate::harness::Test;

async fn behind_a_proxy() -> Test {
    Test::with(|config| {
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config.limits.per_source = 2;
    })
    .await
}

#[tokio::test]
async fn a_keys_addresses_are_held_against_what_the_proxy_says() {
    let t = behind_a_proxy().await;
    let nets = vec!["198.51.100.0/24".parse().unwrap()];
    let caller = t.key("scans:list").with(|key| key.allowed_ips = Some(nets)).made().await;
    let from = |peer: &str, chain: &str| caller.again().from(peer).header("x-forwarded-for", chain).get("/scans");
    from("10.0.0.1", "198.51.100.7").await.ok(200);
    from("10.0.0.1", "192.0.2.66, 198.51.100.7, 10.0.0.2").await.ok(200);
    let refused = from("10.0.0.1", "198.51.100.7, 203.0.113.9").await;
    refused.is(403, "IP_NOT_ALLOWED");
    assert!(refused.details()[0].contains("203.0.113.9"), "{:?}", refused.details());
    let direct = from("203.0.113.9", "198.51.100.7").await;
    direct.is(403, "IP_NOT_ALLOWED");
    assert!(direct.details()[0].contains("203.0.113.9"), "{:?}", direct.details());
    let hidden = from("10.0.0.1", "198.51.100.7, unknown").await;
    hidden.is(403, "IP_NOT_ALLOWED");
    assert!(hidden.details()[0].contains("10.0.0.1"), "{:?}", hidden.details());
}

#[tokio::test]
async fn clients_behind_one_proxy_are_counted_apart_and_cannot_evade_their_count() {
    let t = behind_a_proxy().await;
    let from = |chain: &str| t.nobody().from("10.0.0.1").header("x-forwarded-for", chain).get("/errors");
    from("198.51.100.1").await.ok(200);
    from("192.0.2.1, 198.51.100.1").await.ok(200);
    let refused = from("192.0.2.2, 198.51.100.1").await;
    refused.is(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.details()[0].contains("198.51.100.1"), "{:?}", refused.details());
    from("198.51.100.2").await.ok(200);
}

#[tokio::test]
async fn forwarded_is_read_when_the_proxies_write_that() {
    let t = Test::with(|config| {
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        config.http.proxy_header = scanyard_server::http::source::ProxyHeader::Forwarded;
    })
    .await;
    let caller = t.key("scans:list").with(|key| key.allowed_ips = Some(vec![])).made().await;
    let caller = caller.from("10.0.0.1").header("x-forwarded-for", "192.0.2.66");
    let refused = caller.header("forwarded", "for=\"[2001:db8::7]:443\";proto=https").get("/scans").await;
    refused.is(403, "IP_NOT_ALLOWED");
    assert!(refused.details()[0].contains("2001:db8::7"), "{:?}", refused.details());
}
