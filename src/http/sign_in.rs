//! The browser's way to an identity service and back, the same for persons and for officers.

use axum::http::StatusCode;

use super::App;
use super::browser::{Browser, Stop};
use super::visit::Answer;
use crate::identity::login::{Callback, Login, Manner, SignedIn};
use crate::pages::Outcome;

impl App {
    /// Sends the browser to the identity service.
    pub(super) async fn begin_sign_in(&self, login: &Login, browser: &mut Browser, manner: Manner) -> Answer {
        match login.begin(browser.language, manner).await {
            Ok((to, pending)) => {
                browser.session.pending = Some(pending);
                self.keep(browser).await?;
                Ok(self.redirect(browser, &to))
            }
            Err(fault) => {
                tracing::error!(%fault, "no sign-in begins");
                Err(self.message(browser, StatusCode::SERVICE_UNAVAILABLE, Outcome::Unavailable, None, None))
            }
        }
    }

    /// Who signed in, by what the browser brings back. What was pending serves once, whatever comes of it.
    pub(super) async fn finish_sign_in(
        &self,
        login: &Login,
        browser: &mut Browser,
        callback: Callback,
    ) -> Result<SignedIn, Stop> {
        let pending = browser.session.pending.take();
        self.keep(browser).await?;
        let failed = || self.message(browser, StatusCode::BAD_REQUEST, Outcome::SessionEnded, None, None);
        let pending = pending.ok_or_else(failed)?;
        login.finish(pending, callback).await.map_err(|fault| {
            tracing::warn!(%fault, "a sign-in failed");
            failed()
        })
    }
}
