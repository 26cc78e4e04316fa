//! A client proves its key: `private_key_jwt` (RFC 7523 as updated by RFC 10070; FAPI 2.0 5.3.2).
//!
//! The only audience is the issuer, as one string: an endpoint's address or an array is refused, whatever else it holds.

use serde::Deserialize;

use super::{AuthenticatedBody, Gate, NotAuthenticated, is_jti};
use crate::domain::{Catalogue, Client, ClientId, PublicJwk};
use crate::ephemeral::Space;
use crate::jose::{Jwk, JwkSet, UnverifiedJws};

/// `client_assertion_type` of RFC 7523.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Longest assertion, in bytes.
const LONGEST: usize = 8 * 1024;
/// Furthest expiry, in seconds from now.
const FURTHEST: i64 = 300;
/// How far in the future `iat` and `nbf` may lie, in seconds: FAPI asks for at least 10 and at most 60.
const AHEAD: i64 = 60;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    jti: String,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
}

impl Gate {
    /// The registered client that signed `assertion`, which becomes used.
    pub async fn client<'a>(
        &self,
        catalogue: &'a Catalogue,
        client_id: &str,
        assertion: &str,
    ) -> Result<(AuthenticatedBody, &'a Client), NotAuthenticated> {
        const REFUSED: NotAuthenticated = NotAuthenticated::Client;
        let (id, client) = client_id
            .parse::<ClientId>()
            .ok()
            .and_then(|id| catalogue.clients.get(&id).map(|client| (id, client)))
            .ok_or(REFUSED)?;
        let unverified = UnverifiedJws::parse(assertion, LONGEST).map_err(|_| REFUSED)?;
        let keys = key_set(&client.keys).ok_or(REFUSED)?;
        let key = match unverified.kid() {
            Some(kid) => keys.find(kid),
            None => keys.keys().first().filter(|_| keys.keys().len() == 1),
        };
        let verified = unverified.verify(key.ok_or(REFUSED)?).map_err(|_| REFUSED)?;
        let claims: Claims = verified.claims().map_err(|_| REFUSED)?;
        self.check(&claims, client_id)?;
        let lives = u32::try_from(claims.exp - self.clock.now().unix() + AHEAD).map_err(|_| REFUSED)?;
        let name = format!("{client_id}\n{}", claims.jti);
        let first = self.once(Space::ClientAssertion, name.as_bytes(), lives).await?;
        if first {
            Ok((AuthenticatedBody { client: id, body: client.body.clone(), token: None }, client))
        } else {
            Err(REFUSED)
        }
    }

    fn check(&self, claims: &Claims, client_id: &str) -> Result<(), NotAuthenticated> {
        let now = self.clock.now().unix();
        let named = claims.iss == client_id && claims.sub == client_id && claims.aud == self.issuer;
        let timely = now < claims.exp && claims.exp <= now + FURTHEST + AHEAD;
        let begun = claims.iat.into_iter().chain(claims.nbf).all(|at| at <= now + AHEAD);
        // One whose age is not said is taken to be as old as it can be.
        let issued = claims.iat.unwrap_or(claims.exp - FURTHEST - AHEAD);
        let guarded = issued >= self.guarded_since();
        if named && timely && begun && guarded && is_jti(&claims.jti) { Ok(()) } else { Err(NotAuthenticated::Client) }
    }
}

/// The keys of a client as JOSE reads them; none when one of them does not.
pub fn key_set(keys: &[PublicJwk]) -> Option<JwkSet> {
    JwkSet::new(keys.iter().map(jwk).collect::<Option<Vec<_>>>()?).ok()
}

/// A catalogue's key as JOSE reads it.
pub fn jwk(key: &PublicJwk) -> Option<Jwk> {
    Jwk::parse(&serde_json::to_string(key).ok()?).ok()
}
