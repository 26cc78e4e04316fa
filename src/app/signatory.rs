//! Who signs acts of governance, and their signatures in files: so that each signs where their key is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::broker::{activation_text, approval_text, proposal_text, stop_text};
use crate::domain::ClientId;
use crate::jose::{Algorithm, JoseError, Jwk, PrivateJwk, b64};
use crate::ledger::NamedSignature;
use crate::store::Hash;

/// Who signs: an administrator or an officer, with the key that they keep in a file of their own.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signatory {
    /// Name, as it stands in the log.
    pub name: String,
    jwk: serde_json::Value,
}

/// A signature that travels alone, with the public key that verifies it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Detached {
    /// Who signed.
    pub name: String,
    /// Their public key: at `init`, the key by which the log will know them. Later the log's own word counts.
    pub jwk: Jwk,
    signature: String,
}

/// A key file or a signature file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct Unreadable {
    path: PathBuf,
    fault: String,
}

impl Signatory {
    /// Someone with a new key.
    pub fn generate(name: &str) -> Result<Self, JoseError> {
        let key = PrivateJwk::generate(Algorithm::Ed25519)?;
        let jwk = serde_json::from_slice(&key.to_json()?).map_err(|_| JoseError::Json)?;
        Ok(Self { name: name.to_owned(), jwk })
    }

    /// Reads a key file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        read(path, "not a key file of `unefois keys`")
    }

    /// The public key.
    pub fn public(&self) -> Result<Jwk, JoseError> {
        Ok(self.private()?.public())
    }

    fn private(&self) -> Result<PrivateJwk, JoseError> {
        PrivateJwk::parse(&self.jwk.to_string())
    }

    /// Signs `text`.
    pub fn sign(&self, text: &[u8]) -> Result<Detached, JoseError> {
        let key = self.private()?;
        let (jwk, signature) = (key.public(), key.signer()?.sign(text)?);
        Ok(Detached { name: self.name.clone(), jwk, signature: b64::encode(signature) })
    }
}

impl Detached {
    /// Reads a signature file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        read(path, "not a signature file of `unefois policy sign`")
    }

    /// The signature, under its name.
    pub fn named(&self) -> NamedSignature {
        NamedSignature { name: self.name.clone(), signature: self.signature.clone() }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path, otherwise: &str) -> Result<T, Unreadable> {
    let fault = |fault: String| Unreadable { path: path.to_owned(), fault };
    let text = std::fs::read(path).map_err(|it| fault(it.to_string()))?;
    serde_json::from_slice(&text).map_err(|_| fault(otherwise.to_owned()))
}

/// Signs that `bundle` comes into force after `previous`.
pub fn sign_activation(administrator: &Signatory, bundle: &Hash, previous: &Hash) -> Result<Detached, JoseError> {
    administrator.sign(&activation_text(bundle, previous))
}

/// Signs that a client of the log at `origin` is stopped.
pub fn sign_stop(administrator: &Signatory, origin: &str, client: &ClientId) -> Result<NamedSignature, JoseError> {
    administrator.sign(&stop_text(origin, client)).map(|signature| signature.named())
}

/// Signs that a change of this digest is proposed to the log at `origin`.
pub fn sign_proposal(officer: &Signatory, origin: &str, change: &Hash) -> Result<NamedSignature, JoseError> {
    officer.sign(&proposal_text(origin, change)).map(|signature| signature.named())
}

/// Signs that a change of this digest is approved in the log at `origin`.
pub fn sign_approval(officer: &Signatory, origin: &str, change: &Hash) -> Result<NamedSignature, JoseError> {
    officer.sign(&approval_text(origin, change)).map(|signature| signature.named())
}
