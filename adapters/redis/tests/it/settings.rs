//! Settings that can never work are refused at the start, without showing a secret.

use std::path::PathBuf;

use adapter_redis::{RedisSettings, RedisSignals, SignalError};

async fn refusal(url: &str, ca_file: Option<&str>) -> SignalError {
    let (url, ca_file) = (url.to_owned(), ca_file.map(PathBuf::from));
    match RedisSignals::connect(RedisSettings { url, ca_file, channel: "test".to_owned() }).await {
        Ok(_) => panic!("these settings were taken"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_is_no_url_of_redis_is_refused() {
    for url in [
        "",
        "localhost:6379",
        "http://localhost",
        "redis-cluster://a:1",
        "rediss://:secret@",
        "redis://h:99999",
    ] {
        let error = refusal(url, None).await;
        assert!(matches!(error, SignalError::Url), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn a_file_of_authorities_has_to_hold_some() {
    let missing = refusal("rediss://localhost:6379", Some("/does/not/exist.pem")).await;
    assert!(matches!(missing, SignalError::Authorities(_)), "{missing:?}");
    let empty = refusal("rediss://localhost:6379", Some("/dev/null")).await;
    assert!(matches!(empty, SignalError::NoAuthorities), "{empty:?}");
}

#[test]
fn debug_shows_no_password() {
    let url = "redis://user:secret@localhost".to_owned();
    let settings = RedisSettings { url, ca_file: None, channel: "test".to_owned() };
    assert!(!format!("{settings:?}").contains("secret"));
}
