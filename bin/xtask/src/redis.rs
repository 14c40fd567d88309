//! A private Redis: loopback only, nothing on disk (what it holds are hints and limits).

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    dotenv::write_private,
    pid::{self, Recorded},
    ports, process, signals,
};

/// The name of its pid file and log.
pub(crate) const NAME: &str = "redis";

const START_LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(30);
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) url: String,
}

impl Redis {
    /// Start one in `folder`; with a password where other people may share the machine.
    pub(crate) fn start(program: &Path, folder: &Path, password: Option<&str>) -> Result<Self> {
        let port = ports::any_free()?;
        let config = folder.join("redis.conf");
        write_private(&config, settings(port, folder, password).as_bytes())?;
        let log = folder.join("redis.log");
        let mut child = process::spawn_server(Command::new(program).arg(&config), &log)?;
        Recorded::write(&pid::file(folder, NAME), child.id())?;
        let begun = Instant::now();
        while !answers(port, password) {
            if child.try_wait()?.is_some() || begun.elapsed() > START_LIMIT {
                bail!("Redis did not start; the end of {}:\n{}", log.display(), process::tail(&log));
            }
            signals::check()?;
            thread::sleep(POLL);
        }
        // With the name of the built-in user: some clients send an empty one otherwise.
        let credentials = password.map_or_else(String::new, |password| format!("default:{password}@"));
        Ok(Self { url: format!("redis://{credentials}127.0.0.1:{port}") })
    }
}

fn settings(port: u16, folder: &Path, password: Option<&str>) -> String {
    let protection = password.map_or_else(String::new, |password| format!("requirepass {password}\n"));
    format!(
        "bind 127.0.0.1\nport {port}\ndir \"{}\"\nsave \"\"\nappendonly no\ndaemonize no\n\
         {protection}",
        folder.display()
    )
}

/// One PING in the server's own words; no client library is needed for that.
fn answers(port: u16, password: Option<&str>) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        if let Some(password) = password {
            stream.write_all(format!("AUTH {password}\r\n").as_bytes())?;
        }
        stream.write_all(b"PING\r\nQUIT\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("+PONG"))
}
