//! Tiles of the tree: complete subtrees of 256, the only inner nodes that are stored.

use application::proofs::{Frontier, Hash, Node};

/// The height of a tile.
pub(super) const LEVELS: u32 = 8;
/// What a tile holds.
pub(super) const WIDTH: u64 = 1 << LEVELS;

/// The stored nodes below a node: their level, the first, and how many. Those of level 0 are leaves.
pub(super) fn stored(node: Node) -> (u32, u64, u64) {
    let below = node.level % LEVELS;
    (node.level - below, node.index << below, 1 << below)
}

/// The root over hashes whose number is a power of two.
pub(super) fn root(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for hash in hashes {
        frontier.push(*hash);
    }
    frontier.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_made_of_the_stored_ones_right_below() {
        assert_eq!(stored(Node { level: 0, index: 7 }), (0, 7, 1));
        assert_eq!(stored(Node { level: 3, index: 2 }), (0, 16, 8));
        assert_eq!(stored(Node { level: 8, index: 5 }), (8, 5, 1));
        assert_eq!(stored(Node { level: 17, index: 1 }), (16, 2, 2));
    }
}
