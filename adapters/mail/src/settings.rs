//! Where the server is, and how it is spoken to.

use std::{fmt, path::PathBuf};

use lettre::{
    message::Mailbox,
    transport::smtp::client::{Certificate, CertificateStore, Tls as Encryption, TlsParameters},
};
use thiserror::Error;

/// Whether and when the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Never: development.
    Off,
    /// Begun in the clear and encrypted before anything is said; a server that cannot is refused.
    StartTls,
    /// From the first byte.
    Implicit,
}

impl Tls {
    /// As the port says: 465 is encrypted from the first byte, 587 by STARTTLS. On other ports
    /// strangers' networks need STARTTLS as well; at home they are plain.
    pub const fn of_port(port: u16, public: bool) -> Self {
        match (port, public) {
            (465, _) => Self::Implicit,
            (587, _) | (_, true) => Self::StartTls,
            (_, false) => Self::Off,
        }
    }
}

/// Whom to be at the server. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Which server, as whom.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its host; the name in its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether and when the connection is encrypted.
    pub tls: Tls,
    /// PEM file of a private authority; without one the system's are asked.
    pub ca_file: Option<PathBuf>,
    /// Whom to be there; without them nobody.
    pub credentials: Option<Credentials>,
    /// From whom mails are: `Enterprise Todo <no-reply@todo.example>`, or the address alone.
    pub from: String,
}

/// Why these settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The sender is no address.
    #[error("\"SMTP_FROM\" must be an e-mail address, or a name with one in angle brackets")]
    From,
    /// The authority's file cannot be used.
    #[error("\"SMTP_CA_FILE\": {path} cannot be read: {cause}")]
    Authority {
        /// Which file.
        path: String,
        /// Why.
        cause: String,
    },
    /// TLS cannot be set up.
    #[error("TLS for mail cannot be set up: {0}")]
    Tls(String),
}

impl SmtpSettings {
    pub(crate) fn sender(&self) -> Result<Mailbox, SettingsError> {
        self.from.parse().map_err(|_| SettingsError::From)
    }

    pub(crate) fn encryption(&self) -> Result<Encryption, SettingsError> {
        match self.tls {
            Tls::Off => Ok(Encryption::None),
            Tls::StartTls => Ok(Encryption::Required(self.parameters()?)),
            Tls::Implicit => Ok(Encryption::Wrapper(self.parameters()?)),
        }
    }

    fn parameters(&self) -> Result<TlsParameters, SettingsError> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(path) = &self.ca_file {
            let broken = |cause: String| SettingsError::Authority { path: path.display().to_string(), cause };
            let pem = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| broken(error.to_string()))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
        }
        builder.build_rustls().map_err(|error| SettingsError::Tls(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_a_public_system_in_the_clear() {
        for port in [25, 465, 587, 1025, 2525] {
            assert_ne!(Tls::of_port(port, true), Tls::Off, "{port}");
        }
        assert_eq!(Tls::of_port(465, false), Tls::Implicit);
        assert_eq!(Tls::of_port(587, false), Tls::StartTls);
        assert_eq!((Tls::of_port(25, false), Tls::of_port(1025, false)), (Tls::Off, Tls::Off));
    }

    #[test]
    fn the_password_is_not_shown() {
        let credentials = Credentials { user: "u-secret".to_owned(), password: "p-secret".to_owned() };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
