//! Why nobody was signed in. INVARIANT: no text of a fault holds a name, a code, a token or a `sub`.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{ClaimsVerificationError, DiscoveryError, RequestTokenError, StandardErrorResponse};

use crate::crypto::Unavailable;
use crate::outbound::OutboundError;

/// Why nobody was signed in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LoginFault {
    /// The configuration does not allow this service.
    #[error("the identity service {issuer} is refused: {why}")]
    Settings {
        /// The configured issuer.
        issuer: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The service did not answer, or not as one. It is tried again.
    #[error("the identity service's metadata at {url} cannot be used: {why}")]
    Discovery {
        /// Where its metadata was read.
        url: String,
        /// What failed there, or at the keys that it names.
        why: String,
    },
    /// The browser brings back a flow that it did not begin here, or not last.
    #[error("the answer does not belong to the sign-in that this browser began")]
    State,
    /// The answer is not from the service that was asked, or does not say so.
    #[error("the answer does not come from the identity service that was asked")]
    Issuer,
    /// The person declined.
    #[error("the person declined to sign in")]
    Declined,
    /// The service answered with an error.
    #[error("the identity service answered with an error")]
    Refused,
    /// The code was not exchanged for an ID token.
    #[error("the identity service gave no ID token: {0}")]
    Exchange(String),
    /// The ID token does not hold.
    #[error("the ID token is refused: {0}")]
    Token(#[from] TokenFault),
    /// No randomness, so no flow.
    #[error(transparent)]
    Random(#[from] Unavailable),
}

/// What does not hold in an ID token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// Another issuer's.
    #[error("it is another issuer's")]
    Issuer,
    /// For another client (`aud`, `azp`).
    #[error("it is for another client")]
    Audience,
    /// From another sign-in.
    #[error("its nonce is not this sign-in's")]
    Nonce,
    /// Expired, or issued at a moment that cannot be.
    #[error("it is expired, or issued long ago or in the future")]
    Time,
    /// Not signed with an allowed algorithm by a key of the service.
    #[error("its signature does not hold")]
    Signature,
    /// The person signed in too long ago, or there is no saying.
    #[error("the person must sign in again")]
    AuthTime,
    /// The assurance is lower than was asked for.
    #[error("the assurance is lower than was asked for")]
    Assurance,
    /// No usable `sub` or `name`.
    #[error("it lacks a usable sub or name")]
    Claims,
    /// Encrypted, nested, or of another type.
    #[error("it is not of the form expected")]
    Form,
}

impl From<ClaimsVerificationError> for TokenFault {
    fn from(fault: ClaimsVerificationError) -> Self {
        match fault {
            ClaimsVerificationError::Expired(_) => Self::Time,
            ClaimsVerificationError::InvalidAudience(_) => Self::Audience,
            ClaimsVerificationError::InvalidIssuer(_) => Self::Issuer,
            ClaimsVerificationError::InvalidNonce(_) => Self::Nonce,
            ClaimsVerificationError::SignatureVerification(_) => Self::Signature,
            _ => Self::Form,
        }
    }
}

/// What failed, without anything of the bodies.
pub(super) fn discovery_fault(fault: &DiscoveryError<OutboundError>) -> String {
    match fault {
        DiscoveryError::Request(fault) => fault.to_string(),
        DiscoveryError::Parse(fault) => format!("a member is missing or not as expected: {fault}"),
        DiscoveryError::Response(_, _, what) | DiscoveryError::Validation(what) => what.clone(),
        _ => "the URL cannot be built".to_owned(),
    }
}

/// What failed, without anything of the body and without the service's free text: either may speak of the person.
pub(super) fn exchange_fault(
    fault: &RequestTokenError<OutboundError, StandardErrorResponse<CoreErrorResponseType>>,
) -> String {
    match fault {
        RequestTokenError::Request(fault) => fault.to_string(),
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::Extension(_) => "an error of its own".to_owned(),
            known => known.as_ref().to_owned(),
        },
        RequestTokenError::Parse(..) => "the answer is not a token response".to_owned(),
        RequestTokenError::Other(_) => "the answer is empty or of another type".to_owned(),
    }
}
