//! What needs no service that answers; the rest of the flow is tested with one, in `dev`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::provider::Metadata;
use super::*;
use crate::clock::SystemClock;
use crate::domain::Language;
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
        manner: Manner::EVERYDAY,
        begun: Moment::from_unix(0),
    };
    send(login.ready());
    send(login.begin(Language::Fr, Manner::EVERYDAY));
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
