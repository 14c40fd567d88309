//! The port, over a pool of connections.

use std::{sync::PoisonError, sync::RwLock, time::Duration};

use application::mail::{Mail, MailError, Mailer};
use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::{PoolConfig, authentication, client::Tls as Encryption, extension::ClientId},
};

use crate::{
    answer::failure,
    settings::{SettingsError, SmtpSettings},
};

/// The longest a connection takes to stand.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The longest one mail takes, connection included. A server that stalls is left.
pub const SEND_MAX: Duration = Duration::from_mins(1);
/// Connections kept for the next mails.
pub const CONNECTIONS_MAX: u32 = 4;
/// Connections nobody used for this long are closed: before the server does it.
const IDLE_MAX: Duration = Duration::from_secs(30);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends mail to one server.
pub struct SmtpMailer {
    settings: SmtpSettings,
    encryption: Encryption,
    sender: Mailbox,
    send_max: Duration,
    transport: RwLock<Transport>,
}

impl SmtpMailer {
    /// Connects to nothing yet. It must be made inside a tokio runtime.
    pub fn new(settings: SmtpSettings) -> Result<Self, SettingsError> {
        let (sender, encryption) = (settings.sender()?, settings.encryption()?);
        let transport = RwLock::new(transport(&settings, &encryption, &sender));
        Ok(Self { settings, encryption, sender, send_max: SEND_MAX, transport })
    }

    /// With another limit than [`SEND_MAX`] for one mail.
    #[must_use]
    pub fn within(self, send_max: Duration) -> Self {
        Self { send_max, ..self }
    }

    /// Whether the server takes us, signs us in where we have a password, and is who it says: a
    /// connection without a mail. The text says why not.
    pub async fn answers(&self) -> Result<(), String> {
        let transport = self.current();
        match tokio::time::timeout(self.send_max.min(CONNECT_MAX), transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("it answers, and is not ready".to_owned()),
            Ok(Err(error)) => Err(failure(&error).to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        }
    }

    fn current(&self) -> Transport {
        self.transport.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves all connections: after a mail was cut off, its connection is in the middle of a
    /// dialogue, and the next mail would read the answers that were meant for this one.
    fn reconnect(&self) {
        let fresh = transport(&self.settings, &self.encryption, &self.sender);
        *self.transport.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let refused = |what: &str| MailError::Refused(format!("{what} cannot be put into a mail"));
        let address = mail.to.parse().map_err(|_| refused("the address"))?;
        let name = Some(mail.name.clone()).filter(|name| !name.is_empty());
        Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(name, address))
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{}@{}>", mail.id.as_str(), self.sender.email.domain())))
            .date(mail.at.into())
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_| refused("the letter"))
    }
}

fn transport(settings: &SmtpSettings, encryption: &Encryption, sender: &Mailbox) -> Transport {
    let pool = PoolConfig::new().max_size(CONNECTIONS_MAX).idle_timeout(IDLE_MAX);
    let mut builder = Transport::builder_dangerous(settings.host.clone())
        .port(settings.port)
        .tls(encryption.clone())
        .hello_name(ClientId::Domain(sender.email.domain().to_owned()))
        .timeout(Some(CONNECT_MAX))
        .pool_config(pool);
    if let Some(credentials) = &settings.credentials {
        let (user, password) = (credentials.user.clone(), credentials.password.clone());
        builder = builder.credentials(authentication::Credentials::new(user, password));
    }
    builder.build()
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        let transport = self.current();
        let sent = tokio::time::timeout(self.send_max, transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => {
                self.reconnect();
                let seconds = self.send_max.as_secs();
                Err(MailError::Later(format!("the mail server did not take the mail within {seconds} s")))
            }
        }
    }
}
