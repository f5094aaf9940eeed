//! Progress on stderr: a bar where it is a terminal, lines where asked for, else nothing.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// The progress of several scans, one bar each.
#[derive(Debug)]
pub struct Progress {
    bars: MultiProgress,
    is_terminal: bool,
    /// Without a terminal, a line per step instead of nothing.
    has_lines: bool,
}

/// How much of a whole is done: a bar on a terminal, else nothing.
#[derive(Debug)]
pub struct Meter(ProgressBar);

/// What a meter counts.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    Bytes,
    Rows,
}

impl Meter {
    /// A meter without a length yet.
    pub fn new(label: &'static str, unit: Unit) -> Meter {
        if !std::io::stderr().is_terminal() {
            return Meter(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let counts = match unit {
            Unit::Bytes => "{bytes} of {total_bytes}",
            Unit::Rows => "{human_pos} of {human_len} rows",
        };
        if let Ok(style) = ProgressStyle::with_template(&format!("{{prefix}} [{{bar:32}}] {counts}  {{msg}}  {{eta}}"))
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(label);
        bar.enable_steady_tick(Duration::from_millis(200));
        Meter(bar)
    }

    /// So much is to be done.
    pub fn total(&self, total: u64) {
        self.0.set_length(total);
    }

    /// So much is done.
    pub fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// So much more is done.
    pub fn add(&self, more: u64) {
        self.0.inc(more);
    }

    /// What is being done.
    pub fn word(&self, word: &str) {
        self.0.set_message(word.to_string());
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The progress of one scan.
#[derive(Debug)]
pub enum Bar {
    Shown(ProgressBar),
    Lines { label: String, last: Option<(u8, String)> },
    Hidden,
}

impl Progress {
    /// Bars on a terminal; elsewhere lines, or nothing.
    pub fn new(has_lines: bool) -> Progress {
        Progress { bars: MultiProgress::new(), is_terminal: std::io::stderr().is_terminal(), has_lines }
    }

    /// Adds a scan.
    pub fn add(&self, label: &str) -> Bar {
        if !self.is_terminal {
            return match self.has_lines {
                true => Bar::Lines { label: label.to_string(), last: None },
                false => Bar::Hidden,
            };
        }
        let bar = self.bars.add(ProgressBar::new(100));
        if let Ok(style) = ProgressStyle::with_template("{prefix:24} [{bar:32}] {percent:>3} %  {msg}  {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(label.to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar::Shown(bar)
    }
}

impl Drop for Progress {
    /// The last bar leaves the cursor in its line, where the results must not begin.
    fn drop(&mut self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}

impl Bar {
    /// Shows a percentage and a word such as `running`.
    pub fn show(&mut self, percent: u8, word: &str) {
        match self {
            Bar::Shown(bar) => {
                bar.set_message(word.to_string());
                bar.set_position(u64::from(percent));
            }
            Bar::Lines { label, last } => {
                let step = Some((percent, word.to_string()));
                if *last != step {
                    eprintln!("{label}: {word} {percent} %");
                    *last = step;
                }
            }
            Bar::Hidden => {}
        }
    }

    /// Ends it; a bar stays as it is.
    pub fn finish(&self) {
        match self {
            Bar::Shown(bar) => bar.abandon(),
            Bar::Lines { .. } | Bar::Hidden => {}
        }
    }
}
