//! A letter is written once, and read as text or as HTML.

use std::fmt::Write;

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What stands in the list of mails: never anything personal.
    pub subject: String,
    /// Whom it greets.
    pub name: String,
    /// What it says.
    pub parts: Vec<Part>,
}

/// A paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Text(String),
    /// Something to click on.
    Link {
        /// What it does.
        label: &'static str,
        /// Where it leads.
        url: String,
    },
}

const FOOTER: &str = "This mail was sent by Enterprise Todo. Nobody reads answers to it.";

impl Letter {
    /// Its links.
    pub fn links(&self) -> Vec<String> {
        let link = |part: &Part| match part {
            Part::Link { url, .. } => Some(url.clone()),
            Part::Text(_) => None,
        };
        self.parts.iter().filter_map(link).collect()
    }

    /// For readers of text.
    pub fn text(&self) -> String {
        let mut text = format!("Hello {},\n", self.name);
        for part in &self.parts {
            let line = match part {
                Part::Text(words) => words,
                Part::Link { url, .. } => url,
            };
            let _ = write!(text, "\n{line}\n");
        }
        let _ = write!(text, "\n-- \n{FOOTER}\n");
        text
    }

    /// For everybody else. All that comes from people is escaped.
    pub fn html(&self) -> String {
        let mut body = format!("<p>Hello {},</p>\n", escaped(&self.name));
        for part in &self.parts {
            let _ = match part {
                Part::Text(words) => writeln!(body, "<p>{}</p>", escaped(words)),
                Part::Link { label, url } => writeln!(
                    body,
                    "<p><a href=\"{url}\" style=\"display:inline-block;padding:10px 18px;background:#4f46e5;\
                     color:#ffffff;border-radius:6px;text-decoration:none\">{label}</a></p>\n\
                     <p style=\"font-size:13px;color:#6b7280\">Or copy this address: {url}</p>",
                    url = escaped(url),
                    label = escaped(label),
                ),
            };
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
             <body style=\"font-family:sans-serif;line-height:1.5;color:#111827;max-width:36em\">\n{body}\
             <hr>\n<p style=\"font-size:12px;color:#6b7280\">{FOOTER}</p>\n</body>\n</html>\n",
            title = escaped(&self.subject),
        )
    }
}

/// Text that cannot become markup, in an attribute either.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_becomes_markup() {
        let letter = Letter {
            subject: "Hello".to_owned(),
            name: "<img src=x onerror=\"alert('x')\"> & co".to_owned(),
            parts: vec![Part::Link { label: "Go", url: "http://web.test/?a=\"><script>".to_owned() }],
        };
        let html = letter.html();
        assert!(html.contains("&lt;img src=x onerror=&quot;alert(&#39;x&#39;)&quot;&gt; &amp; co"), "{html}");
        assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
        assert!(letter.text().contains("<img src=x"), "text is text");
    }
}
