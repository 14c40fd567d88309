//! A sealed export as a source of events, and published checkpoints as seals.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use application::{
    BoxError,
    proofs::{EventSource, Found, Hash, Record, Records, SealedLine},
};
use async_trait::async_trait;
use tokio::task::JoinHandle;

/// Bytes that are read at once, and cut at the end of a line.
const PART_BYTES: u64 = 4 * 1024 * 1024;
/// Parts that are hashed at once.
const HASHERS: usize = 3;
/// What the files in a directory of checkpoints end with.
const ENDING: &str = "seal";

/// See the module.
pub(super) struct ExportFile {
    path: PathBuf,
    file: BufReader<File>,
    /// Lines that were read.
    lines: u64,
    hashing: VecDeque<JoinHandle<Result<Vec<Found>, BoxError>>>,
}

impl ExportFile {
    pub(super) fn open(path: &Path) -> Result<Self, BoxError> {
        let file = BufReader::new(open(path)?);
        Ok(Self { path: path.to_owned(), file, lines: 0, hashing: VecDeque::new() })
    }

    /// Lines that are read together, each whole; nothing at the end.
    fn part(&mut self) -> Result<Vec<u8>, BoxError> {
        let mut part = Vec::new();
        (&mut self.file).take(PART_BYTES).read_to_end(&mut part)?;
        if part.last().is_some_and(|last| *last != b'\n') {
            self.file.read_until(b'\n', &mut part)?;
        }
        Ok(part)
    }

    fn read_ahead(&mut self) -> Result<(), BoxError> {
        while self.hashing.len() < HASHERS {
            let part = self.part()?;
            if part.is_empty() {
                break;
            }
            let before = self.lines;
            self.lines += ends_of_lines(&part);
            self.hashing.push_back(tokio::task::spawn_blocking(move || {
                let lines = lines(&part, before);
                lines.map(|line| line.map(|line| line.found())).collect()
            }));
        }
        Ok(())
    }

    /// What is found in some of the lines, from the beginning.
    fn search<T>(&self, find: impl Fn(&SealedLine<'_>) -> Option<T>) -> Result<Vec<T>, BoxError> {
        let (mut again, mut found, mut before) = (Self::open(&self.path)?, Vec::new(), 0);
        loop {
            let part = again.part()?;
            if part.is_empty() {
                return Ok(found);
            }
            for line in lines(&part, before) {
                found.extend(find(&line?));
            }
            before += ends_of_lines(&part);
        }
    }
}

fn ends_of_lines(part: &[u8]) -> u64 {
    part.split(|byte| *byte == b'\n').skip(1).count() as u64
}

/// The events in some lines, of which `before` were read before.
fn lines(part: &[u8], before: u64) -> impl Iterator<Item = Result<SealedLine<'_>, BoxError>> {
    let lines = part.split(|byte| *byte == b'\n').zip(before + 1..);
    lines.filter(|(line, _)| !line.is_empty()).map(|(line, number)| {
        serde_json::from_slice(line).map_err(|error| format!("line {number} is no event: {error}").into())
    })
}

#[async_trait]
impl EventSource for ExportFile {
    async fn next(&mut self) -> Result<Vec<Found>, BoxError> {
        self.read_ahead()?;
        let Some(first) = self.hashing.pop_front() else { return Ok(Vec::new()) };
        self.read_ahead()?;
        first.await?
    }

    async fn at(&self, position: i64) -> Result<Vec<Hash>, BoxError> {
        self.search(|line| (line.position == position).then(|| line.found().hash))
    }

    async fn content(&self, of: &Found) -> Result<Vec<u8>, BoxError> {
        let found = self.search(|line| (line.found() == *of).then(|| line.entry().content()))?;
        Ok(found.into_iter().next().ok_or("the file has changed")?)
    }
}

/// Published checkpoints: a file with a line each, or a directory with a file each.
pub(super) fn records(path: &Path) -> Result<Records, BoxError> {
    let mut records = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                read_records(&path, &mut records)?;
            }
        }
    } else {
        read_records(path, &mut records)?;
    }
    Records::read(records).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn read_records(path: &Path, records: &mut Vec<Record>) -> Result<(), BoxError> {
    for (line, number) in BufReader::new(open(path)?).lines().zip(1..) {
        let read = serde_json::from_str(&line?);
        let read = read.map_err(|error| format!("{}, line {number}: {error}", path.display()))?;
        records.push(read);
    }
    Ok(())
}

pub(super) fn open(path: &Path) -> Result<File, BoxError> {
    File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()).into())
}
