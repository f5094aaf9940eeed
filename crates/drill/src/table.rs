//! The table at the end, in Markdown, so that it can be kept as it is.

use crate::check::Sums;
use crate::drill::Outcome;
use crate::fault::Fault;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

/// A row for each fault.
pub fn of(rows: &[(Fault, Outcome)]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "fault",
        "count",
        "accepted",
        "completed",
        "failed",
        "cancelled",
        "lost",
        "longest recovery",
        "longest settling",
    ]);
    for (fault, outcome) in rows {
        let Outcome { struck, sums, longest_recovery, longest_settling, wrong: _ } = outcome;
        let Sums { accepted, completed, failed, cancelled, lost, open: _ } = sums;
        let counts = [accepted, completed, failed, cancelled, lost].map(ToString::to_string);
        let mut cells = vec![fault.title().to_string(), struck.to_string()];
        cells.extend(counts);
        cells.extend([longest_recovery, longest_settling].map(|time| format!("{:.1} s", time.as_secs_f64())));
        table.add_row(cells);
    }
    table.to_string()
}
