//! Servers that do not take a mail.

use std::time::Instant;

use application::mail::{MailError, Mailer};
use testkit::{Manners, SmtpServer};

use super::{SEND_MAX, header, mail, mailer};

#[tokio::test]
async fn what_is_refused_for_good_is_final_and_the_answer_is_kept_without_the_address() {
    let server = SmtpServer::start().await;
    server.behave(Manners::Refuse("550 5.1.1 <ann@people.test>: no such user"));

    let refused = mailer(&server).send(&mail("job-1")).await.unwrap_err();

    let MailError::Refused(answer) = &refused else { panic!("{refused:?}") };
    assert!(answer.contains("550") && answer.contains("no such user"), "{answer}");
    assert!(!answer.contains("ann@people.test"), "{answer}");
}

#[tokio::test]
async fn to_be_asked_to_come_back_later_is_not_final() {
    let server = SmtpServer::start().await;
    server.behave(Manners::Later("451 4.7.1 greylisted, try again"));
    let mailer = mailer(&server);

    let later = mailer.send(&mail("job-1")).await.unwrap_err();
    assert!(matches!(&later, MailError::Later(answer) if answer.contains("greylisted")), "{later:?}");

    server.behave(Manners::Accept);
    mailer.send(&mail("job-1")).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_server_that_stalls_is_left_and_the_next_mail_gets_its_own_answers() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    mailer.send(&mail("job-0")).await.unwrap();
    server.behave(Manners::Stall);
    let begun = Instant::now();

    let later = mailer.send(&mail("job-1")).await.unwrap_err();

    assert!(matches!(later, MailError::Later(_)), "{later:?}");
    assert!(begun.elapsed() < SEND_MAX * 4, "{:?}", begun.elapsed());
    server.behave(Manners::Accept);
    for key in ["job-1", "job-2"] {
        mailer.send(&mail(key)).await.unwrap();
    }
    assert_eq!(server.mails().len(), 3, "each once");
}

#[tokio::test]
async fn a_mail_whose_connection_was_dropped_is_sent_again_once() {
    let server = SmtpServer::start().await;
    server.behave(Manners::HangUp);
    let mailer = mailer(&server);

    let later = mailer.send(&mail("job-1")).await.unwrap_err();
    assert!(matches!(later, MailError::Later(_)), "{later:?}");
    assert_eq!((server.mails().len(), server.tries()), (0, 1));

    server.behave(Manners::Accept);
    mailer.send(&mail("job-1")).await.unwrap();
    let mails = server.mails();
    assert_eq!((mails.len(), server.tries()), (1, 2));
    assert_eq!(header(&mails[0], "Message-ID").len(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_not_final() {
    let server = SmtpServer::start().await;
    let mailer = mailer(&server);
    drop(server);
    tokio::task::yield_now().await;

    let later = mailer.send(&mail("job-1")).await.unwrap_err();

    assert!(matches!(later, MailError::Later(_)), "{later:?}");
}
