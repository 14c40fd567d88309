//! `lines`: todos as NDJSON through REST, in and out, and what memory that takes.
//!
//! The floor of an export is `COPY` of the same rows to a client that throws them away. An import has
//! none: each of its lines is a command like any other.

use std::{fmt::Write, time::Instant};

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    account::Account,
    database::Database,
    http::find,
    processes::Process,
    report::{Report, Target},
    rounds::{ROUNDS, Rounds, figure},
    seed,
    servers::Servers,
};

/// Lines of one import.
const LINES: usize = 10_000;
const COPY: &str = "COPY (SELECT * FROM todo_list ORDER BY created_at, id) TO STDOUT";

pub(crate) fn run(servers: &Servers, report: &mut Report) -> Result<()> {
    // One thread: the servers need the other cores.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        import(servers, report).await?;
        export(servers, report).await
    })
}

async fn import(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "import").await?;
    let api = Process::api(servers, &database, "api").await?;
    let owner = Account::new(api.port, "importer").await?;
    let (mut rates, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let body = (0..LINES).fold(String::new(), |mut body, n| {
            let _ = writeln!(body, "{{\"text\":\"Round {round}, number {n}: send the report\"}}");
            body
        });
        let head = format!(
            "POST /v1/todos/import?report=problems HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
            owner.token,
            body.len()
        );
        let (started, before) = (Instant::now(), api.cpu()?);
        let answer = exchange(api.port, &(head + &body)).await?;
        let (seconds, used) = (started.elapsed().as_secs_f64(), api.cpu()? - before);
        ensure!(
            find(&answer, format!("{{\"end\":{{\"created\":{LINES},").as_bytes()).is_some(),
            "not all lines were written: {}\n{}",
            String::from_utf8_lossy(&answer[answer.len().saturating_sub(500)..]),
            api.said()
        );
        // The first one warms up.
        if round > 0 {
            rates.push(figure(LINES) / seconds);
            cpu.push(used * 1_000.0 / figure(LINES));
        }
    }
    let median = |mut of: Vec<f64>| crate::rounds::percentile(&mut of, 50);
    report.alone("lines.import", "rows/s", median(rates), Target::None);
    report.alone("lines.import.cpu", "CPU-s/1000", median(cpu), Target::None);
    report.alone("lines.import.memory", "MiB", api.resident()?, Target::None);
    drop(api);
    database.remove().await
}

async fn export(servers: &Servers, report: &mut Report) -> Result<()> {
    let database = Database::copy(servers, "export").await?;
    let api = Process::api(servers, &database, "api").await?;
    let owner = Account::new(api.port, "exporter").await?;
    let tags = owner.tags(api.port, 3).await?;
    seed::todos(&database, &owner, &tags).await?;
    let rows = figure(seed::TODOS);
    for (name, packing) in
        [("lines.export", ""), ("lines.export.gzip", "gzip"), ("lines.export.zstd", "zstd")]
    {
        let head = format!(
            "GET /v1/todos/export HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             accept-encoding: {packing}\r\n\r\n",
            owner.token
        );
        let (mut rounds, mut bytes) = (Rounds::default(), 0);
        for _ in 0..ROUNDS {
            let started = Instant::now();
            copy(&database).await?;
            let floor = rows / started.elapsed().as_secs_f64();
            let started = Instant::now();
            let answer = exchange(api.port, &head).await?;
            rounds.push(rows / started.elapsed().as_secs_f64(), floor);
            bytes = answer.len();
            let whole = !packing.is_empty() || find(&answer, b"\"count\":100000").is_some();
            ensure!(whole, "an export was not whole: {}", api.said());
        }
        report.rounds(name, "rows/s", &rounds, Target::None);
        report.alone(&format!("{name}.size"), "bytes/row", figure(bytes) / rows, Target::None);
    }
    report.alone("lines.export.memory", "MiB", api.resident()?, Target::None);
    drop(api);
    database.remove().await
}

/// Reads all rows as fast as Postgres gives them.
async fn copy(database: &Database) -> Result<()> {
    let client = database.client().await?;
    let stream = client.copy_out(COPY).await?;
    stream.try_for_each(|_| async { Ok(()) }).await.context("COPY failed")
}

/// Sends a request and reads its answer to the last chunk.
async fn exchange(port: u16, request: &str) -> Result<Vec<u8>> {
    const END: &[u8] = b"\r\n0\r\n\r\n";
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(END) {
        ensure!(stream.read_buf(&mut answer).await? > 0, "the answer was cut");
    }
    ensure!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer[..answer.len().min(500)])
    );
    Ok(answer)
}
