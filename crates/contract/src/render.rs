//! Prints the catalogue: `errors.json`, an index by category, and a page per row. Pure; the folder is somebody else's.

use crate::catalogue::{Category, Row, rows, rows_of};
use crate::contract::Contract;
use crate::info::ErrorList;
use crate::support::Support;
use std::fmt::Write;

/// Every printed file of `docs/errors`, as its path inside that folder and its text.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![("errors.json".to_string(), errors_json())];
    for contract in Contract::ALL {
        files.push((index_path(*contract), index(*contract)));
    }
    files.extend(rows().map(|row| (format!("{}.md", row.id()), page(row))));
    files
}

/// Where a contract's list of rows is printed: that of the Scan API comes first.
fn index_path(contract: Contract) -> String {
    match contract {
        Contract::ScanApi => "README.md".to_string(),
        Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => {
            format!("{contract}/README.md")
        }
    }
}

/// All rows for programs. The places to turn to have their neutral wording.
pub fn errors_json() -> String {
    let errors = rows().map(|row| row.info(&Support::default())).collect();
    let text = serde_json::to_string_pretty(&ErrorList { schema_version: 2, errors });
    text.expect("strings, numbers and words print") + "\n"
}

/// The list of a contract's rows, grouped by category.
pub fn index(contract: Contract) -> String {
    let (mut out, up) = match contract {
        Contract::ScanApi => (INDEX_HEAD.to_string(), ""),
        Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => {
            (vendor_head(contract), "../")
        }
    };
    for category in Category::ALL {
        let mut rows = rows_of(contract).filter(|row| row.category == *category).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let _ = write!(out, "\n## {}\n\n| status | code | message | repeat? |\n|---|---|---|---|\n", category.title());
        for row in rows {
            let repeat = if row.retry.is_retryable() { "yes" } else { "no" };
            let link = format!("[`{}`]({up}{}.md)", label(row), row.id());
            let _ = writeln!(out, "| {} | {link} | {} | {repeat} |", status(row), row.message);
        }
    }
    out
}

/// What a row is called in a list, where its status stands beside it.
fn label(row: &Row) -> String {
    match (row.service, row.code) {
        (_, Some(code)) => code.to_string(),
        (Some(service), None) => format!("{service} {}", row.name()),
        (None, None) => row.name(),
    }
}

fn status(row: &Row) -> String {
    row.status.map_or("–".to_string(), |status| status.to_string())
}

fn vendor_head(contract: Contract) -> String {
    format!(
        "# {}: what can go wrong\n\nWhat this API answers, why, and what to do, in our own words; printed from the \
         catalogue in `crates/contract`. `scanyard explain` says the same about an answer at hand, \
         `GET /api/v1/errors?contract={contract}` to programs.\n\n[The Scan API's own](../README.md)\n",
        contract.title()
    )
}

const INDEX_HEAD: &str = "\
# What can go wrong

Every failure that the Scan API answers with, why, and what to do. Printed from the catalogue in `crates/contract`, like
the server's own answers, so the two cannot differ; `make generated` prints it again. The same for programs:
[`errors.json`](errors.json), and on a running server `GET /api/v1/errors`, `?category=`, `/api/v1/errors/CODE`.

A failure looks like this; `code` is stable, `error` is for people, `help` leads to the page:

```json
{
  \"success\": false,
  \"error\": \"Insufficient scope: requires scans:list\",
  \"code\": \"INSUFFICIENT_SCOPE\",
  \"requestId\": \"0199c0de-0000-7000-8000-000000000000\",
  \"retryable\": false,
  \"help\": \"/api/v1/errors/scan-api/INSUFFICIENT_SCOPE\"
}
```

`retryAfter` and the `Retry-After` header are there when the server knows the wait, `details` when a place can be named.
`{name}` in a message stands for a value.

The APIs of others, explained in the same way: [Tenable](tenable/README.md), [Zscaler](zscaler/README.md),
[Arctic Wolf](arctic-wolf/README.md), and [pyTenable's exceptions](pytenable/README.md).
";

/// The page of one row.
pub fn page(row: &Row) -> String {
    let mut out = String::new();
    let _ = write!(out, "# {}\n\n`{}` · {}\n\n> {}\n\n", title(row), status(row), row.category.title(), row.message);
    let _ = write!(out, "{}\n\n", row.meaning);
    out.push_str("## Why\n\n");
    for cause in row.causes {
        let _ = writeln!(out, "- {cause}");
    }
    let _ = write!(out, "\n## What to do\n\n{}\n\n", row.resolution(&Support::default()));
    let _ = writeln!(out, "**Repeat the same request?** {}", row.retry.advice());
    if !row.examples.is_empty() {
        out.push_str("\n## Calls\n");
        for example in row.examples {
            let verdict = if example.is_right { "Right" } else { "Wrong" };
            let _ = write!(out, "\n{verdict}: {}\n\n```sh\n{}\n```\n", example.note, example.call.curl());
        }
    }
    let _ = write!(out, "\n## For programs\n\n");
    let _ = write!(
        out,
        "| id | kind | retry | source |\n|---|---|---|---|\n| `{}` | `{}` | `{}` | `{}` |\n\n[All codes]({})\n",
        row.id(),
        row.kind,
        row.retry,
        row.source,
        way_back(row)
    );
    out
}

fn title(row: &Row) -> String {
    match row.contract {
        Contract::ScanApi => row.name(),
        Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => {
            let place = row
                .service
                .map_or(row.contract.title().to_string(), |service| format!("{} ({service})", row.contract.title()));
            format!("{place}: {}", row.name())
        }
    }
}

/// From a page to the list that names it.
fn way_back(row: &Row) -> String {
    let depth = row.id().matches('/').count();
    match row.contract {
        Contract::ScanApi => "../README.md".to_string(),
        Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => {
            format!("{}README.md", "../".repeat(depth - 1))
        }
    }
}
