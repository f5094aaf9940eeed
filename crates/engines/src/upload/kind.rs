//! What a single file is, by its bytes: an archive, a bill of materials, or a file that is looked at as it is.
//!
//! Whatever an engine would pass over without a word is refused here, by name: else its scan is a clean one.

use super::UploadKind;
use super::fault::UploadFault;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The largest bill of materials, in bytes: its JSON is read as a whole by whoever scans it.
const MAX_SBOM: u64 = 64 * 1024 * 1024;
/// Bytes at the begin of a file in which it says what it is.
const HEAD_BYTES: u64 = 64 * 1024;

/// Archives that are not unpacked: where their mark stands, the mark, and what they are called.
const PACKED: [(usize, &[u8], &str); 8] = [
    (257, b"ustar", "tar, not compressed"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"!<arch>\n", "ar, as packages of Debian are"),
    (0, b"\xed\xab\xee\xdb", "RPM"),
];

/// What a file of this name holds.
pub fn kind_of(name: &str, path: &Path) -> Result<UploadKind, UploadFault> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    if head.starts_with(b"\x1f\x8b") {
        return Ok(UploadKind::TarGz);
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(UploadKind::Zip);
    }
    if let Some((.., packed)) =
        PACKED.iter().find(|(at, mark, _)| head.get(*at..).is_some_and(|at| at.starts_with(mark)))
    {
        return Err(UploadFault::Refused(format!(
            "is an archive ({packed}), and no engine looks into one: unpack it and scan the folder, or pack it as tar.gz or zip"
        )));
    }
    let text = text(&head);
    if let Some(form) = other_form(&text) {
        return Err(UploadFault::Refused(format!(
            "is a bill of materials as {form}, which is not read: write it as JSON of CycloneDX or SPDX"
        )));
    }
    if text.starts_with('{') { json_kind(name, path, &text) } else { Ok(UploadKind::File) }
}

/// The text without what tells one encoding from another, so that marks in ASCII are found in UTF-16 too.
fn text(head: &[u8]) -> String {
    let head: Vec<u8> = head.iter().copied().filter(|byte| !matches!(byte, 0 | 0xfe | 0xff)).collect();
    String::from_utf8_lossy(&head).trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace()).to_string()
}

/// The form of a bill of materials that is not JSON.
fn other_form(text: &str) -> Option<&'static str> {
    let has_line = |begin: &str| text.lines().any(|line| line.starts_with(begin));
    if text.starts_with('<') && text.contains("http://cyclonedx.org/schema/bom/") {
        return Some("XML of CycloneDX");
    }
    if text.starts_with('<') && text.contains("http://spdx.org/rdf/terms#") {
        return Some("XML of SPDX");
    }
    if has_line("SPDXVersion:") {
        return Some("tags and values of SPDX");
    }
    has_line("spdxVersion:").then_some("YAML of SPDX")
}

/// JSON that is no bill of materials is a file as any other, but not one that was cut or that says to be one.
fn json_kind(name: &str, path: &Path, head: &str) -> Result<UploadKind, UploadFault> {
    let says_so = head.contains("\"bomFormat\"") || head.contains("\"spdxVersion\"");
    let is_spdx_3 = head.contains("\"@context\"") && head.contains("https://spdx.org/rdf/3");
    match marks(path)? {
        Ok(marks) => match marks.kind() {
            Some(kind) => Ok(kind),
            None if is_spdx_3 || marks.bom_format.is_some() || marks.spdx_version.is_some() => Err(
                UploadFault::Refused("is a bill of materials, but neither CycloneDX nor SPDX of version 2".to_string()),
            ),
            None => Ok(UploadKind::File),
        },
        Err(Unread::TooLarge) if says_so => Err(Unread::TooLarge.into()),
        Err(Unread::Broken(error)) if says_so => Err(UploadFault::Refused(format!(
            "is a bill of materials that cannot be read; it has to be whole, and UTF-8 without a byte order mark: {error}"
        ))),
        Err(Unread::Broken(error)) if error.is_eof() && is_json(name) => {
            Err(UploadFault::Refused(format!("is JSON that was cut: {error}")))
        }
        // With comments, or a template of another language.
        Err(Unread::TooLarge | Unread::Broken(_)) => Ok(UploadKind::File),
    }
}

fn is_json(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Tells which bill of materials a file of JSON is; another one is none.
pub fn sbom_kind(path: &Path) -> Result<UploadKind, UploadFault> {
    let none = || {
        UploadFault::Refused(
            "is JSON, but no bill of materials of CycloneDX or SPDX; send any other file as application/octet-stream \
             with its `name`"
                .to_string(),
        )
    };
    match marks(path)? {
        Ok(marks) => marks.kind().ok_or_else(none),
        Err(Unread::Broken(error)) if error.is_data() => Err(none()),
        Err(unread) => Err(unread.into()),
    }
}

/// What a bill of materials in JSON says that it is.
#[derive(Deserialize)]
struct Marks {
    #[serde(rename = "bomFormat")]
    bom_format: Option<String>,
    #[serde(rename = "spdxVersion")]
    spdx_version: Option<String>,
}

impl Marks {
    fn kind(&self) -> Option<UploadKind> {
        if self.bom_format.as_deref() == Some("CycloneDX") {
            return Some(UploadKind::CycloneDx);
        }
        self.spdx_version.as_deref().filter(|version| version.starts_with("SPDX-")).map(|_| UploadKind::Spdx)
    }
}

/// Why nothing is known of a file of JSON.
enum Unread {
    TooLarge,
    Broken(serde_json::Error),
}

impl From<Unread> for UploadFault {
    fn from(unread: Unread) -> UploadFault {
        UploadFault::Refused(match unread {
            Unread::TooLarge => format!("is a bill of materials of more than {MAX_SBOM} bytes"),
            Unread::Broken(error) => format!("is not JSON as it is declared: {error}"),
        })
    }
}

/// Reads a file of JSON to its end.
fn marks(path: &Path) -> io::Result<Result<Marks, Unread>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > MAX_SBOM {
        return Ok(Err(Unread::TooLarge));
    }
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(file));
    let marks = Marks::deserialize(&mut reader).and_then(|marks| reader.end().map(|()| marks));
    Ok(marks.map_err(Unread::Broken))
}
