//! Mail to a server that speaks SMTP over TCP, and also refuses, stalls and hangs up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod sending;
mod troubles;
mod walls;

use std::time::Duration;

use adapter_mail::{SmtpMailer, SmtpSettings, Tls};
use application::mail::{Letter, Mail, MessageId, Part};
use domain::Timestamp;
use testkit::SmtpServer;

/// Longer than any answer on loopback takes.
const SEND_MAX: Duration = Duration::from_millis(700);

fn settings(server: &SmtpServer) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: server.port(),
        tls: Tls::Off,
        ca_file: None,
        credentials: None,
        from: "Enterprise Todo <no-reply@todo.test>".to_owned(),
    }
}

fn mailer(server: &SmtpServer) -> SmtpMailer {
    SmtpMailer::new(settings(server)).unwrap().within(SEND_MAX)
}

fn mail(key: &str) -> Mail {
    mail_to(key, "Ann Öberg")
}

fn mail_to(key: &str, name: &str) -> Mail {
    let letter = Letter {
        subject: "Please verify your email address".to_owned(),
        name: name.to_owned(),
        parts: vec![Part::Link {
            label: "Verify",
            url: "https://web.test/verify-email?token=abc".to_owned(),
        }],
    };
    let at = Timestamp::from_timestamp(1_700_000_000, 0).unwrap();
    Mail::new(MessageId::of_job(key), "ann@people.test", name, &letter, at).unwrap()
}

/// The value of a header.
fn header<'a>(mail: &'a str, name: &str) -> Vec<&'a str> {
    let head = mail.split("\r\n\r\n").next().unwrap_or_default();
    let prefix = format!("{name}: ");
    head.lines().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
}
