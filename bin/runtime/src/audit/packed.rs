//! Files as they come from the portal: plain, or packed with gzip or zstd. Their first bytes tell.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

use flate2::bufread::MultiGzDecoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// A file that is read unpacked.
pub(super) type Unpacked = Box<dyn BufRead + Send + Sync>;

/// Reads a file. Several packed ones behind each other are one: so an export that was resumed is.
pub(super) fn unpacked(file: File) -> io::Result<Unpacked> {
    let mut file = BufReader::new(file);
    let first = file.fill_buf()?;
    Ok(if first.starts_with(GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else if first.starts_with(ZSTD) {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?))
    } else {
        Box::new(file)
    })
}
