//! Asking a running system, over TLS that is verified: by `curl`, because this crate has no TLS.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use preflight::{Answer, Web};

/// The longest an answer may take.
const ANSWER_SECONDS_MAX: &str = "15";

/// The program.
pub(crate) struct Curl;

impl Web for Curl {
    fn ask(&self, url: &str, body: Option<&str>) -> Result<Answer, String> {
        curl(url, body).map_err(|error| format!("{error:#}"))
    }
}

fn curl(url: &str, body: Option<&str>) -> Result<Answer> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--http1.1"]);
    command.args(["--max-time", ANSWER_SECONDS_MAX, "--header", "accept: application/json"]);
    if let Some(body) = body {
        command.args(["--header", "content-type: application/json", "--data", body]);
    }
    let output = command.arg(url).output().context("curl is not on this machine")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim());
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Ok(Answer {
        status: status.context("the answer has no status")?,
        headers: headers.collect(),
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer =
            parse("HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nX-A: b: c\r\n\r\nbody\r\n\r\n").unwrap();
        assert_eq!((answer.status, &*answer.headers["location"]), (301, "https://x/"));
        assert_eq!((&*answer.headers["x-a"], &*answer.body), ("b: c", "body\r\n\r\n"));
        assert!(parse("").is_err());
    }
}
