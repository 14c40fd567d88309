//! A sealed export as a source of events, and published checkpoints as seals.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use application::{
    BoxError,
    proofs::{EventSource, ExportLine, Found, Hash, Record, Records},
};
use async_trait::async_trait;
use tokio::task::JoinHandle;

use super::packed::{Unpacked, unpacked};

/// Bytes that are read at once, and cut at the end of a line.
const PART_BYTES: u64 = 4 * 1024 * 1024;
/// Parts that are hashed at once.
const HASHERS: usize = 3;
/// What the files in a directory of checkpoints end with.
const ENDING: &str = "seal";

/// See the module. The portal's exports are taken as they come, packed or not.
pub(super) struct ExportFile {
    path: PathBuf,
    file: Unpacked,
    /// Lines that were read.
    lines: u64,
    hashing: VecDeque<JoinHandle<Result<Part, BoxError>>>,
    end: End,
}

/// How what was read so far ends.
#[derive(Debug, Default)]
enum End {
    /// As a file of lines ends.
    #[default]
    OfFile,
    /// Before the line that says that it is whole.
    Open(String),
    /// With that line.
    Whole,
}

/// What is found in some lines.
#[derive(Debug, Default)]
struct Part {
    found: Vec<Found>,
    end: End,
}

impl Part {
    fn of(lines: &[u8], before: u64) -> Result<Self, BoxError> {
        let mut part = Self::default();
        for (text, number) in texts(lines, before) {
            let line = read(text, number)?;
            part.found.extend(line.found());
            part.end = match line {
                ExportLine::End => End::Whole,
                ExportLine::Stopped(why) => End::Open(why),
                _ if ExportLine::is_of_the_portal(text) => End::Open("the connection was cut".to_owned()),
                _ => End::OfFile,
            };
        }
        Ok(part)
    }
}

impl ExportFile {
    pub(super) fn open(path: &Path) -> Result<Self, BoxError> {
        let file = unpacked(open(path)?)?;
        Ok(Self { path: path.to_owned(), file, lines: 0, hashing: VecDeque::new(), end: End::default() })
    }

    /// Lines that are read together, each whole; nothing at the end.
    fn part(&mut self) -> Result<Vec<u8>, BoxError> {
        let mut part = Vec::new();
        let read = (&mut self.file).take(PART_BYTES).read_to_end(&mut part).and_then(|_| {
            if part.last().is_some_and(|last| *last != b'\n') {
                self.file.read_until(b'\n', &mut part)?;
            }
            Ok(())
        });
        match read {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(cut("its packing has no end")),
            read => Ok(read.map(|()| part)?),
        }
    }

    fn read_ahead(&mut self) -> Result<(), BoxError> {
        while self.hashing.len() < HASHERS {
            let part = self.part()?;
            if part.is_empty() {
                break;
            }
            let before = self.lines;
            self.lines += ends_of_lines(&part);
            self.hashing.push_back(tokio::task::spawn_blocking(move || Part::of(&part, before)));
        }
        Ok(())
    }

    /// What is found in some of the lines, from the beginning.
    fn search<T>(&self, find: impl Fn(&ExportLine<'_>) -> Option<T>) -> Result<Vec<T>, BoxError> {
        let (mut again, mut found, mut before) = (Self::open(&self.path)?, Vec::new(), 0);
        loop {
            let part = again.part()?;
            if part.is_empty() {
                return Ok(found);
            }
            for (text, number) in texts(&part, before) {
                found.extend(find(&read(text, number)?));
            }
            before += ends_of_lines(&part);
        }
    }
}

/// What a file without its end is no proof of.
fn cut(why: &str) -> BoxError {
    let then =
        "go on with `from` and the last cursor that came, and append what comes behind the last whole line";
    format!("the export is not whole: {why}; {then}").into()
}

fn ends_of_lines(part: &[u8]) -> u64 {
    part.split(|byte| *byte == b'\n').skip(1).count() as u64
}

/// Lines with their numbers; `before` were read before.
fn texts(part: &[u8], before: u64) -> impl Iterator<Item = (&[u8], u64)> {
    part.split(|byte| *byte == b'\n').zip(before + 1..).filter(|(line, _)| !line.is_empty())
}

fn read(text: &[u8], number: u64) -> Result<ExportLine<'_>, BoxError> {
    use std::error::Error as _;
    ExportLine::read(text).map_err(|error| {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("line {number}: {error}{cause}").into()
    })
}

#[async_trait]
impl EventSource for ExportFile {
    async fn next(&mut self) -> Result<Vec<Found>, BoxError> {
        loop {
            self.read_ahead()?;
            let Some(first) = self.hashing.pop_front() else { break };
            self.read_ahead()?;
            let part = first.await??;
            self.end = part.end;
            if !part.found.is_empty() {
                return Ok(part.found);
            }
        }
        match &self.end {
            End::Open(why) => Err(cut(why)),
            End::OfFile | End::Whole => Ok(Vec::new()),
        }
    }

    async fn at(&self, position: i64) -> Result<Vec<Hash>, BoxError> {
        let found = self.search(|line| (line.position() == Some(position)).then(|| line.found()))?;
        Ok(found.into_iter().flatten().map(|found| found.hash).collect())
    }

    async fn content(&self, of: &Found) -> Result<Vec<u8>, BoxError> {
        let found = self.search(|line| (line.found().as_ref() == Some(of)).then(|| line.content()))?;
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
