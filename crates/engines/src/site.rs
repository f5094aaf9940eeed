//! Places on the site that a URL engine looks at.

use crate::{Target, text};
use scanyard_contract::finding::Location;
use url::Url;

/// Why a record of another site is left out.
pub const OUTSIDE: &str = "outside the target";

/// The longest path or URL that a finding keeps, in bytes.
const MAX_BYTES: usize = 2048;

/// Where on the target a path or a URL of a report is; `None` when it is on another host or port, which no engine was
/// asked about. The path has no query, the URL has.
pub fn location(target: &Target, place: &str) -> Option<Location> {
    let Target::Url(base) = target else {
        let path = place.split('?').next().unwrap_or_default();
        return Some(Location {
            host: Some(target.host()),
            path: Some(text::clean(path.as_bytes(), MAX_BYTES)),
            ..Location::default()
        });
    };
    let url = if place.starts_with("http://") || place.starts_with("https://") {
        Url::parse(place).ok().filter(|url| is_same_site(url, base))?
    } else {
        let (path, query) = place.split_once('?').map_or((place, None), |(path, query)| (path, Some(query)));
        let mut url = base.clone();
        url.set_path(path);
        url.set_query(query);
        url
    };
    Some(Location {
        host: Some(target.host()),
        port: target.port(),
        protocol: Some("tcp".to_string()),
        path: Some(text::clean(url.path().as_bytes(), MAX_BYTES)),
        url: Some(text::clean(url.as_str().as_bytes(), MAX_BYTES)),
        ..Location::default()
    })
}

/// Whether two URLs are of one host and port.
pub fn is_same_site(url: &Url, base: &Url) -> bool {
    url.host() == base.host() && url.port_or_known_default() == base.port_or_known_default()
}

/// The parts of a fingerprint that every finding of a site has: host, port, path.
pub fn key(location: &Location) -> [String; 3] {
    let port = location.port.map(|port| port.to_string()).unwrap_or_default();
    [location.host.clone().unwrap_or_default(), port, location.path.clone().unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target() -> Target {
        Target::parse("http://app.example.test:8080/shop/").unwrap()
    }

    #[test]
    fn paths_and_urls_of_the_site_are_places_on_it() {
        for (place, path, url) in [
            ("/a?b=c", "/a", "http://app.example.test:8080/a?b=c"),
            ("//elsewhere.test/x", "//elsewhere.test/x", "http://app.example.test:8080//elsewhere.test/x"),
            ("http://app.example.test:8080/x?y", "/x", "http://app.example.test:8080/x?y"),
        ] {
            let location = location(&target(), place).unwrap();
            assert_eq!((location.path.as_deref(), location.url.as_deref()), (Some(path), Some(url)), "{place}");
            assert_eq!(key(&location), ["app.example.test", "8080", path]);
        }
    }

    #[test]
    fn another_host_or_port_is_no_place_of_ours() {
        for place in
            ["http://app.example.test/", "https://app.example.test:8443/", "http://other.test:8080/", "http://"]
        {
            assert_eq!(location(&target(), place), None, "{place}");
        }
    }

    #[test]
    fn a_target_that_is_no_url_has_paths_all_the_same() {
        let location = location(&Target::parse("127.0.0.1").unwrap(), "/a?b").unwrap();
        assert_eq!((location.path.as_deref(), location.url), (Some("/a"), None));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_leave_the_host(place in "\\PC{0,60}") {
            if let Some(location) = location(&target(), &place) {
                prop_assert!(location.url.unwrap().starts_with("http://app.example.test:8080/"));
            }
        }
    }
}
