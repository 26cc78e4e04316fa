//! The newest size and root, kept beside the checkpoint key, outside the database and its backups: a database that is
//! older than what this file saw, or another's, is noticed at start.
//!
//! Written after each commit and before anything of it leaves; synced every second, so that a database ahead of it is
//! normal and one behind it never is. It is empty for as long as the log is: `init` ends with it synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::crypto::sha256;
use crate::store::Hash;

const NAME: &str = "head";
/// Size (8), root (32), then the first 8 bytes of the hash of those: 48 bytes, in one write.
const LENGTH: usize = 48;

/// The file.
pub(super) struct HeadFile(File);

impl HeadFile {
    /// Makes the file of a new log; refuses to replace one.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(folder.join(NAME))?;
        File::open(folder)?.sync_all()?;
        Ok(Self(made))
    }

    /// Opens the file, with what it last saw: none for a log that has no batch yet.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Option<(u64, Hash)>)> {
        let mut file = OpenOptions::new().read(true).write(true).open(folder.join(NAME))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let seen = if bytes.is_empty() { None } else { Some(decode(&bytes).ok_or_else(damaged)?) };
        Ok((Self(file), seen))
    }

    /// The file as it is on a disk that takes no writes.
    #[cfg(test)]
    pub(super) fn unwritable(folder: &Path) -> Self {
        Self(File::open(folder.join(NAME)).unwrap())
    }

    /// Notes a head.
    pub(super) fn write(&self, size: u64, root: &Hash) -> io::Result<()> {
        self.0.write_all_at(&encode(size, root), 0)
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

fn encode(size: u64, root: &Hash) -> Vec<u8> {
    let noted = [&size.to_be_bytes()[..], root].concat();
    let check: Vec<u8> = sha256(&[&noted]).into_iter().take(8).collect();
    [noted, check].concat()
}

fn decode(bytes: &[u8]) -> Option<(u64, Hash)> {
    let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
    let (size, rest) = bytes.split_first_chunk::<8>()?;
    let (root, _) = rest.split_first_chunk::<32>()?;
    let size = u64::from_be_bytes(*size);
    (encode(size, root) == bytes).then_some((size, *root))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the head file beside the checkpoint key is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_noticed() {
        let good = encode(7, &[9; 32]);
        assert_eq!(decode(&good), Some((7, [9; 32])));
        for bit in 0..LENGTH * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
    }
}
