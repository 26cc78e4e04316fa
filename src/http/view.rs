//! From what the broker knows to what a page shows. Labels and texts come from the catalogue; no rule is looked at.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize as _;
use serde_json::Value as Json;

use super::oauth::Pushes;
use crate::broker::{Asked, Chosen, DraftView, EntryView, Page, Previewed, Relying, Shown, Told, Unasked};
use crate::clock::Moment;
use crate::domain::{
    AttributeId, Basis, BodyId, Catalogue, ClientId, Custodian, Event, Giver, KindId, MandateKind, PartA, PurposeId,
    Role, SessionAsk, Stage, Text, Unit,
};
use crate::identity::AuthenticatedPerson;
use crate::pages::{
    self, Abroad, Arrival, Choice, Chrome, Citation, ConfirmDraft, Consent, Custody, Decided, Decisions, DraftLine,
    Entry, Ground, Informed, Item, OnFile, Outside, Party, PersonPart, Portal, Progress, Proof, Reason, RecordLine,
    Released, Results, Row, Session, State, Tick, TooYoung, Value, Verdict, Wish, Withdraw,
};
use crate::store::{RecordRow, SearchRow};

/// The page of arrival: who sent the person, and what for.
pub(super) fn arrival(
    chrome: Chrome,
    catalogue: &Catalogue,
    client: &ClientId,
    what: Option<&Pushes>,
    draft: Option<&KindId>,
) -> Option<Arrival> {
    let wish = match what {
        Some(Pushes::Consent(asked)) => {
            let attributes = &asked.ask.attributes | &asked.ask.optional;
            let (purpose, attributes, holders) = wished(catalogue, &asked.ask.purpose, &attributes)?;
            Wish::Consent { purpose, attributes, holders }
        }
        Some(Pushes::Relying(relying)) => {
            let (purpose, attributes, holders) = wished(catalogue, &relying.purpose, &relying.attributes)?;
            Wish::Informed { purpose, attributes, holders }
        }
        Some(Pushes::Session(ask)) => {
            Wish::Session { checks: kind_labels(catalogue, &ask.checks), drafts: kind_labels(catalogue, &ask.drafts) }
        }
        None => Wish::Draft { kind: kind_label(catalogue, draft?) },
    };
    Some(Arrival { chrome, portal: portal(catalogue, client)?, wish })
}

/// The labels of a purpose, of attributes in its order, and of those who hold them.
fn wished(
    catalogue: &Catalogue,
    purpose: &PurposeId,
    attributes: &BTreeSet<AttributeId>,
) -> Option<(Text, Vec<Text>, Vec<Text>)> {
    let attributes = in_order(catalogue, purpose, attributes);
    let mut holders: Vec<Text> = Vec::new();
    for id in &attributes {
        let holder = catalogue.bodies.get(&catalogue.kinds.get(&id.kind())?.holder)?.name.clone();
        if !holders.contains(&holder) {
            holders.push(holder);
        }
    }
    let attributes = attributes.into_iter().map(|id| attribute_label(catalogue, id)).collect();
    Some((catalogue.purposes.get(purpose)?.label.clone(), attributes, holders))
}

/// Under 14, alone: another person answers, or nobody does.
pub(super) fn too_young(chrome: Chrome, catalogue: &Catalogue, client: &ClientId) -> Option<TooYoung> {
    let answer_href = format!("/{}/demande", chrome.language.code());
    Some(TooYoung { portal: catalogue.clients.get(client)?.name.clone(), answer_href, chrome })
}

/// What a portal may do in this session.
pub(super) fn session(chrome: Chrome, catalogue: &Catalogue, client: &ClientId, ask: &SessionAsk) -> Option<Session> {
    let (checks, drafts) = (kind_labels(catalogue, &ask.checks), kind_labels(catalogue, &ask.drafts));
    Some(Session { chrome, portal: portal(catalogue, client)?, checks, drafts })
}

/// A portal's draft, to confirm or not.
pub(super) fn draft(
    chrome: Chrome,
    catalogue: &Catalogue,
    client: &ClientId,
    seen: &DraftView,
) -> Option<ConfirmDraft> {
    let kind = catalogue.kinds.get(&seen.row.kind)?;
    let purpose = catalogue.purposes.get(&kind.collected_for)?;
    let known = kind.attributes.keys().filter_map(|member| seen.values.get_key_value(member));
    let unknown = seen.values.iter().filter(|(member, _)| !kind.attributes.contains_key(*member));
    let lines = known.chain(unknown).map(|(member, value)| {
        let attribute = kind.attributes.get(member);
        DraftLine {
            label: attribute.map_or_else(|| same(member), |attribute| attribute.label.clone()),
            sensitive: attribute.is_some_and(|attribute| attribute.sensitive),
            value: shown_value(value, attribute.and_then(|attribute| attribute.unit)),
        }
    });
    Some(ConfirmDraft {
        portal: portal(catalogue, client)?,
        kind: kind.label.clone(),
        holder: Party::from(catalogue.bodies.get(&kind.holder)?),
        collected_for: purpose.label.clone(),
        kept: purpose.kept.clone(),
        alternative: purpose.alternative.clone(),
        lines: lines.collect(),
        replaces: seen.replaces,
        chrome,
    })
}

/// The question, with the exact values.
pub(super) fn consent(
    chrome: Chrome,
    catalogue: &Catalogue,
    custodian: &Custodian,
    person: &AuthenticatedPerson,
    asked: &Asked,
    values: &BTreeMap<AttributeId, Previewed>,
    shown: Moment,
) -> Option<Consent> {
    let purpose = catalogue.purposes.get(&asked.ask.purpose)?;
    let necessary = in_order(catalogue, &asked.ask.purpose, &asked.ask.attributes).into_iter().map(|id| (id, false));
    let optional = in_order(catalogue, &asked.ask.purpose, &asked.ask.optional).into_iter().map(|id| (id, true));
    let attributes = necessary.chain(optional);
    let items =
        attributes.map(|(id, optional)| item(catalogue, (&asked.ask.purpose, purpose), id, optional, values.get(id)));
    Some(Consent {
        chrome,
        subject: person.who().kind,
        mandate: mandate(person),
        purpose: purpose.label.clone(),
        version: purpose.version,
        why: purpose.why.clone(),
        powers: purpose.powers.clone(),
        receiving: Party::from(catalogue.bodies.get(&asked.ask.recipient)?),
        custody: custody(catalogue, custodian)?,
        items: items.collect::<Option<Vec<_>>>()?,
        shown,
        until: asked.until,
        max_uses: asked.max_uses,
        refusal: purpose.refusal.clone(),
        alternative: purpose.alternative.clone(),
        kept: purpose.kept.clone(),
        outside: outside(catalogue, &asked.ask.recipient),
        case: asked.ask.case.clone(),
    })
}

/// What a body gets without asking, with the exact values.
pub(super) fn informed(
    chrome: Chrome,
    catalogue: &Catalogue,
    custodian: &Custodian,
    person: &AuthenticatedPerson,
    relying: &Relying,
    values: &BTreeMap<AttributeId, Previewed>,
    shown: Moment,
) -> Option<Informed> {
    let purpose = catalogue.purposes.get(&relying.purpose)?;
    let attributes = in_order(catalogue, &relying.purpose, &relying.attributes);
    let items =
        attributes.into_iter().map(|id| item(catalogue, (&relying.purpose, purpose), id, false, values.get(id)));
    Some(Informed {
        chrome,
        mandate: mandate(person),
        purpose: purpose.label.clone(),
        version: purpose.version,
        why: purpose.why.clone(),
        powers: purpose.powers.clone(),
        receiving: Party::from(catalogue.bodies.get(&relying.body)?),
        ground: ground(catalogue, relying.basis(catalogue, shown)?)?,
        custody: custody(catalogue, custodian)?,
        items: items.collect::<Option<_>>()?,
        until: relying.until(catalogue, shown)?,
        alternative: purpose.alternative.clone(),
        kept: purpose.kept.clone(),
        outside: outside(catalogue, &relying.body),
        case: relying.case.clone(),
    })
}

/// A basis in words; none of the person's will.
fn ground(catalogue: &Catalogue, basis: &Basis) -> Option<Ground> {
    Some(match basis {
        Basis::Consent {} => return None,
        Basis::Agreement { agreement } => {
            let found = catalogue.agreements.get(agreement)?;
            let intervals = found.intervals.as_ref().map(|it| it.says.clone());
            Ground { title: found.title.clone(), section: format!("A-2.1, art. {}", found.under.as_str()), intervals }
        }
        Basis::Act { provision } => {
            let cite = same(&catalogue.provisions.get(provision)?.cite);
            Ground { title: cite, section: "A-2.1, art. 67".to_owned(), intervals: None }
        }
        Basis::Contract { contract } => {
            let title = catalogue.contracts.get(contract)?.title.clone();
            Ground { title, section: "A-2.1, art. 67.2".to_owned(), intervals: None }
        }
        Basis::Mobility { order, .. } => {
            let number = same(&catalogue.orders.get(order)?.number);
            Ground { title: number, section: "G-1.03, art. 12.14".to_owned(), intervals: None }
        }
    })
}

/// Who runs the broker, and in which capacity.
fn custody(catalogue: &Catalogue, custodian: &Custodian) -> Option<Custody> {
    let instrument = catalogue.instruments.get(&custodian.instrument)?;
    Some(Custody {
        body: Party::from(catalogue.bodies.get(&custodian.body)?),
        capacity: instrument.under,
        instrument: instrument.title.clone(),
    })
}

/// The power of who acts for another.
fn mandate(person: &AuthenticatedPerson) -> Option<MandateKind> {
    match person.giver() {
        Giver::Subject => None,
        Giver::Representative { mandate, .. } => Some(mandate.kind),
    }
}

/// What leaves Québec when `recipient` receives.
fn outside(catalogue: &Catalogue, recipient: &BodyId) -> Outside {
    let recipient = catalogue.bodies.get(recipient).filter(|body| body.outside_quebec());
    let recipient = recipient.map(|it| Abroad { name: it.name.clone(), place: it.jurisdiction.code().to_owned() });
    let hosts = catalogue
        .hosts_outside()
        .map(|(_, host)| Abroad { name: host.name.clone(), place: host.place.code().to_owned() });
    Outside { recipient, hosts: hosts.collect() }
}

fn item(
    catalogue: &Catalogue,
    (of, purpose): (&PurposeId, &crate::domain::Purpose),
    id: &AttributeId,
    optional: bool,
    value: Option<&Previewed>,
) -> Option<Item> {
    let kind = catalogue.kinds.get(&id.kind())?;
    let reason = purpose.necessary.get(id).or_else(|| purpose.optional.get(id))?;
    let via = |value: &Previewed| Some(catalogue.bodies.get(value.via.as_ref()?)?.name.clone());
    let unit = catalogue.attribute(id).and_then(|attribute| attribute.unit);
    let on_file =
        value.map(|value| OnFile { value: shown_value(&value.value, unit), since: value.at, via: via(value) });
    Some(Item {
        attribute: id.clone(),
        label: attribute_label(catalogue, id),
        reason: reason.clone(),
        optional,
        sensitive: catalogue.sensitive_for(id, of),
        holder: catalogue.bodies.get(&kind.holder)?.name.clone(),
        origin: value.map_or(kind.origin, |value| value.origin),
        on_file,
        portals: filing(catalogue, &id.kind()),
        tick: Tick::Empty,
    })
}

/// The portals where a record of this kind can be filed.
fn filing(catalogue: &Catalogue, kind: &KindId) -> Vec<Text> {
    let files = |role: &Role| match role {
        Role::Collector { drafts, .. } => drafts.contains(kind),
        Role::Agency { .. } | Role::Source { .. } | Role::Relay {} => false,
    };
    catalogue.clients.values().filter(|client| files(&client.role)).map(|client| client.name.clone()).collect()
}

/// Keeps what the person ticked.
pub(super) fn keep_ticks(page: &mut Consent, chosen: &Chosen) {
    for item in &mut page.items {
        let ticked = chosen.express.contains(&item.attribute) || chosen.optional.contains(&item.attribute);
        item.tick = if ticked { Tick::Kept } else { Tick::Empty };
    }
}

/// Keeps what the person ticked, and marks what a yes still lacks: an act of its own for each sensitive attribute (s. 59).
pub(super) fn lacks_express(page: &mut Consent, chosen: &Chosen) -> bool {
    keep_ticks(page, chosen);
    let mut lacks = false;
    for item in &mut page.items {
        if item.sensitive && !item.optional && item.tick == Tick::Empty {
            lacks = true;
            item.tick = Tick::Missing;
        }
    }
    lacks
}

/// The person's page.
pub(super) fn decisions(
    chrome: Chrome,
    catalogue: &Catalogue,
    told: &Told,
    records: &[RecordRow],
    now: Moment,
) -> Decisions {
    let (mut active, mut ended, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for one in &told.consents {
        let decided = decided(&chrome, catalogue, one, now);
        match decided.state {
            State::Active { .. } => active.push(decided),
            State::Expired { .. }
            | State::Used { .. }
            | State::Withdrawn { .. }
            | State::Suspended { .. }
            | State::Lapsed { .. } => ended.push(decided),
            State::Refused { .. } => refused.push(decided),
        }
    }
    let records = records.iter().map(|row| RecordLine {
        kind: kind_label(catalogue, &row.kind),
        holder: body_name(catalogue, row.holder.as_str()),
        since: row.at,
    });
    let unasked = told.unasked.iter().map(|one| unasked(&chrome, catalogue, one)).collect();
    Decisions { active, ended, refused, unasked, records: records.collect(), chrome }
}

fn unasked(chrome: &Chrome, catalogue: &Catalogue, one: &Unasked) -> pages::Unasked {
    let Unasked { row, attributes, act } = one;
    let purpose = row.purpose.as_deref().unwrap_or_default();
    let cited = act.get("citations").and_then(Json::as_array);
    let reason = act.get("register").and_then(|row| PartA::deserialize(row).ok()).map(|row| row.reason);
    pages::Unasked {
        receiving: body_name(catalogue, row.receiving.as_deref().unwrap_or_default()),
        purpose: purpose_label(catalogue, purpose),
        reason,
        citations: cited.into_iter().flatten().filter_map(citation).collect(),
        released: released(chrome, catalogue, purpose.parse().ok().as_ref(), row, attributes),
    }
}

fn released(
    chrome: &Chrome,
    catalogue: &Catalogue,
    purpose: Option<&PurposeId>,
    row: &SearchRow,
    attributes: &[String],
) -> Released {
    Released {
        at: row.time,
        attributes: labels(catalogue, purpose, attributes.iter().map(String::as_str)),
        index: row.index,
        proof_href: format!("/{}/preuves/{}", chrome.language.code(), row.index),
    }
}

/// Taking a consent back, to confirm.
pub(super) fn withdraw(chrome: Chrome, catalogue: &Catalogue, shown: &Shown, now: Moment) -> Withdraw {
    let decided = decided(&chrome, catalogue, shown, now);
    Withdraw { chrome, decided }
}

fn decided(chrome: &Chrome, catalogue: &Catalogue, shown: &Shown, now: Moment) -> Decided {
    let terms = &shown.consent.terms;
    let language = chrome.language.code();
    let uses_left = terms.max_uses.map(|most| most.saturating_sub(u32::try_from(shown.uses).unwrap_or(u32::MAX)));
    let state = match shown.consent.stage {
        Stage::Given { at } if shown.consent.expired(now) => State::Expired { since: at, until: terms.until },
        Stage::Given { at } if uses_left == Some(0) => State::Used { since: at, most: terms.max_uses.unwrap_or(0) },
        Stage::Given { at } => State::Active { since: at, until: terms.until, uses_left },
        Stage::Withdrawn { given, at, .. } => State::Withdrawn { since: given, at },
        Stage::Refused { at } => State::Refused { at },
        Stage::Suspended { given, at, .. } => State::Suspended { since: given, at },
        Stage::Lapsed { given, at, .. } => State::Lapsed { since: given, at },
        Stage::Expired { given, .. } => State::Expired { since: given, until: terms.until },
    };
    let purpose = Some(&terms.purpose);
    let releases = shown.releases.iter();
    let releases = releases.map(|(row, attributes)| released(chrome, catalogue, purpose, row, attributes));
    let withdraw_href = matches!(state, State::Active { .. } | State::Used { .. } | State::Suspended { .. })
        .then(|| format!("/{language}/decisions/{}", shown.consent.id));
    Decided {
        receiving: body_name(catalogue, shown.consent.receiving().as_str()),
        purpose: purpose_label(catalogue, terms.purpose.as_str()),
        attributes: labels(catalogue, Some(&terms.purpose), terms.attributes.iter().map(AttributeId::as_str)),
        state,
        releases: releases.collect(),
        withdraw_href,
    }
}

/// What an officer's search found.
pub(super) fn results(catalogue: &Catalogue, page: &Page) -> Results {
    let size = page.read + 1;
    Results {
        rows: page.rows.iter().filter_map(|row| self::row(catalogue, row)).collect(),
        next: page.next,
        progress: Progress { known: size.saturating_sub(page.lag), size },
        read: page.read,
    }
}

fn row(catalogue: &Catalogue, row: &SearchRow) -> Option<Row> {
    Some(Row {
        index: row.index,
        at: row.time,
        event: row.event.parse().ok()?,
        releasing: row.releasing.as_deref().map(|body| body_name(catalogue, body)),
        receiving: row.receiving.as_deref().map(|body| body_name(catalogue, body)),
        purpose: row.purpose.as_deref().map(|purpose| purpose_label(catalogue, purpose)),
        basis: row.basis.clone(),
        verdict: verdict(&row.event, row.outcome.as_deref()),
    })
}

fn verdict(event: &str, outcome: Option<&str>) -> Verdict {
    match (event.parse(), outcome) {
        (Ok(Event::Release | Event::Redelivery), _) => Verdict::Authorised,
        (Ok(Event::Refusal), _) => Verdict::Refused,
        _ => Verdict::Recorded,
    }
}

/// One entry, opened by an officer.
pub(super) fn entry(
    chrome: Chrome,
    catalogue: &Catalogue,
    rules: &crate::policy::Loaded,
    seen: &EntryView,
) -> Option<Entry> {
    let text = |member: &str| seen.act.get(member).and_then(Json::as_str).map(str::to_owned);
    let names = |member: &str| seen.act.get(member).and_then(Json::as_array).cloned().unwrap_or_default();
    let found = SearchRow {
        index: seen.index,
        time: seen.time,
        event: seen.event.clone(),
        releasing: text("releasing"),
        receiving: text("receiving"),
        purpose: text("purpose"),
        basis: text("basis"),
        outcome: text("outcome"),
        subject: None,
    };
    let purpose = text("purpose").and_then(|purpose| purpose.parse().ok());
    let attributes = names("attributes");
    let attributes = labels(catalogue, purpose.as_ref(), attributes.iter().filter_map(Json::as_str));
    let refused_by = names("rules");
    let reasons = refused_by.iter().filter_map(Json::as_str).filter_map(|id| rules.reason(id));
    let language = chrome.language.code();
    Some(Entry {
        row: row(catalogue, &found)?,
        citations: names("citations").iter().filter_map(citation).collect(),
        attributes,
        reasons: reasons.map(|it| reason(&it)).collect(),
        person: seen.person.as_ref().map(|part| person_part(catalogue, part)),
        proof: proof(seen, language),
        read: seen.read,
        status_href: format!("/{language}/registre/etat"),
        search_href: format!("/{language}/registre"),
        chrome,
    })
}

/// A reason of a refusal.
pub(super) fn reason(reason: &crate::policy::Reason) -> Reason {
    Reason {
        text: reason.text.clone(),
        citations: reason.citations.iter().map(cited).collect(),
        mend: reason.mend.clone(),
    }
}

fn cited(citation: &crate::policy::Citation) -> Citation {
    Citation { cite: citation.cite.clone(), read: citation.read, to_confirm: citation.to_confirm }
}

fn citation(value: &Json) -> Option<Citation> {
    Some(Citation {
        cite: value.get("cite")?.as_str()?.to_owned(),
        read: value.get("read").and_then(Json::as_str).and_then(|day| day.parse().ok()),
        to_confirm: value.get("to_confirm").and_then(Json::as_bool).unwrap_or(false),
    })
}

fn person_part(catalogue: &Catalogue, part: &Json) -> PersonPart {
    let text = |member: &str| part.get(member).and_then(Json::as_str).map(str::to_owned);
    let inner = |member: &str, of: &str| part.get(member).and_then(|it| it.get(of));
    let records = part.get("records").and_then(Json::as_array).cloned().unwrap_or_default();
    let record = |record: &Json| {
        let kind: KindId = record.get("kind")?.as_str()?.parse().ok()?;
        Some((kind_label(catalogue, &kind), record.get("version")?.as_u64()?))
    };
    PersonPart {
        subject: text("subject"),
        consent: text("consent"),
        records: records.iter().filter_map(record).collect(),
        previous: part.get("previous").and_then(Json::as_u64),
        case: text("case"),
        mandate: inner("giver", "mandate").and_then(|it| Some(it.get("evidence")?.as_str()?.to_owned())),
        died: inner("change", "on").and_then(|it| Some(it.as_str()?.to_owned())),
        mandate_ended: inner("change", "mandate").and_then(|it| Some(it.as_str()?.to_owned())),
        evidence: text("evidence"),
        reason: text("reason"),
    }
}

fn proof(seen: &EntryView, language: &str) -> Proof {
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let checkpoint = &seen.proof.checkpoint;
    Proof {
        leaf: hex(&crate::crypto::sha256(&[&[0], &seen.proof.leaf])),
        size: seen.proof.size,
        root: checkpoint.lines().nth(2).unwrap_or_default().to_owned(),
        text: seen.proof.to_string(),
        download_href: format!("/{language}/registre/{}", seen.index),
        vkey_href: "/log/vkey".to_owned(),
        command: format!("unefois verify --vkey vkey --proof entree-{}.tlog-proof", seen.index),
    }
}

/// A file to keep.
pub(super) fn download(text: &str, name: &str) -> Response {
    let mut response = text.to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(attached) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, attached);
    }
    response
}

/// The bodies and purposes to choose from.
pub(super) fn choices(catalogue: &Catalogue) -> (Vec<Choice>, Vec<Choice>) {
    let bodies = catalogue.bodies.iter().map(|(id, body)| (id.to_string(), body.name.clone()));
    let purposes = catalogue.purposes.iter().map(|(id, purpose)| (id.to_string(), purpose.label.clone()));
    let choice = |(value, label)| Choice { value, label };
    (bodies.map(choice).collect(), purposes.map(choice).collect())
}

fn portal(catalogue: &Catalogue, client: &ClientId) -> Option<Portal> {
    let registered = catalogue.clients.get(client)?;
    let instrument = match &registered.role {
        Role::Collector { instrument, .. } => {
            catalogue.instruments.get(instrument).map(|found| (found.under, found.title.clone()))
        }
        Role::Agency { .. } | Role::Source { .. } | Role::Relay {} => None,
    };
    let body = Party::from(catalogue.bodies.get(&registered.body)?);
    Some(Portal { name: registered.name.clone(), body, instrument })
}

/// Attributes in the order in which the purpose declares them; those that it does not know come last.
fn in_order<'a>(
    catalogue: &Catalogue,
    purpose: &PurposeId,
    attributes: impl IntoIterator<Item = &'a AttributeId>,
) -> Vec<&'a AttributeId> {
    let mut attributes: Vec<_> = attributes.into_iter().collect();
    if let Some(purpose) = catalogue.purposes.get(purpose) {
        let place = |id: &&AttributeId| purpose.attributes().position(|known| known == *id).unwrap_or(usize::MAX);
        attributes.sort_by_key(place);
    }
    attributes
}

/// The labels of attributes that the log names, in the order of their purpose; names that are none come last.
fn labels<'a>(
    catalogue: &Catalogue,
    purpose: Option<&PurposeId>,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Vec<Text> {
    let ids: Vec<AttributeId> = names.clone().filter_map(|name| name.parse().ok()).collect();
    let ids = match purpose {
        Some(purpose) => in_order(catalogue, purpose, &ids),
        None => ids.iter().collect(),
    };
    let known = ids.into_iter().map(|id| attribute_label(catalogue, id));
    known.chain(names.filter(|name| name.parse::<AttributeId>().is_err()).map(same)).collect()
}

fn attribute_label(catalogue: &Catalogue, id: &AttributeId) -> Text {
    catalogue.attribute(id).map_or_else(|| same(id.as_str()), |attribute| attribute.label.clone())
}

fn kind_label(catalogue: &Catalogue, id: &KindId) -> Text {
    catalogue.kinds.get(id).map_or_else(|| same(id.as_str()), |kind| kind.label.clone())
}

fn kind_labels<'a>(catalogue: &Catalogue, ids: impl IntoIterator<Item = &'a KindId>) -> Vec<Text> {
    ids.into_iter().map(|id| kind_label(catalogue, id)).collect()
}

fn body_name(catalogue: &Catalogue, id: &str) -> Text {
    let found = id.parse().ok().and_then(|id| catalogue.bodies.get(&id));
    found.map_or_else(|| same(id), |body| body.name.clone())
}

fn purpose_label(catalogue: &Catalogue, id: &str) -> Text {
    let found = id.parse().ok().and_then(|id| catalogue.purposes.get(&id));
    found.map_or_else(|| same(id), |purpose| purpose.label.clone())
}

/// A name that the catalogue no longer knows, as it is.
fn same(name: &str) -> Text {
    Text { fr: name.to_owned(), en: name.to_owned() }
}

/// A value as pages say it.
fn shown_value(value: &Json, unit: Option<Unit>) -> Value {
    match value {
        Json::Bool(yes) => Value::YesNo(*yes),
        Json::Number(number) => match (number.as_i64(), unit) {
            (Some(dollars), Some(Unit::Dollars)) => Value::Cents(dollars.saturating_mul(100)),
            (Some(number), None) => Value::Number(number),
            (Some(_), Some(Unit::Year)) | (None, _) => Value::Text(number.to_string()),
        },
        Json::String(text) => text.parse().map_or_else(|_| Value::Text(text.clone()), Value::Day),
        other => Value::Text(other.to_string()),
    }
}
