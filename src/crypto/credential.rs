//! The credential: the 32 bytes that unlock the key ring, in a text file of their own.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use zeroize::Zeroizing;

use super::private_file::{self, FileError};
use super::{Secret, Unavailable};

/// Why the credential was not made or not read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The text is not 32 bytes in base64url (43 characters) or hexadecimal (64 characters).
    #[error("{0} does not hold 32 bytes as base64url or hexadecimal text")]
    Malformed(PathBuf),
    /// The file is open to others, exists already, or the file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// No randomness, so no new credential.
    #[error(transparent)]
    Random(#[from] Unavailable),
}

/// Reads a credential: base64url without padding, or hexadecimal, in a file that only its owner may open.
pub fn read_credential(path: &Path) -> Result<Secret<32>, CredentialError> {
    let text = private_file::read_private(path)?;
    parse(text.trim()).ok_or_else(|| CredentialError::Malformed(path.to_owned()))
}

/// Draws a credential and writes it into a new file (mode 0600); an existing one is left alone.
pub fn create_credential(path: &Path) -> Result<Secret<32>, CredentialError> {
    let credential = Secret::<32>::random()?;
    let mut text = Zeroizing::new(BASE64.encode(credential.expose()));
    text.push('\n');
    private_file::create(path, text.as_bytes())?;
    Ok(credential)
}

fn parse(text: &str) -> Option<Secret<32>> {
    let bytes = if text.len() == 64 { parse_hex(text)? } else { Zeroizing::new(BASE64.decode(text).ok()?) };
    bytes.as_slice().try_into().map(Secret::new).ok()
}

fn parse_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let (pairs, _) = text.as_bytes().as_chunks();
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect::<Option<_>>().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::private_file::tests::Folder;

    #[test]
    fn a_created_credential_is_read_back_and_never_overwritten() {
        let folder = Folder::new();
        let path = folder.path().join("credential");
        let credential = create_credential(&path).unwrap();
        assert_eq!(read_credential(&path).unwrap(), credential);
        assert!(matches!(create_credential(&path), Err(CredentialError::File(FileError::Exists(_)))));
    }

    #[test]
    fn base64url_and_hexadecimal_are_read_and_nothing_else() {
        let bytes = [0xfb; 32];
        assert_eq!(parse(&"fb".repeat(32)), Some(Secret::new(bytes)));
        assert_eq!(parse(&"FB".repeat(32)), Some(Secret::new(bytes)));
        assert_eq!(parse(&BASE64.encode(bytes)), Some(Secret::new(bytes)));
        for bad in ["", "fb", &"+b".repeat(32), &"fb".repeat(31), &BASE64.encode([1; 31]), &"é".repeat(32)] {
            assert_eq!(parse(bad), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_credential_open_to_others_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let path = folder.path().join("credential");
        create_credential(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_credential(&path), Err(CredentialError::File(FileError::LoosePermissions(_)))));
    }
}
