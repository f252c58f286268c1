//! The few pages of the edge plane, and the redirect itself. No script, no foreign resource.

use super::answer::{Answer, Form};
use domain::visit::link::Preview;
use domain::visit::traffic::Signals;
use throughline_text::escape;

/// A redirect that nobody keeps: not caches, not search engines. Clients that may not follow get a
/// page with the address; for a browser it would be a packet that nobody reads.
pub(super) fn leading_to(location: String, client: &Signals<'_>) -> Answer {
    let (form, body) = if client.follows() {
        (Form::Redirect, String::new())
    } else {
        (Form::RedirectPage, moved(&location))
    };
    // With room for the cookie that nearly always follows.
    let mut headers = Vec::with_capacity(2);
    headers.push(("location", location));
    Answer {
        status: 302,
        form,
        headers,
        body,
        ..Answer::default()
    }
}

fn moved(location: &str) -> String {
    let mut body = String::with_capacity(location.len() + 96);
    body.push_str("<!doctype html><title>Moved</title><a href=\"");
    escape(location, &mut body);
    body.push_str("\">Continue</a>");
    body
}

/// An address that no link has, where the program names no fallback.
pub(super) fn nothing_here() -> Answer {
    let text = "It may be mistyped, or its owner has taken it down.";
    page(404, "This link leads nowhere", text, "")
}

/// A link whose time is over, where nobody named an address for it.
pub(super) fn ended() -> Answer {
    page(
        410,
        "This link has ended",
        "The offer behind it is over.",
        "",
    )
}

/// The answer when what is needed could not be fetched.
pub(super) fn away() -> Answer {
    let text = "This link cannot be looked up right now. Reload in a moment.";
    let mut answer = page(503, "Please try again", text, "");
    answer.headers.push(("retry-after", "2".to_owned()));
    answer
}

/// Shows where a link leads, for people who look before they follow.
pub(super) fn leads_to(target: &str) -> Answer {
    let mut link = String::from("<p><a rel=\"nofollow\" href=\"");
    escape(target, &mut link);
    link.push_str("\">");
    escape(target, &mut link);
    link.push_str("</a></p>");
    page(200, "Where this link leads", "A partner's link to:", &link)
}

/// The page that chat programs and social networks read to make a preview. It names no `og:url`:
/// they would take that for the page's address, and share it instead of the link.
pub(super) fn preview(og: &Preview) -> Answer {
    let mut head = String::new();
    let members = [
        ("og:title", Some(og.title.as_str())),
        ("og:description", og.description.as_deref()),
        ("og:image", og.image.as_deref()),
        ("og:type", Some("website")),
    ];
    for (name, value) in members {
        let Some(value) = value else { continue };
        for piece in ["<meta property=\"", name, "\" content=\""] {
            head.push_str(piece);
        }
        escape(value, &mut head);
        head.push_str("\">");
    }
    html(200, &og.title, &head, "")
}

fn page(status: u16, title: &str, text: &str, more: &str) -> Answer {
    let mut body = String::from("<h1>");
    escape(title, &mut body);
    for piece in ["</h1><p>", text, "</p>", more] {
        body.push_str(piece);
    }
    let style = "<meta name=\"viewport\" content=\"width=device-width\"><style>\
                 body{font:18px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:30em;\
                 padding:0 1em;overflow-wrap:anywhere}</style>";
    html(status, title, style, &body)
}

fn html(status: u16, title: &str, head: &str, body: &str) -> Answer {
    let mut page = String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>");
    escape(title, &mut page);
    for piece in ["</title>", head, body, "</html>"] {
        page.push_str(piece);
    }
    Answer {
        status,
        form: Form::Page,
        body: page,
        ..Answer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_people_stay_texts() {
        let og = Preview {
            title: "<script>\"&".into(),
            description: None,
            image: None,
        };
        let body = preview(&og).body;
        assert!(
            body.contains("content=\"&lt;script&gt;&quot;&amp;\""),
            "{body}"
        );
        assert!(!body.contains("<script"));
    }

    #[test]
    fn a_redirect_says_in_words_where_it_leads_to_who_may_not_follow() {
        let address = "https://a.example/?a=1&b=2";
        let answer = leading_to(address.to_owned(), &Signals::default());
        let link = "href=\"https://a.example/?a=1&amp;b=2\"";
        assert!(answer.body.contains(link), "{}", answer.body);
        assert!(
            answer
                .form
                .headers()
                .iter()
                .any(|(name, _)| *name == "content-type")
        );

        let browser = Signals {
            fetch_mode: "navigate",
            ..Signals::default()
        };
        let answer = leading_to(address.to_owned(), &browser);
        assert_eq!(answer.headers, [("location", address.to_owned())]);
        assert_eq!(answer.body, "");
        assert!(
            answer
                .form
                .headers()
                .iter()
                .all(|(name, _)| *name != "content-type")
        );
    }
}
