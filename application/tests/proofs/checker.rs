//! A checker of another kind than the one we ship: it is written from the definition of the tree
//! (RFC 9162, 2.1.1), by recursion, and uses nothing of ours but SHA-256.

use application::proofs::{Hash, sha256};

pub(crate) fn leaf(data: &[u8]) -> Hash {
    sha256(&[&[0], data].concat())
}

fn inner(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], &left[..], &right[..]].concat())
}

fn split(leaves: usize) -> usize {
    let mut split = 1;
    while split * 2 < leaves {
        split *= 2;
    }
    split
}

/// The root over all leaves.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            inner(&root(left), &root(right))
        }
    }
}

/// The root that a path leads to, from the top down; `None` when the path has another length.
pub(crate) fn root_by_path(leaf: Hash, index: usize, size: usize, path: &[Hash]) -> Option<Hash> {
    if size == 1 {
        return (path.is_empty() && index == 0).then_some(leaf);
    }
    let (last, rest) = path.split_last()?;
    let left = split(size);
    if index < left {
        Some(inner(&root_by_path(leaf, index, left, rest)?, last))
    } else {
        Some(inner(last, &root_by_path(leaf, index - left, size - left, rest)?))
    }
}

/// The two roots that a consistency proof leads to. `whole`: the old root is known to the checker.
pub(crate) fn roots_by_path(
    old: Hash,
    from: usize,
    to: usize,
    path: &[Hash],
    whole: bool,
) -> Option<(Hash, Hash)> {
    if from == to {
        return match (whole, path) {
            (true, []) => Some((old, old)),
            (false, [only]) => Some((*only, *only)),
            _ => None,
        };
    }
    let (last, rest) = path.split_last()?;
    let left = split(to);
    if from <= left {
        let (of_old, of_new) = roots_by_path(old, from, left, rest, whole)?;
        Some((of_old, inner(&of_new, last)))
    } else {
        let (of_old, of_new) = roots_by_path(old, from - left, to - left, rest, false)?;
        Some((inner(last, &of_old), inner(last, &of_new)))
    }
}
