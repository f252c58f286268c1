//! A request to somebody else's server.

use serde_json::Value;

use super::Object;
use super::settings::encoded;

/// What stands in for a secret where people look.
pub const REDACTED: &str = "[redacted]";

/// Headers that hold no secret; the values of all others are never shown.
const SHOWN: [&str; 4] = ["content-type", "webhook-id", "webhook-timestamp", "accept"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One request. Its address was checked when the settings were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for GET.
    pub body: String,
}

impl Request {
    pub fn get(url: String) -> Request {
        Request {
            method: Method::Get,
            url,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// A JSON body.
    pub fn post(url: String, body: &Value) -> Request {
        Request {
            method: Method::Post,
            url,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Request {
        self.headers.push((name, value));
        self
    }

    /// `Authorization: Bearer …`
    #[must_use]
    pub fn bearer(self, token: &str) -> Request {
        self.with("authorization", format!("Bearer {token}"))
    }

    /// The request for people to look at, without the values of headers that may be made of a
    /// secret. It must have been made with stand-ins for the secrets
    /// ([`super::Destination::stand_in_secret`]): nothing is looked for and taken out here.
    pub fn shown(&self) -> Value {
        let plain = |text: &str| text.replace(&encoded(REDACTED), REDACTED);
        let mut headers = Object::new();
        for (name, value) in &self.headers {
            let shown = SHOWN.contains(name);
            headers.text(name, if shown { value } else { REDACTED });
        }
        let mut request = Object::new();
        request
            .text("method", self.method.as_str())
            .text("url", &plain(&self.url))
            .object("headers", headers)
            .text("body", &plain(&self.body));
        request.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shown_holds_no_secret() {
        let request = Request::post(
            format!("https://a.example/?k={}", encoded(REDACTED)),
            &json!({"token": REDACTED}),
        );
        let request = request.bearer("s/ecret").with("x-any", "cy9lY3JldA".into());
        let shown = request.shown();
        assert_eq!(shown["url"], "https://a.example/?k=[redacted]");
        assert_eq!(shown["body"], r#"{"token":"[redacted]"}"#);
        assert_eq!(shown["headers"]["authorization"], REDACTED);
        assert_eq!(shown["headers"]["x-any"], REDACTED);
        assert_eq!(shown["headers"]["content-type"], "application/json");
    }
}
