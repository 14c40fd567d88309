//! Packing answers while they are made: a chunk goes out packed as soon as it is there.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use poem::http::{HeaderMap, header::ACCEPT_ENCODING};
use zstd::stream::write::Encoder as ZstdEncoder;

/// How hard gzip tries: lists of rows are alike, and the time is the processor's.
const GZIP_LEVEL: u32 = 3;
/// How hard zstd tries.
const ZSTD_LEVEL: i32 = 1;

/// How an answer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// The best that a client takes; `None` when it takes none of ours, or wants none.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let lists = || headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let takes = |name: &str| {
            lists().flat_map(|list| list.split(',')).any(|coding| {
                let (coding, quality) = coding.split_once(';').unwrap_or((coding, ""));
                let refused = quality.trim().strip_prefix("q=").is_some_and(|it| it.parse() == Ok(0.0_f32));
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        if takes("zstd") {
            Some(Self::Zstd)
        } else if takes("gzip") {
            Some(Self::Gzip)
        } else {
            None
        }
    }

    /// The value of `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Packs chunk by chunk.
pub(crate) enum Packer {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl Packer {
    pub(crate) fn new(packing: Option<Packing>) -> io::Result<Self> {
        Ok(match packing {
            None => Self::Plain(Vec::new()),
            Some(Packing::Gzip) => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Some(Packing::Zstd) => Self::Zstd(ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?),
        })
    }

    /// A chunk, packed so that whoever gets it can unpack all of it.
    pub(crate) fn pack(&mut self, chunk: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(_) => Ok(chunk),
            Self::Gzip(packer) => {
                packer.write_all(&chunk)?;
                packer.flush()?;
                Ok(std::mem::take(packer.get_mut()))
            }
            Self::Zstd(packer) => {
                packer.write_all(&chunk)?;
                packer.flush()?;
                Ok(std::mem::take(packer.get_mut()))
            }
        }
    }

    /// What belongs at the end of all chunks.
    pub(crate) fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(rest) => Ok(rest),
            Self::Gzip(packer) => packer.finish(),
            Self::Zstd(packer) => packer.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn wanted(accept: &str) -> Option<Packing> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, accept.parse().expect("a header"));
        Packing::wanted(&headers)
    }

    #[test]
    fn the_client_chooses() {
        assert_eq!(wanted("gzip, deflate, br, zstd"), Some(Packing::Zstd));
        assert_eq!(wanted("GZIP;q=0.5"), Some(Packing::Gzip));
        assert_eq!(wanted("zstd;q=0, gzip"), Some(Packing::Gzip));
        for none in ["identity", "br", "gzip;q=0", "", "gzipped"] {
            assert_eq!(wanted(none), None, "{none}");
        }
    }

    #[test]
    fn chunks_come_back_one_by_one_and_as_a_whole() {
        let mut packed = Vec::new();
        let mut packer = Packer::new(Some(Packing::Gzip)).expect("a packer");
        packed.extend(packer.pack(b"one\n".to_vec()).expect("packed"));
        let mut first = [0; 4];
        flate2::read::GzDecoder::new(&packed[..]).read_exact(&mut first).expect("what was sent is readable");
        assert_eq!(&first, b"one\n");
        packed.extend(packer.pack(b"two\n".to_vec()).expect("packed"));
        packed.extend(packer.end().expect("an end"));
        let mut whole = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut whole).expect("unpacked");
        assert_eq!(whole, "one\ntwo\n");

        let mut packer = Packer::new(Some(Packing::Zstd)).expect("a packer");
        let mut packed = packer.pack(b"one\n".to_vec()).expect("packed");
        packed.extend(packer.pack(b"two\n".to_vec()).expect("packed"));
        packed.extend(packer.end().expect("an end"));
        assert_eq!(zstd::decode_all(&packed[..]).expect("unpacked"), b"one\ntwo\n");
    }
}
