//! The Merkle tree of RFC 9162 (Certificate Transparency v2, the same hashes as RFC 6962): which
//! subtrees a root and a proof are made of, and how their hashes are put together.
//!
//! Nothing here holds a tree. A proof names the complete subtrees it needs, and whoever stores them
//! looks them up: a proof costs as many look-ups as the tree has levels.

use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Keeps leaves and inner nodes apart, so that no node passes as a leaf.
const LEAF: u8 = 0x00;
const INNER: u8 = 0x01;

/// A complete subtree: the `2^level` leaves from `index * 2^level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// Its height: 0 is a leaf.
    pub level: u32,
    /// Its place among those of its height.
    pub index: u64,
}

/// The hash of a leaf that consists of these parts.
pub fn leaf_hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[LEAF]);
    for part in parts {
        context.update(part);
    }
    array(context.finish().as_ref())
}

/// The hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [INNER; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// The plain SHA-256 of bytes; of no bytes, it is the root of the empty tree.
pub fn sha256(bytes: &[u8]) -> Hash {
    array(digest(&SHA256, bytes).as_ref())
}

/// A hash as people and other programs read it.
pub fn hash_text(hash: &Hash) -> String {
    STANDARD.encode(hash)
}

fn array(bytes: &[u8]) -> Hash {
    bytes.try_into().expect("a SHA-256 has 32 bytes")
}

/// The complete subtrees that hold these leaves, from left to right and as large as possible.
pub fn subtrees(leaves: Range<u64>) -> Vec<Node> {
    let (mut at, mut nodes) = (leaves.start, Vec::new());
    while at < leaves.end {
        let fits = (leaves.end - at).ilog2();
        let level = fits.min(if at == 0 { u64::BITS } else { at.trailing_zeros() });
        nodes.push(Node { level, index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The hash of the subtree that is made of these complete ones, from left to right.
pub fn join(hashes: &[Hash]) -> Hash {
    let Some((last, before)) = hashes.split_last() else { return sha256(&[]) };
    before.iter().rev().fold(*last, |right, left| node_hash(left, &right))
}

/// What a proof is made of: a hash each, as the subtrees that it is joined from.
pub type Plan = Vec<Vec<Node>>;

/// The path that shows that leaf `index` is in the tree of `size` leaves (RFC 9162, 2.1.3.1).
pub fn inclusion_plan(index: u64, size: u64) -> Plan {
    let (mut whole, mut path) = (0..size, Vec::new());
    while whole.end - whole.start > 1 {
        let split = whole.start + split(whole.end - whole.start);
        let other = if index < split { split..whole.end } else { whole.start..split };
        whole = if index < split { whole.start..split } else { split..whole.end };
        path.push(subtrees(other));
    }
    path.reverse();
    path
}

/// What shows that the tree of `to` leaves begins with that of `from` leaves (RFC 9162, 2.1.4.1).
pub fn consistency_plan(from: u64, to: u64) -> Plan {
    if from == 0 || from >= to {
        return Vec::new();
    }
    let (mut whole, mut path) = (0..to, Vec::new());
    // The old tree's root is known to whoever checks, as long as it is a subtree of its own.
    let mut known = true;
    while whole.end != from {
        let split = whole.start + split(whole.end - whole.start);
        if from <= split {
            path.push(subtrees(split..whole.end));
            whole.end = split;
        } else {
            path.push(subtrees(whole.start..split));
            whole.start = split;
            known = false;
        }
    }
    if !known {
        path.push(subtrees(whole));
    }
    path.reverse();
    path
}

/// The largest power of two that is smaller than a number of leaves above one.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The right edge of a growing tree: all that is needed to know its root and to add leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Of a tree of `size` leaves, from the hashes of [`subtrees`] of all its leaves.
    pub fn of(size: u64, peaks: Vec<Hash>) -> Self {
        Self { size, peaks }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.peaks.push(leaf);
        // Each bit that carries joins the two smallest subtrees.
        for _ in 0..self.size.trailing_ones() {
            if let (Some(right), Some(left)) = (self.peaks.pop(), self.peaks.pop()) {
                self.peaks.push(node_hash(&left, &right));
            }
        }
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        join(&self.peaks)
    }
}
