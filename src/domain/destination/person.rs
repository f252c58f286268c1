//! What the merchant's server tells of a person and their browser, and what is kept of it.

use serde_json::{Map, Value};

use super::{Object, Phone};

/// As it came with the call: in memory only, while the call is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Person<'a> {
    /// The merchant's id of the customer.
    pub customer_id: Option<&'a str>,
    pub email: Option<&'a str>,
    pub phone: Option<&'a Phone>,
    pub user_agent: Option<&'a str>,
    pub page_url: Option<&'a str>,
    /// Meta's browser id, cookie `_fbp`.
    pub fbp: Option<&'a str>,
    /// TikTok's browser id, cookie `_ttp`.
    pub ttp: Option<&'a str>,
    /// Google Analytics' client id: cookie `_ga`, or the id in it.
    pub ga_client_id: Option<&'a str>,
    /// Google Analytics' session: cookie `_ga_<stream>`, or the id in it.
    pub ga_session_id: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// The page's address without query and fragment: shops put mail addresses there.
    pub fn page(&self) -> Option<&'a str> {
        let end = |url: &str| url.find(['?', '#']).unwrap_or(url.len());
        unless_mail(self.page_url.and_then(|url| url.get(..end(url))))
    }
}

/// A text that should name nobody, unless it may hold a mail address.
#[inline(never)]
pub fn unless_mail(text: Option<&str>) -> Option<&str> {
    let encoded = |text: &str| text.split('%').skip(1).any(|rest| rest.starts_with("40"));
    text.filter(|text| !text.contains('@') && !encoded(text))
}

/// What one destination keeps until the event is delivered; sealed at rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept(pub Map<String, Value>);

impl Kept {
    /// Keeps a value if there is one.
    pub fn put(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// Keeps a value as it came, if there is one.
    pub fn copy(&mut self, name: &str, value: Option<&str>) {
        self.put(name, value.map(str::to_owned));
    }

    /// A value that was kept.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Writes the values of these names, those that were kept, under the same names.
    pub fn copy_into(&self, to: &mut Object, names: &[&str]) {
        for name in names {
            to.maybe(name, self.text(name));
        }
    }
}
