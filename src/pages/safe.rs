//! What others wrote, made harmless: every expression of every template goes through [`Escape`].

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

/// Longest quotation of somebody's own words on a page, in characters.
const LONGEST_QUOTE: usize = 200;

/// Escapes for HTML, and leaves out characters that no reader sees but that change what is read.
#[derive(Clone, Copy)]
pub(super) struct Escape;

impl Escaper for Escape {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        text.split(hidden).try_for_each(|run| Html.write_escaped_str(&mut dest, run))
    }
}

/// Whether `c` turns the direction of text, is invisible, or is a control character.
fn hidden(c: char) -> bool {
    let direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let invisible = matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    direction || invisible || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Somebody's own words on one line, cut where they go on for long.
pub(super) fn quote(text: &str) -> String {
    let line = text.replace(hidden, "").split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => line.get(..end).unwrap_or_default().to_owned() + "…",
        None => line,
    }
}

/// The words of a page that [`Escape`] wrote: one line for each block, no markup.
pub(super) fn plain(html: &str) -> String {
    const WITHIN_A_LINE: [&str; 9] = ["a", "b", "bdi", "em", "q", "small", "span", "strong", "time"];
    let mut text = String::new();
    for piece in html.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap_or_default();
        if !WITHIN_A_LINE.contains(&name) {
            text.push('\n');
        }
        text.push_str(words);
    }
    let escapes = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    let text = escapes.iter().fold(text, |text, (escape, character)| text.replace(escape, character));
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
