//! What `cargo xtask test` tells the tests about its private servers.

/// A variable of the test run.
#[expect(clippy::disallowed_methods, reason = "tests have no settings but these, read here and nowhere else")]
pub fn setting(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        Ok(_) | Err(_) => panic!("{name} is not set: run `cargo xtask test`"),
    }
}
