//! The printed files in `docs/errors` against the catalogue.

use scanyard_contract::catalogue::{rows, rows_of};
use scanyard_contract::{Contract, ErrorList, Support, render};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const COMMAND: &str = "run: cargo run -p scanyard-contract --example print-errors";

/// Every file below a folder, by its path inside.
fn read_all(folder: &Path, inside: &str, found: &mut BTreeMap<String, String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}; {COMMAND}", folder.display()));
    for entry in entries {
        let path: PathBuf = entry.unwrap().path();
        let name = format!("{inside}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read_all(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_printed_files_are_those_of_the_catalogue() {
    let mut found = BTreeMap::new();
    read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors"), "", &mut found);
    for (path, text) in render::files() {
        let printed = found.remove(&path).unwrap_or_else(|| panic!("docs/errors/{path} is missing; {COMMAND}"));
        assert!(printed == text, "docs/errors/{path} is stale; {COMMAND}");
    }
    assert!(found.is_empty(), "docs/errors has {:?} too many; {COMMAND}", found.keys());
}

#[test]
fn errors_json_reads_back_as_the_rows() {
    let printed: ErrorList = serde_json::from_str(&render::errors_json()).unwrap();
    assert_eq!(printed.schema_version, 2);
    assert_eq!(printed.errors, rows().map(|row| row.info(&Support::default())).collect::<Vec<_>>());
}

#[test]
fn the_index_names_every_code_once() {
    for contract in Contract::ALL {
        let index = render::index(*contract);
        for row in rows_of(*contract) {
            assert_eq!(index.matches(&format!("{}.md)", row.id())).count(), 1, "{}", row.id());
        }
    }
}

#[test]
fn a_page_says_what_why_what_to_do_and_shows_the_right_call_before_the_wrong_one() {
    let page = render::page(scanyard_contract::Code::ScanNotFound.row());
    let order =
        ["# SCAN_NOT_FOUND", "> Scan not found", "## Why", "## What to do", "Right: ", "Wrong: ", "`not_found`"];
    let places: Vec<_> = order.iter().map(|part| page.find(part).unwrap_or_else(|| panic!("no {part}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
}
