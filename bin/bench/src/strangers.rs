//! `strangers`: whether the time of an answer tells if somebody is known.
//!
//! `login` with a wrong password, `requestPasswordReset` and `resendVerification` are asked for people
//! who are there and for people who are not, one after the other, in turns. What is printed is the
//! difference of the medians, and with 99 % confidence the most that the median of the differences
//! can be: the order of the differences gives it, whatever their distribution.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    account::{self, LOGIN},
    database::Database,
    http::{self, Connection},
    processes::Process,
    report::{Report, Target},
    rounds::{figure, milliseconds, percentile},
    servers::Servers,
};

/// People of each kind.
const PEOPLE: usize = 100;
/// How often each is asked for: from the fifth wrong password on there would be a lock.
const TIMES: usize = 4;
/// What a difference of medians may be, in milliseconds.
const MOST: f64 = 5.0;
/// Standard deviations of a normal distribution, on both sides, that hold 99 % of it.
const DEVIATIONS: f64 = 2.576;

const RESET: &str = "mutation($email: String!) { requestPasswordReset(email: $email) }";
const RESEND: &str = "mutation($email: String!) { resendVerification(email: $email) }";

/// One question, for somebody of this name.
type Ask = fn(&str) -> Vec<u8>;

const QUESTIONS: [(&str, Ask, &[u8]); 3] = [
    ("login", |name| login(name), b"{\"data\":null,\"errors\":[{\"message\":\"Invalid credentials\""),
    ("reset", |name| mail(RESET, name), b"{\"data\":{\"requestPasswordReset\":true}"),
    ("resend", |name| mail(RESEND, name), b"{\"data\":{\"resendVerification\":true}"),
];

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure(servers, report))
}

async fn measure(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "strangers").await?;
    let api = Process::api(servers, &database, "api").await?;
    account::join_many(api.port, (0..PEOPLE).map(known).collect()).await?;
    let mut connection = Connection::open(api.port).await?;
    for (name, ask, begins) in QUESTIONS {
        let pairs = pairs(&mut connection, ask, begins).await.context(name)?;
        let told = Told::by(&pairs);
        report.alone(&format!("strangers.{name}.known"), "ms", told.known, Target::None);
        report.alone(&format!("strangers.{name}.difference"), "ms", told.difference, Target::None);
        report.alone(&format!("strangers.{name}.at-most"), "ms", told.at_most, Target::AtMost(MOST));
        report.alone(&format!("strangers.{name}.slower"), "of 1", told.slower, Target::None);
    }
    drop(api);
    database.remove().await
}

fn known(number: usize) -> String {
    format!("known_{number:03}")
}

fn login(name: &str) -> Vec<u8> {
    let input = json!({ "identifier": name, "password": "Wrong-password1" });
    http::post(None, LOGIN, &json!({ "input": input }))
}

fn mail(query: &str, name: &str) -> Vec<u8> {
    let email: Value = account::email(name).into();
    http::post(None, query, &json!({ "email": email }))
}

/// Times for somebody known and for somebody unknown, in milliseconds.
async fn pairs(connection: &mut Connection, ask: Ask, begins: &[u8]) -> Result<Vec<(f64, f64)>> {
    let mut pairs = Vec::with_capacity(PEOPLE * TIMES);
    for round in 0..TIMES {
        for number in 0..PEOPLE {
            // A name as long as the other.
            let (friend, stranger) = (known(number), format!("alien_{number:03}"));
            // Who comes first takes turns, too.
            let pair = if (round + number) % 2 == 0 {
                let friend = time(connection, &ask(&friend), begins).await?;
                (friend, time(connection, &ask(&stranger), begins).await?)
            } else {
                let stranger = time(connection, &ask(&stranger), begins).await?;
                (time(connection, &ask(&friend), begins).await?, stranger)
            };
            pairs.push(pair);
        }
    }
    Ok(pairs)
}

async fn time(connection: &mut Connection, request: &[u8], begins: &[u8]) -> Result<f64> {
    let sent = Instant::now();
    let answer = connection.send(request).await?;
    let took = milliseconds(sent.elapsed());
    ensure!(answer.body.starts_with(begins), "answered with {}", String::from_utf8_lossy(answer.body));
    Ok(took)
}

/// What the times tell.
struct Told {
    /// The median of those who are known.
    known: f64,
    /// By how much the medians differ.
    difference: f64,
    /// The end of the confidence interval of the median difference that is further from zero.
    at_most: f64,
    /// The part of pairs in which who is known took longer: one half tells nothing.
    slower: f64,
}

impl Told {
    fn by(pairs: &[(f64, f64)]) -> Self {
        let median = |mut times: Vec<f64>| percentile(&mut times, 50);
        let known = median(pairs.iter().map(|(known, _)| *known).collect());
        let unknown = median(pairs.iter().map(|(_, unknown)| *unknown).collect());
        let mut differences: Vec<f64> = pairs.iter().map(|(known, unknown)| known - unknown).collect();
        differences.sort_by(f64::total_cmp);
        let count = figure(differences.len());
        let reach = DEVIATIONS * count.sqrt() / 2.0;
        let low = (1..=differences.len()).filter(|rank| figure(*rank) < count / 2.0 - reach).count();
        let (low, high) = (differences.get(low), differences.get(differences.len() - 1 - low));
        let slower = figure(differences.iter().filter(|difference| **difference > 0.0).count()) / count;
        let at_most = low.zip(high).map_or(f64::NAN, |(low, high)| low.abs().max(high.abs()));
        Self { known, difference: known - unknown, at_most, slower }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(shift: f64) -> Vec<(f64, f64)> {
        let noise = |n: usize| figure(n * 7_919 % 101) / 10.0;
        (0..400).map(|n| (20.0 + shift + noise(n), 20.0 + noise(n * 3 + 50))).collect()
    }

    #[test]
    fn equal_times_tell_little() {
        let told = Told::by(&pairs(0.0));
        assert!(told.difference.abs() < 0.5 && told.at_most < 2.0, "{} {}", told.difference, told.at_most);
        assert!((0.4..0.6).contains(&told.slower), "{}", told.slower);
    }

    #[test]
    fn a_difference_is_found() {
        let told = Told::by(&pairs(8.0));
        assert!((7.0..9.0).contains(&told.difference) && told.at_most > 7.0, "{}", told.at_most);
        assert!(told.slower > 0.8);
    }
}
