//! What is known of an identity service: discovered, admitted only where it does all that the flow rests on, kept for
//! an hour.

use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response, Uri};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, Client, ClientId, ClientSecret, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, ProviderMetadata, StandardErrorResponse,
    StandardTokenResponse,
};
use serde::{Deserialize, Serialize};

use super::Login;
use super::claims::MandateClaims;
use super::fault::{LoginFault, discovery_fault};
use crate::clock::Moment;
use crate::outbound::{Outbound, OutboundError, is_loopback};

/// How long, in seconds, what was discovered is used.
pub(super) const KNOWN_FOR: i64 = 3600;

/// How long it is used even though a token names a key that is not in it.
pub(super) const KEYS_KNOWN_FOR: i64 = 60;

/// How long a failed discovery is not tried again.
const RETRY_AFTER: i64 = 5;

/// What is known of the service.
pub(super) enum Provider {
    Unknown,
    Known(Arc<Discovered>),
    Failed(Moment, LoginFault),
}

/// What was discovered, and when.
pub(super) struct Discovered {
    at: Moment,
    pub(super) client: RelyingParty,
    pub(super) keys: CoreJsonWebKeySet,
}

impl Login {
    /// What was discovered less than `age` seconds ago; else discovers. Callers wait for one discovery together.
    pub(super) async fn discovered(&self, age: i64) -> Result<Arc<Discovered>, LoginFault> {
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
    pub(super) fn admit(&self, metadata: &Metadata) -> Result<AuthType, LoginFault> {
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

/// Whether a browser may be sent to this URL: https elsewhere, or, in development, anything on this machine.
pub(super) fn browsable(url: &str, allow_development: bool) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let here = url.host().is_some_and(is_loopback);
    match url.scheme_str() {
        Some("https") => !here || allow_development,
        Some("http") => here && allow_development,
        _ => false,
    }
}

/// [`Outbound`], as the crate calls it.
pub(super) struct Door(pub(super) Outbound);

impl<'c> AsyncHttpClient<'c> for Door {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

pub(super) type RelyingParty = Client<
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

pub(super) type TokenAnswer = StandardTokenResponse<
    IdTokenFields<
        MandateClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

pub(super) type Metadata = ProviderMetadata<
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
pub(super) struct FurtherMetadata {
    #[serde(default)]
    unefois_development: bool,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
}

impl AdditionalProviderMetadata for FurtherMetadata {}
