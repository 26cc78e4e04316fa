//! Signing in persons and officers at their identity services: OpenID Connect's code flow, as a confidential client.
//!
//! It is not the session (`http`), not the subject (`broker` maps an issuer's `sub` to one), and not the say on who may
//! act (`domain`, `policy`): it hands over what the identity service said, once that is proved to be from it, for us, and
//! for this flow. The only folder that knows `openidconnect`, whose types stop here.
//!
//! INVARIANT: a [`SignedIn`] exists only where state, issuer, PKCE, signature, audience, nonce and times all held.
//! INVARIANT: no fault's text holds a name, a code, a token or a `sub`.
//!
//! One file per step: `begin`, `callback`, `claims`; `provider` knows the service, `fault` says what failed.
//!
//! The service need not be up when the broker starts: it is discovered at the first use, again every hour, and at once,
//! though at most every minute, when a token names a key that we do not know.

mod begin;
mod callback;
mod claims;
mod fault;
mod provider;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use openidconnect::{IssuerUrl, RedirectUrl};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use zeroize::Zeroize as _;

pub use self::callback::Callback;
pub use self::claims::{Representable, SignedIn};
pub use self::fault::{LoginFault, TokenFault};
use self::provider::{Door, KNOWN_FOR, Provider, browsable};
use crate::clock::{Clock, Moment};
use crate::crypto::{self, Unavailable};
use crate::jose::b64;
use crate::outbound::Outbound;

/// Assurance level of an everyday sign-in, at services that have no name of their own for it.
pub const ACR_EVERYDAY: &str = "urn:unefois:acr:1";

/// Assurance level of a sign-in confirmed a second time, which the release of sensitive information takes.
pub const ACR_STEPPED_UP: &str = "urn:unefois:acr:2";

/// How long ago a stepped-up sign-in may have been.
const STEP_UP_AGE: u32 = 300;

/// One relying party: persons at their service, or officers at theirs.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// The service's issuer identifier, exactly as in its metadata.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretText,
    /// Where the service sends people back.
    pub redirect_uri: String,
    /// Who signs in there.
    pub audience: Audience,
    /// Assurance level below which nobody is let in, if any.
    pub required_acr: Option<String>,
    /// Assurance level asked for before sensitive information; as good as `required_acr`.
    pub step_up_acr: String,
    /// How many seconds ago people may have signed in at the service, if that is bounded.
    pub max_auth_age: Option<u32>,
    /// Whether the service may be http, on this machine, or marked as for development.
    pub allow_development: bool,
}

/// Who signs in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Audience {
    /// Persons, with their birth date and their mandates.
    Persons,
    /// Officers, with their name alone; their roles come from the catalogue.
    Officers,
}

/// A secret text: redacted in `Debug`, wiped when dropped, compared in constant time.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes a text that is secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    fn random() -> Result<Self, Unavailable> {
        crypto::random::<32>().map(|bytes| Self(b64::encode(bytes)))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

impl PartialEq<str> for SecretText {
    fn eq(&self, other: &str) -> bool {
        crypto::equal(self.0.as_bytes(), other.as_bytes())
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// How somebody is to sign in.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Manner {
    /// At the higher assurance, a short time ago at most.
    pub step_up: bool,
    /// Anew, since another person is to answer than the one whom the service still knows in this browser.
    pub afresh: bool,
}

impl Manner {
    /// An everyday sign-in.
    pub const EVERYDAY: Self = Self { step_up: false, afresh: false };
    /// The sign-in that sensitive information takes.
    pub const STEPPED_UP: Self = Self { step_up: true, afresh: false };

    /// Anew.
    #[must_use]
    pub const fn afresh(self) -> Self {
        Self { afresh: true, ..self }
    }
}

/// A sign-in begun, to keep in the sealed session of the one browser that began it until the service sends it back.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pending {
    issuer: String,
    state: SecretText,
    nonce: SecretText,
    pkce_verifier: SecretText,
    manner: Manner,
    begun: Moment,
}

/// The relying party.
pub struct Login {
    settings: LoginSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    door: Door,
    clock: Arc<dyn Clock>,
    provider: Mutex<Provider>,
}

impl Login {
    /// Checks the settings; calls nobody.
    pub fn new(settings: LoginSettings, outbound: Outbound, clock: Arc<dyn Clock>) -> Result<Self, LoginFault> {
        let refused = |why| LoginFault::Settings { issuer: settings.issuer.clone(), why };
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| refused("it is not a URL"))?;
        let redirect = RedirectUrl::new(settings.redirect_uri.clone());
        let redirect = redirect.map_err(|_| refused("our redirect URI is not a URL"))?;
        if !browsable(&settings.issuer, settings.allow_development) {
            return Err(refused("it is not https, or is on this machine"));
        }
        Ok(Self { settings, issuer, redirect, door: Door(outbound), clock, provider: Mutex::new(Provider::Unknown) })
    }

    /// Whether people can sign in now, as far as the service's metadata tells.
    pub async fn ready(&self) -> Result<(), LoginFault> {
        self.discovered(KNOWN_FOR).await.map(drop)
    }

    /// The service's issuer.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Whether the person signed in as strongly as a step-up asks for.
    pub fn is_strong(&self, signed_in: &SignedIn) -> bool {
        signed_in.acr.as_deref() == Some(self.settings.step_up_acr.as_str())
    }

    fn asked_acr(&self, step_up: bool) -> Option<&str> {
        if step_up { Some(&self.settings.step_up_acr) } else { self.settings.required_acr.as_deref() }
    }

    fn max_auth_age(&self, step_up: bool) -> Option<u32> {
        let usual = self.settings.max_auth_age;
        if step_up { Some(usual.map_or(STEP_UP_AGE, |age| age.min(STEP_UP_AGE))) } else { usual }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("settings", &self.settings).finish_non_exhaustive()
    }
}
