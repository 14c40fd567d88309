//! Values about a person that cannot be wrong. They are personal: `Debug` shows none of them.

use std::fmt;

use super::{UserError, common::is_common};

/// The longest full name, in characters.
pub const FULLNAME_CHARS_MAX: usize = 100;
/// The longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 40;
/// The longest e-mail address, in bytes (RFC 5321).
pub const EMAIL_BYTES_MAX: usize = 254;
/// The shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// The longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;

macro_rules! personal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The clear text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

personal!(/** A name as a person writes it: trimmed, not blank, without control characters. */ Fullname);
personal!(/** Letters, digits and underscores, lower-case. */ Username);
personal!(/** An e-mail address, lower-case. */ Email);
personal!(/** A password that fulfils the rules. It is hashed and forgotten. */ Password);

impl TryFrom<String> for Fullname {
    type Error = UserError;
    fn try_from(raw: String) -> Result<Self, UserError> {
        let name = raw.trim();
        let chars = name.chars().count();
        // Control characters would be header injection in every mail that greets the person.
        if chars == 0 || chars > FULLNAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(UserError::FullnameMalformed);
        }
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for Username {
    type Error = UserError;
    fn try_from(raw: String) -> Result<Self, UserError> {
        let fits = !raw.is_empty()
            && raw.len() <= USERNAME_CHARS_MAX
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits { Ok(Self(raw.to_ascii_lowercase())) } else { Err(UserError::UsernameMalformed) }
    }
}

impl TryFrom<String> for Email {
    type Error = UserError;
    fn try_from(raw: String) -> Result<Self, UserError> {
        let address = raw.trim().to_lowercase();
        if is_address(&address) { Ok(Self(address)) } else { Err(UserError::EmailMalformed) }
    }
}

impl TryFrom<String> for Password {
    type Error = UserError;
    fn try_from(raw: String) -> Result<Self, UserError> {
        let chars = raw.chars().count();
        let strong = (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars)
            && raw.chars().any(char::is_uppercase)
            && raw.chars().any(|c| c.is_ascii_digit());
        if !strong {
            return Err(UserError::PasswordWeak);
        }
        if is_common(&raw) { Err(UserError::PasswordCommon) } else { Ok(Self(raw)) }
    }
}

/// The addresses that mail servers deliver to: `local@domain.tld`, printable ASCII, no quoting.
fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    address.len() <= EMAIL_BYTES_MAX
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
        && domain.contains('.')
        && domain.split('.').all(label)
}
