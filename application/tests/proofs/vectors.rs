//! The vectors that Certificate Transparency publishes for its tree of eight leaves.

use application::proofs::{
    Frontier, Hash, Plan, consistency_plan, inclusion_plan, is_consistent, is_included, join, leaf_hash,
    sha256, subtrees,
};
use data_encoding::HEXLOWER;

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Number of the leaf, size of the tree, path.
const INCLUSION: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];
/// Old size, new size, path.
const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        2,
        8,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

fn hash(text: &str) -> Hash {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

fn leaves() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| leaf_hash(&[&HEXLOWER.decode(leaf.as_bytes()).unwrap()])).collect()
}

fn frontier(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier
}

fn path(plan: &Plan, leaves: &[Hash]) -> Vec<Hash> {
    let node = |node: &application::proofs::Node| {
        let first = usize::try_from(node.index << node.level).unwrap();
        frontier(&leaves[first..first + (1 << node.level)]).root()
    };
    plan.iter().map(|parts| join(&parts.iter().map(node).collect::<Vec<_>>())).collect()
}

#[test]
fn roots_are_those_that_are_published() {
    assert_eq!(sha256(&[]), hash(EMPTY));
    assert_eq!(Frontier::default().root(), hash(EMPTY));
    let leaves = leaves();
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(frontier(&leaves[..size]).root(), hash(root), "{size} leaves");
        assert_eq!(path(&vec![subtrees(0..size as u64)], &leaves), [hash(root)], "{size} leaves by subtrees");
    }
}

#[test]
fn inclusion_proofs_are_those_that_are_published() {
    let leaves = leaves();
    for (index, size, expected) in INCLUSION {
        let expected: Vec<Hash> = expected.iter().map(|text| hash(text)).collect();
        let at = usize::try_from(index).unwrap();
        assert_eq!(path(&inclusion_plan(index, size), &leaves), expected, "{index} of {size}");
        let root = hash(ROOTS[usize::try_from(size).unwrap() - 1]);
        assert!(is_included(&leaves[at], index, size, &expected, &root), "{index} of {size}");
    }
}

#[test]
fn consistency_proofs_are_those_that_are_published() {
    let leaves = leaves();
    for (from, to, expected) in CONSISTENCY {
        let expected: Vec<Hash> = expected.iter().map(|text| hash(text)).collect();
        assert_eq!(path(&consistency_plan(from, to), &leaves), expected, "{from} to {to}");
        let root = |size: u64| hash(ROOTS[usize::try_from(size).unwrap() - 1]);
        assert!(is_consistent((from, &root(from)), (to, &root(to)), &expected), "{from} to {to}");
    }
}
