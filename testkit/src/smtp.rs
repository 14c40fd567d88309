//! A mail server on a port of its own: it speaks SMTP over TCP, keeps what it is given, and goes
//! wrong where a test wants it to.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::pki::for_localhost;

/// What the server does with the mails it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Takes them.
    Accept,
    /// Asks to come back later, with this answer to RCPT.
    Later(&'static str),
    /// Refuses the recipient for good, with this answer.
    Refuse(&'static str),
    /// Never answers DATA.
    Stall,
    /// Hangs up in the middle of DATA.
    HangUp,
}

/// How the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Not at all; STARTTLS is not offered.
    Plain,
    /// After STARTTLS.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// What the server knows, shared by its connections.
#[derive(Default)]
struct Office {
    manners: Option<Manners>,
    mails: Vec<String>,
    signed_in: Vec<String>,
    connections: usize,
    tries: usize,
}

/// A server that runs until it is dropped.
pub struct SmtpServer {
    address: SocketAddr,
    office: Arc<Mutex<Office>>,
    certificate: String,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts one that accepts everything, in the clear.
    pub async fn start() -> Self {
        Self::guarded(Guard::Plain).await
    }

    /// Starts one that accepts everything, with a certificate for `localhost` of its own.
    pub async fn guarded(guard: Guard) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (tls, certificate) = for_localhost();
        let office = Arc::new(Mutex::new(Office::default()));
        let task = tokio::spawn(serve(listener, guard, tls, Arc::clone(&office)));
        Self { address, office, certificate, task }
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its certificate in a file, as an authority's.
    pub fn authority(&self) -> PathBuf {
        let name = format!("smtp-{}-{}.crt", std::process::id(), self.port());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, &self.certificate).expect("the temporary folder can be written");
        path
    }

    /// From now on it behaves like this.
    pub fn behave(&self, manners: Manners) {
        locked(&self.office).manners = Some(manners);
    }

    /// The mails it took, headers included.
    pub fn mails(&self) -> Vec<String> {
        locked(&self.office).mails.clone()
    }

    /// Who signed in, as `user:password`.
    pub fn signed_in(&self) -> Vec<String> {
        locked(&self.office).signed_in.clone()
    }

    /// How many connections it had.
    pub fn connections(&self) -> usize {
        locked(&self.office).connections
    }

    /// How often somebody began to send a mail.
    pub fn tries(&self) -> usize {
        locked(&self.office).tries
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked(office: &Mutex<Office>) -> std::sync::MutexGuard<'_, Office> {
    office.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, guard: Guard, tls: TlsAcceptor, office: Arc<Mutex<Office>>) {
    while let Ok((stream, _)) = listener.accept().await {
        locked(&office).connections += 1;
        let (tls, office) = (tls.clone(), Arc::clone(&office));
        tokio::spawn(async move {
            // A client that hangs up ends its own connection only.
            let _ = receive(stream, guard, tls, &office).await;
        });
    }
}

async fn receive(
    stream: TcpStream,
    guard: Guard,
    tls: TlsAcceptor,
    office: &Mutex<Office>,
) -> std::io::Result<()> {
    match guard {
        Guard::Implicit => {
            let mut secure = BufReader::new(tls.accept(stream).await?);
            say(&mut secure, "220 test ESMTP").await?;
            dialogue(&mut secure, false, office).await.map(drop)
        }
        Guard::Plain | Guard::StartTls => {
            let mut plain = BufReader::new(stream);
            say(&mut plain, "220 test ESMTP").await?;
            if dialogue(&mut plain, guard == Guard::StartTls, office).await? == End::Secure {
                let mut secure = BufReader::new(tls.accept(plain.into_inner()).await?);
                dialogue(&mut secure, false, office).await?;
            }
            Ok(())
        }
    }
}

/// Why a dialogue ended.
#[derive(PartialEq, Eq)]
enum End {
    Over,
    Secure,
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, answer: &str) -> std::io::Result<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn dialogue<S>(
    stream: &mut BufReader<S>,
    offers_tls: bool,
    office: &Mutex<Office>,
) -> std::io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(End::Over);
        }
        let command = line.trim_end().to_owned();
        let verb = command.split(' ').next().unwrap_or_default().to_uppercase();
        let manners = locked(office).manners.unwrap_or(Manners::Accept);
        let answer = match verb.as_str() {
            "EHLO" if offers_tls => "250-test\r\n250-STARTTLS\r\n250 8BITMIME",
            "EHLO" => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "STARTTLS" if offers_tls => {
                say(stream, "220 go on").await?;
                return Ok(End::Secure);
            }
            "AUTH" => {
                sign_in(&command, office);
                "235 welcome"
            }
            "MAIL" => {
                locked(office).tries += 1;
                "250 sender"
            }
            "RCPT" => match manners {
                Manners::Later(answer) | Manners::Refuse(answer) => answer,
                Manners::Accept | Manners::Stall | Manners::HangUp => "250 recipient",
            },
            "DATA" => match manners {
                Manners::Stall => std::future::pending().await,
                Manners::HangUp => {
                    say(stream, "354 go on").await?;
                    stream.read_line(&mut line).await?;
                    return Ok(End::Over);
                }
                Manners::Accept | Manners::Later(_) | Manners::Refuse(_) => {
                    say(stream, "354 go on").await?;
                    let mail = data(stream).await?;
                    locked(office).mails.push(mail);
                    "250 kept"
                }
            },
            "NOOP" | "RSET" => "250 ok",
            "QUIT" => {
                say(stream, "221 bye").await?;
                return Ok(End::Over);
            }
            _ => "502 what?",
        };
        say(stream, answer).await?;
    }
}

/// The mail up to the lonely dot.
async fn data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// `AUTH PLAIN base64(\0user\0password)`.
fn sign_in(command: &str, office: &Mutex<Office>) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let code = command.rsplit(' ').next().unwrap_or_default();
    let clear = STANDARD.decode(code).unwrap_or_default();
    let clear = String::from_utf8_lossy(&clear).trim_start_matches('\0').replace('\0', ":");
    locked(office).signed_in.push(clear);
}
