//! Step one: where to send the browser, and what to keep until it is back.

use std::time::Duration;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{
    AuthenticationContextClass, CsrfToken, LanguageTag, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope,
};

use super::fault::LoginFault;
use super::provider::KNOWN_FOR;
use super::{Login, Manner, Pending, SecretText};
use crate::domain::Language;

impl Login {
    /// Begins a sign-in: where to send the browser, and what to keep until it is back.
    pub async fn begin(&self, language: Language, manner: Manner) -> Result<(String, Pending), LoginFault> {
        let known = self.discovered(KNOWN_FOR).await?;
        let pending = Pending {
            issuer: self.settings.issuer.clone(),
            state: SecretText::random()?,
            nonce: SecretText::random()?,
            pkce_verifier: SecretText::random()?,
            manner,
            begun: self.clock.now(),
        };
        let (state, nonce) = (CsrfToken::new(pending.state.0.clone()), Nonce::new(pending.nonce.0.clone()));
        let verifier = PkceCodeVerifier::new(pending.pkce_verifier.0.clone());
        let mut request = known
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scope(Scope::new("profile".to_owned()))
            .add_ui_locale(LanguageTag::new(language.code().to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if let Some(acr) = self.asked_acr(manner.step_up) {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.to_owned()));
        }
        if manner.afresh {
            // With `max_age`, the service has to say when, and need not be trusted to have heeded `prompt`.
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        } else if let Some(age) = self.max_auth_age(manner.step_up) {
            request = request.set_max_age(Duration::from_secs(age.into()));
        }
        Ok((request.url().0.into(), pending))
    }
}
