//! What a server gets.

use adapter_mail::{Credentials, SmtpMailer, SmtpSettings};
use application::mail::{Mailer, MessageId};
use testkit::SmtpServer;

use super::{header, mail, mail_to, mailer, settings};

#[tokio::test]
async fn a_mail_arrives_as_text_and_html_with_an_id_of_its_own() {
    let server = SmtpServer::start().await;

    mailer(&server).send(&mail("job-1")).await.unwrap();

    let [got] = server.mails().try_into().unwrap();
    assert_eq!(header(&got, "Subject"), ["Please verify your email address"]);
    assert_eq!(header(&got, "From"), ["\"Enterprise Todo\" <no-reply@todo.test>"]);
    let id = format!("<{}@todo.test>", MessageId::of_job("job-1").as_str());
    assert_eq!(header(&got, "Message-ID"), [id.as_str()]);
    assert!(header(&got, "To")[0].ends_with("<ann@people.test>"), "{got}");
    assert!(got.contains("multipart/alternative") && got.contains("text/plain") && got.contains("text/html"));
    assert!(got.contains("https://web.test/verify-email?token=3Dabc") || got.contains("token=abc"), "{got}");
}

#[tokio::test]
async fn the_same_mail_has_the_same_id_in_each_try_and_another_has_another() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    for key in ["job-1", "job-1", "job-2"] {
        mailer.send(&mail(key)).await.unwrap();
    }

    let mails = server.mails();
    let ids: Vec<Vec<&str>> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    assert!(server.connections() < 3, "connections are used again");
}

#[tokio::test]
async fn a_line_break_in_a_name_begins_no_header() {
    let server = SmtpServer::start().await;
    let name = "Ann\r\nBcc: thief@evil.test\r\n\r\nTake this";

    mailer(&server).send(&mail_to("job-1", name)).await.unwrap();

    let [got] = server.mails().try_into().unwrap();
    let head = got.split("\r\n\r\n").next().unwrap();
    assert!(head.lines().all(|line| !line.to_lowercase().starts_with("bcc")), "{head}");
    assert_eq!(header(&got, "To").len(), 1, "{head}");
}

#[tokio::test]
async fn it_signs_in_when_it_is_told_as_whom() {
    let server = SmtpServer::start().await;
    mailer(&server).send(&mail("job-1")).await.unwrap();
    assert_eq!(server.signed_in(), [""; 0]);
    let credentials = Credentials { user: "todo".to_owned(), password: "p w".to_owned() };
    let known =
        SmtpMailer::new(SmtpSettings { credentials: Some(credentials), ..settings(&server) }).unwrap();

    known.send(&mail("job-2")).await.unwrap();

    assert_eq!(server.signed_in(), ["todo:p w"]);
}

#[tokio::test]
async fn a_sender_that_is_no_address_is_refused_at_the_start() {
    let server = SmtpServer::start().await;
    for from in ["", "nobody", "a@b@c", "no-reply@todo.test\r\nBcc: thief@evil.test"] {
        let refused = SmtpMailer::new(SmtpSettings { from: from.to_owned(), ..settings(&server) });
        assert!(refused.is_err(), "{from:?}");
    }
}
