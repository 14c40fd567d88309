//! Proofs that nobody changed the audit trail. `docs/proofs.md` says how to check them.

use adapter_web::{ContextExt, CursorText, failed, problem, refused, relay};
use application::{
    Code, Failure, Keyset, Never, Page, Problem, Window,
    proofs::{
        self, AuditCheckpoints, ConsistencyProof, Finding, Hash, InclusionProof, SignedRoot, Verdict, Wrong,
        hash_text,
    },
};
use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::terms::{int, page_weight};

/// What cursors of the list of checkpoints are bound to.
const LIST: &str = "auditCheckpoints";
/// Reading a whole range weighs as much as a large page.
const VERIFY_WEIGHT: usize = 20;

#[derive(Default)]
pub(crate) struct ProofQuery;

/// That an event is in the sealed log (RFC 9162, inclusion). Hashes are SHA-256 in base64.
#[derive(SimpleObject)]
struct AuditProof {
    /// The event's running number.
    position: String,
    /// Its number among the sealed events, from 0 on.
    leaf_index: String,
    /// How many sealed events the signed root is about.
    tree_size: String,
    leaf_hash: String,
    root_hash: String,
    /// From the leaf to the root.
    hashes: Vec<String>,
    /// The signed root: a checkpoint as C2SP's `tlog-checkpoint` words it.
    checkpoint: String,
    /// Number, hashes and checkpoint in one text, as C2SP's `tlog-proof` words it.
    bundle: String,
}

/// That a log has only grown from one checkpoint to another (RFC 9162, consistency).
#[derive(SimpleObject)]
struct AuditConsistency {
    from_size: String,
    to_size: String,
    from_root: String,
    to_root: String,
    hashes: Vec<String>,
    from_checkpoint: String,
    to_checkpoint: String,
}

/// A signed root of the log.
#[derive(SimpleObject)]
struct AuditCheckpoint {
    tree_size: String,
    root_hash: String,
    made_at: DateTime<Utc>,
    /// The size of the one before; absent in the first.
    previous_size: Option<String>,
    /// The signed note.
    checkpoint: String,
}

/// A checkpoint in the list.
#[derive(SimpleObject)]
struct AuditCheckpointEdge {
    cursor: CursorText,
    node: AuditCheckpoint,
}

/// A page of checkpoints, the newest first.
#[derive(SimpleObject)]
struct AuditCheckpointConnection {
    edges: Vec<AuditCheckpointEdge>,
    nodes: Vec<AuditCheckpoint>,
    page_info: relay::PageInfo,
}

/// What was done to the log.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum AuditTampering {
    /// The event is not what was sealed.
    Edited,
    /// The event is gone.
    Deleted,
    /// There is an event that was never sealed, between events that were.
    Inserted,
    /// The event stands in the place of another one.
    Swapped,
    /// The leaf does not lead to the signed root; the event may be as it was.
    Resealed,
    /// A checkpoint is not signed by a known key, or does not follow the one before.
    Forged,
}

/// The first thing that is wrong.
#[derive(SimpleObject)]
struct AuditFinding {
    /// The event's running number.
    position: String,
    /// The number of the leaf at which it shows.
    leaf_index: String,
    kind: AuditTampering,
}

/// What became of an examination.
#[derive(SimpleObject)]
struct AuditVerdict {
    /// Whether everything is as it was sealed.
    intact: bool,
    /// How many events were compared and are as they were sealed.
    events: i32,
    /// How many checkpoints they lead to.
    checkpoints: i32,
    /// Sealed events before this number are covered by a checkpoint that was looked at.
    signed_up_to: String,
    /// Whether signatures were checked: this needs `AUDIT_SIGNING_KEY` or `AUDIT_PUBLIC_KEYS`.
    signatures_checked: bool,
    first_wrong: Option<AuditFinding>,
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(hash_text).collect()
}

impl From<InclusionProof> for AuditProof {
    fn from(proof: InclusionProof) -> Self {
        let signed = &proof.checkpoint.checkpoint;
        Self {
            position: proof.leaf.position.to_string(),
            leaf_index: proof.index.to_string(),
            tree_size: signed.size.to_string(),
            leaf_hash: hash_text(&proof.leaf.hash),
            root_hash: hash_text(&signed.root),
            hashes: texts(&proof.path),
            bundle: proof.bundle(),
            checkpoint: proof.checkpoint.note,
        }
    }
}

impl From<ConsistencyProof> for AuditConsistency {
    fn from(proof: ConsistencyProof) -> Self {
        Self {
            from_size: proof.from.checkpoint.size.to_string(),
            to_size: proof.to.checkpoint.size.to_string(),
            from_root: hash_text(&proof.from.checkpoint.root),
            to_root: hash_text(&proof.to.checkpoint.root),
            hashes: texts(&proof.path),
            from_checkpoint: proof.from.note,
            to_checkpoint: proof.to.note,
        }
    }
}

impl From<&SignedRoot> for AuditCheckpoint {
    fn from(signed: &SignedRoot) -> Self {
        let checkpoint = &signed.checkpoint;
        Self {
            tree_size: checkpoint.size.to_string(),
            root_hash: hash_text(&checkpoint.root),
            made_at: checkpoint.at,
            previous_size: checkpoint.previous.map(|(size, _)| size.to_string()),
            checkpoint: signed.note.clone(),
        }
    }
}

impl AuditCheckpointConnection {
    fn of(ctx: &Context<'_>, page: Page<SignedRoot, u64>) -> Self {
        let edges =
            page.edges.into_iter().map(|edge| application::Edge { key: place(edge.key), node: edge.node });
        let page = Page { edges: edges.collect(), has_next: page.has_next, has_previous: page.has_previous };
        let edge = |edge: &application::Edge<SignedRoot>| AuditCheckpointEdge {
            cursor: CursorText(ctx.codec().keyset(LIST, &edge.key)),
            node: AuditCheckpoint::from(&edge.node),
        };
        Self {
            page_info: relay::PageInfo::of(&page, LIST, ctx.codec()),
            nodes: page.edges.iter().map(|edge| AuditCheckpoint::from(&edge.node)).collect(),
            edges: page.edges.iter().map(edge).collect(),
        }
    }
}

/// The place of a checkpoint in the list.
fn place(size: u64) -> Keyset {
    Keyset { value: Some(size.to_string()), id: Uuid::nil() }
}

impl From<Finding> for AuditFinding {
    fn from(finding: Finding) -> Self {
        let kind = match finding.wrong {
            Wrong::Edited => AuditTampering::Edited,
            Wrong::Deleted => AuditTampering::Deleted,
            Wrong::Inserted => AuditTampering::Inserted,
            Wrong::Swapped => AuditTampering::Swapped,
            Wrong::Resealed => AuditTampering::Resealed,
            Wrong::Forged => AuditTampering::Forged,
        };
        Self { position: finding.position.to_string(), leaf_index: finding.leaf.to_string(), kind }
    }
}

impl AuditVerdict {
    fn of(verdict: Verdict, signatures_checked: bool) -> Self {
        Self {
            intact: verdict.finding.is_none(),
            events: int(verdict.events.cast_signed()),
            checkpoints: int(verdict.checkpoints.cast_signed()),
            signed_up_to: verdict.signed.to_string(),
            signatures_checked,
            first_wrong: verdict.finding.map(AuditFinding::from),
        }
    }
}

/// A number that may pass what a JSON number holds. A stranger is not told what is wrong with it.
fn number<T: std::str::FromStr>(ctx: &Context<'_>, raw: &str, field: &'static str) -> Result<T> {
    raw.parse().map_err(|_| {
        if ctx.caller().operator_role().is_none() {
            return failed(Failure::<Never>::Unauthenticated);
        }
        let message = format!("{field} must be a whole number");
        problem(Problem::new(Code::ValidationFailed, message).of_field(field))
    })
}

#[Object]
impl ProofQuery {
    /// The proof that the event of a position is in the sealed log.
    async fn audit_proof(&self, ctx: &Context<'_>, position: String) -> Result<AuditProof> {
        let ask = proofs::AuditProof { position: number(ctx, &position, "position")? };
        let proof = ctx.app().ask(ctx.caller(), ask, None).await.map_err(failed)?;
        Ok(proof.map_err(refused)?.into())
    }

    /// The proof that the log of `toSize` sealed events begins with all of `fromSize`; both are
    /// sizes of checkpoints.
    async fn audit_consistency(
        &self,
        ctx: &Context<'_>,
        from_size: String,
        to_size: String,
    ) -> Result<AuditConsistency> {
        let (from, to) = (number(ctx, &from_size, "fromSize")?, number(ctx, &to_size, "toSize")?);
        let ask = proofs::AuditConsistency { from, to };
        let proof = ctx.app().ask(ctx.caller(), ask, None).await.map_err(failed)?;
        Ok(proof.map_err(refused)?.into())
    }

    /// Signed roots of the log, the newest first.
    #[graphql(complexity = "page_weight(first, None, child_complexity)")]
    async fn audit_checkpoints(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<CursorText>,
    ) -> Result<AuditCheckpointConnection> {
        let window = match relay::window(ctx, LIST, first, after, None, None)? {
            Window::First(size, after) | Window::Last(size, after) => {
                let after =
                    after.map(|key| number(ctx, &key.value.unwrap_or_default(), "after")).transpose()?;
                Window::First(size, after)
            }
        };
        let page = ctx.app().ask(ctx.caller(), AuditCheckpoints { window }, None).await.map_err(failed)?;
        Ok(AuditCheckpointConnection::of(ctx, page))
    }

    /// Compares the events of a range of positions with what was sealed of them, and says what is
    /// wrong first.
    #[graphql(complexity = "VERIFY_WEIGHT + child_complexity")]
    async fn verify_audit(&self, ctx: &Context<'_>, from: String, to: String) -> Result<AuditVerdict> {
        let ask = proofs::VerifyAudit { from: number(ctx, &from, "from")?, to: number(ctx, &to, "to")? };
        let verdict = ctx.app().ask(ctx.caller(), ask, None).await.map_err(failed)?;
        Ok(AuditVerdict::of(verdict.map_err(refused)?, !ctx.app().proofs.keys.is_empty()))
    }
}
