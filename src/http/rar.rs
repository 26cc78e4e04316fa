//! Rich authorization requests (RFC 9396), read strictly: an unknown type or member, a wrong JSON type, a repeated
//! value or one too many is `invalid_authorization_details`. Their schemas are served at `/types/…`.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::broker::Relying;
use crate::clock::Moment;
use crate::domain::{AttributeId, BodyId, ConsentAsk, ConsentId, KindId, PurposeId, SessionAsk, Terms};
use crate::jose::unique;

/// Path of the type by which an agency asks for a consent.
pub(super) const DATA_RELEASE: &str = "/types/data-release/v1";
/// Path of the type by which a portal opens a session.
pub(super) const PORTAL_SESSION: &str = "/types/portal-session/v1";

/// Largest `authorization_details`, in bytes.
const LARGEST: usize = 8 * 1024;
/// Most names in a list.
const LONGEST_LIST: usize = 64;
/// Longest reference of a body, in characters.
const LONGEST_CASE: usize = 80;

/// What a client asks for at PAR.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Details {
    /// An agency asks for a consent.
    Consent(ConsentAsk),
    /// A portal opens a session.
    Session(SessionAsk),
}

/// The request is not one of ours, or says what it must not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BadDetails;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DataRelease {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locations: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<String>>,
    purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose_version: Option<u32>,
    datatypes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    optional_datatypes: Vec<String>,
    recipient: String,
    #[serde(default, deserialize_with = "access", skip_serializing_if = "Option::is_none")]
    access: Option<Access>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case_ref: Option<String>,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    consent_id: Option<ConsentId>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Access {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_uses: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PortalSession {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drafts: Vec<String>,
}

fn access<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Access>, D::Error> {
    let members = Option::<Map<String, Value>>::deserialize(deserializer)?;
    members.map(|members| Access::deserialize(Value::Object(members)).map_err(serde::de::Error::custom)).transpose()
}

/// A consent that a client holds, of which it wants another access token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    #[serde(rename = "type")]
    kind: String,
    consent_id: ConsentId,
}

/// Reads the `authorization_details` by which a client names a consent that it holds.
pub(super) fn held(issuer: &str, text: &str) -> Result<ConsentId, BadDetails> {
    let held = Held::deserialize(one(text)?).map_err(|_| BadDetails)?;
    if held.kind == format!("{issuer}{DATA_RELEASE}") { Ok(held.consent_id) } else { Err(BadDetails) }
}

/// Reads `authorization_details` of a request to the broker at `issuer`.
pub(super) fn parse(issuer: &str, text: &str) -> Result<Details, BadDetails> {
    let asked = one(text)?;
    if let Ok(release) = DataRelease::deserialize(&asked) {
        return consent_ask(issuer, release).map(Details::Consent);
    }
    let session = PortalSession::deserialize(&asked).map_err(|_| BadDetails)?;
    session_ask(issuer, &session).map(Details::Session)
}

/// One question, one consent: an array of one. An object of it: serde would fill a struct from an array, by position.
fn one(text: &str) -> Result<Value, BadDetails> {
    if text.len() > LARGEST {
        return Err(BadDetails);
    }
    unique(text.as_bytes()).map_err(|_| BadDetails)?;
    let [asked] = serde_json::from_str::<[Map<String, Value>; 1]>(text).map_err(|_| BadDetails)?;
    Ok(Value::Object(asked))
}

fn consent_ask(issuer: &str, release: DataRelease) -> Result<ConsentAsk, BadDetails> {
    let here = release.locations.is_none_or(|at| at == [format!("{issuer}/v1/releases")]);
    let read = release.actions.is_none_or(|actions| actions == ["read"]);
    let case = release.case_ref;
    let short = case.as_ref().is_none_or(|case| !case.is_empty() && case.chars().count() <= LONGEST_CASE);
    if release.kind != format!("{issuer}{DATA_RELEASE}") || !here || !read || !short {
        return Err(BadDetails);
    }
    let attributes = names::<AttributeId>(&release.datatypes)?;
    let optional = names::<AttributeId>(&release.optional_datatypes)?;
    if attributes.is_empty() || !attributes.is_disjoint(&optional) {
        return Err(BadDetails);
    }
    let access = release.access.unwrap_or(Access { max_uses: None, not_after: None });
    if access.max_uses == Some(0) {
        return Err(BadDetails);
    }
    let until = access.not_after.map(|text| text.parse::<Moment>().map_err(|_| BadDetails)).transpose()?;
    Ok(ConsentAsk {
        purpose: release.purpose.parse::<PurposeId>().map_err(|_| BadDetails)?,
        purpose_version: release.purpose_version,
        attributes,
        optional,
        recipient: release.recipient.parse::<BodyId>().map_err(|_| BadDetails)?,
        until,
        max_uses: access.max_uses,
        case,
    })
}

fn session_ask(issuer: &str, session: &PortalSession) -> Result<SessionAsk, BadDetails> {
    let checks = names::<KindId>(&session.checks)?;
    let drafts = names::<KindId>(&session.drafts)?;
    let ours = session.kind == format!("{issuer}{PORTAL_SESSION}");
    if ours && !(checks.is_empty() && drafts.is_empty()) { Ok(SessionAsk { checks, drafts }) } else { Err(BadDetails) }
}

/// Names without repetition.
fn names<T: FromStr + Ord>(texts: &[String]) -> Result<BTreeSet<T>, BadDetails> {
    let names: BTreeSet<T> = texts.iter().map(|text| text.parse().map_err(|_| BadDetails)).collect::<Result<_, _>>()?;
    if names.len() == texts.len() && names.len() <= LONGEST_LIST { Ok(names) } else { Err(BadDetails) }
}

/// What was granted of an agency's request: narrowed to what the person left ticked, enriched with the consent.
pub(super) fn granted(issuer: &str, consent: ConsentId, terms: &Terms) -> Value {
    let release = DataRelease {
        kind: format!("{issuer}{DATA_RELEASE}"),
        locations: Some(vec![format!("{issuer}/v1/releases")]),
        actions: Some(vec!["read".to_owned()]),
        purpose: terms.purpose.to_string(),
        purpose_version: Some(terms.purpose_version),
        datatypes: terms.attributes.iter().map(ToString::to_string).collect(),
        optional_datatypes: Vec::new(),
        recipient: terms.receiving.to_string(),
        access: Some(Access { max_uses: terms.max_uses, not_after: Some(terms.until.to_string()) }),
        case_ref: terms.case.clone(),
        consent_id: Some(consent),
    };
    serde_json::json!([release])
}

/// What an agency may ask for once the person was told: what it asked for, and no consent.
pub(super) fn told(issuer: &str, relying: &Relying, until: Moment) -> Value {
    let release = DataRelease {
        kind: format!("{issuer}{DATA_RELEASE}"),
        locations: Some(vec![format!("{issuer}/v1/releases")]),
        actions: Some(vec!["read".to_owned()]),
        purpose: relying.purpose.to_string(),
        purpose_version: Some(relying.purpose_version),
        datatypes: relying.attributes.iter().map(ToString::to_string).collect(),
        optional_datatypes: Vec::new(),
        recipient: relying.body.to_string(),
        access: Some(Access { max_uses: None, not_after: Some(until.to_string()) }),
        case_ref: relying.case.clone(),
        consent_id: None,
    };
    serde_json::json!([release])
}

/// What was granted of a portal's request.
pub(super) fn granted_session(issuer: &str, ask: &SessionAsk) -> Value {
    let session = PortalSession {
        kind: format!("{issuer}{PORTAL_SESSION}"),
        checks: ask.checks.iter().map(ToString::to_string).collect(),
        drafts: ask.drafts.iter().map(ToString::to_string).collect(),
    };
    serde_json::json!([session])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://unefois.example";

    fn release(change: &str) -> Result<Details, BadDetails> {
        let good = r#""type":"https://unefois.example/types/data-release/v1","purpose":"aide-etudes",
            "datatypes":["revenu.annuel"],"recipient":"afe""#;
        parse(ISSUER, &format!("[{{{good}{change}}}]"))
    }

    #[test]
    fn a_request_is_read() {
        let Ok(Details::Consent(ask)) = release(r#","optional_datatypes":["revenu.annee"],"access":{"max_uses":2}"#)
        else {
            panic!("refused");
        };
        assert_eq!((ask.purpose.as_str(), ask.max_uses), ("aide-etudes", Some(2)));
        let session = r#"[{"type":"https://unefois.example/types/portal-session/v1","checks":["adresse"]}]"#;
        assert!(matches!(parse(ISSUER, session), Ok(Details::Session(_))));
    }

    #[test]
    fn a_consent_that_is_held_is_named_and_nothing_else_is_said_of_it() {
        let id = ConsentId::new([7; 16]);
        let named = |kind: &str, more: &str| {
            held(ISSUER, &format!(r#"[{{"type":"{ISSUER}{kind}","consent_id":"{id}"{more}}}]"#))
        };
        assert_eq!(named(DATA_RELEASE, ""), Ok(id));
        assert_eq!(named(PORTAL_SESSION, ""), Err(BadDetails));
        assert_eq!(named(DATA_RELEASE, r#","purpose":"aide-etudes""#), Err(BadDetails));
        assert_eq!(held(ISSUER, "[]"), Err(BadDetails));
    }

    #[test]
    fn anything_else_is_refused() {
        for change in [
            r#","scope":"all""#,
            r#","purpose":"autre""#,
            r#","consent_id":"c_AAAAAAAAAAAAAAAAAAAAAA""#,
            r#","actions":["write"]"#,
            r#","locations":["https://elsewhere.example"]"#,
            r#","case_ref":7"#,
            r#","case_ref":"""#,
            r#","access":{"max_uses":0}"#,
            r#","access":{"max_uses":-1}"#,
            r#","access":{"max_uses":1.5}"#,
            r#","access":{"not_after":"tomorrow"}"#,
            r#","access":{"until":"2027-01-01T00:00:00Z"}"#,
            r#","access":[2,null]"#,
            r#","access":{"max_uses":2,"max_uses":3}"#,
            r#","optional_datatypes":["revenu.annuel"]"#,
            r#","optional_datatypes":["revenu.annee","revenu.annee"]"#,
            r#","optional_datatypes":"revenu.annee""#,
        ] {
            assert_eq!(release(change), Err(BadDetails), "{change}");
        }
        let long = format!(r#","case_ref":"{}""#, "x".repeat(81));
        assert_eq!(release(&long), Err(BadDetails));
        let deep = format!(r#","access":{}{}"#, "[".repeat(100), "]".repeat(100));
        assert_eq!(release(&deep), Err(BadDetails));
        let by_position = r#"[["https://unefois.example/types/portal-session/v1",["adresse"]]]"#;
        for text in ["[]", "{}", "null", "[1]", "", r#"[{"type":"other"}]"#, by_position] {
            assert_eq!(parse(ISSUER, text), Err(BadDetails), "{text}");
        }
    }
}
