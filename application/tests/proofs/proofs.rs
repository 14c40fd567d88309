//! Proofs of every leaf of many trees, checked by ours and by another checker; and every way to
//! break one.

use application::proofs::{
    Hash, Plan, SealSource, consistency_plan, inclusion_plan, is_consistent, is_included, join, leaf_of,
};
use growing::{path, tree};

use crate::checker;

const LEAVES_MAX: usize = 70;

/// Trees and paths out of them.
mod growing {
    use super::*;
    use crate::memory::Book;

    pub(super) fn tree(leaves: usize) -> (Book, Vec<Hash>) {
        let hashes: Vec<Hash> = (1_i64..).take(leaves).map(|n| leaf_of(n, b"an event")).collect();
        let leaf = |hash: &Hash| application::proofs::Leaf { position: 1, hash: *hash };
        (Book { leaves: hashes.iter().map(leaf).collect(), checkpoints: Vec::new() }, hashes)
    }

    pub(super) async fn path(book: &Book, plan: &Plan) -> Vec<Hash> {
        let mut path = Vec::new();
        for parts in plan {
            path.push(join(&book.nodes(parts).await.unwrap()));
        }
        path
    }
}

#[tokio::test]
async fn every_leaf_of_every_tree_can_be_proved() {
    for size in 1..=LEAVES_MAX {
        let (book, leaves) = tree(size);
        let root = checker::root(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = path(&book, &inclusion_plan(index as u64, size as u64)).await;
            assert_eq!(checker::root_by_path(*leaf, index, size, &path), Some(root), "{index} of {size}");
            assert!(is_included(leaf, index as u64, size as u64, &path, &root), "{index} of {size}");
        }
    }
}

#[tokio::test]
async fn every_tree_can_be_proved_to_continue_every_smaller_one() {
    let (book, leaves) = tree(LEAVES_MAX);
    for to in 1..=LEAVES_MAX {
        for from in 1..=to {
            let (old, new) = (checker::root(&leaves[..from]), checker::root(&leaves[..to]));
            let path = path(&book, &consistency_plan(from as u64, to as u64)).await;
            let roots = checker::roots_by_path(old, from, to, &path, true);
            assert_eq!(roots, Some((old, new)), "{from} to {to}");
            assert!(is_consistent((from as u64, &old), (to as u64, &new), &path), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn a_proof_that_is_changed_in_any_way_proves_nothing() {
    const SIZE: u64 = 21;
    let (book, leaves) = tree(21);
    let root = checker::root(&leaves);
    for (index, leaf) in (0..SIZE).zip(&leaves) {
        let good = path(&book, &inclusion_plan(index, SIZE)).await;
        let holds =
            |leaf: &Hash, index, size, path: &[Hash], root: &Hash| is_included(leaf, index, size, path, root);
        for other in (0..SIZE + 3).filter(|other| *other != index) {
            assert!(!holds(leaf, other, SIZE, &good, &root), "leaf {index} is not leaf {other}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at][at] ^= 1;
            assert!(!holds(leaf, index, SIZE, &bad, &root));
            bad.remove(at);
            assert!(!holds(leaf, index, SIZE, &bad, &root));
        }
        let longer = [good.as_slice(), &[root]].concat();
        assert!(!holds(leaf, index, SIZE, &longer, &root));
        assert!(!holds(&root, index, SIZE, &good, &root));
        assert!(!holds(leaf, index, SIZE, &good, leaf));
    }
    assert!(!is_included(&root, 0, 0, &[], &root));
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_not_consistent() {
    const OLD: u64 = 13;
    const NEW: u64 = 29;
    let (book, leaves) = tree(29);
    let (old, new) = (checker::root(&leaves[..13]), checker::root(&leaves));
    let good = path(&book, &consistency_plan(OLD, NEW)).await;
    assert!(is_consistent((OLD, &old), (NEW, &new), &good));
    for changed in 0..13 {
        let mut rewritten = leaves.clone();
        rewritten[changed][0] ^= 1;
        let (mut forged, _) = tree(0);
        let leaf = |hash: &Hash| application::proofs::Leaf { position: 1, hash: *hash };
        forged.leaves = rewritten.iter().map(leaf).collect();
        let path = path(&forged, &consistency_plan(OLD, NEW)).await;
        let root = checker::root(&rewritten);
        assert!(!is_consistent((OLD, &old), (NEW, &root), &path), "leaf {changed} was changed");
        assert!(!is_consistent((OLD, &old), (NEW, &root), &good), "leaf {changed} was changed");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at][31] ^= 128;
        assert!(!is_consistent((OLD, &old), (NEW, &new), &bad));
    }
    assert!(!is_consistent((NEW, &new), (OLD, &old), &good), "the other way round");
    assert!(!is_consistent((0, &old), (NEW, &new), &good), "nothing is continued by everything");
    assert!(!is_consistent((OLD, &old), (OLD, &new), &[]), "two roots of one size");
}
