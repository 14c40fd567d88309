//! Signed checkpoints: the text form of C2SP's `tlog-checkpoint` and `signed-note`, which tools for
//! transparency logs read.

use std::fmt::Write as _;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::SecondsFormat;
use domain::Timestamp;
use thiserror::Error;

use super::{
    keys::{SealingKey, VerifyingKey},
    tree::{Hash, sha256},
};

/// What a line with a signature begins with: a long dash and a space.
const SIGNED_BY: &str = "\u{2014} ";
/// The longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;

/// How many leaves a log had, and what they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// What they lead to.
    pub root: Hash,
    /// When it was made.
    pub at: Timestamp,
    /// The one before it: its size, and the hash of its text.
    pub previous: Option<(u64, Hash)>,
}

/// Why a note is no checkpoint, or not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoteError {
    /// It does not have the form.
    #[error("this is no checkpoint")]
    Form,
    /// No key that was given has signed it.
    #[error("no known key has signed this checkpoint")]
    Unsigned,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let (origin, size, root) = (&self.origin, self.size, STANDARD.encode(self.root));
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut text = format!("{origin}\n{size}\n{root}\ntime {at}\n");
        if let Some((size, hash)) = &self.previous {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "previous {size} {}", STANDARD.encode(hash));
        }
        text
    }

    /// The hash by which the next one names this one.
    pub fn hash(&self) -> Hash {
        sha256(self.text().as_bytes())
    }

    /// The signed note.
    pub fn sign(&self, key: &SealingKey) -> String {
        let text = self.text();
        let mut signature = key.public().id(&self.origin).to_vec();
        signature.extend_from_slice(&key.sign(text.as_bytes()));
        format!("{text}\n{SIGNED_BY}{} {}\n", self.origin, STANDARD.encode(signature))
    }

    /// The checkpoint in a note, whoever has signed it.
    pub fn read(note: &str) -> Result<Self, NoteError> {
        let (text, _) = parts(note)?;
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(NoteError::Form);
        let (origin, size, root) = (line()?, line()?, line()?);
        let at = line()?.strip_prefix("time ").ok_or(NoteError::Form)?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| NoteError::Form)?,
            root: hash(root)?,
            at: at.parse().map_err(|_| NoteError::Form)?,
            previous: lines.next().map(previous).transpose()?,
        };
        // One checkpoint has one text: what is not written in our way was not written by us.
        if checkpoint.text() == text { Ok(checkpoint) } else { Err(NoteError::Form) }
    }

    /// The checkpoint in a note that one of these keys has signed.
    pub fn open(note: &str, keys: &[VerifyingKey]) -> Result<Self, NoteError> {
        let checkpoint = Self::read(note)?;
        let (text, signatures) = parts(note)?;
        let signed = |key: &VerifyingKey| {
            signatures.lines().any(|line| is_signed(line, text, &checkpoint.origin, key))
        };
        if keys.iter().any(signed) { Ok(checkpoint) } else { Err(NoteError::Unsigned) }
    }
}

/// The text of a note with its last line end, and the signatures.
fn parts(note: &str) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Form);
    }
    let end = note.rfind("\n\n").ok_or(NoteError::Form)?;
    Ok((&note[..=end], &note[end + 2..]))
}

fn is_signed(line: &str, text: &str, origin: &str, key: &VerifyingKey) -> bool {
    let Some((name, signature)) = line.strip_prefix(SIGNED_BY).and_then(|rest| rest.split_once(' ')) else {
        return false;
    };
    let Ok(bytes) = STANDARD.decode(signature) else { return false };
    let Some((id, signature)) = bytes.split_first_chunk::<4>() else { return false };
    name == origin
        && *id == key.id(origin)
        && UnparsedPublicKey::new(&ED25519, key.bytes()).verify(text.as_bytes(), signature).is_ok()
}

fn previous(line: &str) -> Result<(u64, Hash), NoteError> {
    let (size, of) =
        line.strip_prefix("previous ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Form)?;
    Ok((size.parse().map_err(|_| NoteError::Form)?, hash(of)?))
}

fn hash(text: &str) -> Result<Hash, NoteError> {
    let bytes = STANDARD.decode(text).map_err(|_| NoteError::Form)?;
    bytes.try_into().map_err(|_| NoteError::Form)
}
