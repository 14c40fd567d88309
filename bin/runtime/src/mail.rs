//! What mails leave through: a mail server, the outbox of a developer, or nothing.

use std::sync::Arc;

use adapter_mail::{SettingsError, SmtpMailer};
use adapter_postgres::PgOutbox;
use application::mail::Mailer;

use crate::{compose::Node, settings::Settings};

/// The way out, said once; `None`: mail is off in this process.
pub(crate) fn mailer(node: &Node, settings: &Settings) -> Result<Option<Arc<dyn Mailer>>, SettingsError> {
    if let Some(smtp) = &settings.smtp {
        tracing::info!("mail leaves through {}:{}", smtp.host, smtp.port);
        return Ok(Some(Arc::new(SmtpMailer::new(smtp.clone())?)));
    }
    if settings.environment.is_public() {
        tracing::warn!("mail is off: SMTP_HOST is not set");
        return Ok(None);
    }
    tracing::info!("mail goes to the outbox: SMTP_HOST is not set");
    Ok(Some(Arc::new(PgOutbox::new(node.pools.pool.clone()))))
}
