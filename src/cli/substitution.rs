//! A reform, as an operator applies it: the consents to a body that is gone, page by page.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use serde_json::json;

use super::{Operated, Said, config};
use crate::app::{self, Command as Admin};
use crate::broker::Reformed;
use crate::domain::BodyId;

#[derive(Args)]
pub(super) struct Apply {
    #[command(flatten)]
    by: Operated,
    /// The body that is gone
    #[arg(long)]
    from: BodyId,
}

pub(super) async fn apply(asked: &Apply) -> Result<Said, String> {
    let config = config(&asked.by.at)?;
    let mut total = Reformed::default();
    loop {
        let (operator, from) = (asked.by.operator.clone(), asked.from.clone());
        let page = app::command(&config, Admin::Reform { operator, from, after: total.next }).await;
        let page = page.and_then(|page| serde_json::from_value::<Reformed>(page).map_err(|fault| fault.to_string()));
        let page = page.map_err(|fault| format!("{fault}\nUntil then: {}. Run it again to go on.", said(&total)))?;
        total = Reformed {
            carried: total.carried + page.carried,
            suspended: total.suspended + page.suspended,
            left: total.left + page.left,
            next: page.next,
        };
        progress(&total);
        if total.next.is_none() {
            let Reformed { carried, suspended, left, .. } = total;
            let object = json!({"ok": true, "carried": carried, "suspended": suspended, "left": left});
            return Ok(Said::new(object, format!("{}: {}.", asked.from, said(&total))));
        }
    }
}

fn said(total: &Reformed) -> String {
    let Reformed { carried, suspended, left, .. } = total;
    format!("{carried} carried, {suspended} suspended, {left} left as they are")
}

/// One line on a terminal, written over until the last page.
fn progress(total: &Reformed) {
    let mut to = std::io::stderr();
    if to.is_terminal() {
        let end = if total.next.is_none() { "\r\x1b[K" } else { "" };
        // Whoever closed it has seen enough.
        let _ = write!(to, "\r{}{end}", said(total)).and_then(|()| to.flush());
    }
}
