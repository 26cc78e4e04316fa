//! Access tokens (RFC 9068): ours to sign, ours to read; bound to a DPoP key, good for at most 300 seconds.
//!
//! A signature once verified is remembered by the token's hash until the token expires; what the token rests on is
//! looked up at every use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuthenticatedBody, Gate, NotAuthenticated, ProvenRequest};
use crate::clock::Moment;
use crate::crypto::sha256;
use crate::domain::{Catalogue, ClientId};
use crate::jose::{JoseError, Jwk, JwkSet, Signer, UnverifiedJws, sign};

/// Longest life of an access token, in seconds.
pub const LONGEST_LIFE: i64 = 300;
/// Longest access token, in bytes.
const LONGEST: usize = 16 * 1024;
/// Tokens remembered before all are forgotten at once.
const REMEMBERED: usize = 16_384;
const TYP: &str = "at+jwt";

/// The claims of an access token.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AccessClaims {
    /// This broker.
    pub iss: String,
    /// The surface it is good for.
    pub aud: String,
    /// The person as the body knows them, or the client itself.
    pub sub: String,
    /// The client.
    pub client_id: ClientId,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: i64,
    /// Its identifier.
    pub jti: String,
    /// The DPoP key it is bound to.
    pub cnf: Confirmation,
    /// What it rests on; a source's token rests on its registration alone.
    #[serde(flatten)]
    pub granted: Option<Granted>,
}

/// What a token rests on: what a person granted, or was told of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Granted {
    /// The grant's identifier.
    pub grant_id: String,
    /// What was granted (RFC 9396).
    pub authorization_details: Value,
}

/// The key that a token is bound to (RFC 7800, RFC 9449).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Confirmation {
    /// RFC 7638 thumbprint.
    pub jkt: String,
}

/// Signs and reads access tokens.
pub struct AccessTokens {
    signer: Signer,
    keys: JwkSet,
    remembered: Mutex<HashMap<[u8; 32], Arc<AccessClaims>>>,
}

impl AccessTokens {
    /// Signs with the last of these keys, reads tokens of all.
    pub fn new(mut signers: Vec<Signer>) -> Result<Self, JoseError> {
        let keys = JwkSet::new(signers.iter().map(|signer| signer.jwk().clone()).collect())?;
        let signer = signers.pop().ok_or(JoseError::Key)?;
        Ok(Self { signer, keys, remembered: Mutex::default() })
    }

    /// The public keys.
    pub fn keys(&self) -> &[Jwk] {
        self.keys.keys()
    }

    /// Signs a token.
    pub fn issue(&self, claims: &AccessClaims) -> Result<String, JoseError> {
        sign(&self.signer, TYP, claims)
    }

    fn read(&self, token: &str, hash: &[u8; 32], now: Moment) -> Option<Arc<AccessClaims>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
        let claims = match remembered {
            Some(claims) => claims,
            None => self.verify(token, hash)?,
        };
        (now.unix() < claims.exp).then_some(claims)
    }

    fn verify(&self, token: &str, hash: &[u8; 32]) -> Option<Arc<AccessClaims>> {
        let unverified = UnverifiedJws::parse(token, LONGEST).ok()?;
        if unverified.typ() != Some(TYP) {
            return None;
        }
        let key = self.keys.find(unverified.kid()?)?;
        let claims: Arc<AccessClaims> = Arc::new(unverified.verify(key).ok()?.claims().ok()?);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(*hash, Arc::clone(&claims));
        Some(claims)
    }
}

impl Gate {
    /// The client that presents `token` with a proof of the key it is bound to, at the surface `audience`.
    pub async fn bearer(
        &self,
        catalogue: &Catalogue,
        audience: &str,
        token: &str,
        request: (&str, &str),
        proof: &str,
    ) -> Result<AuthenticatedBody, NotAuthenticated> {
        let hash = sha256(&[token.as_bytes()]);
        let claims = self.tokens.read(token, &hash, self.clock.now()).ok_or(NotAuthenticated::Token)?;
        if claims.iss != self.issuer || claims.aud != audience {
            return Err(NotAuthenticated::Token);
        }
        let (method, uri) = request;
        let thumbprint = self.proof(ProvenRequest { method, uri, access_token: Some(&hash) }, proof).await?;
        if thumbprint != claims.cnf.jkt {
            return Err(NotAuthenticated::Proof);
        }
        let client = catalogue.clients.get(&claims.client_id).ok_or(NotAuthenticated::Token)?;
        Ok(AuthenticatedBody::with_token(client.body.clone(), claims))
    }
}
