//! A browser: its session, its forms, the pages it gets.
//!
//! INVARIANT: a form changes something only with the session's own token; a page is shown under a policy that lets
//! nothing else in.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::form::Form;
use super::{problem, view};
use crate::broker::Refusal;
use crate::crypto::{equal, random};
use crate::domain::{Contact, Language, SubjectKind, Text};
use crate::ephemeral::{Lost, Space};
use crate::identity::{SESSION_LIFE, Session};
use crate::jose::b64;
use crate::pages::{Asset, Chrome, Message, Onward, Outcome, Party, Receipt};
use crate::policy::Denial;

/// A session with the name that the browser's cookie holds.
pub(super) struct Browser {
    pub(super) name: String,
    pub(super) session: Session,
    pub(super) language: Language,
    /// Whether the cookie has to be set.
    new: bool,
    /// Whether this is what the browser kept itself, since the engine of sessions does not answer: nothing is put there.
    standby: bool,
    /// Whether its cookies have to go.
    over: bool,
}

impl Browser {
    /// Whether its session is what it kept itself, which has nothing to go on with.
    pub(super) const fn is_standby(&self) -> bool {
        self.standby
    }
}

/// A page that ends a request early; boxed, since most do not.
pub(super) struct Stop(Box<Response>);

impl From<Response> for Stop {
    fn from(page: Response) -> Self {
        Self(Box::new(page))
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl App {
    /// The browser's session, or a new one. An address that names no `language` speaks the one last read.
    pub(super) async fn browser(&self, headers: &HeaderMap, language: Option<Language>) -> Result<Browser, Stop> {
        let name = cookie(headers, self.cookie_name());
        if let Some(name) = name {
            let (session, standby) = match self.get(Space::Session, &name).await {
                Ok(session) => (session, false),
                Err(Lost::Unavailable) => {
                    let lost = || self.lost(Lost::Unavailable);
                    (Some(self.standby(headers, &name).ok_or_else(lost)?), true)
                }
                Err(lost) => return Err(self.lost(lost)),
            };
            let now = self.broker.now();
            if let Some(session) = session.filter(|session| !session.has_ended(now))
                && !self.has_signed_out(&session)?
            {
                let language = language.unwrap_or(session.language);
                return Ok(Browser { name, session, language, new: false, standby, over: false });
            }
        }
        let fresh = || random::<32>().map(b64::encode).map_err(|_| self.lost(Lost::Unavailable));
        let language = language.unwrap_or_default();
        let (name, session) = (fresh()?, Session::new(fresh()?));
        Ok(Browser { name, session, language, new: true, standby: false, over: false })
    }

    /// The browser whose form this is; a page where the form is not its own.
    pub(super) async fn form(
        &self,
        headers: &HeaderMap,
        language: Language,
        body: &[u8],
    ) -> Result<(Browser, Form), Stop> {
        let browser = self.browser(headers, Some(language)).await?;
        let form = Form::parse(body, &["with", "express"]);
        let same_site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
        match form {
            Ok(form) if same_site && !browser.new => {
                let csrf = form.get("csrf").unwrap_or_default();
                if equal(csrf.as_bytes(), browser.session.csrf.as_bytes()) {
                    return Ok((browser, form));
                }
                Err(self.message(&browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None))
            }
            Ok(_) => Err(self.message(&browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None)),
            Err(_) => Err(self.message(&browser, StatusCode::BAD_REQUEST, Outcome::BadRequest, None, None)),
        }
    }

    /// What the browser kept itself of the session of this name: void with the epoch, which is the store's.
    fn standby(&self, headers: &HeaderMap, name: &str) -> Option<Session> {
        let sealed = b64::decode(&cookie(headers, self.standby_cookie())?).ok()?;
        let epoch = self.broker.ledger().head().ok()?.ephemeral;
        self.broker.ephemeral().unseal(epoch, Space::Standby, name, &sealed)
    }

    /// Keeps the session that a page only reads, where it has changed. Where the engine reads and does not write, who
    /// acts goes on with what their browser keeps; nothing of the page depends on more.
    pub(super) async fn keep_to_read(&self, browser: &mut Browser, changed: bool) -> Result<(), Stop> {
        if browser.standby || !(changed || browser.new) {
            return Ok(());
        }
        let acts = browser.session.person(self.broker.now()).is_some();
        match self.put(Space::Session, &browser.name, &browser.session, SESSION_LIFE).await {
            Err(Lost::Unavailable) if acts => browser.standby = true,
            kept => kept.map_err(|lost| self.lost(lost))?,
        }
        Ok(())
    }

    /// Keeps the session.
    pub(super) async fn keep(&self, browser: &Browser) -> Result<(), Stop> {
        if browser.standby {
            return Ok(());
        }
        let kept = self.put(Space::Session, &browser.name, &browser.session, SESSION_LIFE).await;
        kept.map_err(|lost| self.lost(lost))
    }

    /// Gives the session another name: whoever knew the old one, before the person signed in, knows nothing now.
    pub(super) async fn rename(&self, browser: &mut Browser) -> Result<(), Stop> {
        self.remove(Space::Session, &browser.name).await.map_err(|lost| self.lost(lost))?;
        browser.name = random::<32>().map(b64::encode).map_err(|_| self.lost(Lost::Unavailable))?;
        browser.new = true;
        self.keep(browser).await
    }

    /// Whether somebody in the session has signed out since: then it is over, whatever the engine holds. In doubt,
    /// nothing is done, and the browser keeps its cookies for when it can be told.
    fn has_signed_out(&self, session: &Session) -> Result<bool, Stop> {
        for (signed_in, before) in session.sign_ins() {
            let now = self.broker.sign_outs(signed_in).map_err(|fault| {
                tracing::error!(%fault, "a session cannot be told from one that ended");
                self.lost(Lost::Unavailable)
            })?;
            if now != before {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends the session: in the store first, which is what counts.
    pub(super) async fn forget(&self, browser: &mut Browser) -> Result<(), Stop> {
        for (signed_in, _) in browser.session.sign_ins() {
            self.broker.sign_out(signed_in).await.map_err(|refusal| self.refused(browser, &refusal))?;
        }
        // What the engine still holds of it is void by now, so one that does not answer keeps nobody in.
        if !browser.standby
            && let Err(lost) = self.remove(Space::Session, &browser.name).await
        {
            tracing::warn!(%lost, "a session that ended is not removed");
        }
        browser.session = Session::new(String::new());
        (browser.new, browser.over) = (false, true);
        Ok(())
    }

    /// What surrounds a page.
    pub(super) fn chrome(&self, browser: &Browser, path: &str) -> Chrome {
        let language = browser.language;
        let other = match language {
            Language::Fr => Language::En,
            Language::En => Language::Fr,
        };
        let at = |language: Language| format!("/{}/{path}", language.code()).trim_end_matches('/').to_owned();
        let through_gate = other == Language::En && browser.session.attested.is_none();
        let other_href = if through_gate { format!("/fr/english?vers={path}") } else { at(other) };
        let person = browser.session.person(self.broker.now());
        let acting = person.as_ref().map(|person| person.who().name.clone());
        let signed_in = browser.session.signed_in().map(|signed_in| signed_in.who.name.clone());
        let officer = browser.session.officer().map(|officer| officer.name().to_owned());
        let (custodian, help) = self.custodian();
        Chrome {
            language,
            other_language_href: Some(other_href),
            trial: self.trial,
            acting_for: acting.filter(|name| Some(name) != signed_in.as_ref()),
            subject: person.as_ref().map_or(SubjectKind::Person, |person| person.who().kind),
            signed_in: if path.starts_with("registre") { officer } else { signed_in.or(officer) },
            sign_out_href: format!("/{}/quitter", language.code()),
            home_href: format!("/{}", language.code()),
            csrf: browser.session.csrf.clone(),
            path: at(language),
            custodian,
            help,
        }
    }

    fn custodian(&self) -> (Text, Contact) {
        let in_force = self.broker.in_force();
        let found = in_force.catalogue().bodies.get(&self.broker.custodian().body).map(Party::from);
        let unnamed = || Text { fr: "Unefois".to_owned(), en: "Unefois".to_owned() };
        let nobody = || Contact { title: unnamed(), email: String::new(), phone: String::new() };
        found.map_or_else(|| (unnamed(), nobody()), |party| (party.name, party.contact))
    }

    /// A page. `onward` are the addresses outside to which its form may lead.
    pub(super) fn page(
        &self,
        browser: &Browser,
        status: StatusCode,
        html: Result<String, impl std::fmt::Display>,
        onward: &[&str],
    ) -> Response {
        let html = match html {
            Ok(html) => html,
            Err(fault) => {
                tracing::error!(%fault, "a page does not render");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let mut response = (status, html).into_response();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        let origins: Vec<String> = onward.iter().filter_map(|uri| origin(uri)).collect();
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; frame-ancestors 'none'; \
             base-uri 'none'",
            origins.join(" ")
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        self.set_cookie(browser, response)
    }

    /// A page that says one thing.
    pub(super) fn message(
        &self,
        browser: &Browser,
        status: StatusCode,
        outcome: Outcome,
        receipt: Option<Receipt>,
        onward: Option<Onward>,
    ) -> Stop {
        let chrome = self.chrome(browser, "");
        let page = Message { chrome, outcome, reasons: Vec::new(), receipt, onward };
        self.page(browser, status, askama::Template::render(&page), &[]).into()
    }

    /// What the rules refuse, as a page: who asked for it themself is told every reason (P4).
    pub(super) fn denied(&self, browser: &Browser, outcome: Outcome, denial: &Denial) -> Stop {
        let reasons = denial.reasons().iter().map(view::reason).collect();
        let page = Message { chrome: self.chrome(browser, ""), outcome, reasons, receipt: None, onward: None };
        self.page(browser, StatusCode::FORBIDDEN, askama::Template::render(&page), &[]).into()
    }

    /// A refusal, as a page.
    pub(super) fn refused(&self, browser: &Browser, refusal: &Refusal) -> Stop {
        if let Refusal::Denied(denial) = refusal {
            return self.denied(browser, Outcome::Refused, denial);
        }
        let (status, outcome) = problem::outcome(refusal);
        let decisions = || Onward::Decisions { href: format!("/{}/decisions", browser.language.code()) };
        let onward = (outcome == Outcome::Answered).then(decisions);
        self.message(browser, status, outcome, None, onward)
    }

    /// The engine of sessions does not answer, as a page.
    pub(super) fn lost(&self, lost: Lost) -> Stop {
        let session = Session::new(String::new());
        let (name, language) = (String::new(), Language::Fr);
        let browser = Browser { name, session, language, new: false, standby: false, over: false };
        self.refused(&browser, &Refusal::from(lost))
    }

    /// Sends the browser on, with its cookie.
    pub(super) fn redirect(&self, browser: &Browser, to: &str) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        if let Ok(to) = HeaderValue::from_str(to) {
            response.headers_mut().insert(header::LOCATION, to);
        }
        self.set_cookie(browser, response)
    }

    fn set_cookie(&self, browser: &Browser, mut response: Response) -> Response {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let session = browser.new.then(|| (self.cookie_name(), browser.name.clone()));
        let standby = self.sealed_standby(browser).map(|sealed| (self.standby_cookie(), sealed));
        let secure = if self.secure() { "; Secure" } else { "" };
        let ended = [self.cookie_name(), self.standby_cookie()].map(|name| (name, String::new()));
        let ended = ended.into_iter().filter(|_| browser.over);
        let lives = if browser.over { 0 } else { SESSION_LIFE };
        for (name, value) in session.into_iter().chain(standby).chain(ended) {
            let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lives}{secure}");
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response
    }

    /// What the browser is to keep of its session, which ends no later for it.
    fn sealed_standby(&self, browser: &Browser) -> Option<String> {
        let standby = browser.session.standby().filter(|_| !browser.standby)?;
        let epoch = self.broker.gate().guard_epoch();
        self.broker.ephemeral().seal(epoch, Space::Standby, &browser.name, &standby).ok().map(b64::encode)
    }

    /// A cookie that only this host sets, over TLS; in a trial on plain loopback, browsers allow no such prefix.
    fn cookie_name(&self) -> &'static str {
        if self.secure() { "__Host-unefois" } else { "unefois" }
    }

    /// Likewise, for what the browser keeps of its session.
    fn standby_cookie(&self) -> &'static str {
        if self.secure() { "__Host-unefois-standby" } else { "unefois-standby" }
    }
}

/// What pages load, under an address that changes with it.
pub(super) fn asset(asset: &'static Asset) -> Response {
    let mut response = asset.bytes().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty())
}

/// Scheme, host and port of an address.
fn origin(uri: &str) -> Option<String> {
    let uri: axum::http::Uri = uri.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}
