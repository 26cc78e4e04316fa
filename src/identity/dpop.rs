//! A caller proves the key that its tokens are bound to: DPoP (RFC 9449), with nonces of ours.
//!
//! A nonce is a MAC over a minute and the epoch of the replay guard: nothing is kept, one is good for the minute it was
//! made in and the next, and none outlives a guard that forgot.

use serde::Deserialize;

use super::{Gate, NotAuthenticated, is_jti};
use crate::crypto::{equal, hmac_sha256, sha256};
use crate::ephemeral::Space;
use crate::jose::{UnverifiedJws, b64};

/// Longest proof, in bytes.
const LONGEST: usize = 4 * 1024;
/// Seconds that a proof may be old.
const BEHIND: i64 = 60;
/// Seconds that a proof may be ahead.
const AHEAD: i64 = 10;
/// Seconds of a nonce's slot.
const SLOT: i64 = 60;
const NONCE_BYTES: usize = 16;

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
    nonce: Option<String>,
}

/// The request that a proof is for.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Address without query and fragment, as this server names it.
    pub uri: &'a str,
    /// SHA-256 of the access token that comes with it, if one does.
    pub access_token: Option<&'a [u8; 32]>,
}

impl Gate {
    /// Checks a proof for this request and uses it up; the RFC 7638 thumbprint of its key.
    pub async fn proof(&self, request: ProvenRequest<'_>, proof: &str) -> Result<String, NotAuthenticated> {
        const REFUSED: NotAuthenticated = NotAuthenticated::Proof;
        let unverified = UnverifiedJws::parse(proof, LONGEST).map_err(|_| REFUSED)?;
        if unverified.typ() != Some("dpop+jwt") {
            return Err(REFUSED);
        }
        let key = unverified.jwk().cloned().ok_or(REFUSED)?;
        let verified = unverified.verify(&key).map_err(|_| REFUSED)?;
        let claims: Claims = verified.claims().map_err(|_| REFUSED)?;
        self.check_proof(&claims, request)?;
        let thumbprint = key.thumbprint();
        let name = sha256(&[thumbprint.as_bytes(), b"\n", claims.jti.as_bytes()]);
        let lives = u32::try_from(BEHIND + AHEAD).unwrap_or(u32::MAX);
        if self.once(Space::DpopProof, &name, lives).await? { Ok(thumbprint) } else { Err(REFUSED) }
    }

    /// The nonce to give out now.
    pub fn nonce(&self) -> String {
        self.nonce_of(self.clock.now().unix().div_euclid(SLOT))
    }

    fn check_proof(&self, claims: &Claims, request: ProvenRequest<'_>) -> Result<(), NotAuthenticated> {
        let now = self.clock.now().unix();
        let bound = match (request.access_token, &claims.ath) {
            (None, _) => true,
            (Some(token), Some(ath)) => equal(b64::encode(token).as_bytes(), ath.as_bytes()),
            (Some(_), None) => false,
        };
        let same = claims.htm == request.method && same_address(&claims.htu, request.uri);
        if !(is_jti(&claims.jti) && bound && same) {
            return Err(NotAuthenticated::Proof);
        }
        let slot = now.div_euclid(SLOT);
        let fresh = claims.nonce.as_ref().is_some_and(|nonce| {
            [slot, slot - 1].iter().any(|slot| equal(self.nonce_of(*slot).as_bytes(), nonce.as_bytes()))
        });
        if !fresh {
            return Err(NotAuthenticated::Nonce);
        }
        if claims.iat < now - BEHIND || claims.iat > now + AHEAD {
            return Err(NotAuthenticated::Proof);
        }
        Ok(())
    }

    fn nonce_of(&self, slot: i64) -> String {
        let epoch = self.guard_epoch().to_be_bytes();
        let mac = hmac_sha256(self.nonce_key.expose(), &[b"dpop-nonce", &slot.to_be_bytes(), &epoch]);
        b64::encode(mac.first_chunk::<NONCE_BYTES>().map_or(&mac[..], |short| &short[..]))
    }
}

/// RFC 9449 4.3: scheme and host without case, default port dropped, query and fragment ignored.
fn same_address(claimed: &str, ours: &str) -> bool {
    let parse = |text: &str| text.parse::<http::Uri>().ok();
    let before_fragment = claimed.split('#').next().unwrap_or_default();
    let (Some(claimed), Some(ours)) = (parse(before_fragment), parse(ours)) else { return false };
    let scheme = |uri: &http::Uri| uri.scheme_str().map(str::to_ascii_lowercase);
    let port = |uri: &http::Uri| uri.port_u16().or(if uri.scheme_str() == Some("http") { Some(80) } else { Some(443) });
    let host = |uri: &http::Uri| uri.host().map(str::to_ascii_lowercase);
    scheme(&claimed) == scheme(&ours)
        && host(&claimed) == host(&ours)
        && port(&claimed) == port(&ours)
        && claimed.path() == ours.path()
        && claimed.authority().is_some_and(|authority| !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::same_address;

    #[test]
    fn addresses_compare_as_the_rfc_says() {
        let ours = "https://broker.example/v1/releases";
        for same in [
            ours,
            "HTTPS://BROKER.example/v1/releases",
            "https://broker.example:443/v1/releases",
            "https://broker.example/v1/releases?a=b",
            "https://broker.example/v1/releases#f",
        ] {
            assert!(same_address(same, ours), "{same}");
        }
        for other in [
            "http://broker.example/v1/releases",
            "https://broker.example:444/v1/releases",
            "https://other.example/v1/releases",
            "https://broker.example/v1/Releases",
            "https://broker.example/v1/releases/",
            "https://a@broker.example/v1/releases",
            "/v1/releases",
            "",
        ] {
            assert!(!same_address(other, ours), "{other}");
        }
    }
}
