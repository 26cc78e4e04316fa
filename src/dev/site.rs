//! The partners' side, for who tries the pages by hand: a university's portal and the agencies, each a few pages that do
//! what a partner does, with the same client as the scenario.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::client::{Client, Pushed, Token};
use super::wire::Wire;
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::random;
use crate::jose::b64;
use crate::verify;

/// What a partner asks for.
struct Partner {
    client: &'static str,
    name: &'static str,
    wish: &'static str,
    /// Purpose, receiving body and attributes; none for the portal.
    asks: Option<(&'static str, &'static str, &'static [&'static str])>,
}

static PARTNERS: [Partner; 5] = [
    Partner {
        client: "portail-fleuve",
        name: "Portail étudiant de l’Université du Fleuve",
        wish: "Déposer mon adresse et mon revenu une seule fois",
        asks: None,
    },
    Partner {
        client: "afe-demandes",
        name: "Aide financière aux études",
        wish: "Demander de l’aide (revenu, renseignement sensible)",
        asks: Some(("aide-etudes", "afe", &["revenu.annuel", "revenu.annee"])),
    },
    Partner {
        client: "saaq-adresses",
        name: "SAAQ (démonstration)",
        wish: "Signaler mon changement d’adresse",
        asks: Some((
            "changement-adresse",
            "saaq",
            &["identite.nom", "adresse.ligne", "adresse.municipalite", "adresse.code-postal", "adresse.depuis"],
        )),
    },
    Partner {
        client: "val-cendre-residents",
        name: "Ville de Val-Cendre",
        wish: "Prouver que je réside ici",
        asks: Some(("residence-municipale", "ville-de-val-cendre", &["adresse.municipalite"])),
    },
    Partner {
        client: "mess-aide",
        name: "Aide sociale (démonstration)",
        wish: "Lire ce que le ministère reçoit sans consentement, en vertu d’une entente",
        asks: Some(("aide-sociale", "mess", &["revenu.annuel", "revenu.annee"])),
    },
];

/// The drafts that the portal submits.
fn drafts() -> [(&'static str, Value); 2] {
    [
        (
            "adresse",
            json!({"ligne": "12, rue de l’Île-aux-Coudres", "municipalite": "Val-Cendre",
            "code-postal": "G1A 1A1", "depuis": "2024-07-01"}),
        ),
        ("revenu", json!({"annuel": 18_450, "annee": 2025})),
    ]
}

/// The partners.
pub(super) struct Site {
    /// The broker's issuer.
    pub(super) issuer: String,
    /// How to reach it.
    pub(super) wire: Wire,
    /// The partners' clients by name.
    pub(super) clients: HashMap<String, Client>,
    /// The private keys that open what is encrypted to a body, as JSON.
    pub(super) encryption_keys: HashMap<String, String>,
    /// What is under way, by `state`.
    pub(super) under_way: Mutex<HashMap<String, UnderWay>>,
}

/// A person on their way through the broker.
pub(super) enum UnderWay {
    /// To decide.
    Request(Pushed),
    /// To confirm the portal's drafts, from this one on.
    Drafts(Token, usize),
}

#[derive(Template)]
#[template(
    source = r#"<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><link rel="stylesheet" href="/style.css"></head>
<body><header>ENVIRONNEMENT D’ESSAI : site fictif d’un partenaire</header><main><h1>{{ title }}</h1>
{%- for line in lines %}<p>{{ line }}</p>{% endfor %}
{%- if !rows.is_empty() %}<table>{% for (label, value) in rows %}<tr><th scope="row">{{ label }}</th><td>{{ value }}</td></tr>{% endfor %}</table>{% endif %}
{%- if !links.is_empty() %}<ul>{% for (href, label) in links %}<li><a href="{{ href }}">{{ label }}</a></li>{% endfor %}</ul>{% endif %}
</main></body></html>"#,
    ext = "html"
)]
struct Page {
    title: String,
    lines: Vec<String>,
    rows: Vec<(String, String)>,
    links: Vec<(String, String)>,
}

/// The partners' routes.
pub(super) fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/style.css", get(style))
        .route("/{client}/commencer", get(begin))
        .route("/{client}/retour", get(back))
        .with_state(Arc::new(site))
}

async fn index(State(site): State<Arc<Site>>) -> Response {
    let links = PARTNERS.iter().map(|it| (format!("/{}/commencer", it.client), format!("{} : {}", it.name, it.wish)));
    let own = [(format!("{}/fr/decisions", site.issuer), "Mes décisions, chez Unefois".to_owned())];
    let lines = vec![
        "Commencez par le portail : il dépose l’adresse et le revenu. Les organismes demandent ensuite.".to_owned(),
    ];
    show(&Page { title: "Partenaires fictifs".to_owned(), lines, rows: Vec::new(), links: links.chain(own).collect() })
}

async fn style() -> Response {
    const STYLE: &str = "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;color:#1b1b1b;background:#f6f4ef}\
        header{background:#6b4e00;color:#fff;padding:.5rem 1rem;font-weight:600}\
        main{max-width:42rem;margin:2rem auto;padding:0 1rem}li{margin:.75rem 0}a{color:#5a3e00}\
        table{border-collapse:collapse}th,td{text-align:left;padding:.375rem 1rem .375rem 0;border-bottom:1px solid #cbc3b0}";
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn begin(State(site): State<Arc<Site>>, Path(client): Path<String>) -> Response {
    let begun = async {
        let (partner, client) = site.partner(&client)?;
        let details = site.details(partner);
        let state = random::<12>().map(b64::encode).map_err(|fault| fault.to_string())?;
        let pushed = client.push(&details, &state).await?.map_err(|answer| answer.text())?;
        let url = pushed.url.clone();
        site.keep(state, UnderWay::Request(pushed));
        Ok(url)
    };
    match begun.await {
        Ok(url) => redirect(&url),
        Err(fault) => said("La demande n’a pas commencé", fault),
    }
}

async fn back(
    State(site): State<Arc<Site>>,
    Path(client): Path<String>,
    Query(brought): Query<HashMap<String, String>>,
) -> Response {
    let state = brought.get("state").cloned().unwrap_or_default();
    let under_way = site.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&state);
    let done = match (under_way, brought.get("code"), brought.get("result").map(String::as_str)) {
        _ if brought.get("iss") != Some(&site.issuer) => Err("le retour ne vient pas du bon émetteur".to_owned()),
        (Some(UnderWay::Request(pushed)), Some(code), _) => site.redeemed(&client, state, &pushed, code).await,
        (Some(UnderWay::Drafts(token, next)), _, Some("done")) => site.next_draft(&client, state, token, next).await,
        (Some(_), _, _) => Ok(said("Rien n’a été transmis", "Vous avez choisi de ne pas continuer.".to_owned())),
        (None, _, _) => Err("ce retour ne correspond à aucune demande en cours".to_owned()),
    };
    done.unwrap_or_else(|fault| said("Cela n’a pas abouti", fault))
}

impl Site {
    fn partner(&self, client: &str) -> Result<(&'static Partner, &Client), String> {
        let partner = PARTNERS.iter().find(|partner| partner.client == client);
        partner.zip(self.clients.get(client)).ok_or_else(|| "partenaire inconnu".to_owned())
    }

    fn keep(&self, state: String, under_way: UnderWay) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(state, under_way);
    }

    fn details(&self, partner: &Partner) -> Value {
        match partner.asks {
            None => json!([{"type": format!("{}/types/portal-session/v1", self.issuer),
                "checks": ["adresse", "revenu"], "drafts": ["adresse", "revenu"]}]),
            Some((purpose, recipient, attributes)) => json!([{
                "type": format!("{}/types/data-release/v1", self.issuer), "purpose": purpose,
                "recipient": recipient, "datatypes": attributes, "case_ref": "Dossier 2026-0042"}]),
        }
    }

    async fn redeemed(&self, client: &str, state: String, pushed: &Pushed, code: &str) -> Result<Response, String> {
        let (partner, caller) = self.partner(client)?;
        let token = caller.redeem(pushed, code).await?;
        match partner.asks {
            None => self.next_draft(client, state, token, 0).await,
            Some((purpose, recipient, attributes)) => {
                self.released(partner, caller, &token, (purpose, recipient, attributes)).await
            }
        }
    }

    /// Submits the next draft and sends the person to confirm it; at the end, asks what is on file.
    async fn next_draft(&self, client: &str, state: String, token: Token, next: usize) -> Result<Response, String> {
        let (_, caller) = self.partner(client)?;
        if let Some((kind, values)) = drafts().get(next) {
            let answer = caller.draft(&token, kind, values, &state).await?;
            let uri = answer.json().get("confirm_uri").and_then(Value::as_str).map(str::to_owned);
            let uri = uri.ok_or_else(|| answer.text())?;
            self.keep(state, UnderWay::Drafts(token, next + 1));
            return Ok(redirect(&uri));
        }
        let on_file = caller.check(&token).await?;
        Ok(said("C’est fait : déjà au dossier", on_file.text()))
    }

    async fn released(
        &self,
        partner: &Partner,
        caller: &Client,
        token: &Token,
        (purpose, recipient, attributes): (&str, &str, &[&str]),
    ) -> Result<Response, String> {
        let mut ask = json!({"purpose": purpose, "attributes": attributes});
        // Where the person was told and not asked, there is none.
        if let Some((ask, consent)) = ask.as_object_mut().zip(token.details.pointer("/0/consent_id")) {
            ask.insert("consent_id".to_owned(), consent.clone());
        }
        let key = random::<12>().map(b64::encode).map_err(|fault| fault.to_string())?;
        let answer = caller.release(token, &key, &ask).await?;
        let body = answer.json();
        let member = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(data_token), Some(proof)) = (member("data_token"), member("proof")) else {
            return Err(answer.text());
        };
        let keys = self.wire.get(&format!("{}/jwks", self.issuer)).await?.text();
        let vkey = self.wire.get(&format!("{}/log/vkey", self.issuer)).await?.text();
        let (claims, index) = self.verified(&data_token, &proof, &keys, vkey.trim(), recipient)?;
        let values = claims.get("values").and_then(Value::as_object).into_iter().flatten();
        let mut rows: Vec<(String, String)> = values
            .map(|(name, value)| (name.clone(), value.get("value").map(Value::to_string).unwrap_or_default()))
            .collect();
        rows.push(("inscription au journal".to_owned(), index.to_string()));
        let lines = vec![
            "Le jeton est signé, sa preuve d’inscription est vérifiée. L’organisme a reçu ceci, et rien d’autre."
                .to_owned(),
        ];
        let links = vec![(format!("{}/fr/decisions", self.issuer), "Mes décisions, chez Unefois".to_owned())];
        Ok(show(&Page { title: partner.name.to_owned(), lines, rows, links }))
    }

    fn verified(
        &self,
        token: &str,
        proof: &str,
        keys: &str,
        vkey: &str,
        audience: &str,
    ) -> Result<(serde_json::Map<String, Value>, u64), String> {
        let check = || {
            // An encrypted token has five parts.
            let encrypted = token.matches('.').count() == 4;
            let key = self.encryption_keys.get(audience).map(String::as_str).unwrap_or_default();
            let signed = if encrypted { verify::decrypt(token, key)? } else { token.to_owned() };
            let expected = verify::Expected { issuer: &self.issuer, audience, now: SystemClock.now().unix() };
            let token = verify::DataToken::verify(&signed, &verify::Jwks::parse(keys)?, &expected)?;
            let proof = verify::EntryProof::verify(proof, &verify::Vkey::parse(vkey)?)?;
            token.check_entry(&proof)?;
            Ok::<_, verify::Fault>((token.claims().clone(), proof.index()))
        };
        check().map_err(|fault| fault.to_string())
    }
}

fn redirect(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_owned())]).into_response()
}

fn said(title: &str, line: String) -> Response {
    let links = vec![("/".to_owned(), "Revenir aux partenaires".to_owned())];
    show(&Page { title: title.to_owned(), lines: vec![line], rows: Vec::new(), links })
}

fn show(page: &Page) -> Response {
    match page.render() {
        Ok(html) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
