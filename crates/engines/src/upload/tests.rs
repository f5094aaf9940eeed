//! Archives that are good, broken, and made to do harm.

use super::pack::LeftOut;
use super::{MAX_ENTRIES, Packed, UploadFault, UploadKind, inspect, kind_of, pack, sbom_kind, unpack};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::{EntryType, Header};

/// One entry of an archive: path, type, bytes.
type Item<'a> = (&'a str, EntryType, &'a [u8]);

/// A tar archive with these paths as they stand: the crate itself would refuse some of them.
fn tar_gz(items: &[Item<'_>]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    for (path, kind, bytes) in items {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        gz.write_all(header.as_bytes()).unwrap();
        gz.write_all(bytes).unwrap();
        gz.write_all(&vec![0; bytes.len().next_multiple_of(512) - bytes.len()]).unwrap();
    }
    gz.write_all(&[0; 1024]).unwrap();
    gz.finish().unwrap()
}

/// One entry of a zip archive: path, mode, bytes, and the size that its directory claims.
struct Zipped<'a> {
    path: &'a str,
    mode: u32,
    bytes: &'a [u8],
    claimed: u32,
}

fn zipped<'a>(path: &'a str, bytes: &'a [u8]) -> Zipped<'a> {
    Zipped { path, mode: 0o100_644, bytes, claimed: bytes.len() as u32 }
}

fn zip(entries: &[Zipped<'_>]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(entry.bytes).unwrap();
        let deflated = deflated.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(entry.bytes);
        let mut common = Vec::new();
        for half in [20u16, 0, 8, 0, 0] {
            common.extend(half.to_le_bytes());
        }
        for word in [crc.sum(), deflated.len() as u32, entry.claimed] {
            common.extend(word.to_le_bytes());
        }
        common.extend((entry.path.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(entry.path.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(entry.path.as_bytes());
        out.extend(&deflated);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}

fn look(kind: UploadKind, bytes: &[u8]) -> Result<(u64, u64), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("packed");
    fs::write(&path, bytes).unwrap();
    match inspect(kind, "name", &path) {
        Ok(contents) => Ok((contents.files, contents.bytes)),
        Err(UploadFault::Refused(reason)) => Err(reason),
        Err(UploadFault::Disk(error)) => panic!("{error}"),
    }
}

fn refusal(kind: UploadKind, bytes: &[u8]) -> String {
    look(kind, bytes).expect_err("it was taken")
}

const FILE: EntryType = EntryType::Regular;

#[test]
fn good_archives_are_taken() {
    let items =
        [("./", EntryType::Directory, b"".as_slice()), ("a/b.txt", FILE, b"12345"), ("a/", EntryType::Directory, b"")];
    assert_eq!(look(UploadKind::TarGz, &tar_gz(&items)), Ok((1, 5)));
    assert_eq!(look(UploadKind::Zip, &zip(&[zipped("a/", b""), zipped("a/b.txt", b"12345")])), Ok((1, 5)));
    assert_eq!(look(UploadKind::File, b"12345"), Ok((1, 5)));
}

#[test]
fn what_is_no_file_or_folder_is_refused() {
    for (kind, word) in [
        (EntryType::Symlink, "link"),
        (EntryType::Link, "link"),
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "pipe"),
        (EntryType::GNUSparse, "sparse"),
        (EntryType::new(b'Z'), "neither"),
    ] {
        let reason = refusal(UploadKind::TarGz, &tar_gz(&[("x", kind, b"")]));
        assert!(reason.starts_with("x: ") && reason.contains(word), "{reason}");
    }
    for mode in [0o120_777, 0o020_666, 0o010_644] {
        refusal(UploadKind::Zip, &zip(&[Zipped { mode, ..zipped("x", b"/etc/passwd") }]));
    }
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in ["/etc/passwd", "../x", "a/../../x", "a\\b"] {
        assert!(refusal(UploadKind::TarGz, &tar_gz(&[(path, FILE, b"x")])).contains("path"), "{path}");
        assert!(refusal(UploadKind::Zip, &zip(&[zipped(path, b"x")])).contains("path"), "{path}");
    }
    let long = [("././@LongLink", EntryType::GNULongName, b"../../etc/passwd\0".as_slice()), ("x", FILE, b"x")];
    assert!(refusal(UploadKind::TarGz, &tar_gz(&long)).contains("leads out"));
    let name = "x".repeat(256) + "\0";
    let long = [("././@LongLink", EntryType::GNULongName, name.as_bytes()), ("x", FILE, b"x")];
    assert!(refusal(UploadKind::TarGz, &tar_gz(&long)).contains("a name of more than 255 bytes"));
    let pax = [("x", EntryType::XHeader, b"20 path=/etc/passwd\n".as_slice()), ("x", FILE, b"x")];
    assert!(refusal(UploadKind::TarGz, &tar_gz(&pax)).contains("absolute"));
}

#[test]
fn no_two_entries_are_at_one_place() {
    for items in [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a", "./a"]] {
        let items = items.map(|path| (path, FILE, b"x".as_slice()));
        refusal(UploadKind::TarGz, &tar_gz(&items));
        refusal(UploadKind::Zip, &zip(&items.map(|(path, _, bytes)| zipped(path, bytes))));
    }
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 64 * 1024 * 1024];
    let reason = refusal(UploadKind::TarGz, &tar_gz(&[("x", FILE, &zeros)]));
    assert!(reason.contains("times its size"), "{reason}");
    assert!(refusal(UploadKind::Zip, &zip(&[zipped("x", &zeros)])).contains("times its size"));
    // A header that says of the next one that its path is long, without end.
    let reason = refusal(UploadKind::TarGz, &tar_gz(&[("x", EntryType::GNULongName, &zeros[..1_000_000])]));
    assert!(reason.contains("path"), "{reason}");
    let lies = [Zipped { claimed: 3, ..zipped("x", b"12345") }];
    assert!(refusal(UploadKind::Zip, &zip(&lies)).contains("directory says"));
    let many: Vec<String> = (0..=MAX_ENTRIES).map(|number| number.to_string()).collect();
    let many: Vec<Item<'_>> = many.iter().map(|name| (name.as_str(), FILE, b"".as_slice())).collect();
    assert!(refusal(UploadKind::TarGz, &tar_gz(&many)).contains("files and folders"));
}

#[test]
fn what_is_broken_or_empty_is_refused() {
    let tar = tar_gz(&[("x", FILE, &[7; 5000])]);
    let zip = zip(&[zipped("x", &[7; 5000])]);
    for cut in [0, 5, tar.len() / 2, tar.len() - 1] {
        refusal(UploadKind::TarGz, &tar[..cut]);
    }
    for cut in [0, 5, zip.len() / 2, zip.len() - 1] {
        refusal(UploadKind::Zip, &zip[..cut]);
    }
    assert_eq!(refusal(UploadKind::TarGz, &tar_gz(&[])), "holds no file");
    assert_eq!(refusal(UploadKind::Zip, &self::zip(&[zipped("a/", b"")])), "holds no file");
    for kind in [UploadKind::File, UploadKind::CycloneDx] {
        assert_eq!(refusal(kind, b""), "is empty");
    }
    refusal(UploadKind::TarGz, &zip);
    refusal(UploadKind::Zip, &tar);
}

#[test]
fn nothing_of_an_archive_is_passed_over() {
    let repacked = |pieces: &[&[u8]]| {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        pieces.iter().for_each(|piece| gz.write_all(piece).unwrap());
        gz.finish().unwrap()
    };
    let mut tar = Vec::new();
    MultiGzDecoder::new(&tar_gz(&[("x", FILE, &[7; 512]), ("y", FILE, &[7; 512])])[..]).read_to_end(&mut tar).unwrap();
    assert_eq!(look(UploadKind::TarGz, &repacked(&[&tar, &[0; 8192]])), Ok((2, 1024)));
    // Who packed was ended between two files; the compression is whole.
    assert_eq!(refusal(UploadKind::TarGz, &repacked(&[&tar[..1024]])), "is cut: the tar archive in it has no end");
    let second = refusal(UploadKind::TarGz, &repacked(&[&tar, &tar]));
    assert!(second.starts_with("holds more behind the end"), "{second}");

    // 65,537 entries, of which the 16 bits of the end say one.
    let mut zip = zip(&[zipped("x", b"x"), zipped("y", b"y")]);
    let end = zip.len() - 22;
    zip[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    assert!(refusal(UploadKind::Zip, &zip).contains("other entries than it says"));
}

#[test]
fn json_is_a_bill_of_materials_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let kind = |text: &str| {
        fs::write(&path, text).unwrap();
        sbom_kind(&path).map_err(|fault| fault.to_string())
    };
    assert_eq!(kind(r#"{"bomFormat": "CycloneDX", "components": []}"#), Ok(UploadKind::CycloneDx));
    assert_eq!(kind(r#"{"spdxVersion": "SPDX-2.3"}"#), Ok(UploadKind::Spdx));
    for text in ["{}", "[]", "", "{", r#"{"bomFormat": "other"}"#, r#"{"bomFormat": "CycloneDX"} x"#] {
        assert!(kind(text).is_err(), "{text}");
    }
    for text in ["[]", "1", r#"{"spdxVersion": 3}"#] {
        assert!(kind(text).unwrap_err().starts_with("is JSON, but no bill of materials"), "{text}");
    }
}

#[test]
fn a_single_file_is_known_by_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let kind = |name: &str, bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        kind_of(name, &path).map_err(|fault| fault.to_string())
    };
    let sbom = r#"{"bomFormat": "CycloneDX", "components": [{"name": "a"}]}"#;
    assert_eq!(kind("a.tar.gz", &tar_gz(&[("x", FILE, b"x")])), Ok(UploadKind::TarGz));
    assert_eq!(kind("a.jar", &zip(&[zipped("x", b"x")])), Ok(UploadKind::Zip));
    assert_eq!(kind("a.sbom", sbom.as_bytes()), Ok(UploadKind::CycloneDx));
    assert_eq!(kind("a", br#" {"spdxVersion": "SPDX-2.3"}"#), Ok(UploadKind::Spdx));
    for (name, text) in [
        ("Dockerfile", "FROM scratch"),
        ("package.json", "{}"),
        ("package.json", "\u{feff}{}"),
        ("tsconfig.json", "{ // a comment\n}"),
        ("values", "{{ template }"),
        ("page.html", "<html>bomFormat</html>"),
        ("empty", ""),
    ] {
        assert_eq!(kind(name, text.as_bytes()), Ok(UploadKind::File), "{name} {text}");
    }

    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let utf_16: Vec<u8> = [0xfeff].into_iter().chain(sbom.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let marked = format!("\u{feff}{sbom}");
    for (name, bytes, reason) in [
        ("a.tar", tar.as_slice(), "is an archive (tar, not compressed)"),
        ("a.tar.xz", b"\xfd7zXZ\0", "is an archive (xz)"),
        ("bom.json", &sbom.as_bytes()[..sbom.len() - 4], "is a bill of materials that cannot be read"),
        ("bom", &sbom.as_bytes()[..sbom.len() - 4], "is a bill of materials that cannot be read"),
        ("bom.json", marked.as_bytes(), "is a bill of materials that cannot be read"),
        ("bom.json", &utf_16, "is a bill of materials that cannot be read"),
        ("package-lock.json", br#"{"packages": {"#, "is JSON that was cut"),
        ("bom.json", br#"{"bomFormat": "other"}"#, "neither CycloneDX nor SPDX of version 2"),
        (
            "bom.json",
            br#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#,
            "neither CycloneDX nor SPDX of version 2",
        ),
        ("bom.xml", br#"<?xml?><bom xmlns="http://cyclonedx.org/schema/bom/1.5"/>"#, "XML of CycloneDX"),
        ("bom.spdx", b"# made here\nSPDXVersion: SPDX-2.3\n", "tags and values of SPDX"),
        ("bom.yaml", b"SPDXID: a\nspdxVersion: SPDX-2.3\n", "YAML of SPDX"),
    ] {
        let refused = kind(name, bytes).expect_err(name);
        assert!(refused.contains(reason), "{name}: {refused}");
    }
}

#[test]
fn an_archive_is_packed_already() {
    let dir = tempfile::tempdir().unwrap();
    for (file, bytes, kind, name) in [
        ("shop.tar.gz", tar_gz(&[("x", FILE, b"x")]), UploadKind::TarGz, "shop"),
        ("shop-1.0.zip", zip(&[zipped("x", b"x")]), UploadKind::Zip, "shop_1.0"),
        ("shop.jar", zip(&[zipped("x", b"x")]), UploadKind::Zip, "shop.jar"),
        (".zip", zip(&[zipped("x", b"x")]), UploadKind::Zip, "files"),
    ] {
        let path = dir.path().join(file);
        fs::write(&path, bytes).unwrap();
        let packed = pack::prepare(&path, &dir.path().join("unused")).unwrap().packed;
        assert_eq!(packed, Packed { kind, name: name.to_string(), path: path.canonicalize().unwrap() });
    }
}

#[test]
fn a_folder_packs_and_unpacks() {
    let dir = tempfile::tempdir().unwrap();
    let device = pack::prepare(Path::new("/dev/zero"), &dir.path().join("unused")).unwrap_err();
    assert_eq!(device.to_string(), "is neither a file nor a folder");
    let project = dir.path().join("my shop");
    fs::create_dir_all(project.join("a/b")).unwrap();
    fs::create_dir_all(project.join(".git")).unwrap();
    fs::write(project.join(".git/config"), "x").unwrap();
    fs::write(project.join("a/b/one.txt"), "1").unwrap();
    let long = format!("{}.txt", "long".repeat(40));
    fs::write(project.join(&long), "22").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", project.join("link")).unwrap();
    for name in [b"a\\b".as_slice(), b"a\nb", b"\xff"] {
        fs::write(project.join(OsStr::from_bytes(name)), "x").unwrap();
        fs::create_dir(project.join("a").join(OsStr::from_bytes(name))).unwrap();
    }
    let prepared = pack::prepare(&project, &dir.path().join("one")).unwrap();
    assert_eq!((prepared.packed.name.as_str(), prepared.left_out), ("my_shop", LeftOut { special: 1, misnamed: 6 }));
    assert_eq!(look(UploadKind::TarGz, &fs::read(&prepared.packed.path).unwrap()), Ok((2, 3)));
    pack::prepare(&project, &dir.path().join("two")).unwrap();
    assert_eq!(fs::read(dir.path().join("one")).unwrap(), fs::read(dir.path().join("two")).unwrap());

    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let at = unpack(&prepared.packed, &into).unwrap();
    assert_eq!(at, into.join("my_shop"));
    assert_eq!(fs::read_to_string(at.join("a/b/one.txt")).unwrap(), "1");
    assert_eq!(fs::read_to_string(at.join(&long)).unwrap(), "22");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&at.join("a")), mode(&at.join("a/b/one.txt"))), (0o755, 0o644));
    fs::create_dir(dir.path().join("empty")).unwrap();
    assert!(pack::prepare(&dir.path().join("empty"), &dir.path().join("three")).is_err());
}

proptest! {
    #[test]
    fn nothing_is_written_outside_its_folder(
        paths in proptest::collection::vec("[a./\\\\]{1,12}", 1..5), as_zip: bool,
    ) {
        let bytes = if as_zip {
            zip(&paths.iter().map(|path| zipped(path, b"x")).collect::<Vec<_>>())
        } else {
            tar_gz(&paths.iter().map(|path| (path.as_str(), FILE, b"x".as_slice())).collect::<Vec<_>>())
        };
        let dir = tempfile::tempdir().unwrap();
        let (packed, into) = (dir.path().join("packed"), dir.path().join("deep/into"));
        fs::write(&packed, bytes).unwrap();
        fs::create_dir_all(&into).unwrap();
        let kind = if as_zip { UploadKind::Zip } else { UploadKind::TarGz };
        // Refused or not: what is outside stays as it is.
        let _ = unpack(&Packed { kind, name: "name".into(), path: packed }, &into);
        prop_assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        prop_assert_eq!(fs::read_dir(dir.path().join("deep")).unwrap().count(), 1);
        prop_assert!(fs::read_dir(&into).unwrap().all(|entry| entry.unwrap().file_name() == "name"));
    }

    #[test]
    fn a_damaged_archive_never_panics(as_zip: bool, at in any::<prop::sample::Index>(), byte: u8) {
        let (kind, mut bytes) = match as_zip {
            true => (UploadKind::Zip, zip(&[zipped("a/b", b"12345"), zipped("c", &[7; 600])])),
            false => (UploadKind::TarGz, tar_gz(&[("a/b", FILE, b"12345"), ("c", FILE, &[7; 600])])),
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = look(kind, &bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(as_zip: bool, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = look(if as_zip { UploadKind::Zip } else { UploadKind::TarGz }, &bytes);
    }
}
