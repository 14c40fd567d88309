//! Mail over SMTP, by lettre. Nothing else in the system names that library.
//!
//! Which server, as whom, and how it is verified are [`SmtpSettings`]; [`SmtpMailer`] is the port.

mod answer;
mod mailer;
mod settings;

pub use mailer::{CONNECTIONS_MAX, SEND_MAX, SmtpMailer};
pub use settings::{Credentials, SettingsError, SmtpSettings, Tls};
