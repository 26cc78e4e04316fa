//! A partner's client: client assertion, DPoP with nonces, PAR, token, releases, records. What an agency or a portal
//! would write with a library of its own.

use std::sync::{Mutex, PoisonError};

use http::Method;
use serde_json::{Value, json};

use super::wire::{Answer, Wire};
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::{random, sha256};
use crate::identity::ASSERTION_TYPE;
use crate::jose::{Algorithm, PrivateJwk, Signer, b64, sign, sign_embedding};

/// A request, and once more with the nonce that the server wants.
const TRIES: usize = 2;

/// A client.
pub struct Client {
    wire: Wire,
    issuer: String,
    id: String,
    redirect_uri: String,
    key: Signer,
    dpop: Signer,
    metadata: Value,
    /// The nonce that the server gave last.
    nonce: Mutex<Option<String>>,
}

/// A request pushed: where to send the person, and what redeems the code.
pub struct Pushed {
    /// The authorization URL.
    pub url: String,
    /// The code verifier (RFC 7636).
    pub verifier: String,
}

/// An access token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub access_token: String,
    /// What was granted.
    pub details: Value,
}

impl Client {
    /// A client that knows the issuer alone: the rest is read from its metadata (RFC 8414).
    pub async fn discover(
        wire: Wire,
        issuer: &str,
        id: &str,
        key: &PrivateJwk,
        redirect_uri: &str,
    ) -> Result<Self, String> {
        let metadata = wire.get(&format!("{issuer}/.well-known/oauth-authorization-server")).await?.json();
        if metadata.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err("the metadata names another issuer".to_owned());
        }
        let dpop = PrivateJwk::generate(Algorithm::Es256).and_then(|key| key.signer());
        Ok(Self {
            wire,
            issuer: issuer.to_owned(),
            id: id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            key: key.signer().map_err(|fault| fault.to_string())?,
            dpop: dpop.map_err(|fault| fault.to_string())?,
            metadata,
            nonce: Mutex::default(),
        })
    }

    /// The same client with another key to bind its tokens to.
    pub fn with_dpop(self, key: &PrivateJwk) -> Result<Self, String> {
        Ok(Self { dpop: key.signer().map_err(|fault| fault.to_string())?, ..self })
    }

    /// Pushes a request (RFC 9126) with these authorization details; the server's refusal otherwise.
    pub async fn push(&self, details: &Value, state: &str) -> Result<Result<Pushed, Answer>, String> {
        let verifier = name()?;
        let challenge = b64::encode(sha256(&[verifier.as_bytes()]));
        let details = details.to_string();
        let form = [
            ("response_type", "code"),
            ("redirect_uri", &self.redirect_uri),
            ("state", state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("authorization_details", &details),
        ];
        let answer = self.post_form("pushed_authorization_request_endpoint", &form).await?;
        let pushed = answer.json();
        let Some(request_uri) = pushed.get("request_uri").and_then(Value::as_str) else { return Ok(Err(answer)) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("client_id", &self.id).append_pair("request_uri", request_uri).finish();
        Ok(Ok(Pushed { url: format!("{}?{query}", self.endpoint("authorization_endpoint")?), verifier }))
    }

    /// Redeems a code.
    pub async fn redeem(&self, pushed: &Pushed, code: &str) -> Result<Token, String> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &pushed.verifier),
        ];
        let answer = self.post_form("token_endpoint", &form).await?;
        let body = answer.json();
        let token = body.get("access_token").and_then(Value::as_str).ok_or_else(|| answer.text())?;
        let details = body.get("authorization_details").cloned().unwrap_or_default();
        Ok(Token { access_token: token.to_owned(), details })
    }

    /// Asks for a source's token, which rests on its registration alone; the server's refusal otherwise.
    pub async fn admitted(&self) -> Result<Result<Token, Answer>, String> {
        let resource = format!("{}/v1/attestations", self.issuer);
        let form = [("grant_type", "client_credentials"), ("resource", resource.as_str())];
        let answer = self.post_form("token_endpoint", &form).await?;
        let token = answer.json().get("access_token").and_then(Value::as_str).map(str::to_owned);
        Ok(token.map(|access_token| Token { access_token, details: Value::Null }).ok_or(answer))
    }

    /// Attests values.
    pub async fn attest(&self, token: &Token, key: &str, attestation: &Value) -> Result<Answer, String> {
        let url = format!("{}/v1/attestations", self.issuer);
        self.call(Method::POST, &url, token, &[("idempotency-key", key)], attestation.to_string()).await
    }

    /// Asks for a data token.
    pub async fn release(&self, token: &Token, key: &str, ask: &Value) -> Result<Answer, String> {
        let url = format!("{}/v1/releases", self.issuer);
        self.call(Method::POST, &url, token, &[("idempotency-key", key)], ask.to_string()).await
    }

    /// Asks what is on file.
    pub async fn check(&self, token: &Token) -> Result<Answer, String> {
        self.call(Method::GET, &format!("{}/v1/records", self.issuer), token, &[], String::new()).await
    }

    /// Submits a draft.
    pub async fn draft(&self, token: &Token, kind: &str, values: &Value, state: &str) -> Result<Answer, String> {
        let url = format!("{}/v1/records/{kind}", self.issuer);
        let body = json!({"values": values, "redirect_uri": self.redirect_uri, "state": state}).to_string();
        self.call(Method::PUT, &url, token, &[], body).await
    }

    /// The body that the client acts for is sent to this address.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    async fn post_form(&self, endpoint: &str, form: &[(&str, &str)]) -> Result<Answer, String> {
        let url = self.endpoint(endpoint)?;
        for _ in 0..TRIES {
            let assertion = self.assertion()?;
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form)
                .append_pair("client_id", &self.id)
                .append_pair("client_assertion_type", ASSERTION_TYPE)
                .append_pair("client_assertion", &assertion)
                .finish();
            let proof = self.proof("POST", &url, None)?;
            let headers = [("content-type", "application/x-www-form-urlencoded"), ("dpop", proof.as_str())];
            let answer = self.wire.send(Method::POST, &url, &headers, body).await?;
            if !self.wants_nonce(&answer) {
                return Ok(answer);
            }
        }
        Err("the server keeps asking for another nonce".to_owned())
    }

    async fn call(
        &self,
        method: Method,
        url: &str,
        token: &Token,
        more: &[(&str, &str)],
        body: String,
    ) -> Result<Answer, String> {
        let authorization = format!("DPoP {}", token.access_token);
        for _ in 0..TRIES {
            let proof = self.proof(method.as_str(), url, Some(&token.access_token))?;
            let mut headers = vec![("authorization", authorization.as_str()), ("dpop", proof.as_str())];
            headers.push(("content-type", "application/json"));
            headers.extend_from_slice(more);
            let answer = self.wire.send(method.clone(), url, &headers, body.clone()).await?;
            if !self.wants_nonce(&answer) {
                return Ok(answer);
            }
        }
        Err("the server keeps asking for another nonce".to_owned())
    }

    /// Keeps the nonce that came with an answer; whether the answer only asks for it.
    fn wants_nonce(&self, answer: &Answer) -> bool {
        if let Some(nonce) = answer.header("dpop-nonce") {
            *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce.to_owned());
        }
        let challenge = answer.header("www-authenticate").is_some_and(|text| text.contains("use_dpop_nonce"));
        challenge || answer.status == 400 && answer.text().contains("use_dpop_nonce")
    }

    /// An endpoint's address, from the metadata.
    pub fn endpoint(&self, name: &str) -> Result<String, String> {
        let found = self.metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| format!("the metadata has no {name}"))
    }

    /// A client assertion (RFC 7523), good for one use.
    pub fn assertion(&self) -> Result<String, String> {
        let now = SystemClock.now().unix();
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": self.issuer, "jti": name()?, "iat": now, "exp": now + 60,
        });
        sign(&self.key, "client-authentication+jwt", &claims).map_err(|fault| fault.to_string())
    }

    /// A DPoP proof (RFC 9449) of this client's key, with the newest nonce it was given.
    pub fn proof(&self, method: &str, url: &str, token: Option<&str>) -> Result<String, String> {
        let nonce = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut claims = json!({"jti": name()?, "htm": method, "htu": url, "iat": SystemClock.now().unix()});
        if let Some(members) = claims.as_object_mut() {
            members.extend(token.map(|it| ("ath".to_owned(), json!(b64::encode(sha256(&[it.as_bytes()]))))));
            members.extend(nonce.map(|it| ("nonce".to_owned(), json!(it))));
        }
        sign_embedding(&self.dpop, "dpop+jwt", &claims).map_err(|fault| fault.to_string())
    }
}

fn name() -> Result<String, String> {
    random::<32>().map(b64::encode).map_err(|fault| fault.to_string())
}
