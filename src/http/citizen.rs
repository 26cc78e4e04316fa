//! Persons: from a partner's site through sign-in to a decision and back; and their own page of decisions.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::App;
use super::browser::{Browser, Stop};
use super::form::Form;
use super::oauth::{Grants, Pushed, Pushes, handle_of};
use super::portal::Waiting;
use super::problem::KINDS;
use super::view;
use crate::broker::{Asked, Chosen, PortalSession, Refusal};
use crate::clock::Moment;
use crate::crypto::sha256;
use crate::domain::{AttributeId, ConsentId, Giver, Language, Notice};
use crate::ephemeral::Space;
use crate::identity::AuthenticatedPerson;
use crate::identity::login::Callback;
use crate::jose::b64;
use crate::pages::{ActFor, Attestation, Home, Onward, Outcome, Problem, Receipt, Represented};

/// What brought the browser here.
enum Flow {
    Request(String, Box<Pushed>),
    Draft(String, Waiting),
}

/// `GET /oauth/authorize`: an agency or a portal hands a person over.
pub(super) async fn authorize(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    answer(async {
        let mut browser = app.browser(&headers, None).await?;
        let form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).ok();
        let handle = form.as_ref().and_then(|form| handle_of(form.get("request_uri")?));
        let client = form.as_ref().and_then(|form| form.get("client_id"));
        let pushed = match handle {
            Some(handle) => app.pushed(handle).await.map_err(|lost| app.lost(lost))?,
            None => None,
        };
        // Nobody is sent back to an address that no pushed request vouches for.
        let known = pushed.is_some_and(|pushed| Some(pushed.client.as_str()) == client);
        let Some(handle) = handle.filter(|_| known) else {
            return Err(app.message(&browser, StatusCode::BAD_REQUEST, Outcome::LinkExpired, None, None));
        };
        browser.session.begin(format!("request:{handle}"));
        app.keep(&browser).await?;
        Ok(app.redirect(&browser, &format!("/{}/demande", browser.language.code())))
    })
    .await
}

/// `GET /confirm/{name}`: a portal sends its person to confirm a draft. Good until it is answered, once.
pub(super) async fn confirm_uri(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let mut browser = app.browser(&headers, None).await?;
        let waiting: Option<Waiting> = app.get(Space::ConfirmUri, &name).await.map_err(|lost| app.lost(lost))?;
        if waiting.is_none() {
            return Err(app.message(&browser, StatusCode::NOT_FOUND, Outcome::LinkExpired, None, None));
        }
        browser.session.begin(format!("draft:{name}"));
        app.keep(&browser).await?;
        let next = if browser.session.person().is_some() { "brouillon" } else { "demande" };
        Ok(app.redirect(&browser, &format!("/{}/{next}", browser.language.code())))
    })
    .await
}

/// `GET /`: French first.
pub(super) async fn root() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/fr")]).into_response()
}

/// `GET /{language}`
pub(super) async fn home(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let browser = open(&app, &headers, &language).await?;
        let chrome = app.chrome(&browser, "");
        let sign_in_href = format!("/{}/connexion", browser.language.code());
        let page = Home { chrome, sign_in_href };
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
    })
    .await
}

/// `GET /{language}/demande`: who sent the person here, and what for.
pub(super) async fn arrival(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let browser = open(&app, &headers, &language).await?;
        let flow = flow(&app, &browser).await?;
        let (client, redirect_uri) = flow.client();
        let in_force = app.broker.in_force();
        let kind = match &flow {
            Flow::Draft(_, waiting) => {
                app.broker.draft_kind(&waiting.draft).map_err(|it| app.refused(&browser, &it))?
            }
            Flow::Request(..) => None,
        };
        let what = match &flow {
            Flow::Request(_, pushed) => Some(&pushed.what),
            Flow::Draft(..) => None,
        };
        let page = view::arrival(app.chrome(&browser, "demande"), in_force.catalogue(), client, what, kind.as_ref());
        let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[redirect_uri, app.persons.issuer()]))
    })
    .await
}

/// `POST /{language}/demande`
pub(super) async fn arrive(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (mut browser, form) = posted(&app, &headers, &language, &body).await?;
        if form.get("choice") != Some("continue") {
            return leave(&app, &mut browser).await;
        }
        if browser.session.person().is_some() {
            let next = next(&app, &browser).await?;
            return Ok(app.redirect(&browser, &next));
        }
        begin(&app, &mut browser).await
    })
    .await
}

/// `GET /{language}/connexion`
pub(super) async fn sign_in(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let mut browser = open(&app, &headers, &language).await?;
        begin(&app, &mut browser).await
    })
    .await
}

/// `GET /login/persons`: the identity service sends the person back.
pub(super) async fn signed_in(
    State(app): State<Arc<App>>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Response {
    answer(async {
        let mut browser = app.browser(&headers, None).await?;
        let pending = browser.session.pending.take();
        app.keep(&browser).await?;
        let failed = |outcome| app.message(&browser, StatusCode::BAD_REQUEST, outcome, None, None);
        let pending = pending.ok_or_else(|| failed(Outcome::SessionEnded))?;
        let signed_in = app.persons.finish(pending, callback).await.map_err(|fault| {
            tracing::warn!(%fault, "a sign-in failed");
            failed(Outcome::SessionEnded)
        })?;
        let strong = app.persons.is_strong(&signed_in);
        let sign_outs = app.broker.sign_outs(&signed_in).map_err(|it| app.refused(&browser, &it))?;
        browser.session.sign_in_person(signed_in, strong, app.broker.now(), sign_outs);
        app.rename(&mut browser).await?;
        Ok(app.redirect(&browser, &format!("/{}/pour-qui", browser.language.code())))
    })
    .await
}

/// `POST /{language}/quitter`
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (mut browser, _) = posted(&app, &headers, &language, &body).await?;
        app.forget(&mut browser).await?;
        Err(app.message(&browser, StatusCode::OK, Outcome::SignedOut, None, None))
    })
    .await
}

/// `GET /{language}/pour-qui`: for whom the person acts.
pub(super) async fn whom(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let mut browser = open(&app, &headers, &language).await?;
        let signed_in = browser.session.signed_in().cloned();
        let Some(signed_in) = signed_in else { return begin(&app, &mut browser).await };
        let own = Giver::Subject.may_decide_for(&signed_in.who, app.broker.now());
        match (own, signed_in.mandates.is_empty()) {
            (true, true) => {
                let acting = app.broker.acting_for_oneself(&signed_in).await;
                let acting = acting.map_err(|it| app.refused(&browser, &it))?;
                browser.session.act_for(acting);
                app.keep(&browser).await?;
                let next = next(&app, &browser).await?;
                Ok(app.redirect(&browser, &next))
            }
            (false, true) => Err(app.message(&browser, StatusCode::FORBIDDEN, Outcome::TooYoung, None, None)),
            (own, false) => {
                let represented = signed_in.mandates.iter().map(|found| Represented {
                    value: found.sub.clone(),
                    name: found.who.name.clone(),
                    kind: found.who.kind,
                    mandate: found.mandate.kind,
                });
                let page = ActFor {
                    chrome: app.chrome(&browser, "pour-qui"),
                    own: own.then(|| OWN.to_owned()),
                    represented: represented.collect(),
                };
                Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
            }
        }
    })
    .await
}

/// The form's value for acting for oneself; no identity service uses it as a `sub`.
const OWN: &str = "";

/// `POST /{language}/pour-qui`
pub(super) async fn choose_whom(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (mut browser, form) = posted(&app, &headers, &language, &body).await?;
        let ended = || app.message(&browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None);
        let signed_in = browser.session.signed_in().cloned().ok_or_else(ended)?;
        let acting = match form.get("subject") {
            None => app.broker.acting_for_oneself(&signed_in).await,
            Some(sub) => app.broker.acting_for(&signed_in, sub).await,
        };
        let acting = acting.map_err(|it| app.refused(&browser, &it))?;
        browser.session.act_for(acting);
        app.keep(&browser).await?;
        let next = next(&app, &browser).await?;
        Ok(app.redirect(&browser, &next))
    })
    .await
}

/// `GET /{language}/portail`: what a portal may do in this session.
pub(super) async fn session(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let browser = open(&app, &headers, &language).await?;
        beginner(&app, &browser)?;
        let (_, pushed, ask) = session_asked(&app, &browser).await?;
        let in_force = app.broker.in_force();
        let page = view::session(app.chrome(&browser, "portail"), in_force.catalogue(), &pushed.client, &ask);
        let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
    })
    .await
}

/// `POST /{language}/portail`
pub(super) async fn answer_session(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (mut browser, form) = posted(&app, &headers, &language, &body).await?;
        let person = beginner(&app, &browser)?;
        let (handle, pushed, ask) = session_asked(&app, &browser).await?;
        if form.get("choice") != Some("yes") {
            return leave(&app, &mut browser).await;
        }
        let session = PortalSession { client: pushed.client.clone(), subject: *person.subject(), ask };
        finish(&app, &mut browser, &handle, &pushed, Grants::Session(session)).await
    })
    .await
}

/// `GET /{language}/brouillon`: a portal's draft, to confirm or not.
pub(super) async fn draft(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let browser = open(&app, &headers, &language).await?;
        let person = beginner(&app, &browser)?;
        let Flow::Draft(_, waiting) = flow(&app, &browser).await? else {
            return Err(app.refused(&browser, &Refusal::Unknown));
        };
        let seen = app
            .broker
            .draft_view(&person, &waiting.draft)
            .map_err(|_| app.message(&browser, StatusCode::FORBIDDEN, Outcome::OtherPerson, None, None))?;
        let in_force = app.broker.in_force();
        let page = view::draft(app.chrome(&browser, "brouillon"), in_force.catalogue(), &waiting.client, &seen);
        let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[&waiting.redirect_uri]))
    })
    .await
}

/// `POST /{language}/brouillon`
pub(super) async fn answer_draft(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (mut browser, form) = posted(&app, &headers, &language, &body).await?;
        let person = person(&app, &browser)?;
        let Flow::Draft(name, waiting) = flow(&app, &browser).await? else {
            return Err(app.refused(&browser, &Refusal::Unknown));
        };
        let (confirmed, same_session) = (form.get("choice") == Some("yes"), browser.session.is_same());
        if !confirmed && !same_session {
            return Err(app.message(&browser, StatusCode::FORBIDDEN, Outcome::OtherPerson, None, None));
        }
        let done = if confirmed {
            app.broker.confirm(&person, &waiting.draft, browser.language, same_session).await.map(|_| ())
        } else {
            app.broker.discard(&person, &waiting.draft).await
        };
        done.map_err(|it| app.refused(&browser, &it))?;
        app.remove(Space::ConfirmUri, &name).await.map_err(|lost| app.lost(lost))?;
        browser.session.end_flow();
        app.keep(&browser).await?;
        let result = if confirmed { "done" } else { "abandoned" };
        let back = app.back(&waiting.redirect_uri, &[("result", result)], waiting.state.as_deref());
        Ok(app.redirect(&browser, &back))
    })
    .await
}

/// `GET /{language}/consentement`: the question, with the exact values.
pub(super) async fn consent(State(app): State<Arc<App>>, Path(language): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let mut browser = open(&app, &headers, &language).await?;
        let person = beginner(&app, &browser)?;
        let (_, pushed, asked) = consent_asked(&app, &browser).await?;
        if step_up(&app, &asked) && !person.express() {
            return begin(&app, &mut browser).await;
        }
        let shown = browser.session.show(app.broker.now());
        app.keep(&browser).await?;
        let page = question(&app, &browser, &person, &asked, shown).await?;
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
    })
    .await
}

/// `POST /{language}/consentement`
pub(super) async fn answer_consent(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (mut browser, form) = posted(&app, &headers, &language, &body).await?;
        let person = person(&app, &browser)?;
        let (handle, pushed, asked) = consent_asked(&app, &browser).await?;
        let shown = browser.session.shown().ok_or_else(|| app.refused(&browser, &Refusal::State))?;
        let mut page = question(&app, &browser, &person, &asked, shown).await?;
        let ticked = |name| form.list(name).filter_map(|id| id.parse::<AttributeId>().ok());
        let chosen = Chosen {
            optional: ticked("with").chain(ticked("express")).collect(),
            express: ticked("express").collect(),
            notice: notice(&page, browser.language, shown).ok_or_else(|| app.refused(&browser, &Refusal::State))?,
            same_session: browser.session.is_same(),
        };
        match form.get("choice") {
            Some("yes") if view::lacks_express(&mut page, &chosen) => {
                Ok(app.page(&browser, StatusCode::UNPROCESSABLE_ENTITY, page.render(), &[&pushed.redirect_uri]))
            }
            Some("yes") => {
                let given = app.broker.give(&person, &asked, &chosen).await;
                let given = given.map_err(|it| app.refused(&browser, &it))?;
                finish(&app, &mut browser, &handle, &pushed, given.into()).await
            }
            // No rule speaks of a no: it is told here that it would be another's.
            Some("no") if !chosen.same_session => {
                Err(app.message(&browser, StatusCode::FORBIDDEN, Outcome::OtherPerson, None, None))
            }
            Some("no") => {
                let declined = app.broker.decline(&person, &asked, &chosen).await;
                declined.map_err(|it| app.refused(&browser, &it))?;
                leave(&app, &mut browser).await
            }
            // Enter, pressed in a box: nothing is decided.
            None if form.get("again").is_some() => {
                view::keep_ticks(&mut page, &chosen);
                Ok(app.page(&browser, StatusCode::OK, page.render(), &[&pushed.redirect_uri]))
            }
            _ => Err(app.message(&browser, StatusCode::BAD_REQUEST, Outcome::BadRequest, None, None)),
        }
    })
    .await
}

/// `GET /{language}/decisions`: what the person decided, and what was released.
pub(super) async fn decisions(
    State(app): State<Arc<App>>,
    Path(language): Path<String>,
    headers: HeaderMap,
) -> Response {
    answer(async {
        let mut browser = open(&app, &headers, &language).await?;
        let Some(person) = browser.session.person() else { return begin(&app, &mut browser).await };
        let newest = app.broker.ledger().head().ok().and_then(|head| head.size.checked_sub(1));
        let shown = app.broker.decisions(&person, newest).await.map_err(|it| app.refused(&browser, &it))?;
        let records = app.broker.records(&person).map_err(|it| app.refused(&browser, &it))?;
        let in_force = app.broker.in_force();
        let chrome = app.chrome(&browser, "decisions");
        let page = view::decisions(chrome, in_force.catalogue(), &shown, &records, app.broker.now());
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
    })
    .await
}

/// `GET /{language}/decisions/{consent}`: taking a consent back, to confirm.
pub(super) async fn withdrawal(
    State(app): State<Arc<App>>,
    Path((language, consent)): Path<(String, ConsentId)>,
    headers: HeaderMap,
) -> Response {
    answer(async {
        let mut browser = open(&app, &headers, &language).await?;
        let Some(person) = browser.session.person() else { return begin(&app, &mut browser).await };
        let shown = app.broker.decisions(&person, None).await.map_err(|it| app.refused(&browser, &it))?;
        let chrome = app.chrome(&browser, &format!("decisions/{consent}"));
        let in_force = app.broker.in_force();
        let page = shown.iter().find(|shown| shown.consent.id == consent);
        let page = page.map(|shown| view::withdraw(chrome, in_force.catalogue(), shown, app.broker.now()));
        let page = page.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
    })
    .await
}

/// `POST /{language}/decisions/{consent}`
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    Path((language, consent)): Path<(String, ConsentId)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(async {
        let (browser, form) = posted(&app, &headers, &language, &body).await?;
        let person = person(&app, &browser)?;
        let onward = || Some(Onward::Decisions { href: format!("/{}/decisions", browser.language.code()) });
        if form.get("choice") != Some("withdraw") {
            return Err(app.message(&browser, StatusCode::OK, Outcome::Kept, None, onward()));
        }
        let index = app.broker.withdraw(&person, &consent).await.map_err(|it| app.refused(&browser, &it))?;
        let receipt = Receipt { at: app.broker.now(), index };
        Err(app.message(&browser, StatusCode::OK, Outcome::Withdrawn, Some(receipt), onward()))
    })
    .await
}

/// `GET /{language}/preuves/{index}`: the entry proof of one of the person's own releases.
pub(super) async fn proof(
    State(app): State<Arc<App>>,
    Path((language, index)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Response {
    answer(async {
        let browser = open(&app, &headers, &language).await?;
        let person = person(&app, &browser)?;
        let proof = app.broker.own_proof(&person, index).map_err(|it| app.refused(&browser, &it))?;
        Ok(view::download(&proof.to_string(), &format!("entree-{index}.tlog-proof")))
    })
    .await
}

/// `GET /{language}/english`: the gate before English.
pub(super) async fn gate(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    answer(async {
        let browser = app.browser(&headers, Some(Language::Fr)).await?;
        app.keep(&browser).await?;
        let form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).unwrap_or_default();
        let next = form.get("vers").filter(|path| is_path(path)).unwrap_or_default().to_owned();
        let page = Attestation { chrome: app.chrome(&browser, "english"), next };
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
    })
    .await
}

/// `POST /{language}/english`: that the person attested is kept with the session; on what ground is never asked.
pub(super) async fn attest(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(async {
        let (mut browser, form) = app.form(&headers, Language::Fr, &body).await?;
        let next = form.get("next").filter(|path| is_path(path)).unwrap_or_default();
        let attested = form.get("choice") == Some("attest");
        browser.session.attested = attested;
        browser.session.language = if attested { Language::En } else { Language::Fr };
        app.keep(&browser).await?;
        let language = browser.session.language.code();
        Ok(app.redirect(&browser, format!("/{language}/{next}").trim_end_matches('/')))
    })
    .await
}

/// `GET /problems/{slug}`: cause and mend of a kind of problem.
pub(super) async fn problem(State(app): State<Arc<App>>, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    answer(async {
        let browser = app.browser(&headers, None).await?;
        let kind = KINDS.iter().find(|kind| kind.slug == slug);
        let kind = kind.ok_or_else(|| app.refused(&browser, &Refusal::Unknown))?;
        let [title, cause, mend] = kind.texts();
        let chrome = app.chrome(&browser, "");
        let status = kind.status.as_u16();
        let page = Problem { chrome, kind: slug, status, title, cause, mend, sections: Vec::new() };
        Ok(app.page(&browser, StatusCode::OK, page.render(), &[]))
    })
    .await
}

/// Any other address.
pub(super) async fn nowhere(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    answer(async {
        let browser = app.browser(&headers, None).await?;
        Err(app.refused(&browser, &Refusal::Unknown))
    })
    .await
}

/// Runs a handler; a page that ends it early is its answer.
pub(super) async fn answer(handler: impl Future<Output = Result<Response, Stop>>) -> Response {
    handler.await.unwrap_or_else(|stop| *stop)
}

/// The browser behind a request for a page. English comes after the gate.
pub(super) async fn open(app: &App, headers: &HeaderMap, language: &str) -> Result<Browser, Stop> {
    let asked = language_of(language);
    let mut browser = app.browser(headers, asked).await?;
    match asked {
        None => Err(app.refused(&browser, &Refusal::Unknown)),
        Some(Language::En) if !browser.session.attested => Err(Box::new(app.redirect(&browser, "/fr/english"))),
        Some(language) => {
            browser.session.language = language;
            app.keep(&browser).await?;
            Ok(browser)
        }
    }
}

/// The browser behind a form.
pub(super) async fn posted(
    app: &App,
    headers: &HeaderMap,
    language: &str,
    body: &[u8],
) -> Result<(Browser, Form), Stop> {
    app.form(headers, language_of(language).unwrap_or_default(), body).await
}

fn language_of(code: &str) -> Option<Language> {
    [Language::Fr, Language::En].into_iter().find(|language| language.code() == code)
}

/// Whether this is a path of ours without more: nobody is sent elsewhere by what an address says.
fn is_path(path: &str) -> bool {
    path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/')) && !path.starts_with('/')
}

fn person(app: &App, browser: &Browser) -> Result<AuthenticatedPerson, Stop> {
    let ended = || app.message(browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None);
    browser.session.person().ok_or_else(ended)
}

/// The person who goes on with what they began here; a page where another came in since, or acts for another.
fn beginner(app: &App, browser: &Browser) -> Result<AuthenticatedPerson, Stop> {
    let person = person(app, browser)?;
    let other = browser.session.flow().is_some() && !browser.session.is_begun_by_them();
    if other { Err(app.message(browser, StatusCode::FORBIDDEN, Outcome::OtherPerson, None, None)) } else { Ok(person) }
}

/// Sends the browser to the identity service: with step-up where what is asked is sensitive.
async fn begin(app: &App, browser: &mut Browser) -> Result<Response, Stop> {
    let strong = match flow(app, browser).await {
        Ok(Flow::Request(_, pushed)) => matches!(&pushed.what, Pushes::Consent(asked) if step_up(app, asked)),
        _ => false,
    };
    match app.persons.begin(browser.language, strong).await {
        Ok((to, pending)) => {
            browser.session.pending = Some(pending);
            app.keep(browser).await?;
            Ok(app.redirect(browser, &to))
        }
        Err(fault) => {
            tracing::error!(%fault, "no sign-in begins");
            Err(app.message(browser, StatusCode::SERVICE_UNAVAILABLE, Outcome::Unavailable, None, None))
        }
    }
}

/// Whether consenting to this takes a stronger sign-in.
fn step_up(app: &App, asked: &Asked) -> bool {
    let in_force = app.broker.in_force();
    let mut attributes = asked.ask.attributes.iter().chain(&asked.ask.optional);
    attributes.any(|id| in_force.catalogue().sensitive(id))
}

/// What brought the browser here; a page where it is over.
async fn flow(app: &App, browser: &Browser) -> Result<Flow, Stop> {
    let ended = || app.message(browser, StatusCode::NOT_FOUND, Outcome::LinkExpired, None, None);
    let (kind, name) = browser.session.flow().and_then(|flow| flow.split_once(':')).ok_or_else(ended)?;
    let found = if kind == "draft" {
        let waiting: Option<Waiting> = app.get(Space::ConfirmUri, name).await.map_err(|lost| app.lost(lost))?;
        waiting.map(|waiting| Flow::Draft(name.to_owned(), waiting))
    } else {
        let pushed = app.pushed(name).await.map_err(|lost| app.lost(lost))?;
        pushed.map(|pushed| Flow::Request(name.to_owned(), Box::new(pushed)))
    };
    found.ok_or_else(ended)
}

impl Flow {
    fn client(&self) -> (&crate::domain::ClientId, &str) {
        match self {
            Self::Request(_, pushed) => (&pushed.client, &pushed.redirect_uri),
            Self::Draft(_, waiting) => (&waiting.client, &waiting.redirect_uri),
        }
    }
}

/// Where a signed-in person goes on.
async fn next(app: &App, browser: &Browser) -> Result<String, Stop> {
    let page = match browser.session.flow() {
        None => "decisions",
        Some(_) => match flow(app, browser).await? {
            Flow::Draft(..) => "brouillon",
            Flow::Request(_, pushed) => match pushed.what {
                Pushes::Consent(_) => "consentement",
                Pushes::Session(_) => "portail",
            },
        },
    };
    Ok(format!("/{}/{page}", browser.language.code()))
}

async fn consent_asked(app: &App, browser: &Browser) -> Result<(String, Box<Pushed>, Asked), Stop> {
    match flow(app, browser).await? {
        Flow::Request(handle, pushed) => match pushed.what.clone() {
            Pushes::Consent(asked) => Ok((handle, pushed, asked)),
            Pushes::Session(_) => Err(app.refused(browser, &Refusal::Unknown)),
        },
        Flow::Draft(..) => Err(app.refused(browser, &Refusal::Unknown)),
    }
}

async fn session_asked(app: &App, browser: &Browser) -> Result<(String, Box<Pushed>, crate::domain::SessionAsk), Stop> {
    match flow(app, browser).await? {
        Flow::Request(handle, pushed) => match pushed.what.clone() {
            Pushes::Session(ask) => Ok((handle, pushed, ask)),
            Pushes::Consent(_) => Err(app.refused(browser, &Refusal::Unknown)),
        },
        Flow::Draft(..) => Err(app.refused(browser, &Refusal::Unknown)),
    }
}

/// The question as it stands before the person.
async fn question(
    app: &App,
    browser: &Browser,
    person: &AuthenticatedPerson,
    asked: &Asked,
    shown: Moment,
) -> Result<crate::pages::Consent, Stop> {
    let attributes = asked.ask.attributes.union(&asked.ask.optional).cloned().collect();
    let values = app.broker.preview(person, attributes).await.map_err(|it| app.refused(browser, &it))?;
    let in_force = app.broker.in_force();
    let chrome = app.chrome(browser, "consentement");
    let custodian = app.broker.custodian();
    let page = view::consent(chrome, in_force.catalogue(), custodian, person, asked, &values, shown);
    page.ok_or_else(|| app.refused(browser, &Refusal::Unknown))
}

/// What the person had before their eyes: enough to prove it.
fn notice(page: &crate::pages::Consent, language: Language, shown: Moment) -> Option<Notice> {
    let hash = |language| page.notice_text(language).ok().map(|text| b64::encode(sha256(&[text.as_bytes()])));
    let (sha256_fr, sha256) = (hash(Language::Fr)?, hash(language)?);
    Some(Notice { template: "consent/v1".to_owned(), language, sha256_fr, sha256, shown })
}

/// Ends a request with a grant, and sends the person back.
async fn finish(
    app: &App,
    browser: &mut Browser,
    handle: &str,
    pushed: &Pushed,
    grants: Grants,
) -> Result<Response, Stop> {
    let back = app.complete(handle, pushed, grants).await.map_err(|lost| app.lost(lost))?;
    browser.session.end_flow();
    app.keep(browser).await?;
    Ok(app.redirect(browser, &back))
}

/// Ends what brought the browser here without a grant, and sends the person back.
async fn leave(app: &App, browser: &mut Browser) -> Result<Response, Stop> {
    let back = match flow(app, browser).await? {
        Flow::Request(handle, pushed) => app.abandon(&handle, &pushed).await.map_err(|lost| app.lost(lost))?,
        Flow::Draft(name, waiting) => {
            // The portal is told that it is over: then it is, and the draft goes with its time.
            app.remove(Space::ConfirmUri, &name).await.map_err(|lost| app.lost(lost))?;
            app.back(&waiting.redirect_uri, &[("result", "abandoned")], waiting.state.as_deref())
        }
    };
    browser.session.end_flow();
    app.keep(browser).await?;
    Ok(app.redirect(browser, &back))
}
