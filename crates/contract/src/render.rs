//! Prints the catalogue: `errors.json`, an index by category, and a page per row. Pure; the folder is somebody else's.

use crate::catalogue::{Category, Row, rows};
use crate::info::ErrorList;
use crate::scan_api::Code;
use crate::support::Support;
use std::fmt::Write;

/// Every printed file of `docs/errors`, as its path inside that folder and its text.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![("README.md".to_string(), index()), ("errors.json".to_string(), errors_json())];
    files.extend(rows().map(|row| (format!("{}.md", row.id()), page(row))));
    files
}

/// All rows for programs. The places to turn to have their neutral wording.
pub fn errors_json() -> String {
    let errors = rows().map(|row| row.info(&Support::default())).collect();
    let text = serde_json::to_string_pretty(&ErrorList { schema_version: 1, errors });
    text.expect("strings, numbers and words print") + "\n"
}

/// The list of all rows, grouped by category.
pub fn index() -> String {
    let mut out = String::from(INDEX_HEAD);
    for category in Category::ALL {
        let _ = write!(out, "\n## {}\n\n| status | code | message | repeat? |\n|---|---|---|---|\n", category.title());
        for row in rows().filter(|row| row.category == *category) {
            let repeat = if row.retry.is_retryable() { "yes" } else { "no" };
            let mark = if is_ahead(row) { "\\*" } else { "" };
            let link = format!("[`{}`]({}.md){mark}", row.code, row.id());
            let _ = writeln!(out, "| {} | {link} | {} | {repeat} |", row.status, row.message);
        }
    }
    out
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
`{name}` in a message stands for a value. Codes with a \\* belong to the contract, but nothing in this version answers with
them yet.
";

fn is_ahead(row: &Row) -> bool {
    Code::AHEAD.iter().any(|code| code.row() == row)
}

/// The page of one row.
pub fn page(row: &Row) -> String {
    let mut out = String::new();
    let _ = write!(out, "# {}\n\n`{}` · {}\n\n> {}\n\n", row.code, row.status, row.category.title(), row.message);
    let _ = write!(out, "{}\n\n", row.meaning);
    if is_ahead(row) {
        out.push_str("The code belongs to the contract; this version has nothing yet that answers with it.\n\n");
    }
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
        "| id | kind | retry |\n|---|---|---|\n| `{}` | `{}` | `{}` |\n\n[All codes](../README.md)\n",
        row.id(),
        row.kind,
        row.retry
    );
    out
}
