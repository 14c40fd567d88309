//! Encryption: required where it is said, and verified.

use adapter_mail::{Credentials, SmtpMailer, SmtpSettings, Tls};
use application::mail::{MailError, Mailer};
use testkit::{Guard, SmtpServer};

use super::{SEND_MAX, mail, settings};

fn secured(server: &SmtpServer, tls: Tls, trusted: bool) -> SmtpMailer {
    let ca_file = trusted.then(|| server.authority());
    let credentials = Some(Credentials { user: "todo".to_owned(), password: "secret".to_owned() });
    SmtpMailer::new(SmtpSettings { tls, ca_file, credentials, ..settings(server) }).unwrap().within(SEND_MAX)
}

#[tokio::test]
async fn mail_goes_through_tls_from_the_first_byte_and_after_starttls() {
    for (guard, tls) in [(Guard::Implicit, Tls::Implicit), (Guard::StartTls, Tls::StartTls)] {
        let server = SmtpServer::guarded(guard).await;

        secured(&server, tls, true).send(&mail("job-1")).await.unwrap();

        assert_eq!(server.mails().len(), 1, "{tls:?}");
        assert_eq!(server.signed_in(), ["todo:secret"]);
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_gets_no_mail() {
    for (guard, tls) in [(Guard::Implicit, Tls::Implicit), (Guard::StartTls, Tls::StartTls)] {
        let server = SmtpServer::guarded(guard).await;

        let refused = secured(&server, tls, false).send(&mail("job-1")).await;

        assert!(matches!(refused, Err(MailError::Later(_))), "{refused:?}");
        assert_eq!((server.mails().len(), server.signed_in().len()), (0, 0));
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_mail_nor_password() {
    let server = SmtpServer::start().await;

    let refused = secured(&server, Tls::StartTls, true).send(&mail("job-1")).await;

    assert!(refused.is_err(), "{refused:?}");
    assert_eq!((server.mails().len(), server.tries(), server.signed_in().len()), (0, 0, 0));
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_said_at_the_start() {
    let server = SmtpServer::start().await;
    let settings =
        SmtpSettings { tls: Tls::Implicit, ca_file: Some("/nowhere/ca.pem".into()), ..settings(&server) };
    let Err(refused) = SmtpMailer::new(settings) else { panic!("there is no such file") };
    assert!(refused.to_string().contains("SMTP_CA_FILE"), "{refused}");
}
