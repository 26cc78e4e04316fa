//! What is oversized, malformed, repeated, replayed or somebody else's: each gets a clear 4xx and leaves nothing behind.
//! A refusal of an authenticated ask is one entry; nothing else is any.

use http::Method;
use serde_json::{Value, json};
use unefois::clock::{Clock as _, SystemClock};
use unefois::dev::client::{Client, Token};
use unefois::dev::wire::{Answer, Wire};
use unefois::dev::world::World;
use unefois::identity::ASSERTION_TYPE;
use unefois::jose::{Algorithm, PrivateJwk, sign};

use super::harness::{
    ADDRESSES, CHANGE_OF_ADDRESS, Consented, Handed, PORTAL, Person, RESIDENCE, TOWN, Wanted, address, client,
    log_size, push, reasons,
};

/// A world in which everything works, so that one thing at a time can be wrong.
struct Scene {
    world: World,
    wire: Wire,
    person: Person,
    portal: Client,
    portal_token: Token,
    agency: Client,
    held: Consented,
    other: Client,
    other_held: Consented,
}

/// A request, before it is sent.
#[derive(Clone)]
struct Raw {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Raw {
    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    fn url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }
}

impl Scene {
    async fn set() -> Self {
        let world = World::make(false, None).await.unwrap();
        let portal = client(&world, PORTAL).await;
        let (agency, other) = (client(&world, TOWN).await, client(&world, ADDRESSES).await);
        let mut person = Person::new(&world, "alice");
        let portal_token = person.give_address(&world, &portal).await;
        let held = person.consent(&world, &agency, &RESIDENCE).await;
        let other_held = person.consent(&world, &other, &CHANGE_OF_ADDRESS).await;
        let wire = world.wire().unwrap();
        Self { world, wire, person, portal, portal_token, agency, held, other, other_held }
    }

    async fn send(&self, raw: &Raw) -> Answer {
        let headers: Vec<_> = raw.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.wire.send(raw.method.clone(), &raw.url, &headers, raw.body.clone()).await.unwrap()
    }

    /// Refused with this status, and nothing is left behind.
    async fn refused(&self, what: &str, raw: &Raw, status: u16) -> Answer {
        let before = log_size(&self.world).await;
        let answer = self.send(raw).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(log_size(&self.world).await, before, "{what} left an entry");
        answer
    }

    fn releases(&self) -> String {
        format!("{}/v1/releases", self.world.issuer)
    }

    /// A call with a token and a proof that go together.
    fn call(client: &Client, token: &Token, method: Method, url: &str, body: &Value) -> Raw {
        let proof = client.proof(method.as_str(), url, Some(&token.access_token)).unwrap();
        let raw = Raw { method, url: url.to_owned(), headers: Vec::new(), body: body.to_string().into_bytes() };
        raw.and("authorization", &format!("DPoP {}", token.access_token))
            .and("dpop", &proof)
            .and("content-type", "application/json")
    }

    /// An ask with nothing wrong.
    fn ask(&self, key: &str) -> Raw {
        let raw = Self::call(&self.agency, &self.held.token, Method::POST, &self.releases(), &self.held.ask);
        raw.and("idempotency-key", key)
    }

    /// A pushed request or a token request with nothing wrong, but for the form's own parameters.
    fn form(&self, client: &Client, id: &str, endpoint: &str, parameters: &[(&str, &str)]) -> Raw {
        self.form_with(client, id, endpoint, &client.assertion().unwrap(), parameters)
    }

    #[expect(clippy::unused_self, reason = "reads as what this client sends")]
    fn form_with(
        &self,
        client: &Client,
        id: &str,
        endpoint: &str,
        assertion: &str,
        parameters: &[(&str, &str)],
    ) -> Raw {
        let url = client.endpoint(endpoint).unwrap();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .append_pair("client_id", id)
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", assertion)
            .finish();
        let proof = client.proof("POST", &url, None).unwrap();
        let raw = Raw { method: Method::POST, url, headers: Vec::new(), body: body.into_bytes() };
        raw.and("content-type", "application/x-www-form-urlencoded").and("dpop", &proof)
    }

    /// The parameters of a pushed request with nothing wrong.
    fn pushed(&self) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".to_owned()),
            ("redirect_uri", self.world.redirect_uri(TOWN)),
            ("state", "etat".to_owned()),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            ("code_challenge_method", "S256".to_owned()),
            ("authorization_details", RESIDENCE.details(&self.world).to_string()),
        ]
    }

    /// A pushed request with these parameters in place of its own; an empty one is left out.
    fn push_with(&self, changed: &[(&'static str, &str)]) -> Raw {
        let mut parameters = self.pushed();
        parameters.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        parameters.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.form(&self.agency, TOWN, "pushed_authorization_request_endpoint", &parameters)
    }
}

/// A token with one character of its signature changed: one whose bits all count.
fn altered(token: &str) -> String {
    let at = token.len() - 20;
    let other = if token[at..].starts_with('A') { 'B' } else { 'A' };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_asks() {
    let scene = Scene::set().await;
    let good = scene.held.ask.to_string();
    let twice = good.replacen('{', "{\"purpose\":\"residence-municipale\",", 1);
    let by_position = json!([scene.held.consent, "residence-municipale", ["adresse.municipalite"]]).to_string();
    let changed = |member: &str, value: Value| {
        let mut ask = scene.held.ask.clone();
        ask[member] = value;
        ask.to_string()
    };
    for (what, body) in [
        ("nothing", String::new()),
        ("half an object", good[..good.len() / 2].to_owned()),
        ("two objects", format!("{good}{good}")),
        ("an array", by_position),
        ("null", "null".to_owned()),
        ("a member twice", twice),
        ("an unknown member", changed("scope", json!("all"))),
        ("a number as consent", changed("consent_id", json!(7))),
        ("a consent of another form", changed("consent_id", json!("c_1"))),
        ("a purpose that is no name", changed("purpose", json!("../etc"))),
        ("a text as list", changed("attributes", json!("adresse.municipalite"))),
        ("no attribute", changed("attributes", json!([]))),
        ("an attribute twice", changed("attributes", json!(["adresse.municipalite", "adresse.municipalite"]))),
        ("an attribute that is no name", changed("attributes", json!(["adresse"]))),
        ("deep nesting", format!("{{\"consent_id\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000))),
    ] {
        let answer = scene.refused(what, &scene.ask("cle").body(body), 400).await;
        assert!(answer.json()["type"].as_str().unwrap().ends_with("/problems/malformed"), "{what}");
    }
    let large = changed("purpose", json!("x".repeat(70_000)));
    scene.refused("an oversized body", &scene.ask("cle").body(large), 413).await;
    scene.refused("another content type", &scene.ask("cle").with("content-type", "text/plain"), 400).await;
    // The key was never taken: the same ask passes once nothing is wrong.
    assert_eq!(scene.send(&scene.ask("cle")).await.status, 200);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idempotency_keys() {
    let scene = Scene::set().await;
    for (what, raw) in [
        ("no key", scene.ask("cle").without("idempotency-key")),
        ("an empty key", scene.ask("")),
        ("a key too long", scene.ask(&"k".repeat(65))),
        ("a key with a space", scene.ask("a b")),
    ] {
        let answer = scene.refused(what, &raw, 400).await;
        assert!(answer.json()["type"].as_str().unwrap().ends_with("/idempotency-key-missing"), "{what}");
    }
    scene.refused("two keys", &scene.ask("cle").and("idempotency-key", "autre"), 400).await;

    let first = Handed::of("cle", &scene.send(&scene.ask("cle")).await).unwrap();
    let respelt = scene.held.ask.to_string().replacen('{', "{ ", 1);
    let answer = scene.refused("the same key with another body", &scene.ask("cle").body(respelt), 422).await;
    assert!(answer.json()["type"].as_str().unwrap().ends_with("/idempotency-key-reused"));
    // Another client's key is another key.
    let other = scene.other.release(&scene.other_held.token, "cle", &scene.other_held.ask).await.unwrap();
    assert_ne!(Handed::of("cle", &other).unwrap().release, first.release);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_and_routes_that_are_not_there() {
    let scene = Scene::set().await;
    let at = |path: &str| format!("{}{path}", scene.world.issuer);
    for (method, path) in [
        (Method::GET, "/v1/releases"),
        (Method::PUT, "/v1/releases"),
        (Method::GET, "/oauth/par"),
        (Method::PUT, "/oauth/par"),
        (Method::GET, "/oauth/token"),
        (Method::POST, "/oauth/authorize"),
        (Method::POST, "/v1/records"),
        (Method::DELETE, "/v1/records/adresse"),
        (Method::POST, "/jwks"),
        (Method::POST, "/log/checkpoint"),
    ] {
        let what = format!("{method} {path}");
        scene.refused(&what, &scene.ask("cle").method(method).url(&at(path)), 405).await;
    }
    for path in [
        "/v1/autre",
        "/v1/releases/",
        "/v2/releases",
        "/oauth/register",
        "/.well-known/openid-configuration",
        "/fr/x/y",
    ] {
        scene.refused(path, &scene.ask("cle").url(&at(path)), 404).await;
    }
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_proofs_of_another_request() {
    let Scene { world, wire, person, portal, portal_token, agency, held, other, other_held } = Scene::set().await;
    let scene = Scene { world, wire, person, portal, portal_token, agency, held, other, other_held };
    let (url, access) = (scene.releases(), scene.held.token.access_token.clone());
    let records = format!("{}/v1/records", scene.world.issuer);
    let proof = |method: &str, url: &str, token: Option<&str>| scene.agency.proof(method, url, token).unwrap();
    let portal_call = |url: &str, method: Method| {
        Scene::call(&scene.portal, &scene.portal_token, method, url, &scene.held.ask).and("idempotency-key", "cle")
    };
    let stranger = PrivateJwk::generate(Algorithm::Es256).unwrap();
    let stolen = client(&scene.world, TOWN).await.with_dpop(&stranger).unwrap();
    stolen.release(&scene.held.token, "cle", &scene.held.ask).await.unwrap();
    for (what, raw) in [
        ("no token", scene.ask("cle").without("authorization")),
        ("the Bearer scheme", scene.ask("cle").with("authorization", &format!("Bearer {access}"))),
        ("an altered token", scene.ask("cle").with("authorization", &format!("DPoP {}", altered(&access)))),
        ("two tokens", scene.ask("cle").and("authorization", &format!("DPoP {access}"))),
        ("a client assertion as token", {
            let assertion = scene.agency.assertion().unwrap();
            scene.ask("cle").with("authorization", &format!("DPoP {assertion}"))
        }),
        ("no proof", scene.ask("cle").without("dpop")),
        ("two proofs", scene.ask("cle").and("dpop", &proof("POST", &url, Some(&access)))),
        ("a proof that is none", scene.ask("cle").with("dpop", "a.b.c")),
        ("a proof for another method", scene.ask("cle").with("dpop", &proof("GET", &url, Some(&access)))),
        ("a proof for another address", scene.ask("cle").with("dpop", &proof("POST", &records, Some(&access)))),
        ("a proof for another token", scene.ask("cle").with("dpop", &proof("POST", &url, Some("another")))),
        ("a proof for no token", scene.ask("cle").with("dpop", &proof("POST", &url, None))),
        ("another key's proof", {
            let proof = stolen.proof("POST", &url, Some(&access)).unwrap();
            scene.ask("cle").with("dpop", &proof)
        }),
        ("a portal's token at the agencies' surface", portal_call(&url, Method::POST)),
        (
            "an agency's token at the portals' surface",
            Scene::call(&scene.agency, &scene.held.token, Method::GET, &records, &Value::Null).body(""),
        ),
        (
            "a token in the address",
            scene.ask("cle").without("authorization").url(&format!("{url}?access_token={access}")),
        ),
    ] {
        let answer = scene.refused(what, &raw, 401).await;
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("DPoP ")), "{what}");
    }
    let once = scene.ask("cle");
    assert_eq!(scene.send(&once).await.status, 200);
    let replayed = scene.refused("a proof used before", &once, 401).await;
    assert!(replayed.header("www-authenticate").unwrap().contains("invalid_dpop_proof"));
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_requests() {
    let scene = Scene::set().await;
    let details = RESIDENCE.details(&scene.world);
    let with = |member: &str, value: Value| {
        let mut details = details.clone();
        details[0][member] = value;
        details.to_string()
    };
    let registered = scene.world.redirect_uri(TOWN);
    let elsewhere = format!("{registered}/autre");
    let long = "x".repeat(4_097);
    for (what, raw, status, code) in [
        ("a parameter twice", scene.push_with(&[("state", "a"), ("state", "b")]), 400, "invalid_request"),
        ("a client secret", scene.push_with(&[("client_secret", "secret")]), 401, "invalid_client"),
        ("a request_uri", scene.push_with(&[("request_uri", "urn:x")]), 400, "invalid_request"),
        ("a request object", scene.push_with(&[("request", "a.b.c")]), 400, "invalid_request"),
        ("no redirect_uri", scene.push_with(&[("redirect_uri", "")]), 400, "invalid_request"),
        ("another redirect_uri", scene.push_with(&[("redirect_uri", &elsewhere)]), 400, "invalid_request"),
        (
            "a stranger's redirect_uri",
            scene.push_with(&[("redirect_uri", "https://mal.example/")]),
            400,
            "invalid_request",
        ),
        ("another response type", scene.push_with(&[("response_type", "token")]), 400, "invalid_request"),
        ("no challenge", scene.push_with(&[("code_challenge", "")]), 400, "invalid_request"),
        ("a plain challenge", scene.push_with(&[("code_challenge_method", "plain")]), 400, "invalid_request"),
        ("a state too long", scene.push_with(&[("state", &long)]), 400, "invalid_request"),
        ("no details", scene.push_with(&[("authorization_details", "")]), 400, "invalid_authorization_details"),
        (
            "details that are no JSON",
            scene.push_with(&[("authorization_details", "[{")]),
            400,
            "invalid_authorization_details",
        ),
        (
            "an unknown member in the details",
            scene.push_with(&[("authorization_details", &with("scope", json!("all")))]),
            400,
            "invalid_authorization_details",
        ),
        (
            "another type",
            scene.push_with(&[("authorization_details", &with("type", json!("https://mal.example/t")))]),
            400,
            "invalid_authorization_details",
        ),
        (
            "a member of the details twice",
            scene.push_with(&[(
                "authorization_details",
                &details.to_string().replacen('{', "{\"recipient\":\"saaq\",", 1),
            )]),
            400,
            "invalid_authorization_details",
        ),
        ("an Authorization header", scene.push_with(&[]).and("authorization", "Basic YTpi"), 400, "invalid_request"),
        ("a JSON body", scene.push_with(&[]).with("content-type", "application/json"), 400, "invalid_request"),
        (
            "a proof for another address",
            {
                let proof = scene.agency.proof("POST", &scene.releases(), None).unwrap();
                scene.push_with(&[]).with("dpop", &proof)
            },
            400,
            "invalid_dpop_proof",
        ),
        (
            "another key announced",
            scene.push_with(&[("dpop_jkt", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]),
            400,
            "invalid_dpop_proof",
        ),
    ] {
        let answer = scene.refused(what, &raw, status).await;
        assert_eq!(error(&answer), code, "{what}");
        assert!(answer.header("location").is_none(), "{what}: sent somewhere");
    }
    let oversized = scene.push_with(&[("state", &"x".repeat(70_000))]);
    scene.refused("an oversized form", &oversized, 413).await;

    // The browser is sent nowhere either, whatever its address says.
    let authorize = scene.agency.endpoint("authorization_endpoint").unwrap();
    for query in [
        format!("client_id={TOWN}"),
        format!("client_id={TOWN}&request_uri=urn:ietf:params:oauth:request_uri:inconnu"),
        format!("client_id={TOWN}&response_type=code&redirect_uri=https%3A%2F%2Fmal.example%2F"),
        format!("client_id={TOWN}&client_id={TOWN}&request_uri=x"),
    ] {
        let raw =
            Raw { method: Method::GET, url: format!("{authorize}?{query}"), headers: Vec::new(), body: Vec::new() };
        let answer = scene.refused(&query, &raw, 400).await;
        assert!(answer.header("location").is_none(), "{query}: sent somewhere");
    }
    let pushed = push(&scene.agency, &details).await;
    let foreign = pushed.url.replace(TOWN, ADDRESSES);
    let raw = Raw { method: Method::GET, url: foreign, headers: Vec::new(), body: Vec::new() };
    scene.refused("another client's request", &raw, 400).await;
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_assertions() {
    let scene = Scene::set().await;
    let now = SystemClock.now().unix();
    let key = scene.world.key(TOWN).unwrap();
    let claims = |change: Value| {
        let mut claims = json!({
            "iss": TOWN, "sub": TOWN, "aud": scene.world.issuer, "jti": format!("jti-{change}"), "iat": now,
            "exp": now + 60,
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    let signed = |key: &PrivateJwk, change: Value| {
        sign(&key.signer().unwrap(), "client-authentication+jwt", &claims(change)).unwrap()
    };
    let token_url = scene.agency.endpoint("token_endpoint").unwrap();
    let good = signed(key, json!({}));
    let payload = good.split('.').nth(1).unwrap();
    let parameters = scene.pushed();
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let push = |id: &str, assertion: &str| {
        scene.form_with(&scene.agency, id, "pushed_authorization_request_endpoint", assertion, &parameters)
    };
    for (what, assertion) in [
        ("no signature", format!("{}.{payload}.", unefois::jose::b64::encode(br#"{"alg":"none"}"#))),
        ("another client's key", signed(scene.world.key(ADDRESSES).unwrap(), json!({}))),
        ("an altered signature", altered(&good)),
        ("the token endpoint as audience", signed(key, json!({"aud": token_url}))),
        ("audiences in a list", signed(key, json!({"aud": [scene.world.issuer]}))),
        ("no audience", signed(key, json!({"aud": null}))),
        ("another subject", signed(key, json!({"sub": ADDRESSES}))),
        ("another issuer", signed(key, json!({"iss": ADDRESSES}))),
        ("one that is over", signed(key, json!({"exp": now - 1}))),
        ("one that never ends", signed(key, json!({"exp": null}))),
        ("one that ends too late", signed(key, json!({"exp": now + 3_600}))),
        ("an end that is text", signed(key, json!({"exp": (now + 60).to_string()}))),
        ("one from tomorrow", signed(key, json!({"iat": now + 120, "exp": now + 180}))),
        ("no identifier", signed(key, json!({"jti": null}))),
        ("nothing", String::new()),
    ] {
        let answer = scene.refused(what, &push(TOWN, &assertion), 401).await;
        assert_eq!(error(&answer), "invalid_client", "{what}");
    }
    let answer = scene.refused("an unknown client", &push("inconnu", &good), 401).await;
    assert_eq!(error(&answer), "invalid_client");
    assert_eq!(scene.send(&push(TOWN, &good)).await.status, 201);
    let answer = scene.refused("an assertion used before", &push(TOWN, &good), 401).await;
    assert_eq!(error(&answer), "invalid_client");
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes() {
    let mut scene = Scene::set().await;
    let redirect_uri = scene.world.redirect_uri(TOWN);
    let elsewhere = format!("{redirect_uri}/autre");
    // Each attempt has a code of its own: a wrong one may use it up.
    for what in [
        "another verifier",
        "no verifier",
        "another redirect_uri",
        "another client",
        "a parameter twice",
        "used before",
    ] {
        let pushed = push(&scene.agency, &RESIDENCE.details(&scene.world)).await;
        let page = scene.person.arrive(&pushed.url).await;
        let back = scene.person.agree(&page, &[]).await;
        let code = back["code"].as_str();
        let good = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &pushed.verifier),
        ];
        let changed = |name: &str, value: &'static str| {
            good.map(|(other, kept)| (other, if other == name { value } else { kept }))
        };
        let raw = match what {
            "another verifier" => scene.form(&scene.agency, TOWN, "token_endpoint", &changed("code_verifier", "autre")),
            "no verifier" => scene.form(&scene.agency, TOWN, "token_endpoint", &changed("code_verifier", "")),
            "another redirect_uri" => {
                let moved = good.map(|(name, kept)| (name, if name == "redirect_uri" { &elsewhere } else { kept }));
                scene.form(&scene.agency, TOWN, "token_endpoint", &moved)
            }
            "another client" => scene.form(&scene.other, ADDRESSES, "token_endpoint", &good),
            "a parameter twice" => {
                let twice: Vec<_> = good.into_iter().chain([("code", code)]).collect();
                scene.form(&scene.agency, TOWN, "token_endpoint", &twice)
            }
            _ => {
                scene.agency.redeem(&pushed, code).await.unwrap();
                scene.form(&scene.agency, TOWN, "token_endpoint", &good)
            }
        };
        let answer = scene.refused(what, &raw, 400).await;
        let code = if what == "a parameter twice" { "invalid_request" } else { "invalid_grant" };
        assert_eq!(error(&answer), code, "{what}");
    }
    let unknown = [("grant_type", "authorization_code"), ("code", "inconnu"), ("redirect_uri", redirect_uri.as_str())];
    let raw = scene.form(&scene.agency, TOWN, "token_endpoint", &unknown);
    assert_eq!(error(&scene.refused("an unknown code", &raw, 400).await), "invalid_grant");
    let raw = scene.form(&scene.agency, TOWN, "token_endpoint", &[("grant_type", "client_credentials")]);
    let answer = scene.refused("for what it holds, unnamed", &raw, 400).await;
    assert_eq!(error(&answer), "invalid_authorization_details");
    let raw = scene.form(&scene.agency, TOWN, "token_endpoint", &[("grant_type", "password")]);
    assert_eq!(error(&scene.refused("another grant type", &raw, 400).await), "unsupported_grant_type");
    let good = [("grant_type", "authorization_code"), ("code", "inconnu")];
    let raw = scene.form(&scene.agency, TOWN, "token_endpoint", &good).without("dpop");
    assert_eq!(error(&scene.refused("no proof", &raw, 400).await), "invalid_dpop_proof");
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts() {
    let scene = Scene::set().await;
    let url = format!("{}/v1/records/adresse", scene.world.issuer);
    let good = json!({"values": address("Val-Cendre"), "redirect_uri": scene.world.redirect_uri(PORTAL)});
    let put = |url: &str, body: String| {
        Scene::call(&scene.portal, &scene.portal_token, Method::PUT, url, &Value::Null).body(body)
    };
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let mut more = good.clone();
    more["values"]["sexe"] = json!("F");
    let mut unknown = good.clone();
    unknown["scope"] = json!("all");
    for (what, body, status) in [
        ("half an object", good.to_string()[..20].to_owned(), 400),
        ("a value twice", good.to_string().replace("\"ligne\":", "\"ligne\":\"1, rue Autre\",\"ligne\":"), 400),
        ("an unknown member", unknown.to_string(), 400),
        ("a stranger's redirect_uri", changed("/redirect_uri", json!("https://mal.example/")), 400),
        ("a value of a wrong type", changed("/values/ligne", json!(12)), 422),
        ("a value out of form", changed("/values/code-postal", json!("12345")), 422),
        ("a value too long", changed("/values/ligne", json!("x".repeat(121))), 422),
        ("a value that the kind does not have", more.to_string(), 422),
        ("values that are a list", changed("/values", json!([1])), 400),
        ("an oversized body", changed("/values/ligne", json!("x".repeat(70_000))), 413),
    ] {
        scene.refused(what, &put(&url, body), status).await;
    }
    let nowhere = format!("{}/v1/records/sante", scene.world.issuer);
    let before = log_size(&scene.world).await;
    let answer = scene.send(&put(&nowhere, good.to_string())).await;
    assert!([403, 404].contains(&answer.status.as_u16()), "a kind that nobody registered: {}", answer.status);
    // An authenticated portal that asks beyond its registration is refused in the log.
    assert!(log_size(&scene.world).await <= before + 1);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_not_the_persons() {
    let mut scene = Scene::set().await;
    let url = format!("{}/fr/decisions/{}", scene.world.issuer, scene.held.consent);
    let page = scene.person.browser.open(&url).await.unwrap().page().unwrap();
    let before = log_size(&scene.world).await;
    let forged = unefois::dev::browser::Page {
        html: page.html.replace("name=\"csrf\" value=\"", "name=\"csrf\" value=\"x"),
        ..page.clone()
    };
    for (what, page, fields) in [
        ("a forged form token", &forged, vec![("choice", "withdraw")]),
        ("a field twice", &page, vec![("choice", "withdraw"), ("choice", "keep")]),
    ] {
        let answer = scene.person.browser.submit(page, &fields).await.unwrap().page().unwrap();
        assert!([400, 403].contains(&answer.status), "{what}: {}", answer.status);
    }
    let large = "x".repeat(70_000);
    let answer = scene.person.browser.submit(&page, &[("choice", &large)]).await.unwrap().page().unwrap();
    assert_eq!(answer.status, 413);
    // Another person's decision is no decision at all.
    let mut stranger = Person::new(&scene.world, "noe");
    let theirs = stranger.browser.open(&format!("{}/fr/connexion", scene.world.issuer)).await.unwrap().page().unwrap();
    stranger.browser.submit(&theirs, &[("persona", "noe")]).await.unwrap();
    let answer = stranger.browser.open(&url).await.unwrap().page().unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(log_size(&scene.world).await, before);
    assert_eq!(scene.send(&scene.ask("cle")).await.status, 200);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_authenticated_asks_are_one_entry_each() {
    let scene = Scene::set().await;
    let before = log_size(&scene.world).await;
    // Beyond the purpose, with a token that is good.
    let beyond = json!({"consent_id": scene.held.consent, "purpose": "residence-municipale",
        "attributes": ["adresse.municipalite", "revenu.annuel"]});
    let answer = scene.agency.release(&scene.held.token, "cle-1", &beyond).await.unwrap();
    assert_eq!((answer.status.as_u16(), reasons(&answer)), (403, vec!["attribute-outside-purpose".to_owned()]));
    // Another body's consent is none.
    let foreign =
        json!({"consent_id": scene.held.consent, "purpose": "changement-adresse", "attributes": ["adresse.ligne"]});
    let answer = scene.other.release(&scene.other_held.token, "cle-1", &foreign).await.unwrap();
    assert_eq!((answer.status.as_u16(), reasons(&answer)), (403, vec!["no-authorisation".to_owned()]));
    // Beyond the purpose, at PAR.
    let beyond = Wanted { necessary: &["adresse.municipalite", "revenu.annuel"], ..RESIDENCE };
    let Err(answer) = scene.agency.push(&beyond.details(&scene.world), "etat").await.unwrap() else {
        panic!("PAR accepted an attribute outside the purpose");
    };
    assert_eq!((answer.status.as_u16(), error(&answer).as_str()), (400, "invalid_authorization_details"));
    assert_eq!(log_size(&scene.world).await, before + 3);
    scene.world.end().await;
}
