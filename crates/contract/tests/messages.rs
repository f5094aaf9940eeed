//! Messages with values from outside in them.

use proptest::prelude::*;
use scanyard_contract::catalogue::{find, rows};
use scanyard_contract::{Category, Code};

#[test]
fn a_message_takes_its_values() {
    let scope = Code::InsufficientScope.row();
    assert_eq!(scope.message_with(&[("scope", "scans:read")]), "Insufficient scope: requires scans:read");
    let wait = Code::RateLimitExceeded.row();
    assert_eq!(wait.message_with(&[("N", "13")]), "Rate limit exceeded. Retry in 13 seconds.");
    let both = Code::InvalidFieldType.row();
    assert_eq!(both.message_with(&[("field", "{type}"), ("type", "string")]), "Field {type} must be of type string");
}

#[test]
fn a_value_cannot_bring_control_characters_or_a_book() {
    let message =
        Code::InvalidPriority.row().message_with(&[("value", &format!("a\r\n\u{1b}[2J{}", "x".repeat(1000)))]);
    assert!(message.starts_with("Invalid priority: a   [2Jxxx"), "{message}");
    assert!(message.chars().count() <= "Invalid priority: ".len() + 200);
}

#[test]
fn a_row_leads_to_its_page() {
    assert_eq!(Code::KeyExpired.row().help(), "/api/v1/errors/scan-api/KEY_EXPIRED");
}

proptest! {
    #[test]
    fn no_name_that_has_a_value_is_left(value in "[^{}]{0,300}") {
        for row in rows() {
            let names: Vec<&str> =
                row.message.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
            let values: Vec<_> = names.iter().map(|name| (*name, value.as_str())).collect();
            let message = row.message_with(&values);
            prop_assert!(!message.contains(['{', '}']), "{}", message);
            prop_assert!(!message.chars().any(char::is_control));
        }
    }

    #[test]
    fn any_values_at_all_are_only_text(name in any::<String>(), value in any::<String>()) {
        for row in rows() {
            row.message_with(&[(&name, &value)]);
        }
    }

    #[test]
    fn any_text_can_be_asked_for_as_a_code(text in any::<String>()) {
        prop_assert_eq!(text.parse::<Code>().is_ok(), Code::ALL.iter().any(|code| code.as_str() == text));
        prop_assert_eq!(text.parse::<Category>().is_ok(), Category::ALL.iter().any(|known| known.as_str() == text));
        find(&text);
    }
}
