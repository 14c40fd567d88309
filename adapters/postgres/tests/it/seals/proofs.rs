//! Proofs out of the database: over tiles that are complete and the one that is not.

use application::{
    Caller, Edge, Page, Platform, Window,
    proofs::{
        AuditCheckpoints, AuditConsistency, AuditProof, Checkpoint, Place, ProofRefusal, SealSource, Seals,
        StoredCheckpoint, VERIFY_POSITIONS_MAX, VerifyAudit, is_consistent, is_included, sha256,
    },
};
use testkit::TestDatabase;

use super::office::Office;

/// The root over all leaves, by the definition of the tree and nothing of ours.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            let (left, right) = leaves.split_at(split);
            sha256(&[&[1], &root(left)[..], &root(right)[..]].concat())
        }
    }
}

/// The system itself, whose questions leave no event.
fn caller() -> Caller {
    Caller::system(Platform::Portal, "test")
}

#[tokio::test]
async fn every_event_is_proved_and_every_checkpoint_continues_the_ones_before() {
    const EVENTS: usize = 800;
    let office = Office::open().await;
    for _ in 0..4 {
        office.write(EVENTS / 4).await;
        office.seal().await;
        office.sign().await;
    }
    let app = office.node.app();
    let operator = caller();
    let leaves = office.seals.leaves(0, EVENTS).await.unwrap();
    let hashes: Vec<_> = leaves.iter().map(|leaf| leaf.hash).collect();
    let whole = root(&hashes);
    for (index, leaf) in (0..).zip(&leaves) {
        let proof = app.ask(&operator, AuditProof { position: leaf.position }, None).await.unwrap().unwrap();
        assert_eq!((proof.index, proof.leaf), (index, *leaf));
        assert_eq!(proof.checkpoint.checkpoint.root, whole);
        assert!(is_included(&leaf.hash, index, EVENTS as u64, &proof.path, &whole), "leaf {index}");
        Checkpoint::open(&proof.checkpoint.note, &[office.key.public()]).unwrap();
        assert!(proof.bundle().len() < 1_000, "{}", proof.bundle());
    }
    let window = Window::First(100, None);
    let page = app.ask(&operator, AuditCheckpoints { window }, None).await.unwrap();
    let sizes: Vec<u64> = page.edges.iter().map(|edge| edge.key).collect();
    assert_eq!(sizes, [800, 700, 600, 500, 400, 300, 200, 100]);
    for to in &sizes {
        for from in sizes.iter().filter(|from| *from <= to) {
            let ask = AuditConsistency { from: *from, to: *to };
            let proof = app.ask(&operator, ask, None).await.unwrap().unwrap();
            let (old, new) = (&proof.from.checkpoint, &proof.to.checkpoint);
            assert_eq!(old.root, root(&hashes[..usize::try_from(*from).unwrap()]));
            assert!(is_consistent((*from, &old.root), (*to, &new.root), &proof.path), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn a_place_in_the_log_is_sealed_waiting_unused_or_beyond() {
    let office = Office::of(TestDatabase::alone().await);
    let insert = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
                  VALUES ('todo', 'x', 1, 'todo.x', '1', '{}', '{}')";
    let rolled_back = format!("BEGIN; {insert}; ROLLBACK");
    office.database.owner().await.batch_execute(&rolled_back).await.unwrap();
    office.write(5).await;
    office.seal().await;
    office.write(5).await;
    let place = async |position| office.seals.place(position).await.unwrap();
    assert_eq!(place(1).await, Place::Unused);
    assert!(matches!(place(2).await, Place::Sealed(0, _)));
    assert!(matches!(place(6).await, Place::Sealed(4, _)));
    assert_eq!(place(7).await, Place::Waiting);
    assert_eq!(place(12).await, Place::Beyond);

    let (app, operator) = (office.node.app(), caller());
    let proof =
        async |position| app.ask(&operator, AuditProof { position }, None).await.unwrap().unwrap_err();
    assert_eq!(proof(0).await, ProofRefusal::NoPosition("position"));
    assert_eq!(proof(1).await, ProofRefusal::Unused);
    assert_eq!(proof(2).await, ProofRefusal::NotSealedYet, "sealed, and not signed");
    assert_eq!(proof(7).await, ProofRefusal::NotSealedYet);
    assert_eq!(proof(12).await, ProofRefusal::Beyond("position"));
    let verify = async |from, to| app.ask(&operator, VerifyAudit { from, to }, None).await.unwrap();
    assert_eq!(verify(3, 2).await, Err(ProofRefusal::Swapped));
    assert_eq!(verify(0, 2).await, Err(ProofRefusal::NoPosition("from")));
    assert_eq!(verify(1, 1).await, Err(ProofRefusal::Nothing));
    assert_eq!(verify(2, 8).await, Err(ProofRefusal::NotSealedYet));
    assert_eq!(verify(2, 90).await, Err(ProofRefusal::Beyond("to")));
    assert_eq!(verify(1, VERIFY_POSITIONS_MAX + 1).await, Err(ProofRefusal::TooMany));
    assert_eq!(verify(1, 6).await.unwrap().events, 5);
    let consistency = async |from, to| {
        app.ask(&operator, AuditConsistency { from, to }, None).await.unwrap().map(drop).unwrap_err()
    };
    office.sign().await;
    assert_eq!(consistency(5, 4).await, ProofRefusal::Swapped);
    assert_eq!(consistency(0, 5).await, ProofRefusal::NoCheckpoint("fromSize"));
    assert_eq!(consistency(5, 6).await, ProofRefusal::NoCheckpoint("toSize"));
}

#[tokio::test]
async fn pages_of_checkpoints_go_back_in_time() {
    let office = Office::open().await;
    office.write(500).await;
    office.seal().await;
    office.sign().await;
    let page = office.seals.checkpoints(&Window::First(2, None)).await.unwrap();
    let sizes = |page: &Page<StoredCheckpoint, u64>| {
        page.edges.iter().map(|edge: &Edge<_, _>| edge.key).collect::<Vec<_>>()
    };
    assert_eq!((sizes(&page), page.has_next, page.has_previous), (vec![500, 400], true, false));
    let page = office.seals.checkpoints(&Window::First(9, Some(400))).await.unwrap();
    assert_eq!((sizes(&page), page.has_next, page.has_previous), (vec![300, 200, 100], false, true));
    let page = office.seals.checkpoints(&Window::Last(2, Some(200))).await.unwrap();
    assert_eq!((sizes(&page), page.has_previous), (vec![400, 300], true));
}
