//! Where a redirect leads, and what goes along: the rules of browsers (Fetch, 4.4), and no way down from HTTPS.

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderName},
};
use postern_protocol::limits::HTTP_URL_BYTES;
use url::Url;

/// A request on its way.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// Headers whose values are secret: never sent to another origin.
    pub(super) secret: Vec<HeaderName>,
    pub(super) body: Bytes,
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Hop {
    /// The request that `location` asks for instead.
    pub(super) fn follow(mut self, status: StatusCode, location: &str) -> Result<Self, String> {
        if location.len() > HTTP_URL_BYTES {
            return Err(format!(
                "the redirect's address is longer than {HTTP_URL_BYTES} bytes"
            ));
        }
        let url = self
            .url
            .join(location)
            .map_err(|error| format!("the redirect to '{}' cannot be read: {error}", short(location)))?;
        let place = short(url.as_str());
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "the redirect to '{place}' leads out of HTTP and is not followed"
            ));
        }
        if self.url.scheme() == "https" && url.scheme() == "http" {
            return Err(format!(
                "the redirect from HTTPS to '{place}' is not followed: it would drop the encryption"
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the redirect carries a user or password and is not followed".to_owned());
        }
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => !matches!(self.method, Method::GET | Method::HEAD),
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_LOCATION,
            ] {
                self.headers.remove(name);
            }
        }
        if self.url.origin() != url.origin() {
            let of_origin = [
                header::AUTHORIZATION,
                header::COOKIE,
                header::PROXY_AUTHORIZATION,
                header::HOST,
            ];
            for name in self.secret.drain(..).chain(of_origin) {
                self.headers.remove(name);
            }
        }
        self.url = url;
        Ok(self)
    }
}

/// As much of an address as a reason has room for.
fn short(address: &str) -> String {
    const CHARACTERS: usize = 200;
    match address.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", address.get(..end).unwrap_or_default()),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let headers = [
            ("authorization", "a"),
            ("cookie", "c"),
            ("x-token", "secret"),
            ("content-type", "t"),
            ("x-plain", "p"),
            ("host", "other"),
        ];
        Hop {
            method,
            url: Url::parse(url).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            secret: vec!["x-token".parse().unwrap()],
            body: Bytes::from_static(b"body"),
        }
    }

    fn follow(method: Method, status: u16, location: &str) -> Result<Hop, String> {
        hop(method, "https://web.test/a/b?c").follow(StatusCode::from_u16(status).unwrap(), location)
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (method, status, expected) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::DELETE, 308, Method::DELETE),
        ] {
            let next = follow(method.clone(), status, "/x").unwrap();
            assert_eq!(next.method, expected, "{method} {status}");
            let changed = method != expected;
            assert_eq!(next.body.is_empty(), changed, "{method} {status}");
            assert_eq!(
                next.headers.contains_key("content-type"),
                !changed,
                "{method} {status}"
            );
        }
    }

    #[test]
    fn what_belongs_to_an_origin_stays_there() {
        let same = follow(Method::GET, 302, "../c").unwrap();
        assert_eq!((same.url.as_str(), same.headers.len()), ("https://web.test/c", 6));
        for other in ["https://web.test:8443/", "https://evil.test/", "//evil.test/x"] {
            let next = follow(Method::GET, 302, other).unwrap();
            let mut names: Vec<&str> = next.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["content-type", "x-plain"], "{other}");
            assert!(next.secret.is_empty());
        }
    }

    #[test]
    fn a_way_that_is_not_taken_is_named() {
        for (location, expected) in [
            ("http://web.test/", "drop the encryption"),
            ("file:///etc/passwd", "leads out of HTTP"),
            ("https://user:pw@web.test/", "a user or password"),
            ("https://[", "cannot be read"),
            (&"x".repeat(HTTP_URL_BYTES + 1), "longer than"),
        ] {
            let error = follow(Method::GET, 302, location).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            hop(Method::GET, "http://web.test/")
                .follow(StatusCode::FOUND, "https://web.test/")
                .is_ok()
        );
    }
    proptest! {
        #[test]
        fn no_location_makes_it_panic_or_leaves_http(location in "(https?:)?[/\\\\]{0,3}\\PC{0,60}") {
            if let Ok(next) = follow(Method::GET, 302, &location) {
                prop_assert_eq!(next.url.scheme(), "https");
            }
        }
    }
}
