//! Sign-in of persons, and for whom they act.

use std::sync::Arc;

use askama::Template as _;
use axum::extract::{Query, State};
use axum::http::StatusCode;

use super::flow::{Flow, asked_for, flow, next, step_up};
use crate::broker::{NotActing, Refusal};
use crate::http::browser::{Browser, Stop};
use crate::http::oauth::Pushes;
use crate::http::visit::{Answer, Opened, Posted};
use crate::http::{App, view};
use crate::identity::login::{Callback, Manner, SignedIn};
use crate::pages::{ActFor, Outcome, Represented};

/// `GET /{language}/connexion`
pub(in crate::http) async fn sign_in(State(app): State<Arc<App>>, Opened(mut browser): Opened) -> Answer {
    begin(&app, &mut browser).await
}

/// `GET /login/persons`: the identity service sends the person back.
pub(in crate::http) async fn signed_in(
    State(app): State<Arc<App>>,
    Query(callback): Query<Callback>,
    mut browser: Browser,
) -> Answer {
    let signed_in = app.finish_sign_in(&app.persons, &mut browser, callback).await?;
    let strong = app.persons.is_strong(&signed_in);
    let sign_outs = app.broker.sign_outs(&signed_in).map_err(|it| app.refused(&browser, &it))?;
    browser.session.sign_in_person(signed_in, strong, app.broker.now(), sign_outs);
    app.rename(&mut browser).await?;
    Ok(app.redirect(&browser, &format!("/{}/pour-qui", browser.session.language.code())))
}

/// `POST /{language}/quitter`
pub(in crate::http) async fn sign_out(State(app): State<Arc<App>>, Posted(mut browser, _): Posted) -> Answer {
    app.forget(&mut browser).await?;
    Err(app.message(&browser, StatusCode::OK, Outcome::SignedOut, None, None))
}

/// `GET /{language}/pour-qui`: for whom the person acts.
pub(in crate::http) async fn whom(State(app): State<Arc<App>>, Opened(mut browser): Opened) -> Answer {
    let signed_in = browser.session.signed_in().cloned();
    let Some(signed_in) = signed_in else { return begin(&app, &mut browser).await };
    let represented: Vec<_> = app.broker.represented(&signed_in).collect();
    match (app.broker.decides_alone(&signed_in), represented.is_empty()) {
        (true, true) => {
            let acting = app.broker.acting_for_oneself(&signed_in).await;
            let acting = acting.map_err(|it| not_acting(&app, &browser, &it))?;
            browser.session.act_for(acting);
            app.keep(&browser).await?;
            let next = next(&app, &browser).await?;
            Ok(app.redirect(&browser, &next))
        }
        (false, true) => too_young(&app, &browser).await,
        (own, false) => {
            let represented = represented.into_iter().map(|found| Represented {
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
}

/// Nobody under 14 decides alone (s. 53.1): whoever sent them here gets them back, or another person answers.
async fn too_young(app: &App, browser: &Browser) -> Answer {
    if browser.session.flow().is_none() {
        return Err(app.message(browser, StatusCode::FORBIDDEN, Outcome::TooYoung, None, None));
    }
    let flow = flow(app, browser).await?;
    let (client, redirect_uri) = flow.client();
    let in_force = app.broker.in_force();
    let page = view::too_young(app.chrome(browser, "pour-qui"), in_force.catalogue(), client);
    let page = page.ok_or_else(|| app.refused(browser, &Refusal::Unknown))?;
    Ok(app.page(browser, StatusCode::FORBIDDEN, page.render(), &[redirect_uri, app.persons.issuer()]))
}

/// The form's value for acting for oneself; no identity service uses it as a `sub`.
const OWN: &str = "";

/// `POST /{language}/pour-qui`
pub(in crate::http) async fn choose_whom(State(app): State<Arc<App>>, Posted(mut browser, form): Posted) -> Answer {
    let ended = || app.message(&browser, StatusCode::FORBIDDEN, Outcome::SessionEnded, None, None);
    let signed_in = browser.session.signed_in().cloned().ok_or_else(ended)?;
    let acting = match form.get("subject") {
        None => app.broker.acting_for_oneself(&signed_in).await,
        Some(sub) => app.broker.acting_for(&signed_in, sub).await,
    };
    let acting = acting.map_err(|it| not_acting(&app, &browser, &it))?;
    browser.session.act_for(acting);
    app.keep(&browser).await?;
    let next = next(&app, &browser).await?;
    Ok(app.redirect(&browser, &next))
}

/// The page offers nothing of this: a form that asks for it all the same is told why not.
fn not_acting(app: &App, browser: &Browser, why: &NotActing) -> Stop {
    let outcome = match why {
        NotActing::TooYoung => Outcome::TooYoung,
        NotActing::NoMandate => Outcome::NoMandate,
        NotActing::Refused(refusal) => return app.refused(browser, refusal),
    };
    app.message(browser, StatusCode::FORBIDDEN, outcome, None, None)
}

/// Sends the browser to the identity service: with step-up where what is asked is sensitive.
pub(super) async fn begin(app: &App, browser: &mut Browser) -> Answer {
    let manner = manner(app, browser).await;
    app.begin_sign_in(&app.persons, browser, manner).await
}

/// A child alone hands what they began to whoever signs in next, anew: the identity service still knows the child.
pub(super) async fn hand_over(app: &App, browser: &mut Browser) -> Answer {
    browser.session.hand_over();
    let manner = manner(app, browser).await.afresh();
    app.begin_sign_in(&app.persons, browser, manner).await
}

async fn manner(app: &App, browser: &Browser) -> Manner {
    match flow(app, browser).await {
        Ok(Flow::Request(_, pushed)) => match &pushed.what {
            Pushes::Consent(asked) if step_up(app, &asked.ask.purpose, asked_for(asked)) => Manner::STEPPED_UP,
            Pushes::Relying(relying) if step_up(app, &relying.purpose, &relying.attributes) => Manner::STEPPED_UP,
            Pushes::Consent(_) | Pushes::Relying(_) | Pushes::Session(_) => Manner::EVERYDAY,
        },
        Ok(Flow::Draft(..)) | Err(_) => Manner::EVERYDAY,
    }
}

/// Whether who signed in decides for nobody: they are under 14, and represent none.
pub(super) fn is_child_alone(app: &App, signed_in: &SignedIn) -> bool {
    !app.broker.decides_alone(signed_in) && app.broker.represented(signed_in).next().is_none()
}
