//! The relying party against this issuer over real connections, and against a forger in its place.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::Query;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::authorize::percent;
use super::*;
use crate::crypto;
use crate::domain::{Language, MandateKind, SubjectKind};
use crate::identity::login::{Audience, Callback, Login, LoginFault, LoginSettings, Manner, Pending, TokenFault};
use crate::jose::{self, Algorithm, PrivateJwk, b64};
use crate::outbound::{Outbound, OutboundConfig};

const REDIRECT_URI: &str = "http://127.0.0.1:1/login/callback";
/// 32 bytes, so that it can be the key of a forged HS256 signature.
const SECRET: &str = "un secret de test de 32 octets!!";

struct TestClock(AtomicI64);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_795_300_000)))
    }

    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        Moment::from_unix(self.0.load(Ordering::SeqCst))
    }
}

fn key() -> Signer {
    PrivateJwk::generate(Algorithm::Es256).unwrap().signer().unwrap()
}

fn settings(url: &str) -> LoginSettings {
    LoginSettings {
        issuer: url.to_owned(),
        client_id: "unefois".to_owned(),
        client_secret: SecretText::new(SECRET.to_owned()),
        redirect_uri: REDIRECT_URI.to_owned(),
        audience: Audience::Persons,
        required_acr: None,
        step_up_acr: ACR_STEPPED_UP.to_owned(),
        max_auth_age: None,
        allow_development: true,
    }
}

fn login(settings: LoginSettings, clock: Arc<TestClock>, extra_cas: Vec<String>) -> Login {
    let url: Uri = settings.issuer.parse().unwrap();
    let hosts = BTreeSet::from([url.authority().unwrap().to_string()]);
    let config = OutboundConfig { hosts, extra_cas, allow_http_loopback: true, ..OutboundConfig::default() };
    Login::new(settings, Outbound::new(config).unwrap(), clock).unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

fn issuer(url: &str, personas: &'static [Persona]) -> IssuerSettings {
    let client = Client {
        id: "unefois".to_owned(),
        secret: SecretText::new(SECRET.to_owned()),
        redirect_uris: vec![REDIRECT_URI.to_owned()],
    };
    IssuerSettings { url: url.to_owned(), key: key(), personas, clients: vec![client] }
}

async fn world() -> (Arc<TestClock>, String, Login) {
    let (clock, (listener, url)) = (TestClock::new(), listen().await);
    serve(listener, router(issuer(&url, &PERSONS), clock.clone()));
    let login = login(settings(&url), clock.clone(), Vec::new());
    (clock, url, login)
}

async fn fetch(request: Request<String>) -> (StatusCode, HeaderMap, String) {
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let answer = client.request(request.map(|body| Full::new(Bytes::from(body)))).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get_page(url: &str) -> (StatusCode, HeaderMap, String) {
    fetch(Request::get(url).body(String::new()).unwrap()).await
}

async fn press(url: &str, form: &str, cookie: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(COOKIE, cookie);
    fetch(request.body(form.to_owned()).unwrap()).await
}

fn parameters(url: &str) -> HashMap<String, String> {
    let Query(parameters) = Query::try_from_uri(&url.parse().unwrap()).unwrap();
    parameters
}

fn callback(headers: &HeaderMap) -> Callback {
    let location = headers[LOCATION].to_str().unwrap();
    assert!(location.starts_with(REDIRECT_URI), "{location}");
    let Query(callback) = Query::try_from_uri(&location.parse().unwrap()).unwrap();
    callback
}

/// Signs in as a persona, up to the callback.
async fn choose(url: &str, persona: &str) -> Callback {
    let (status, headers, _) = press(url, &format!("persona={persona}"), "").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    callback(&headers)
}

/// The same callback, since one is consumed by each attempt.
fn again(callback: &Callback) -> Callback {
    let Callback { code, state, iss, error } = callback;
    Callback { code: code.clone(), state: state.clone(), iss: iss.clone(), error: error.clone() }
}

#[tokio::test]
async fn a_person_signs_in() {
    let (clock, url, login) = world().await;
    assert_eq!(login.ready().await, Ok(()));
    let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let asked = parameters(&to);
    assert_eq!((asked["code_challenge_method"].as_str(), asked["ui_locales"].as_str()), ("S256", "fr"));
    assert!(!asked.contains_key("acr_values"));
    let callback = choose(&to, "noe").await;
    // As it goes through the sealed session.
    let pending: Pending = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    let someone = login.finish(pending, callback).await.unwrap();
    assert_eq!((someone.issuer.as_str(), someone.sub.as_str()), (url.as_str(), "noe"));
    assert_eq!(someone.who.name, "Noémie D'Août-Côté");
    assert_eq!(someone.who.born.unwrap().age_on(clock.now().day()), 27);
    assert_eq!((someone.auth_time, someone.acr.as_deref()), (Some(clock.now()), Some(ACR_EVERYDAY)));
    assert!(someone.mandates.is_empty());
}

#[tokio::test]
async fn mandates_come_with_their_evidence() {
    let (clock, url, login) = world().await;
    for (persona, sub, kind, age) in [
        ("parent-13", "enfant-13", MandateKind::Parent, Some(13)),
        ("parent-14", "enfant-14", MandateKind::Parent, Some(14)),
        ("tutrice-14", "enfant-14", MandateKind::Tutor, Some(14)),
        ("tuteur-majeur", "majeur-tutelle", MandateKind::TutorOfFullAge, Some(47)),
        ("mandataire", "mere-protegee", MandateKind::ProtectionMandate, Some(81)),
        ("representante", "frere-represente", MandateKind::TemporaryRepresentation, Some(36)),
        ("liquidateur", "pere-decede", MandateKind::Liquidator, Some(84)),
        ("sirop", "neq-1171234567", MandateKind::SigningOfficer, None),
    ] {
        let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
        let someone = login.finish(pending, choose(&to, persona).await).await.unwrap();
        let [mandate] = someone.mandates.as_slice() else { panic!("{persona}") };
        assert_eq!((mandate.sub.as_str(), mandate.mandate.kind), (sub, kind));
        assert_eq!(mandate.who.born.map(|born| born.age_on(clock.now().day())), age);
        assert_eq!(mandate.who.kind == SubjectKind::Enterprise, age.is_none());
        assert_eq!(mandate.neq.as_deref(), age.is_none().then_some("1171234567"));
        assert!(mandate.mandate.evidence.contains("fictif") || mandate.mandate.evidence.contains("fictive"));
        assert_eq!(mandate.mandate.verifier, url);
    }
}

#[tokio::test]
async fn an_answer_to_another_flow_is_refused() {
    let (_, url, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let (_, other) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let good = choose(&to, "alice").await;
    assert_eq!(login.finish(other, again(&good)).await.unwrap_err(), LoginFault::State);
    for state in [None, Some(String::new()), Some("x".to_owned())] {
        let bad = Callback { state, ..again(&good) };
        assert_eq!(login.finish(pending.clone(), bad).await.unwrap_err(), LoginFault::State);
    }
    for iss in [None, Some(String::new()), Some(format!("{url}/")), Some("https://example.org".to_owned())] {
        let bad = Callback { iss, ..again(&good) };
        assert_eq!(login.finish(pending.clone(), bad).await.unwrap_err(), LoginFault::Issuer);
    }
    let bad = Callback { code: None, ..again(&good) };
    assert_eq!(login.finish(pending.clone(), bad).await.unwrap_err(), LoginFault::Refused);
    let bad = Callback { error: Some("server_error".to_owned()), ..again(&good) };
    assert_eq!(login.finish(pending.clone(), bad).await.unwrap_err(), LoginFault::Refused);
    assert!(login.finish(pending, good).await.is_ok(), "none of these spent the code");
}

#[tokio::test]
async fn a_flow_begun_at_the_persons_service_does_not_end_at_the_officers() {
    let (_, _, persons) = world().await;
    let (_, _, officers) = world().await;
    let (to, pending) = persons.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let good = choose(&to, "alice").await;
    assert_eq!(officers.finish(pending, good).await.unwrap_err(), LoginFault::State);
}

#[tokio::test]
async fn declining_is_told_apart() {
    let (_, _, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let (_, headers, _) = press(&to, "refuse=1", "").await;
    assert_eq!(login.finish(pending, callback(&headers)).await.unwrap_err(), LoginFault::Declined);
}

#[tokio::test]
async fn a_code_serves_once_and_for_a_minute() {
    let refused = LoginFault::Exchange("invalid_grant".to_owned());
    let (clock, _, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let good = choose(&to, "alice").await;
    assert!(login.finish(pending.clone(), again(&good)).await.is_ok());
    assert_eq!(login.finish(pending.clone(), good).await.unwrap_err(), refused);
    let late = choose(&to, "alice").await;
    clock.forward(CODE_LIFE);
    assert_eq!(login.finish(pending.clone(), late).await.unwrap_err(), refused);
    let in_time = choose(&to, "alice").await;
    clock.forward(CODE_LIFE - 1);
    assert!(login.finish(pending, in_time).await.is_ok());
}

#[tokio::test]
async fn a_code_serves_only_who_asked_for_it() {
    let (_, url, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let (_, other) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let verifier = |pending: &Pending| serde_json::to_value(pending).unwrap()["pkce_verifier"].clone();
    let (verifier, other) = (verifier(&pending), verifier(&other));
    let verifier = verifier.as_str().unwrap();
    let uri = percent(REDIRECT_URI);
    let secret = percent(SECRET);
    let good = |code: String| {
        format!(
            "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={verifier}&client_id=unefois&\
             client_secret={secret}"
        )
    };
    for (from, to_be, error) in [
        (verifier, other.as_str().unwrap(), "invalid_grant"),
        (&*format!("code_verifier={verifier}"), "z=", "invalid_grant"),
        (uri.as_str(), "http%3A%2F%2F127.0.0.1%3A1%2F", "invalid_grant"),
        (secret.as_str(), "x", "invalid_client"),
        ("client_id=unefois", "client_id=other", "invalid_client"),
        ("client_id=unefois", "z=", "invalid_client"),
        ("grant_type=authorization_code", "grant_type=password", "unsupported_grant_type"),
        ("grant_type=", "code=1&grant_type=", "invalid_request"),
    ] {
        let form = good(choose(&to, "alice").await.code.unwrap()).replace(from, to_be);
        let (_, _, answer) = press(&format!("{url}/token"), &form, "").await;
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), json!({ "error": error }), "{from} {to_be}");
    }
    let form = good(choose(&to, "alice").await.code.unwrap());
    let (status, _, answer) = press(&format!("{url}/token"), &form, "").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn the_browser_is_sent_nowhere_but_to_registered_places() {
    let (_, _, login) = world().await;
    let (to, _) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let uri = percent(REDIRECT_URI);
    for bad in ["https%3A%2F%2Fexample.org%2F", &format!("{uri}%2Fx"), &format!("{uri}%3Fx"), ""] {
        let (status, headers, page) = get_page(&to.replace(&uri, bad)).await;
        assert_eq!((status, headers.get(LOCATION)), (StatusCode::BAD_REQUEST, None), "{bad}");
        assert!(page.contains("Demande inconnue"));
    }
    for (from, to_be, error) in [
        ("response_type=code", "response_type=token", "unsupported_response_type"),
        ("scope=openid+profile", "scope=profile", "invalid_scope"),
        ("code_challenge_method=S256", "code_challenge_method=plain", "invalid_request"),
        ("code_challenge=", "z=", "invalid_request"),
        ("ui_locales=fr", "prompt=none", "login_required"),
    ] {
        let (status, headers, _) = get_page(&to.replace(from, to_be)).await;
        assert_eq!((status, callback(&headers).error.as_deref()), (StatusCode::SEE_OTHER, Some(error)));
        let (status, headers, _) = press(&to.replace(from, to_be), "persona=alice", "").await;
        assert_eq!((status, callback(&headers).code), (StatusCode::SEE_OTHER, None));
    }
}

#[tokio::test]
async fn the_page_escapes_and_allows_no_script() {
    let (_, _, login) = world().await;
    let (to, _) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let hostile = format!("{to}&x=\"><script>").replace('"', "%22").replace('<', "%3C").replace('>', "%3E");
    let (status, headers, page) = get_page(&hostile).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Noémie D&#39;Août-Côté") && !page.contains("D'Août"), "{page}");
    assert!(page.contains(r#"<html lang="fr">"#) && page.contains("ENVIRONNEMENT D&#39;ESSAI"));
    assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("<style"));
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("form-action 'self' http://127.0.0.1:1;"));
    let (_, _, page) = get_page(&to.replace("ui_locales=fr", "ui_locales=en-CA+fr")).await;
    assert!(page.contains(r#"<html lang="en">"#) && page.contains("TRIAL ENVIRONMENT"));
}

#[tokio::test]
async fn a_step_up_takes_a_second_confirmation() {
    let (_, _, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::STEPPED_UP).await.unwrap();
    let asked = parameters(&to);
    assert_eq!((asked["acr_values"].as_str(), asked["max_age"].as_str()), (ACR_STEPPED_UP, "300"));
    let (status, _, _) = press(&to, "confirm=alice", "").await;
    assert_eq!(status, StatusCode::OK, "nobody is signed in yet");
    let (status, headers, page) = press(&to, "persona=alice", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(r#"name="confirm" value="alice""#) && !page.contains(r#"value="noe""#));
    let cookie = headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"));
    let cookie = cookie.split(';').next().unwrap();
    let (status, _, _) = press(&to, "confirm=noe", cookie).await;
    assert_eq!(status, StatusCode::OK, "another person's confirmation");
    let cookie = cookie.to_owned();
    let page = async |url: &str| fetch(Request::get(url).header(COOKIE, &cookie).body(String::new()).unwrap()).await.2;
    assert!(page(&to).await.contains(r#"name="confirm""#), "signed in, so only to confirm");
    assert!(page(&format!("{to}&prompt=select_account")).await.contains(r#"value="noe""#));
    let (status, headers, _) = press(&to, "confirm=alice", &cookie).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let someone = login.finish(pending, callback(&headers)).await.unwrap();
    assert_eq!((someone.sub.as_str(), someone.acr.as_deref()), ("alice", Some(ACR_STEPPED_UP)));
}

#[tokio::test]
async fn who_signs_in_afresh_is_not_whom_the_service_still_knows() {
    let (_, _, login) = world().await;
    let (to, _) = login.begin(Language::Fr, Manner::STEPPED_UP).await.unwrap();
    let (_, headers, _) = press(&to, "persona=zoe-13", "").await;
    let cookie = headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = async |url: &str| fetch(Request::get(url).header(COOKIE, &cookie).body(String::new()).unwrap()).await.2;
    assert!(page(&to).await.contains(r#"name="confirm" value="zoe-13""#), "known, so only to confirm");
    for manner in [Manner::EVERYDAY, Manner::STEPPED_UP] {
        let (to, pending) = login.begin(Language::Fr, manner.afresh()).await.unwrap();
        let asked = parameters(&to);
        assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"));
        let page = page(&to).await;
        assert!(page.contains(r#"value="parent-13""#) && !page.contains(r#"name="confirm""#), "{page}");
        if !manner.step_up {
            let someone = login.finish(pending, choose(&to, "parent-13").await).await.unwrap();
            assert_eq!(someone.sub, "parent-13");
        }
    }
}

#[tokio::test]
async fn a_service_that_does_not_sign_in_afresh_is_refused() {
    let key = key();
    let (forger, url) = Forger::new(&[&key]).await;
    let clock = TestClock::new();
    let login = login(settings(&url), clock.clone(), Vec::new());
    let now = clock.now().unix();
    for (auth_time, holds) in [(json!(now), true), (json!(now - 61), false), (Value::Null, false)] {
        let sign = |claims| jose::sign(&key, "JWT", &with(claims, "auth_time", auth_time.clone())).unwrap();
        assert!(forger.meets(&login, &clock, sign).await.is_ok(), "an everyday sign-in may be old");
        let outcome = forger.meets_in(Manner::EVERYDAY.afresh(), &login, &clock, sign).await;
        assert_eq!(outcome.is_ok(), holds, "{auth_time}");
    }
}

#[tokio::test]
async fn a_lower_assurance_than_asked_for_is_refused() {
    let (clock, url, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::STEPPED_UP).await.unwrap();
    let stripped = choose(&to.replace("acr_values", "z"), "alice").await;
    assert_eq!(login.finish(pending, stripped).await.unwrap_err(), LoginFault::Token(TokenFault::Assurance));
    let strict = LoginSettings { required_acr: Some("urn:other".to_owned()), ..settings(&url) };
    let strict = self::login(strict, clock, Vec::new());
    let (to, pending) = strict.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let low = choose(&to, "alice").await;
    assert_eq!(strict.finish(pending, low).await.unwrap_err(), LoginFault::Token(TokenFault::Assurance));
}

#[tokio::test]
async fn a_service_that_is_down_is_tried_again() {
    let (clock, (listener, url)) = (TestClock::new(), listen().await);
    drop(listener);
    let login = login(settings(&url), clock.clone(), Vec::new());
    let fault = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap_err();
    assert!(fault.to_string().contains(&format!("{url}/.well-known/openid-configuration")), "{fault}");
    let listener = TcpListener::bind(url.trim_start_matches("http://")).await.unwrap();
    serve(listener, router(issuer(&url, &PERSONS), clock.clone()));
    assert_eq!(login.ready().await, Err(fault), "not at once");
    clock.forward(5);
    assert_eq!(login.ready().await, Ok(()));
}

#[tokio::test]
async fn officers_give_their_name_alone() {
    let (clock, (listener, url)) = (TestClock::new(), listen().await);
    serve(listener, router(issuer(&url, &OFFICERS), clock.clone()));
    let officers = LoginSettings { audience: Audience::Officers, ..settings(&url) };
    let login = login(officers, clock, Vec::new());
    let (to, pending) = login.begin(Language::En, Manner::EVERYDAY).await.unwrap();
    let someone = login.finish(pending, choose(&to, "odile-brossard").await).await.unwrap();
    assert_eq!((someone.who.name.as_str(), someone.who.born), ("Odile Brossard", None));
    // Even where the service would tell more.
    let (_, url, _) = world().await;
    let officers = LoginSettings { audience: Audience::Officers, ..settings(&url) };
    let login = self::login(officers, TestClock::new(), Vec::new());
    let (to, pending) = login.begin(Language::En, Manner::EVERYDAY).await.unwrap();
    let someone = login.finish(pending, choose(&to, "sirop").await).await.unwrap();
    assert_eq!((someone.who.born, someone.mandates.len()), (None, 0));
}

#[tokio::test]
async fn over_tls_only_a_known_authority_is_believed() {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&authority).unwrap().pem();
    let leaf = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&leaf, &rcgen::Issuer::from_params(&ca, &authority)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], leaf.serialize_der().try_into().unwrap())
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (clock, url) = (TestClock::new(), format!("https://{}", listener.local_addr().unwrap()));
    let service = router(issuer(&url, &PERSONS), clock.clone()).into_make_service();
    let tls = axum_server::tls_rustls::RustlsConfig::from_config(Arc::new(tls));
    tokio::spawn(async move { axum_server::from_tcp_rustls(listener, tls)?.serve(service).await });
    assert_eq!(login(settings(&url), clock.clone(), vec![ca_pem]).ready().await, Ok(()));
    let fault = login(settings(&url), clock, Vec::new()).ready().await.unwrap_err();
    assert!(fault.to_string().contains("UnknownIssuer"), "{fault}");
}

/// An issuer whose keys and tokens the test writes.
#[derive(Clone, Default)]
struct Forger(Arc<Mutex<(Value, String)>>);

impl Forger {
    async fn new(keys: &[&Signer]) -> (Self, String) {
        let forger = Self::default();
        forger.publish(keys);
        let (listener, url) = listen().await;
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        });
        let (jwks, tokens) = (forger.clone(), forger.clone());
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(metadata)))
            .route("/jwks", get(async move || Json(lock(&jwks.0).0.clone())))
            .route("/token", post(async move || tokens.answer()));
        serve(listener, router);
        (forger, url)
    }

    fn publish(&self, keys: &[&Signer]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        lock(&self.0).0 = json!({ "keys": keys });
    }

    fn answer(&self) -> Response {
        Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": lock(&self.0).1 })).into_response()
    }

    /// What becomes of a sign-in that gets the token that `forge` makes of good claims.
    async fn meets(&self, login: &Login, clock: &TestClock, forge: impl Fn(Value) -> String) -> Outcome {
        self.meets_in(Manner::EVERYDAY, login, clock, forge).await
    }

    async fn meets_in(
        &self,
        manner: Manner,
        login: &Login,
        clock: &TestClock,
        forge: impl Fn(Value) -> String,
    ) -> Outcome {
        let (to, pending) = login.begin(Language::Fr, manner).await?;
        let asked = parameters(&to);
        let iss = to.split("/authorize").next().unwrap().to_owned();
        let now = clock.now().unix();
        lock(&self.0).1 = forge(json!({
            "iss": iss, "sub": "alice", "aud": "unefois", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "name": "Alice Tremblay", "birthdate": "1990-02-14",
        }));
        let callback =
            Callback { code: Some("x".to_owned()), state: Some(asked["state"].clone()), iss: Some(iss), error: None };
        login.finish(pending, callback).await
    }
}

type Outcome = Result<crate::identity::login::SignedIn, LoginFault>;

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn every_claim_is_checked() {
    let key = key();
    let (forger, url) = Forger::new(&[&key]).await;
    let clock = TestClock::new();
    let now = clock.now().unix();
    let login = login(settings(&url), clock.clone(), Vec::new());
    let signed = |claims: &Value| jose::sign(&key, "JWT", claims).unwrap();
    forger.meets(&login, &clock, |claims| signed(&claims)).await.unwrap();
    for (name, value, fault) in [
        ("iss", json!("https://example.org"), TokenFault::Issuer),
        ("aud", json!("another"), TokenFault::Audience),
        ("aud", json!(["unefois", "another"]), TokenFault::Audience),
        ("azp", json!("another"), TokenFault::Audience),
        ("nonce", json!("x"), TokenFault::Nonce),
        ("nonce", Value::Null, TokenFault::Nonce),
        ("exp", json!(now), TokenFault::Time),
        ("iat", json!(now - 301), TokenFault::Time),
        ("iat", json!(now + 61), TokenFault::Time),
        ("sub", json!(""), TokenFault::Claims),
        ("name", json!("a\u{7}"), TokenFault::Claims),
        ("name", json!("a".repeat(256)), TokenFault::Claims),
        ("name", Value::Null, TokenFault::Claims),
    ] {
        let refused = forger.meets(&login, &clock, |claims| signed(&with(claims, name, value.clone()))).await;
        assert_eq!(refused.unwrap_err(), LoginFault::Token(fault), "{name} {value}");
    }
    for (name, value) in [("exp", json!("soon")), ("exp", Value::Null), ("iat", json!("now")), ("aud", json!(7))] {
        let refused = forger.meets(&login, &clock, |claims| signed(&with(claims, name, value.clone()))).await;
        assert!(matches!(refused.unwrap_err(), LoginFault::Exchange(_)), "{name} {value}");
    }
    for (name, value) in [("iat", json!(now + 8)), ("azp", json!("unefois")), ("aud", json!(["unefois"]))] {
        let held = forger.meets(&login, &clock, |claims| signed(&with(claims, name, value.clone()))).await;
        assert!(held.is_ok(), "{name} {value}");
    }
}

#[tokio::test]
async fn only_the_services_own_signature_holds() {
    let (key, stranger) = (key(), key());
    let (forger, url) = Forger::new(&[&key]).await;
    let clock = TestClock::new();
    let login = login(settings(&url), clock.clone(), Vec::new());
    let kid = key.jwk().kid().into_owned();
    let unsigned = |header: Value, claims: &Value| {
        format!("{}.{}", b64::encode(header.to_string()), b64::encode(claims.to_string()))
    };
    let none = |claims: Value| format!("{}.", unsigned(json!({ "alg": "none" }), &claims));
    let hs256 = |claims: Value| {
        let text = unsigned(json!({ "alg": "HS256" }), &claims);
        let mac = crypto::hmac_sha256(SECRET.as_bytes().try_into().unwrap(), &[text.as_bytes()]);
        format!("{text}.{}", b64::encode(mac))
    };
    let es384 = |claims: Value| format!("{}.AAAA", unsigned(json!({ "alg": "ES384", "kid": kid }), &claims));
    let strange = |claims: Value| jose::sign(&stranger, "JWT", &claims).unwrap();
    let renamed = |claims: Value| {
        let token = jose::sign(&stranger, "JWT", &claims).unwrap();
        let (_, rest) = token.split_once('.').unwrap();
        format!("{}.{rest}", b64::encode(json!({ "alg": "ES256", "kid": kid }).to_string()))
    };
    let altered = |claims: Value| {
        let token = jose::sign(&key, "JWT", &claims).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let other = b64::encode(with(claims, "name", json!("Mallory")).to_string());
        format!("{}.{other}.{}", parts[0], parts[2])
    };
    let forgeries: [(&str, &dyn Fn(Value) -> String); 6] = [
        ("none", &none),
        ("HS256", &hs256),
        ("ES384", &es384),
        ("another key", &strange),
        ("another key under our kid", &renamed),
        ("altered", &altered),
    ];
    for (what, forge) in forgeries {
        let refused = forger.meets(&login, &clock, forge).await;
        assert_eq!(refused.unwrap_err(), LoginFault::Token(TokenFault::Signature), "{what}");
    }
    let access_token = |claims: Value| jose::sign(&key, "at+jwt", &claims).unwrap();
    let refused = forger.meets(&login, &clock, access_token).await;
    assert_eq!(refused.unwrap_err(), LoginFault::Token(TokenFault::Form));
}

#[tokio::test]
async fn new_keys_are_fetched_but_not_at_every_token() {
    let (old, new) = (key(), key());
    let (forger, url) = Forger::new(&[&old]).await;
    let clock = TestClock::new();
    let login = login(settings(&url), clock.clone(), Vec::new());
    login.ready().await.unwrap();
    forger.publish(&[&new]);
    let signed = |claims: Value| jose::sign(&new, "JWT", &claims).unwrap();
    clock.forward(59);
    let refused = forger.meets(&login, &clock, signed).await;
    assert_eq!(refused.unwrap_err(), LoginFault::Token(TokenFault::Signature));
    clock.forward(1);
    assert!(forger.meets(&login, &clock, signed).await.is_ok());
    let old = |claims: Value| jose::sign(&old, "JWT", &claims).unwrap();
    assert!(forger.meets(&login, &clock, old).await.is_err(), "a withdrawn key");
}

#[tokio::test]
async fn an_old_session_at_the_service_is_refused_where_age_is_bounded() {
    let key = key();
    let (forger, url) = Forger::new(&[&key]).await;
    let clock = TestClock::new();
    let bounded = LoginSettings { max_auth_age: Some(600), ..settings(&url) };
    let login = login(bounded, clock.clone(), Vec::new());
    let now = clock.now().unix();
    for (auth_time, holds) in [(json!(now - 600), true), (json!(now - 661), false), (Value::Null, false)] {
        let sign = |claims| jose::sign(&key, "JWT", &with(claims, "auth_time", auth_time.clone())).unwrap();
        let outcome = forger.meets(&login, &clock, sign).await;
        assert_eq!(outcome.is_ok(), holds, "{auth_time}");
    }
}

#[tokio::test]
async fn what_is_not_evident_gives_no_age_and_no_mandate() {
    let key = key();
    let (forger, url) = Forger::new(&[&key]).await;
    let clock = TestClock::new();
    let login = login(settings(&url), clock.clone(), Vec::new());
    for birthdate in ["0000-02-14", "1990", "1990-02-30", "", "14 février 1990"] {
        let sign = |claims| jose::sign(&key, "JWT", &with(claims, "birthdate", json!(birthdate))).unwrap();
        assert_eq!(forger.meets(&login, &clock, sign).await.unwrap().who.born, None, "{birthdate}");
    }
    let good = json!({
        "sub": "enfant", "kind": "parent", "name": "Zoé", "birthdate": "2015-01-01", "evidence": "acte",
        "scope": {"acts": ["decide"]}, "until": 9,
    });
    let enterprise = json!({ "sub": "e", "kind": "signing-officer", "name": "E", "neq": "1171234567", "evidence": "r", "scope": {"acts": ["decide"]} });
    let claim = |bad: Value| json!([bad, good, enterprise]);
    for (name, value) in [
        ("kind", json!("friend")),
        ("kind", json!("signing-officer")),
        ("evidence", json!(" ")),
        ("scope", json!({"acts": []})),
        ("sub", json!("")),
        ("sub", json!("alice")),
        ("name", json!("")),
        ("birthdate", Value::Null),
        ("birthdate", json!("2015")),
    ] {
        let mandates = claim(with(good.clone(), name, value.clone()));
        let sign = |claims| jose::sign(&key, "JWT", &with(claims, "unefois_mandates", mandates.clone())).unwrap();
        let someone = forger.meets(&login, &clock, sign).await.unwrap();
        assert_eq!(someone.mandates.len(), 2, "{name} {value}");
        assert_eq!(someone.mandates[0].mandate.until, Some(Moment::from_unix(9)));
    }
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let (_, _, login) = world().await;
    let (to, pending) = login.begin(Language::Fr, Manner::EVERYDAY).await.unwrap();
    let asked = parameters(&to);
    let callback = choose(&to, "noe").await;
    let shown = format!("{pending:?} {callback:?} {login:?}");
    let someone = login.finish(pending, again(&callback)).await.unwrap();
    let shown = format!("{shown} {someone:?}");
    let secrets = [SECRET, &asked["state"], &asked["nonce"], "Noémie", "noe", callback.code.as_deref().unwrap()];
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
}
