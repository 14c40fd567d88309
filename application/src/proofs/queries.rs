//! What operators ask about proofs.

use domain::operator::OperatorRole;
use thiserror::Error;

use super::{
    keys::VerifyingKey,
    note::Checkpoint,
    ports::{Leaf, Place, Seals, StoredCheckpoint},
    tree::{Hash, Plan, consistency_plan, hash_text, inclusion_plan, join},
    verdict::{Verdict, examine},
};
use crate::{
    Access, Answer, Answered, App, BoxError, Caller, Code, Failure, Page, Query, Refusal, Window,
    ports::ReadModel,
};

/// How many positions one question may ask to be verified; the command line has no such limit.
pub const VERIFY_POSITIONS_MAX: i64 = 200_000;

/// What proofs are made from, and checked with.
pub struct Proofs {
    /// The seals of this log.
    pub seals: std::sync::Arc<dyn Seals>,
    /// Keys that have signed its checkpoints; with none, no signature is checked.
    pub keys: Vec<VerifyingKey>,
}

/// Why there is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofRefusal {
    /// Positions begin at 1.
    #[error("{0} must be a position: a whole number from 1 on")]
    NoPosition(&'static str),
    /// The log ends before.
    #[error("{0} is beyond the end of the log")]
    Beyond(&'static str),
    /// It will be sealed, or signed, in some seconds.
    #[error("the event is not sealed yet; please try again in some seconds")]
    NotSealedYet,
    /// A rolled-back transaction had taken the position.
    #[error("no event has this position")]
    Unused,
    /// The range is none.
    #[error("from must not be after to")]
    Swapped,
    /// The range is for the command line.
    #[error("at most {VERIFY_POSITIONS_MAX} positions can be verified at once; use `worker audit-verify`")]
    TooMany,
    /// Nothing in it.
    #[error("no event in this range is sealed")]
    Nothing,
    /// There is no checkpoint of that size.
    #[error("there is no checkpoint of the size {0}")]
    NoCheckpoint(&'static str),
}

impl Refusal for ProofRefusal {
    fn code(&self) -> Code {
        match self {
            Self::NoPosition(_) | Self::Beyond(_) | Self::Swapped | Self::TooMany => Code::ValidationFailed,
            Self::NotSealedYet => Code::Unavailable,
            Self::Unused | Self::Nothing | Self::NoCheckpoint(_) => Code::NotFound,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoPosition(field) | Self::Beyond(field) | Self::NoCheckpoint(field) => Some(field),
            Self::Swapped => Some("from"),
            Self::TooMany => Some("to"),
            Self::NotSealedYet | Self::Unused | Self::Nothing => None,
        }
    }
}

/// An answer, or why there is none.
type Proved<T> = Result<T, ProofRefusal>;

/// That an event is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Its leaf.
    pub leaf: Leaf,
    /// The leaf's number.
    pub index: u64,
    /// From the leaf to the root.
    pub path: Vec<Hash>,
    /// The signed root.
    pub checkpoint: SignedRoot,
}

impl InclusionProof {
    /// The whole proof in the text form of C2SP's `tlog-proof`.
    pub fn bundle(&self) -> String {
        let path: Vec<String> = self.path.iter().map(hash_text).collect();
        let head = [&["c2sp.org/tlog-proof@v1".to_owned(), format!("index {}", self.index)], &*path].concat();
        format!("{}\n\n{}", head.join("\n"), self.checkpoint.note)
    }
}

/// That a log has only grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The older root.
    pub from: SignedRoot,
    /// The newer one.
    pub to: SignedRoot,
    /// What connects them.
    pub path: Vec<Hash>,
}

/// A root, and the note that signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoot {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
}

impl SignedRoot {
    /// The checkpoint that is stored.
    pub fn of(stored: StoredCheckpoint) -> Result<Self, BoxError> {
        Ok(Self { checkpoint: Checkpoint::read(&stored.note)?, note: stored.note })
    }
}

/// The proof that the event of a position is in the log.
#[derive(Debug, Clone, Copy)]
pub struct AuditProof {
    /// Which.
    pub position: i64,
}

/// The proof that a checkpoint continues an older one.
#[derive(Debug, Clone, Copy)]
pub struct AuditConsistency {
    /// The leaves of the older one.
    pub from: u64,
    /// The leaves of the newer one.
    pub to: u64,
}

/// Signed checkpoints, the newest first.
#[derive(Debug, Clone)]
pub struct AuditCheckpoints {
    /// Which of them.
    pub window: Window<u64>,
}

/// Whether the events of a range are what was sealed.
#[derive(Debug, Clone, Copy)]
pub struct VerifyAudit {
    /// The first position.
    pub from: i64,
    /// The last one.
    pub to: i64,
}

macro_rules! for_support {
    ($($query:ident -> $answer:ty, $name:literal, |$asked:ident| $about:expr;)*) => {$(
        impl Query for $query {
            type Answer = $answer;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Operator(OperatorRole::Support);
            const READS: &'static [ReadModel] = &[];
            fn about(&self) -> Option<String> {
                let $asked = self;
                $about
            }
        }

        impl Answer<$query> for App {
            async fn answer(&self, _: &Caller, query: $query) -> Answered<$query> {
                query.of(&self.proofs).await.map_err(Failure::Unavailable)
            }
        }
    )*};
}

for_support! {
    AuditProof -> Proved<InclusionProof>, "audit.proof", |it| Some(format!("position={}", it.position));
    AuditConsistency -> Proved<ConsistencyProof>, "audit.consistency",
        |it| Some(format!("from={} to={}", it.from, it.to));
    AuditCheckpoints -> Page<SignedRoot, u64>, "audit.checkpoints", |_it| None;
    VerifyAudit -> Proved<Verdict>, "audit.verify", |it| Some(format!("from={} to={}", it.from, it.to));
}

impl AuditProof {
    /// The proof, out of these seals.
    pub async fn of(self, proofs: &Proofs) -> Result<Proved<InclusionProof>, BoxError> {
        let seals = &proofs.seals;
        let (index, leaf) = match placed(proofs, self.position, "position").await? {
            Ok(placed) => placed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let newest = seals.newest().await?.filter(|newest| newest.size > index);
        let Some(newest) = newest else { return Ok(Err(ProofRefusal::NotSealedYet)) };
        let path = hashes(seals.as_ref(), &inclusion_plan(index, newest.size)).await?;
        Ok(Ok(InclusionProof { leaf, index, path, checkpoint: SignedRoot::of(newest)? }))
    }
}

/// The leaf of a position, or why it has none.
async fn placed(
    proofs: &Proofs,
    position: i64,
    field: &'static str,
) -> Result<Proved<(u64, Leaf)>, BoxError> {
    if position < 1 {
        return Ok(Err(ProofRefusal::NoPosition(field)));
    }
    Ok(match proofs.seals.place(position).await? {
        Place::Sealed(index, leaf) => Ok((index, leaf)),
        Place::Waiting => Err(ProofRefusal::NotSealedYet),
        Place::Unused => Err(ProofRefusal::Unused),
        Place::Beyond => Err(ProofRefusal::Beyond(field)),
    })
}

impl AuditConsistency {
    async fn of(self, proofs: &Proofs) -> Result<Proved<ConsistencyProof>, BoxError> {
        if self.from > self.to {
            return Ok(Err(ProofRefusal::Swapped));
        }
        let seals = &proofs.seals;
        let root = async |size| {
            let stored = seals.checkpoint_from(size).await?.filter(|stored| stored.size == size && size > 0);
            stored.map(SignedRoot::of).transpose()
        };
        let Some(from) = root(self.from).await? else {
            return Ok(Err(ProofRefusal::NoCheckpoint("fromSize")));
        };
        let Some(to) = root(self.to).await? else {
            return Ok(Err(ProofRefusal::NoCheckpoint("toSize")));
        };
        let path = hashes(seals.as_ref(), &consistency_plan(self.from, self.to)).await?;
        Ok(Ok(ConsistencyProof { from, to, path }))
    }
}

impl AuditCheckpoints {
    async fn of(self, proofs: &Proofs) -> Result<Page<SignedRoot, u64>, BoxError> {
        let page = proofs.seals.checkpoints(&self.window).await?;
        let edges = page.edges.into_iter();
        let edges = edges.map(|edge| Ok(crate::Edge { key: edge.key, node: SignedRoot::of(edge.node)? }));
        let edges = edges.collect::<Result<Vec<_>, BoxError>>()?;
        Ok(Page { edges, has_next: page.has_next, has_previous: page.has_previous })
    }
}

impl VerifyAudit {
    async fn of(self, proofs: &Proofs) -> Result<Proved<Verdict>, BoxError> {
        let (from, to, seals) = (self.from, self.to, &proofs.seals);
        if from > to {
            return Ok(Err(ProofRefusal::Swapped));
        }
        if from < 1 {
            return Ok(Err(ProofRefusal::NoPosition("from")));
        }
        if to - from >= VERIFY_POSITIONS_MAX {
            return Ok(Err(ProofRefusal::TooMany));
        }
        for (position, field) in [(from, "from"), (to, "to")] {
            match placed(proofs, position, field).await? {
                Ok(_) | Err(ProofRefusal::Unused) => {}
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let Some(range) = seals.range(from, to).await? else { return Ok(Err(ProofRefusal::Nothing)) };
        let mut events = seals.events(range.clone()).await?;
        examine(&**seals, events.as_mut(), range, &proofs.keys, |_| {}).await.map(Ok)
    }
}

/// The hashes of a plan, with one look-up.
async fn hashes(seals: &dyn Seals, plan: &Plan) -> Result<Vec<Hash>, BoxError> {
    let wanted: Vec<_> = plan.iter().flatten().copied().collect();
    let mut nodes = seals.nodes(&wanted).await?;
    let mut path = Vec::with_capacity(plan.len());
    for parts in plan {
        let rest = nodes.split_off(parts.len().min(nodes.len()));
        path.push(join(&nodes));
        nodes = rest;
    }
    Ok(path)
}
