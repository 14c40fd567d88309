//! Proofs that nobody changed the log: every event is a leaf of a Merkle tree whose root is signed.
//!
//! `entry` says which bytes of an event are sealed, `tree` and `check` are RFC 9162, `note` is the
//! signed form of a root, `record` what is published with it, `verdict` compares events with their
//! leaves and names what is wrong first. `docs/proofs.md` says what all this proves, and what not.

mod check;
mod classify;
mod entry;
mod export;
mod keys;
mod line;
mod notary;
mod note;
mod ports;
mod queries;
mod record;
mod tree;
mod verdict;

pub use check::{is_consistent, is_included};
pub use entry::{Entry, leaf_of};
pub use export::{ExportLine, ExportLineError};
pub use keys::{SealingKey, SealingKeyError, VerifyingKey};
pub use line::SealedLine;
pub use notary::{CHECKPOINT_EVERY, CHECKPOINT_LEAVES_MAX, NOTARY_LOOKS_EVERY, Notary, Rhythm};
pub use note::{Checkpoint, NOTE_BYTES_MAX, NoteError};
pub use ports::{
    CheckpointStore, EventSource, Found, LAG_EVENTS_MAX, Leaf, Place, SealSource, SealingLag, Seals,
    StoredCheckpoint,
};
pub use queries::{
    AuditCheckpoints, AuditConsistency, AuditProof, ConsistencyProof, InclusionProof, ProofRefusal, Proofs,
    SignedRoot, VERIFY_POSITIONS_MAX, VerifyAudit,
};
pub use record::{Record, RecordError, Records};
pub use tree::{
    Frontier, Hash, Node, Plan, consistency_plan, hash_text, inclusion_plan, join, leaf_hash, node_hash,
    sha256, subtrees,
};
pub use verdict::{Finding, LEAVES_AT_ONCE, Verdict, Wrong, examine};
