//! Passwords from the outside.

use std::{sync::Arc, time::Duration};

use adapter_password::{Argon2Passwords, PASSWORD_CHARS_MAX, WAITING_MAX, Work};
use application::ports::{HashError, Passwords};
use futures_util::{StreamExt, stream::FuturesUnordered};

const PASSWORD: &str = "Correct horse 1";

#[tokio::test]
async fn a_wrong_password_does_not_belong_to_a_hash() {
    let passwords = passwords();
    let hash = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    for wrong in ["", "correct horse 1", "Correct horse 1 ", "Correct horse"] {
        assert!(!passwords.verify(wrong.to_owned(), Some(hash.clone())).await.unwrap());
    }
}

#[tokio::test]
async fn the_right_password_belongs_to_its_hash() {
    let passwords = passwords();
    let hash = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    assert!(passwords.verify(PASSWORD.to_owned(), Some(hash)).await.unwrap());
}

#[tokio::test]
async fn the_hash_names_its_settings_and_never_repeats() {
    let passwords = passwords();
    let first = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    let second = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_hash_of_older_settings_still_verifies() {
    // 64 MiB and two passes, of "password" under the salt "somesalt".
    let old = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(passwords().verify("password".to_owned(), Some(old.to_owned())).await.unwrap());
}

#[tokio::test]
async fn nobody_has_a_password_and_finding_out_takes_the_same_work() {
    let passwords = passwords();
    let hash = passwords.hash(PASSWORD.to_owned()).await.unwrap();
    let before = passwords.work().done;
    assert!(!passwords.verify("wrong".to_owned(), Some(hash)).await.unwrap());
    let somebody = passwords.work().done;
    // Even the password the stand-in was made from opens nothing.
    assert!(!passwords.verify("nobody".to_owned(), None).await.unwrap());
    let nobody = passwords.work().done;
    assert_eq!(somebody - before, 1);
    assert_eq!(nobody - somebody, 1);
}

#[tokio::test]
async fn a_malformed_hash_is_an_error_and_no_answer() {
    let passwords = passwords();
    for malformed in [
        "",
        "plain",
        "$argon2id$",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=1,t=0,p=0$c2FsdHNhbHQ$aGFzaA",
    ] {
        let answer = passwords.verify(PASSWORD.to_owned(), Some(malformed.to_owned())).await;
        assert!(matches!(answer, Err(HashError::Failed(_))), "{malformed}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_never_hashed() {
    let passwords = passwords();
    let longest = "ü".repeat(PASSWORD_CHARS_MAX);
    let hash = passwords.hash(longest.clone()).await.unwrap();
    let done = passwords.work().done;
    assert!(passwords.hash(format!("{longest}x")).await.is_err());
    assert!(!passwords.verify(format!("{longest}x"), Some(hash.clone())).await.unwrap());
    assert_eq!(passwords.work().done, done);
    assert!(passwords.verify(longest, Some(hash)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_run_at_once_than_there_are_places() {
    const PLACES: usize = 2;
    const ASKED: usize = 12;
    let passwords = Arc::new(Argon2Passwords::new(PLACES));
    let asked = (0..ASKED).map(|_| {
        let passwords = Arc::clone(&passwords);
        tokio::spawn(async move { passwords.verify(PASSWORD.to_owned(), None).await })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert!(!answer.await.unwrap().unwrap());
    }
    let Work { done, peak } = passwords.work();
    assert_eq!(done, ASKED as u64);
    assert!(peak <= PLACES, "{peak} at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_frees_its_place_when_the_work_is_over() {
    let passwords = Arc::new(Argon2Passwords::new(1));
    for _ in 0..8 {
        let passwords = Arc::clone(&passwords);
        let caller = tokio::spawn(async move { passwords.hash(PASSWORD.to_owned()).await });
        tokio::task::yield_now().await;
        caller.abort();
    }
    assert!(passwords.hash(PASSWORD.to_owned()).await.is_ok());
    assert_eq!(passwords.work().peak, 1);
}

#[tokio::test]
async fn whoever_comes_when_too_many_wait_is_sent_away_at_once() {
    let passwords = passwords();
    // All of them ask before the first one is answered.
    let asked = (0..=WAITING_MAX + 8).map(|_| passwords.verify(PASSWORD.to_owned(), None));
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut busy = 0;
    while let Some(answer) = asked.next().await {
        match answer {
            Err(HashError::Busy) => busy += 1,
            other => {
                assert!(!other.unwrap());
                break;
            }
        }
    }
    // One is at work; the others are too many.
    assert_eq!(busy, 8);
    drop(asked);
    assert!(!passwords.verify(PASSWORD.to_owned(), None).await.unwrap(), "nobody waits any more");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hashing_gives_way_and_its_caller_keeps_its_priority() {
    let passwords = passwords();
    let before = niceness("self");
    let hashing = tokio::spawn(async move { passwords.hash(PASSWORD.to_owned()).await });
    let mut lowest = 0;
    while !hashing.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let threads = tasks.filter(|task| {
            std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "password")
        });
        lowest = threads
            .map(|task| niceness(&format!("self/task/{}", task.file_name().display())))
            .fold(lowest, i64::max);
    }
    hashing.await.unwrap().unwrap();
    assert_eq!((lowest, niceness("self")), (before + 10, before));
}

/// How nice a thread is; 0 where it is gone already.
#[cfg(target_os = "linux")]
fn niceness(of: &str) -> i64 {
    let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().nth(16).and_then(|nice| nice.parse().ok()).unwrap_or(0)
}

fn passwords() -> Argon2Passwords {
    Argon2Passwords::new(1)
}
