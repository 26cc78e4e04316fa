//! Signing in persons and officers at their identity services: OpenID Connect's code flow, as a confidential client.
//!
//! It is not the session (`http`), not the subject (`broker` maps an issuer's `sub` to one), and not the say on who may
//! act (`domain`, `policy`): it hands over what the identity service said, once that is proved to be from it, for us, and
//! for this flow. The only file that knows `openidconnect`, whose types stop here.
//!
//! INVARIANT: a [`SignedIn`] exists only where state, issuer, PKCE, signature, audience, nonce and times all held.
//! INVARIANT: no fault's text holds a name, a code, a token or a `sub`.
//!
//! The service need not be up when the broker starts: it is discovered at the first use, again every hour, and at once,
//! though at most every minute, when a token names a key that we do not know.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Response, Uri};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreSubjectIdentifierType,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AsyncHttpClient, AuthType, AuthenticationContextClass,
    AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenClaims, IdTokenFields,
    IssuerUrl, LanguageTag, Nonce, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _,
};
use serde::de::value::{Error as PlainError, StrDeserializer};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use zeroize::Zeroize as _;

use crate::clock::{Clock, Day, Moment};
use crate::crypto::{self, Unavailable};
use crate::domain::{Identified, Language, Mandate, MandateKind, SubjectKind};
use crate::jose::b64;
use crate::outbound::{Outbound, OutboundError, is_loopback};

/// Assurance level of an everyday sign-in, at services that have no name of their own for it.
pub const ACR_EVERYDAY: &str = "urn:unefois:acr:1";
/// Assurance level of a sign-in confirmed a second time, which the release of sensitive information takes.
pub const ACR_STEPPED_UP: &str = "urn:unefois:acr:2";

/// How long, in seconds, what was discovered is used.
const KNOWN_FOR: i64 = 3600;
/// How long it is used even though a token names a key that is not in it.
const KEYS_KNOWN_FOR: i64 = 60;
/// How long a failed discovery is not tried again.
const RETRY_AFTER: i64 = 5;
/// How far the service's clock may be ahead of ours.
const AHEAD: i64 = 60;
/// How old an ID token may be when we get it, straight from the service.
const TOKEN_AGE: i64 = 300;
/// How long ago a stepped-up sign-in may have been.
const STEP_UP_AGE: u32 = 300;
/// Longest text, in characters, that we take for a name, a `sub` or a reference.
const LONGEST_TEXT: usize = 255;

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

/// A sign-in begun, to keep in the sealed session of the one browser that began it until the service sends it back.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pending {
    issuer: String,
    state: SecretText,
    nonce: SecretText,
    pkce_verifier: SecretText,
    step_up: bool,
}

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

/// Somebody signed in, as the service says.
#[derive(Clone, Deserialize, Serialize)]
pub struct SignedIn {
    /// The service.
    pub issuer: String,
    /// Its identifier of the person: with `issuer`, the way to the subject.
    pub sub: String,
    /// Who it is.
    pub who: Identified,
    /// The subjects for whom they may act.
    pub mandates: Vec<Representable>,
    /// When they signed in at the service, where it says.
    pub auth_time: Option<Moment>,
    /// With what assurance, where it says.
    pub acr: Option<String>,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A subject for whom the signed-in person holds a mandate.
#[derive(Clone, Deserialize, Serialize)]
pub struct Representable {
    /// The same service's identifier of that subject.
    pub sub: String,
    /// Who it is.
    pub who: Identified,
    /// The *numéro d'entreprise du Québec*, of an enterprise.
    pub neq: Option<String>,
    /// The power.
    pub mandate: Mandate,
}

impl fmt::Debug for Representable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Representable(redacted)")
    }
}

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

/// The relying party.
pub struct Login {
    settings: LoginSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    door: Door,
    clock: Arc<dyn Clock>,
    provider: Mutex<Provider>,
}

/// What is known of the service.
enum Provider {
    Unknown,
    Known(Arc<Discovered>),
    Failed(Moment, LoginFault),
}

/// What was discovered, and when.
struct Discovered {
    at: Moment,
    client: RelyingParty,
    keys: CoreJsonWebKeySet,
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

    /// Begins a sign-in: where to send the browser, and what to keep until it is back. With `step_up`, at the higher
    /// assurance, and afresh.
    pub async fn begin(&self, language: Language, step_up: bool) -> Result<(String, Pending), LoginFault> {
        let known = self.discovered(KNOWN_FOR).await?;
        let pending = Pending {
            issuer: self.settings.issuer.clone(),
            state: SecretText::random()?,
            nonce: SecretText::random()?,
            pkce_verifier: SecretText::random()?,
            step_up,
        };
        let (state, nonce) = (CsrfToken::new(pending.state.0.clone()), Nonce::new(pending.nonce.0.clone()));
        let verifier = PkceCodeVerifier::new(pending.pkce_verifier.0.clone());
        let mut request = known
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scope(Scope::new("profile".to_owned()))
            .add_ui_locale(LanguageTag::new(language.code().to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if let Some(acr) = self.asked_acr(step_up) {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.to_owned()));
        }
        if let Some(age) = self.max_auth_age(step_up) {
            request = request.set_max_age(Duration::from_secs(age.into()));
        }
        Ok((request.url().0.into(), pending))
    }

    /// Ends a sign-in with what the browser brought back. The caller forgets `pending` first, so that it serves once.
    pub async fn finish(&self, pending: Pending, callback: Callback) -> Result<SignedIn, LoginFault> {
        let code = self.code(&pending, callback)?;
        let known = self.discovered(KNOWN_FOR).await?;
        let token = self.redeem(&known, code, &pending).await?;
        let claims = self.verified(&token, &known, &pending).await?;
        self.check(&claims, pending.step_up)?;
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
    fn check(&self, claims: &Claims, step_up: bool) -> Result<(), TokenFault> {
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(TokenFault::Audience);
        }
        let now = self.clock.now();
        let recent = |at: i64, age: i64| (-AHEAD..=age).contains(&now.since(Moment::from_unix(at)));
        if !recent(claims.issue_time().timestamp(), TOKEN_AGE) {
            return Err(TokenFault::Time);
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

    fn asked_acr(&self, step_up: bool) -> Option<&str> {
        if step_up { Some(&self.settings.step_up_acr) } else { self.settings.required_acr.as_deref() }
    }

    fn max_auth_age(&self, step_up: bool) -> Option<u32> {
        let usual = self.settings.max_auth_age;
        if step_up { Some(usual.map_or(STEP_UP_AGE, |age| age.min(STEP_UP_AGE))) } else { usual }
    }

    fn signed_in(&self, claims: &Claims) -> Option<SignedIn> {
        let sub = text(claims.subject().as_str())?;
        let name = text(claims.name()?.get(None)?.as_str())?;
        let mut born = claims.birthdate().and_then(|born| birth_day(born.as_str()));
        let mut mandates = Vec::new();
        match self.settings.audience {
            Audience::Officers => born = None,
            Audience::Persons => {
                for claim in &claims.additional_claims().unefois_mandates {
                    match claim.read(&self.settings.issuer) {
                        Some(mandate) if mandate.sub != sub => mandates.push(mandate),
                        _ => tracing::warn!(issuer = self.settings.issuer, "mandate ignored: kind or evidence unknown"),
                    }
                }
            }
        }
        Some(SignedIn {
            issuer: self.settings.issuer.clone(),
            sub,
            who: Identified { kind: SubjectKind::Person, name, born },
            mandates,
            auth_time: claims.auth_time().map(|at| Moment::from_unix(at.timestamp())),
            acr: claims.auth_context_ref().map(|acr| acr.to_string()),
        })
    }

    /// What was discovered less than `age` seconds ago; else discovers. Callers wait for one discovery together.
    async fn discovered(&self, age: i64) -> Result<Arc<Discovered>, LoginFault> {
        let mut provider = self.provider.lock().await;
        let now = self.clock.now();
        match &*provider {
            Provider::Known(known) if now.since(known.at) < age => return Ok(Arc::clone(known)),
            Provider::Failed(at, fault) if now.since(*at) < RETRY_AFTER => return Err(fault.clone()),
            _ => {}
        }
        match self.discover(now).await {
            Ok(known) => {
                let known = Arc::new(known);
                *provider = Provider::Known(Arc::clone(&known));
                Ok(known)
            }
            Err(fault) => {
                tracing::warn!(%fault, "discovery failed");
                *provider = Provider::Failed(now, fault.clone());
                Err(fault)
            }
        }
    }

    async fn discover(&self, at: Moment) -> Result<Discovered, LoginFault> {
        let found = Metadata::discover_async(self.issuer.clone(), &self.door).await;
        let metadata = found.map_err(|fault| self.undiscovered(discovery_fault(&fault)))?;
        let auth_type = self.admit(&metadata)?;
        let keys = metadata.jwks().clone();
        let id = ClientId::new(self.settings.client_id.clone());
        let secret = ClientSecret::new(self.settings.client_secret.0.clone());
        let client = RelyingParty::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth_type);
        Ok(Discovered { at, client, keys })
    }

    /// Whether the service does all that the flow rests on, and how it takes our secret.
    fn admit(&self, metadata: &Metadata) -> Result<AuthType, LoginFault> {
        let refused = |why: &str| Err(self.undiscovered(why.to_owned()));
        let extra = metadata.additional_metadata();
        if extra.unefois_development && !self.settings.allow_development {
            return refused("it is a development service");
        }
        if !extra.authorization_response_iss_parameter_supported {
            return refused("it does not announce authorization_response_iss_parameter_supported (RFC 9207)");
        }
        if !extra.code_challenge_methods_supported.iter().any(|method| method == "S256") {
            return refused("it does not announce the code_challenge_method S256 (RFC 7636)");
        }
        if metadata.token_endpoint().is_none() {
            return refused("it names no token_endpoint");
        }
        if !browsable(metadata.authorization_endpoint().as_str(), self.settings.allow_development) {
            return refused("its authorization_endpoint is not https, or is on this machine");
        }
        match metadata.token_endpoint_auth_methods_supported() {
            None => Ok(AuthType::BasicAuth),
            Some(methods) if methods.contains(&CoreClientAuthMethod::ClientSecretBasic) => Ok(AuthType::BasicAuth),
            Some(methods) if methods.contains(&CoreClientAuthMethod::ClientSecretPost) => Ok(AuthType::RequestBody),
            Some(_) => refused("it takes neither client_secret_basic nor client_secret_post"),
        }
    }

    fn undiscovered(&self, why: String) -> LoginFault {
        let slash = if self.settings.issuer.ends_with('/') { "" } else { "/" };
        let url = format!("{}{slash}.well-known/openid-configuration", self.settings.issuer);
        LoginFault::Discovery { url, why }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// [`Outbound`], as the crate calls it.
struct Door(Outbound);

impl<'c> AsyncHttpClient<'c> for Door {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

/// What a service may sign with: never `none`, never a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Claims = IdTokenClaims<MandateClaims, CoreGenderClaim>;

type Token = IdToken<MandateClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

type TokenAnswer = StandardTokenResponse<
    IdTokenFields<
        MandateClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type RelyingParty = Client<
    MandateClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type Metadata = ProviderMetadata<
    FurtherMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Metadata that the crate does not read.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct FurtherMetadata {
    #[serde(default)]
    unefois_development: bool,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
}

impl AdditionalProviderMetadata for FurtherMetadata {}

/// Our private claims.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct MandateClaims {
    #[serde(default)]
    unefois_mandates: Vec<MandateClaim>,
}

impl AdditionalClaims for MandateClaims {}

/// A mandate as the service writes it. Kinds to come may have other members, so none is required to parse.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct MandateClaim {
    sub: String,
    kind: String,
    name: String,
    birthdate: Option<String>,
    neq: Option<String>,
    evidence: String,
    until: Option<Moment>,
}

impl MandateClaim {
    /// The mandate, if its kind is known and it has all that the kind needs. No evidence, no act.
    fn read(&self, issuer: &str) -> Option<Representable> {
        let kind = MandateKind::deserialize(StrDeserializer::<PlainError>::new(&self.kind)).ok()?;
        let (subject, born, neq) = match kind {
            MandateKind::Parent | MandateKind::Tutor => {
                (SubjectKind::Person, Some(birth_day(self.birthdate.as_deref()?)?), None)
            }
            MandateKind::SigningOfficer => (SubjectKind::Enterprise, None, Some(neq(self.neq.as_deref()?)?)),
        };
        let evidence = text(&self.evidence)?;
        Some(Representable {
            sub: text(&self.sub)?,
            who: Identified { kind: subject, name: text(&self.name)?, born },
            neq,
            mandate: Mandate { kind, evidence, verifier: issuer.to_owned(), until: self.until },
        })
    }
}

/// A text that can be shown and kept: something, not too long, without control characters.
fn text(text: &str) -> Option<String> {
    let fit = !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control);
    fit.then(|| text.to_owned())
}

/// A whole birth date; OpenID Connect also lets services give the year 0000, or the year alone, which tell no age.
fn birth_day(text: &str) -> Option<Day> {
    text.parse().ok().filter(|day: &Day| day.parts().0 > 0)
}

fn neq(text: &str) -> Option<String> {
    (text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
}

/// Whether a browser may be sent to this URL: https elsewhere, or, in development, anything on this machine.
fn browsable(url: &str, allow_development: bool) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let here = url.host().is_some_and(is_loopback);
    match url.scheme_str() {
        Some("https") => !here || allow_development,
        Some("http") => here && allow_development,
        _ => false,
    }
}

/// What failed, without anything of the bodies.
fn discovery_fault(fault: &DiscoveryError<OutboundError>) -> String {
    match fault {
        DiscoveryError::Request(fault) => fault.to_string(),
        DiscoveryError::Parse(fault) => format!("a member is missing or not as expected: {fault}"),
        DiscoveryError::Response(_, _, what) | DiscoveryError::Validation(what) => what.clone(),
        _ => "the URL cannot be built".to_owned(),
    }
}

/// What failed, without anything of the body and without the service's free text: either may speak of the person.
fn exchange_fault(fault: &RequestTokenError<OutboundError, StandardErrorResponse<CoreErrorResponseType>>) -> String {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::clock::SystemClock;
    use crate::outbound::OutboundConfig;

    fn login(issuer: &str, allow_development: bool) -> Result<Login, LoginFault> {
        let settings = LoginSettings {
            issuer: issuer.to_owned(),
            client_id: "unefois".to_owned(),
            client_secret: SecretText::new("secret".to_owned()),
            redirect_uri: "https://unefois.example/login/callback".to_owned(),
            audience: Audience::Persons,
            required_acr: None,
            step_up_acr: ACR_STEPPED_UP.to_owned(),
            max_auth_age: None,
            allow_development,
        };
        Login::new(settings, Outbound::new(OutboundConfig::default()).unwrap(), Arc::new(SystemClock))
    }

    #[test]
    fn a_server_can_run_every_step() {
        fn send<T: Send>(_: T) {}
        let login = login("https://id.example", false).unwrap();
        let secret = || SecretText::new(String::new());
        let pending = Pending {
            issuer: String::new(),
            state: secret(),
            nonce: secret(),
            pkce_verifier: secret(),
            step_up: false,
        };
        send(login.ready());
        send(login.begin(Language::Fr, false));
        send(login.finish(pending, Callback::default()));
    }

    #[test]
    fn services_in_clear_or_on_this_machine_are_for_development() {
        for issuer in ["http://id.example", "http://127.0.0.1:1", "https://127.0.0.1", "https://localhost", "id", ""] {
            assert!(matches!(login(issuer, false), Err(LoginFault::Settings { .. })), "{issuer}");
        }
        assert!(matches!(login("http://id.example", true), Err(LoginFault::Settings { .. })));
        for issuer in ["https://id.example", "http://127.0.0.1:1", "https://[::1]:1"] {
            assert!(login(issuer, true).is_ok(), "{issuer}");
        }
        assert!(login("https://id.example/realm", false).is_ok());
    }

    fn metadata() -> Value {
        json!({
            "issuer": "https://id.example",
            "authorization_endpoint": "https://id.example/authorize",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn admitted(change: &[(&str, Value)], allow_development: bool) -> bool {
        let mut metadata = metadata();
        for (name, value) in change {
            metadata[name] = value.clone();
        }
        let metadata = serde_json::from_value::<Metadata>(metadata);
        metadata.is_ok_and(|metadata| login("https://id.example", allow_development).unwrap().admit(&metadata).is_ok())
    }

    #[test]
    fn a_service_must_do_what_the_flow_rests_on() {
        assert!(admitted(&[], false));
        for (name, value) in [
            ("unefois_development", json!(true)),
            ("unefois_development", json!("true")),
            ("authorization_response_iss_parameter_supported", json!(false)),
            ("code_challenge_methods_supported", json!(["plain"])),
            ("token_endpoint", Value::Null),
            ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
            ("authorization_endpoint", json!("http://id.example/authorize")),
            ("authorization_endpoint", json!("https://127.0.0.1/authorize")),
            ("authorization_endpoint", json!("javascript:alert(1)")),
        ] {
            assert!(!admitted(&[(name, value.clone())], false), "{name} {value}");
        }
        assert!(admitted(&[("unefois_development", json!(true))], true));
        assert!(admitted(&[("token_endpoint_auth_methods_supported", json!(["client_secret_post"]))], false));
    }
}
