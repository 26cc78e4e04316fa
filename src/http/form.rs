//! Forms, read strictly: UTF-8, no parameter twice, nothing larger than its reader allows.

use std::collections::BTreeMap;

/// A form's parameters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Form(BTreeMap<String, String>);

/// Why a form is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BadForm {
    /// Not `application/x-www-form-urlencoded` in UTF-8.
    Malformed,
    /// A parameter is there twice.
    Duplicate,
}

impl Form {
    /// Reads a body or a query. Parameters in `lists` may be there more than once: their values are joined by newlines.
    pub(super) fn parse(bytes: &[u8], lists: &[&str]) -> Result<Self, BadForm> {
        let mut parameters: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(BadForm::Malformed);
            }
            let (name, value) = (name.into_owned(), value.into_owned());
            match parameters.get_mut(&name) {
                None => {
                    parameters.insert(name, value);
                }
                Some(there) if lists.contains(&name.as_str()) => {
                    there.push('\n');
                    there.push_str(&value);
                }
                Some(_) => return Err(BadForm::Duplicate),
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter; an empty one counts as left out (RFC 6749 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The values of a list.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).into_iter().flat_map(|values| values.split('\n'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let form = Form::parse("a=1&b=%C3%A9+t%C3%A9&c=".as_bytes(), &[]).unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), Some("é té"), None));
        assert_eq!(Form::parse(b"a=1&a=1", &[]), Err(BadForm::Duplicate));
        assert_eq!(Form::parse(b"a=1&%61=2", &[]), Err(BadForm::Duplicate));
        assert_eq!(Form::parse(b"a=%ff", &[]), Err(BadForm::Malformed));
    }

    #[test]
    fn only_lists_repeat() {
        let form = Form::parse(b"tick=a&tick=b", &["tick"]).unwrap();
        assert_eq!(form.list("tick").collect::<Vec<_>>(), ["a", "b"]);
    }
}
