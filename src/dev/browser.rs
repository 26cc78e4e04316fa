//! A person's browser, as far as the scenario needs one: cookies, redirects, forms.

use std::collections::BTreeMap;

use http::{Method, Uri};

use super::wire::{Answer, Wire};

/// Redirects followed before it is a loop.
const LONGEST_CHAIN: usize = 12;

/// A browser with one jar of cookies: all its hosts are loopback. A clone of it is another window.
#[derive(Clone)]
pub struct Browser {
    wire: Wire,
    cookies: BTreeMap<String, String>,
    visited: Vec<String>,
    /// Addresses that begin so are a client's own: the browser stops there.
    stop: String,
}

/// Where the browser came to.
#[derive(Clone, Debug)]
pub enum Landed {
    /// A page.
    Page(Page),
    /// A client's address, with what it was brought.
    Back(BTreeMap<String, String>),
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// Its HTML.
    pub html: String,
}

impl Landed {
    /// The page, or where the browser is instead.
    pub fn page(self) -> Result<Page, String> {
        match self {
            Self::Page(page) => Ok(page),
            Self::Back(parameters) => Err(format!("sent back to the client with {:?}", parameters.keys())),
        }
    }

    /// What the client was brought, or the page that stands in between.
    pub fn back(self) -> Result<BTreeMap<String, String>, String> {
        match self {
            Self::Back(parameters) => Ok(parameters),
            Self::Page(page) => Err(format!("on a page instead: {} {}", page.status, page.heading())),
        }
    }
}

impl Page {
    /// The page's first heading, without markup.
    pub fn heading(&self) -> String {
        let inner = self.html.split_once("<h1").and_then(|(_, rest)| rest.split_once('>')).map(|(_, rest)| rest);
        let text = inner.and_then(|rest| rest.split_once("</h1>")).map(|(text, _)| text).unwrap_or_default();
        text.split('<').filter_map(|part| part.split_once('>').map_or(Some(part), |(_, rest)| Some(rest))).collect()
    }

    /// The page's form token.
    fn csrf(&self) -> Option<&str> {
        let (_, rest) = self.html.split_once("name=\"csrf\" value=\"")?;
        rest.split_once('"').map(|(token, _)| token)
    }
}

impl Browser {
    /// A new browser, which stops at addresses that begin with `stop`.
    pub fn new(wire: Wire, stop: &str) -> Self {
        Self { wire, cookies: BTreeMap::new(), visited: Vec::new(), stop: stop.to_owned() }
    }

    /// Every address that it was at, as its history and the servers' logs have them.
    pub fn visited(&self) -> &[String] {
        &self.visited
    }

    /// A cookie that it keeps.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Opens an address.
    pub async fn open(&mut self, url: &str) -> Result<Landed, String> {
        self.go(Method::GET, url.to_owned(), String::new()).await
    }

    /// Submits a form of `page` with these fields, to the page's own address.
    pub async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Result<Landed, String> {
        self.submit_to(page, &page.url.clone(), fields).await
    }

    /// Submits a form of `page` to another address of the same site.
    pub async fn submit_to(&mut self, page: &Page, to: &str, fields: &[(&str, &str)]) -> Result<Landed, String> {
        let csrf = page.csrf().map(|token| ("csrf", token));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(csrf).extend_pairs(fields).finish();
        self.go(Method::POST, resolve(&page.url, to)?, body).await
    }

    async fn go(&mut self, method: Method, url: String, body: String) -> Result<Landed, String> {
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..LONGEST_CHAIN {
            self.visited.push(url.clone());
            if url.starts_with(&self.stop) {
                return Ok(Landed::Back(query(&url)));
            }
            let answer = self.request(&method, &url, body).await?;
            self.remember(&answer);
            match answer.header("location").filter(|_| answer.status.is_redirection()) {
                Some(location) => url = resolve(&url, location)?,
                None => {
                    return Ok(Landed::Page(Page { url, status: answer.status.as_u16(), html: answer.text() }));
                }
            }
            (method, body) = (Method::GET, String::new());
        }
        Err("too many redirects".to_owned())
    }

    async fn request(&self, method: &Method, url: &str, body: String) -> Result<Answer, String> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("cookie", cookies.as_str()), ("accept", "text/html")];
        if *method == Method::POST {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        self.wire.send(method.clone(), url, &headers, body).await
    }

    fn remember(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().ok().and_then(|text| text.split(';').next()).and_then(|it| it.split_once('='));
            let ended = cookie.to_str().is_ok_and(|text| text.contains("Max-Age=0"));
            match pair {
                Some((name, _)) if ended => drop(self.cookies.remove(name)),
                Some((name, value)) => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
                None => {}
            }
        }
    }
}

fn resolve(base: &str, location: &str) -> Result<String, String> {
    if location.contains("://") {
        return Ok(location.to_owned());
    }
    let base: Uri = base.parse().map_err(|_| format!("{base} is no address"))?;
    let (scheme, authority) = base.scheme_str().zip(base.authority()).ok_or("an address without host")?;
    Ok(format!("{scheme}://{authority}{location}"))
}

fn query(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
