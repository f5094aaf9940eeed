//! Answers as they come over the wire, and what they are taken for.

mod classify {
    mod any;
    mod scan_api;
    mod vendors;
}
