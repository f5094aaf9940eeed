//! A small web application with the classic faults: a parameter that becomes part of a query, and one that comes back
//! as it was sent.

use super::database;
use super::http::with;

/// Where the application is.
pub const ROOT: &str = "/shop/";

const HOME: &str = "<html><head><title>Fruit</title></head><body><h1>Fruit</h1>\n\
     <a href=\"/shop/item?id=1\">apple</a> <a href=\"/shop/item?id=2\">pear</a>\n\
     <form action=\"/shop/search\" method=\"get\"><input type=\"text\" name=\"q\" value=\"pear\">\n\
     <input type=\"submit\"></form></body></html>\n";

/// What opens the members' pages: this cookie, or this user and password, which are `member` and `open-sesame`.
const KEYS: [&str; 2] = ["member=open-sesame", "Basic bWVtYmVyOm9wZW4tc2VzYW1l"];
const MEMBERS: &str = "/shop/members/";
/// Leads whoever is no member to a login.
const ACCOUNT: &str = "/shop/account";
const MEMBERS_HOME: &str = "<html><head><title>Index of /shop/members</title></head><body><h1>Index of /shop/members</h1>\n\
     <a href=\"/shop/members/item?id=1\">apple</a></body></html>\n";

/// The answer to a GET of a path below [`ROOT`]; `None` when there is nothing. `head` is all of the request.
pub fn answer(path: &str, head: &str) -> Option<String> {
    let is_member = KEYS.iter().any(|key| head.contains(key));
    if path.starts_with(ACCOUNT) && !is_member {
        let page = with("text/html", "Location: /shop/login?next=%2Fshop%2Faccount\r\n", "");
        return Some(page.replacen("200 OK", "302 Found", 1));
    }
    if path.starts_with(MEMBERS) && !is_member {
        let page = with(
            "text/html",
            "WWW-Authenticate: Basic realm=\"members\"\r\n",
            "<html><body>Members only.</body></html>\n",
        );
        return Some(page.replacen("200 OK", "401 Unauthorized", 1));
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parameter = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned())).unwrap_or_default()
    };
    match path {
        "/shop/" => Some(with("text/html", "", HOME)),
        MEMBERS => Some(with("text/html", "", MEMBERS_HOME)),
        "/shop/item" | "/shop/members/item" | ACCOUNT => Some(item(&parameter("id"))),
        "/shop/search" => Some(with(
            "text/html",
            "",
            &format!("<html><body><p>Nothing is called {}.</p></body></html>\n", parameter("q")),
        )),
        _ => None,
    }
}

fn item(id: &str) -> String {
    let page = |text: &str| with("text/html", "", &format!("<html><body><h1>Fruit</h1><p>{text}</p></body></html>\n"));
    match database::select(id) {
        Ok(fruits) if fruits.is_empty() => page("No such fruit."),
        Ok(fruits) => page(&format!("On sale today, as long as there are any: {}.", fruits.join(", "))),
        Err(error) => {
            page(&format!("sqlite3.OperationalError: {error}")).replacen("200 OK", "500 Internal Server Error", 1)
        }
    }
}
