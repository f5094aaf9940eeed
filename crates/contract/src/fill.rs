//! Texts with `{name}` in them.

/// The longest value that a message repeats, in characters.
pub const VALUE_CHARS: usize = 200;

/// Puts the value of every `{name}` in its place, in one pass, so that a value with braces in it is only text. A name
/// without a value stays as it is.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let filled = rest.find('}').and_then(|close| Some((close, value(&rest[1..close])?)));
        match filled {
            Some((close, value)) => {
                out.push_str(&value);
                rest = &rest[close + 1..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// A value from outside as a message may repeat it: a blank for each control character, nothing that hides or reorders
/// text, at most [`VALUE_CHARS`].
pub(crate) fn clean(value: &str) -> String {
    let shown = value.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = shown.clone().take(VALUE_CHARS).collect();
    if shown.count() > VALUE_CHARS {
        out.pop();
        out.push('…');
    }
    out
}

pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_with_braces_is_only_text() {
        let filled = fill("{a} and {b}", |name| match name {
            "a" => Some("{b}".to_string()),
            "b" => Some("2".to_string()),
            _ => None,
        });
        assert_eq!(filled, "{b} and 2");
    }

    #[test]
    fn a_name_without_a_value_and_a_lone_brace_stay() {
        assert_eq!(fill("{a} { {b} }", |name| (name == "b").then(|| "2".to_string())), "{a} { 2 }");
    }

    #[test]
    fn a_long_value_ends_in_an_ellipsis() {
        assert_eq!(clean(&"é".repeat(VALUE_CHARS)), "é".repeat(VALUE_CHARS));
        assert_eq!(clean(&"é".repeat(VALUE_CHARS + 1)), format!("{}…", "é".repeat(VALUE_CHARS - 1)));
    }

    proptest! {
        #[test]
        fn every_name_with_a_value_is_filled(parts in prop::collection::vec("[^{}]{0,8}", 1..6), value in "[^{}]{0,300}") {
            let value = clean(&value);
            prop_assert_eq!(fill(&parts.join("{x}"), |_| Some(value.clone())), parts.join(&value));
        }

        #[test]
        fn any_text_can_be_filled(text in any::<String>(), value in any::<String>()) {
            fill(&text, |_| Some(clean(&value)));
            prop_assert_eq!(fill(&text, |_| None), text);
        }

        #[test]
        fn a_clean_value_is_short_and_has_no_control_character(value in any::<String>()) {
            let clean = clean(&value);
            prop_assert!(clean.chars().count() <= VALUE_CHARS);
            prop_assert!(!clean.chars().any(char::is_control));
        }
    }
}
