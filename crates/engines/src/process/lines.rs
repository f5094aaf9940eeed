//! An engine's output as lines.

use crate::text;

/// Bytes of one line that are kept; nuclei's statistics take a few hundred.
const LINE_BYTES: usize = 4 * 1024;

/// Cuts a stream of bytes into lines, cleaned, the over-long ones cut.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Takes the next bytes and hands on every line that they end; an empty line is none.
    pub fn push(&mut self, bytes: &[u8], mut on_line: impl FnMut(&str)) {
        for byte in bytes {
            // A carriage return alone begins a line anew, as progress displays do.
            if matches!(byte, b'\n' | b'\r') {
                self.end(&mut on_line);
            } else if self.0.len() < LINE_BYTES {
                self.0.push(*byte);
            }
        }
    }

    /// Hands on what stands after the last line's end.
    pub fn end(&mut self, mut on_line: impl FnMut(&str)) {
        let line = text::clean(&self.0, LINE_BYTES);
        self.0.clear();
        if !line.trim().is_empty() {
            on_line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_wherever_the_pieces_are_cut() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for piece in ["a", "b\n\n10%\r2", "0%\r\n", "\u{1b}[31mred\u{1b}[0m"] {
            lines.push(piece.as_bytes(), |line| seen.push(line.to_string()));
        }
        lines.end(|line| seen.push(line.to_string()));
        assert_eq!(seen, ["ab", "10%", "20%", "red"]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        lines.push(&vec![b'x'; 100_000], |_| panic!("it has not ended"));
        lines.push(b"\n", |line| seen.push(line.len()));
        assert_eq!(seen, [LINE_BYTES]);
    }
}
