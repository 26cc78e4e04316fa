//! Step two: the browser is back. Its answer must be the asked service's to this flow; its code gives an ID token that
//! must hold in everything.

use std::fmt;
use std::time::{Duration, SystemTime};

use openidconnect::core::{CoreIdTokenVerifier, CoreJwsSigningAlgorithm};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, Nonce, PkceCodeVerifier, SignatureVerificationError,
    TokenResponse as _,
};
use serde::Deserialize;

use super::claims::{Claims, SignedIn, Token};
use super::fault::{LoginFault, TokenFault, exchange_fault};
use super::provider::{Discovered, KEYS_KNOWN_FOR, KNOWN_FOR};
use super::{Login, Manner, Pending};
use crate::clock::Moment;

/// How far the service's clock may be ahead of ours.
const AHEAD: i64 = 60;

/// How old an ID token may be when we get it, straight from the service.
const TOKEN_AGE: i64 = 300;

/// What a service may sign with: never `none`, never a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What the service sends back through the browser, not yet believed. Other parameters are ignored.
#[derive(Default, Deserialize)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// Our state.
    pub state: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    /// The error, in place of a code.
    pub error: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(redacted)")
    }
}

impl Login {
    /// Ends a sign-in with what the browser brought back. The caller forgets `pending` first, so that it serves once.
    pub async fn finish(&self, pending: Pending, callback: Callback) -> Result<SignedIn, LoginFault> {
        let code = self.code(&pending, callback)?;
        let known = self.discovered(KNOWN_FOR).await?;
        let token = self.redeem(&known, code, &pending).await?;
        let claims = self.verified(&token, &known, &pending).await?;
        self.check(&claims, &pending)?;
        self.signed_in(&claims).ok_or(LoginFault::Token(TokenFault::Claims))
    }

    /// The code, from an answer to this flow by this service.
    fn code(&self, pending: &Pending, callback: Callback) -> Result<AuthorizationCode, LoginFault> {
        if pending.issuer != self.settings.issuer || !callback.state.is_some_and(|state| pending.state == *state) {
            return Err(LoginFault::State);
        }
        if callback.iss.as_deref() != Some(self.settings.issuer.as_str()) {
            return Err(LoginFault::Issuer);
        }
        match (callback.error.as_deref(), callback.code) {
            (None, Some(code)) => Ok(AuthorizationCode::new(code)),
            (Some("access_denied"), _) => Err(LoginFault::Declined),
            _ => Err(LoginFault::Refused),
        }
    }

    async fn redeem(
        &self,
        known: &Discovered,
        code: AuthorizationCode,
        pending: &Pending,
    ) -> Result<Token, LoginFault> {
        let answer = known
            .client
            .exchange_code(code)
            .map_err(|fault| LoginFault::Exchange(fault.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.pkce_verifier.0.clone()))
            .request_async(&self.door)
            .await
            .map_err(|fault| LoginFault::Exchange(exchange_fault(&fault)))?;
        answer.id_token().cloned().ok_or_else(|| LoginFault::Exchange("the answer has no id_token".to_owned()))
    }

    /// The claims of a token that the service signed for us in this flow.
    async fn verified(&self, token: &Token, known: &Discovered, pending: &Pending) -> Result<Claims, LoginFault> {
        match self.verify(token, known, pending) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let newer = self.discovered(KEYS_KNOWN_FOR).await?;
                self.verify(token, &newer, pending)
            }
            outcome => outcome,
        }
        .map_err(|fault| LoginFault::Token(fault.into()))
    }

    fn verify(&self, token: &Token, known: &Discovered, pending: &Pending) -> Result<Claims, ClaimsVerificationError> {
        let now = self.clock.now().unix().unsigned_abs();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        let client = ClientId::new(self.settings.client_id.clone());
        // As for a public client: then our secret can never be the key of a symmetric signature.
        let verifier = CoreIdTokenVerifier::new_public_client(client, self.issuer.clone(), known.keys.clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now.into());
        token.claims(&verifier, &Nonce::new(pending.nonce.0.clone())).cloned()
    }

    /// What the crate leaves to us: `azp`, `iat`, `auth_time`, `acr`.
    fn check(&self, claims: &Claims, pending: &Pending) -> Result<(), TokenFault> {
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(TokenFault::Audience);
        }
        let now = self.clock.now();
        let recent = |at: i64, age: i64| (-AHEAD..=age).contains(&now.since(Moment::from_unix(at)));
        if !recent(claims.issue_time().timestamp(), TOKEN_AGE) {
            return Err(TokenFault::Time);
        }
        let Manner { step_up, afresh } = pending.manner;
        let since_begun = |at: i64| Moment::from_unix(at).since(pending.begun) >= -AHEAD;
        if afresh && !claims.auth_time().is_some_and(|at| since_begun(at.timestamp())) {
            return Err(TokenFault::AuthTime);
        }
        if let Some(age) = self.max_auth_age(step_up)
            && !claims.auth_time().is_some_and(|at| recent(at.timestamp(), i64::from(age) + AHEAD))
        {
            return Err(TokenFault::AuthTime);
        }
        let given = claims.auth_context_ref().map(|acr| acr.as_str());
        let asked = self.asked_acr(step_up);
        if asked.is_none() || given == asked || given == Some(self.settings.step_up_acr.as_str()) {
            Ok(())
        } else {
            Err(TokenFault::Assurance)
        }
    }
}
