//! The attributes of an element of nmap's XML, of which so many are looked at, and so much of each is kept.

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attribute;
use std::borrow::Cow;

/// Attributes of one element that are looked at; nmap's own have at most ten.
const MAX_ATTRIBUTES: usize = 32;
/// Bytes of one text that are kept.
pub const MAX_TEXT: usize = 64 * 1024;

/// The attributes of an element, up to one that cannot be read. Their values are as they stand there: words of nmap's own hold
/// no entity, other values are for [`kept`].
pub fn attributes<'a>(element: &'a BytesStart) -> impl Iterator<Item = Attribute<'a>> {
    let mut attributes = element.attributes();
    attributes.with_checks(false);
    attributes.take(MAX_ATTRIBUTES).map_while(Result::ok)
}

/// The attribute of that name.
pub fn named<'a>(element: &'a BytesStart, name: &str) -> Option<Attribute<'a>> {
    attributes(element).find(|attribute| attribute.key.into_inner() == name)
}

/// The value, without entities, as far as it is kept; one that cannot be read is empty.
pub fn kept(attribute: Attribute<'_>) -> String {
    match attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default() {
        Cow::Owned(text) if text.len() <= MAX_TEXT => text,
        text => cut(&text).to_string(),
    }
}

/// A text, as far as it is kept.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
