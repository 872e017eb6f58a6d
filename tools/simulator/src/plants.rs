//! Secrets that a venue lets slip wherever it says something, to see that whoever hears them tells nobody.

use std::borrow::Cow;

/// A text for each way in which a venue's words reach a client. An empty one is not said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plants {
    /// What the path of every socket's URL begins with: `wss://127.0.0.1:PORT/THIS`.
    pub socket_path: String,
    /// What the path of every REST URL begins with.
    pub rest_path: String,
    /// A cookie of every HTTP answer.
    pub cookie: String,
    /// A member `note` of every answer to a REST request.
    pub body: String,
    /// A member `apiKey` of every refusal over HTTP, or words of its page.
    pub refusal: String,
    /// A member `listenKey` of every answer to a request on a socket.
    pub reply: String,
    /// The reason of every close frame.
    pub close: String,
    /// The payload of every ping.
    pub ping: String,
}

impl Plants {
    /// A request's target without what was planted in its path.
    pub(crate) fn target<'a>(&self, target: &'a str, is_socket: bool) -> &'a str {
        let planted = if is_socket { &self.socket_path } else { &self.rest_path };
        if planted.is_empty() {
            return target;
        }
        let rest = target.strip_prefix('/').and_then(|target| target.strip_prefix(planted.as_str()));
        match rest {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            // Whoever leaves it out finds nothing here.
            _ => "/nothing",
        }
    }

    /// A root with what is planted in its path.
    pub(crate) fn root(root: String, planted: &str) -> String {
        if planted.is_empty() { root } else { format!("{root}/{planted}") }
    }

    /// An HTTP answer with its cookie.
    pub(crate) fn answer(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let line = bytes.windows(2).position(|pair| pair == b"\r\n");
        if let Some(line) = line.filter(|_| !self.cookie.is_empty()) {
            let cookie = format!("\r\nSet-Cookie: session={}; path=/", self.cookie);
            bytes.splice(line..line, cookie.into_bytes());
        }
        bytes
    }

    /// The body of an answer with this code.
    pub(crate) fn json<'a>(&self, code: u16, body: &'a str) -> Cow<'a, str> {
        if code == 200 { with(body, "note", &self.body) } else { with(body, "apiKey", &self.refusal) }
    }

    /// What a page says.
    pub(crate) fn page<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.refusal.is_empty() { text.into() } else { format!("{text}, apiKey={}", self.refusal).into() }
    }

    /// An answer on a socket.
    pub(crate) fn said<'a>(&self, text: &'a str) -> Cow<'a, str> {
        with(text, "listenKey", &self.reply)
    }
}

/// An object with another member at its end; what is no object stays as it is.
fn with<'a>(text: &'a str, name: &str, value: &str) -> Cow<'a, str> {
    match text.strip_suffix('}') {
        Some(start) if !value.is_empty() && start.starts_with('{') && start.len() > 1 => {
            format!("{start},\"{name}\":\"{value}\"}}").into()
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects get a member, other texts and empty plants change nothing, a path is taken off again, a cookie stands in
    /// front of the other headers.
    #[test]
    fn plants_stand_where_they_are_to() {
        let plants = Plants {
            socket_path: "s".into(),
            cookie: "c".into(),
            body: "b".into(),
            reply: "r".into(),
            ..Plants::default()
        };
        assert_eq!(plants.target("/s/stream?a=b", true), "/stream?a=b");
        assert_eq!((plants.target("/stream", true), plants.target("/x", false)), ("/nothing", "/x"));
        assert_eq!(plants.target("/s", true), "/");
        assert_eq!(Plants::root("wss://h".into(), &plants.socket_path), "wss://h/s");
        assert_eq!(plants.json(200, r#"{"a":1}"#), r#"{"a":1,"note":"b"}"#);
        assert_eq!(plants.json(400, r#"{"a":1}"#), r#"{"a":1}"#);
        assert_eq!((plants.said("[1]"), plants.said("{}")), ("[1]".into(), "{}".into()));
        assert_eq!(plants.said(r#"{"id":1}"#), r#"{"id":1,"listenKey":"r"}"#);
        let answer = plants.answer(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n".to_vec());
        assert_eq!(answer, b"HTTP/1.1 200 OK\r\nSet-Cookie: session=c; path=/\r\nA: b\r\n\r\n");
        assert_eq!(Plants::default().answer(Vec::new()), b"");
    }
}
