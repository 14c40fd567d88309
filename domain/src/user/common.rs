//! Passwords that everybody tries first.

use std::{collections::HashSet, sync::LazyLock};

/// One a line, in lower case; `common.txt` says where they are from.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// Whether a password is one of the most common ones, however it is capitalised and whatever
/// punctuation stands at its end: `Password1!` is as good as `password1`.
pub(super) fn is_common(password: &str) -> bool {
    let plain = password.to_lowercase();
    COMMON.contains(plain.as_str())
        || COMMON.contains(plain.trim_end_matches(|c: char| c.is_ascii_punctuation()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::{Password, UserError};

    #[test]
    fn what_everybody_tries_first_is_refused_however_it_is_dressed() {
        for common in
            ["Password1", "PASSWORD1", "Passw0rd", "Qwerty123", "Welcome1", "Password123!", "Passw0rd..."]
        {
            let refused = Password::try_from(common.to_owned());
            assert_eq!(refused.err(), Some(UserError::PasswordCommon), "{common}");
        }
        for own in ["Correct7Horse", "Password1Password", "!Password1", "Päßwort7x"] {
            assert!(Password::try_from(own.to_owned()).is_ok(), "{own}");
        }
        assert_eq!(Password::try_from("password1".to_owned()).err(), Some(UserError::PasswordWeak));
    }

    #[test]
    fn the_list_holds_only_what_the_other_rules_let_through() {
        assert!(COMMON.len() > 4_000);
        for word in COMMON.iter() {
            assert!(word.len() >= 8 && word.bytes().any(|b| b.is_ascii_digit()), "{word}");
            assert_eq!(word.to_lowercase(), **word);
        }
    }
}
