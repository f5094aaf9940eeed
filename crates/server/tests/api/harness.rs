//! A node with a database of its own, called through its real router; every answer is held against the contract.

use crate::dns;
use crate::log;
use crate::record::{self, Asked};
use crate::support::{BEGIN, TestDatabase};
use crate::wire::listen;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::future::LocalBoxFuture;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use scanyard_contract::scan::Records;
use scanyard_contract::user::{Role, UserStatus};
use scanyard_contract::{Code, Support};
use scanyard_server::config::{Config, Secret};
use scanyard_server::http::BASES;
use scanyard_server::http::serve::Source;
use scanyard_server::key::{NewKey, RawKey};
use scanyard_server::store::user::{self, UserRecord};
use scanyard_server::store::{self, api_key, tenant};
use scanyard_server::token::{self, Use};
use scanyard_server::{App, bootstrap, kafka, session};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// When every test begins: 2026-03-06T10:00:00Z, the start of an hour.
pub const START: i64 = BEGIN;

/// The document that every answer is held against.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(scanyard_server::openapi(&Support::default())).unwrap());

/// A node.
pub struct Test {
    pub app: App,
    pub router: Router,
    pub document: &'static Value,
    pub database: TestDatabase,
    /// Where it listens, once it was called over a real connection.
    listening: OnceCell<SocketAddr>,
}

/// Whoever calls, with which headers and from where.
pub struct Caller<'t> {
    test: &'t Test,
    key: Option<NewKey>,
    role: Option<Role>,
    tenant: String,
    headers: HeaderMap,
    source: IpAddr,
}

/// An answer that passed every check.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
    /// The request, as people read it.
    pub asked: String,
}

impl Test {
    pub async fn new() -> Test {
        Test::with(|_| {}).await
    }

    /// A node with changed settings. On the heap: a test of many nodes has the places of all of them on its stack.
    pub fn with<'c>(change: impl FnOnce(&mut Config) + 'c) -> LocalBoxFuture<'c, Test> {
        Box::pin(Test::open(change))
    }

    async fn open(change: impl FnOnce(&mut Config)) -> Test {
        log::begin_if_traced();
        let database = TestDatabase::new().await;
        let mut config = Config { data_dir: database.dir.path().into(), ..Config::default() };
        config.database.url = Secret::new(&*database.options.url);
        config.dns.servers = vec![dns::serve().await];
        config.support.contact = Some("help@example.test".into());
        if let Ok(broker) = std::env::var("SCANYARD_TEST_KAFKA") {
            config.queue.kafka.brokers = vec![broker];
            config.queue.kafka.topic_prefix = format!("api{}", std::process::id());
            config.queue.kafka.partitions = 1;
        }
        change(&mut config);
        let app = App::open(config, database.options.clock.clone(), CancellationToken::new()).await.unwrap();
        if let Some(kafka) = app.queue.kafka() {
            tokio::spawn(kafka::relay(app.clone(), kafka.clone()));
        }
        bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap();
        let router = scanyard_server::router(app.clone());
        Test { app, router, document: &DOCUMENT, database, listening: OnceCell::new() }
    }

    /// Where it listens; it does from the first call on.
    pub async fn address(&self) -> SocketAddr {
        *self.listening.get_or_init(|| async { listen(self).await.0 }).await
    }

    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        self.database.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Changes rows behind the API's back, as another node would.
    pub async fn sql(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_string());
        let changed =
            self.app.store.write(move |conn| Box::pin(async move { Ok(sqlx::query(sql).execute(conn).await?) }));
        changed.await.unwrap();
    }

    /// Makes a user without a usable password and a session; its access token.
    async fn log_in(&self, tenant: &str, role: Role) -> String {
        let app = &self.app;
        let tenant = tenant::by_name(&mut app.store.read().await.unwrap(), tenant).await.unwrap().expect(tenant);
        let now = app.store.local_now();
        let id = format!("usr-{}", uuid::Uuid::now_v7());
        let user = UserRecord {
            email: format!("{id}@example.test"),
            id,
            tenant_id: tenant.id,
            name: None,
            role,
            status: UserStatus::Active,
            password_hash: "none".into(),
            password_changed_at: now,
            last_login_at: None,
            locked_until: None,
            created_at: now,
        };
        let session = session::begin(&user.id, now);
        let token = token::issue(&app.vault, Use::Access, &user.id, &session.id, 0, now).unwrap();
        let stored = app.store.write(move |conn| {
            Box::pin(async move {
                store::session::insert(conn, &session).await?;
                user::insert_new(conn, &user).await
            })
        });
        assert!(stored.await.unwrap());
        token
    }

    /// The texts that a query of one column finds.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::AssertSqlSafe(sql.to_string());
        sqlx::query_scalar(sql).fetch_all(&mut *self.app.store.read().await.unwrap()).await.unwrap()
    }

    /// How many rows a table has.
    pub async fn rows(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar(sql).fetch_one(&mut *self.app.store.read().await.unwrap()).await.unwrap()
    }

    /// Makes a key behind the API's back, without a line in the audit log.
    async fn make_key(&self, tenant: &str, new: NewKey) -> RawKey {
        let store = &self.app.store;
        let tenant = tenant::by_name(&mut store.read().await.unwrap(), tenant).await.unwrap().expect("a tenant");
        let (record, key) = new.make(&tenant.id, store.local_now()).unwrap();
        store.write(move |conn| Box::pin(async move { api_key::insert(conn, &record).await })).await.unwrap();
        key
    }

    /// Nobody: no key.
    pub fn nobody(&self) -> Caller<'_> {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        Caller {
            test: self,
            key: None,
            role: None,
            tenant: "default".into(),
            headers: HeaderMap::new(),
            source: loopback,
        }
    }

    /// A new user with this role in the operator's tenant, logged in.
    pub fn session(&self, role: &str) -> Caller<'_> {
        Caller { role: Some(role.parse().expect(role)), ..self.nobody() }
    }

    /// A holder of a new key of the operator's tenant with these scopes, parted by blanks.
    pub fn key(&self, scopes: &str) -> Caller<'_> {
        let scopes = scopes.split_whitespace().map(|scope| scope.parse().expect(scope)).collect();
        let key = NewKey { name: "test".into(), scopes, ..NewKey::with_limits(&self.app.config.limits) };
        Caller { key: Some(key), ..self.nobody() }
    }
}

impl<'t> Caller<'t> {
    /// With another kind of key.
    pub fn with(mut self, change: impl FnOnce(&mut NewKey)) -> Self {
        change(self.key.as_mut().expect("a key"));
        self
    }

    pub fn of_tenant(self, tenant: &str) -> Self {
        Caller { tenant: tenant.into(), ..self }
    }

    pub fn from(self, source: &str) -> Self {
        Caller { source: source.parse().unwrap(), ..self }
    }

    /// With a header; a second call with the same name replaces it.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Makes the key, or the user and the session, so that several calls share it.
    pub async fn made(mut self) -> Self {
        if let Some(role) = self.role.take() {
            let token = self.test.log_in(&self.tenant, role).await;
            self.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        if let Some(new) = self.key.take() {
            let key = self.test.make_key(&self.tenant, new).await;
            self.headers.insert("x-api-key", key.reveal().parse().unwrap());
        }
        self
    }

    /// The key itself, once it is made.
    pub fn key_text(&self) -> String {
        self.headers["x-api-key"].to_str().unwrap().to_string()
    }

    /// Id of the user who is logged in, once it is made.
    pub fn user_id(&self) -> String {
        let token = self.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        token::read(&self.test.app.vault, Use::Access, token, self.test.app.store.local_now()).unwrap().sub
    }

    /// The same caller once more.
    pub fn again(&self) -> Caller<'t> {
        Caller {
            test: self.test,
            key: self.key.clone(),
            role: self.role,
            tenant: self.tenant.clone(),
            headers: self.headers.clone(),
            source: self.source,
        }
    }

    pub async fn get(self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub async fn post(self, path: &str, body: Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    pub async fn patch(self, path: &str, body: Value) -> Answer {
        self.header("content-type", "application/json").send(Method::PATCH, path, body.to_string().into()).await
    }

    pub async fn delete(self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::empty()).await
    }

    /// A body of JSON that need not be JSON.
    pub async fn post_text(self, path: &str, body: impl Into<Body>) -> Answer {
        let caller = if self.headers.contains_key("content-type") {
            self
        } else {
            self.header("content-type", "application/json")
        };
        caller.send(Method::POST, path, body.into()).await
    }

    pub fn send<'c>(self, method: Method, path: &'c str, body: Body) -> LocalBoxFuture<'c, Answer>
    where
        't: 'c,
    {
        Box::pin(self.sent(method, path, body))
    }

    async fn sent(self, method: Method, path: &str, body: Body) -> Answer {
        let test = self.test;
        let caller = self.made().await;
        let is_root = ["/livez", "/readyz", "/metrics", "/nowhere"].iter().any(|root| path.starts_with(root));
        let is_whole = is_root || path.starts_with("/api/") || path.starts_with("/scan-api");
        let uri = if is_whole { path.to_string() } else { format!("{}{path}", BASES[0]) };
        let (asked, body) = record::record(&method, &uri, &caller.headers, body).await;
        let mut request = Request::builder().method(method.clone()).uri(&uri).body(body).unwrap();
        *request.headers_mut() = caller.headers;
        request.extensions_mut().insert(Source(caller.source));
        let (status, headers, bytes) = if record::is_over_http() {
            over_http(test.address().await, request).await
        } else {
            let (parts, body) = test.router.clone().oneshot(request).await.unwrap().into_parts();
            (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
        };
        let mut answer = read(status, headers, &bytes, &method);
        check(test, &method, &uri, &answer);
        keep_secrets(&asked, &answer);
        answer.asked = asked.text;
        answer
    }

    /// The answer as it comes, with the path that was asked for; its body may not end.
    pub async fn open(self, method: Method, path: &str, body: Body) -> (String, Response) {
        let test = self.test;
        let caller = self.made().await;
        let is_root = ["/livez", "/readyz", "/metrics", "/nowhere"].iter().any(|root| path.starts_with(root));
        let is_whole = is_root || path.starts_with("/api") || path.starts_with("/scan-api");
        let uri = if is_whole { path.to_string() } else { format!("{}{path}", BASES[0]) };
        let mut request = Request::builder().method(method).uri(&uri).body(body).unwrap();
        *request.headers_mut() = caller.headers;
        request.extensions_mut().insert(Source(caller.source));
        (uri, test.router.clone().oneshot(request).await.unwrap())
    }
}

/// Sends a request through a socket.
async fn over_http(address: SocketAddr, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).pool_max_idle_per_host(0).build().unwrap();
    let (parts, body) = request.into_parts();
    let body = match body.size_hint().exact() {
        Some(0) => reqwest::Body::from(""),
        Some(_) => reqwest::Body::from(body.collect().await.unwrap().to_bytes()),
        None => reqwest::Body::wrap_stream(body.into_data_stream()),
    };
    let sent = client.request(parts.method, format!("http://{address}{}", parts.uri)).headers(parts.headers).body(body);
    let response = sent.send().await.unwrap();
    (response.status(), response.headers().clone(), response.bytes().await.unwrap())
}

/// Notes the secrets of a call, and that a failure repeats none of them.
fn keep_secrets(asked: &Asked, answer: &Answer) {
    let answered = record::take_secrets(&mut answer.body.clone());
    for secret in asked.secrets.iter().chain(&answered) {
        log::is_secret(secret);
    }
    if answer.status >= 400 || answer.body.is_null() {
        assert!(asked.secrets.iter().all(|secret| !answer.text.contains(secret)), "a secret in {}", answer.text);
        log::answered(&format!("{:?} {}", answer.headers, answer.text));
    }
}

/// Reads an answer and checks what holds for all of them.
pub fn read(status: StatusCode, headers: HeaderMap, bytes: &[u8], method: &Method) -> Answer {
    let is_report = headers.get("content-type").is_some_and(|media_type| media_type == "application/octet-stream");
    let text = if is_report { String::new() } else { String::from_utf8(bytes.to_vec()).unwrap() };
    let id = headers["x-request-id"].to_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    if status == StatusCode::NO_CONTENT {
        assert_eq!(text, "");
        return Answer { asked: String::new(), status: 204, headers, body: Value::Null, text };
    }
    let media_type = headers["content-type"].to_str().unwrap();
    let is_json = matches!(media_type, "application/json" | "application/problem+json" | "application/sarif+json");
    let others = ["text/plain", "text/event-stream", "text/csv", "text/html"];
    let is_other = is_report || others.iter().any(|other| media_type.starts_with(other));
    assert!(is_json || (is_other && status.is_success()), "{media_type}");
    let body = match method {
        &Method::HEAD => {
            assert_eq!(text, "");
            Value::Null
        }
        _ if is_json => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
        _ => Value::Null,
    };
    // The first characters of a key may be shown, the whole of it once: in the answer that makes it.
    let is_whole =
        |(at, word): &(usize, &str)| text[at + word.len()..].bytes().take_while(u8::is_ascii_alphanumeric).count() > 5;
    let keys = text.match_indices("cix_sk_").filter(is_whole).count();
    let is_new = status.is_success() && body["data"]["key"].is_string();
    assert_eq!(keys, usize::from(is_new), "a key in {text}");
    if !status.is_success() && method != Method::HEAD {
        let code: Code = body["code"].as_str().unwrap_or_default().parse().unwrap_or_else(|()| panic!("{text}"));
        assert_eq!(code.status(), status.as_u16());
        assert_eq!(body["requestId"], id);
        assert_eq!(body["retryable"], code.row().retry.is_retryable());
        assert_eq!(
            body.get("retryAfter"),
            headers.get("retry-after").map(|v| json!(v.to_str().unwrap().parse::<u64>().unwrap())).as_ref()
        );
        let message = if media_type == "application/json" {
            assert_eq!((&body["success"], &body["help"]), (&json!(false), &json!(code.row().help())));
            &body["error"]
        } else {
            assert_eq!((&body["status"], &body["type"]), (&json!(status.as_u16()), &json!(code.row().help())));
            &body["detail"]
        };
        assert!(!message.as_str().unwrap().contains('{'), "an unfilled message: {message}");
    }
    Answer { status: status.as_u16(), headers, body, text, asked: String::new() }
}

/// Holds an answer against the OpenAPI document: its operation names the status and the code, and its body fits.
fn check(test: &Test, method: &Method, uri: &str, answer: &Answer) {
    let path = uri.split('?').next().unwrap();
    let path = BASES.iter().find_map(|base| path.strip_prefix(base)).unwrap_or(path);
    let code = answer.body["code"].as_str().unwrap_or_default();
    let paths = test.document["paths"].as_object().unwrap();
    let templates: Vec<&String> = paths.keys().filter(|template| fits(template, path)).collect();
    let Some(template) = templates.iter().min_by_key(|template| template.matches('{').count()) else {
        assert!(["ROUTE_NOT_FOUND", "URI_TOO_LONG"].contains(&code) || answer.body == Value::Null, "{uri}: {answer:?}");
        return;
    };
    let verb = if method == Method::HEAD { "get".to_string() } else { method.as_str().to_lowercase() };
    let operation = &paths[*template][&verb];
    if operation.is_null() {
        let refused = ["METHOD_NOT_ALLOWED", "NOT_IMPLEMENTED"].contains(&code);
        assert!(refused || answer.body == Value::Null, "{method} {uri} is not documented: {answer:?}");
        return;
    }
    let documented = &operation["responses"][answer.status.to_string()];
    assert!(!documented.is_null(), "{method} {template} does not document {}: {answer:?}", answer.status);
    let description = documented["description"].as_str().unwrap();
    assert!(code.is_empty() || description.contains(&format!("`{code}`")), "{method} {template}: {code}");
    accounted_for(&answer.body["data"]);
    if !answer.body.is_null() {
        let media_type = answer.headers["content-type"].to_str().unwrap();
        let schema = &documented["content"][media_type]["schema"];
        assert!(!schema.is_null(), "{method} {template} does not document {media_type}");
        let mut root = schema.clone();
        root["components"] = test.document["components"].clone();
        let validator = jsonschema::validator_for(&root).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&answer.body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{method} {template}: {faults:#?} in {}", answer.text);
    }
}

/// No scan loses a record of its report: each was kept, merged, or dropped for a reason.
fn accounted_for(data: &Value) {
    let Ok(records) = serde_json::from_value::<Records>(data["records"].clone()) else { return };
    assert!(records.is_balanced(), "{data}");
    let summary = if data["summary"].is_null() { &data["resultSummary"] } else { &data["summary"] };
    assert_eq!(summary["total"], records.kept, "{data}");
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
}

impl Answer {
    /// The status and the code.
    pub fn is(&self, status: u16, code: &str) -> &Answer {
        let seen = (self.status, self.body["code"].as_str().unwrap_or_default());
        assert_eq!(seen, (status, code), "{}", self.text);
        self
    }

    pub fn ok(&self, status: u16) -> &Answer {
        self.is(status, "")
    }

    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }

    /// `field: reason` of every detail.
    pub fn details(&self) -> Vec<String> {
        let details = self.body["details"].as_array().cloned().unwrap_or_default();
        details
            .iter()
            .map(|d| format!("{}: {}", d["field"].as_str().unwrap_or("-"), d["reason"].as_str().unwrap()))
            .collect()
    }
}
