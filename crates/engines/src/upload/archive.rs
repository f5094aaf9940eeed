//! Reading archives entry by entry, under caps; nothing is written here and nothing larger than a path is held.

use super::fault::UploadFault;
use super::{MAX_ENTRIES, MAX_PATH, MAX_RATIO, MAX_UNPACKED, RATIO_FREE};
use crate::text::clean;
use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;
use tar::EntryType;

/// One entry of an archive.
pub(super) enum Entry<'a> {
    Folder,
    File(&'a mut dyn Read),
}

/// Bytes of a tar header that says something of the next one, such as a long path.
const MAX_EXTENSION: u64 = 64 * 1024;

/// Which cap was met while reading.
#[derive(Debug, Clone, Copy)]
enum Met {
    Size,
    Ratio,
}

/// The bytes that may still come out of an archive.
#[derive(Clone)]
struct Budget {
    packed: u64,
    unpacked: Rc<Cell<u64>>,
    met: Rc<Cell<Option<Met>>>,
}

impl Budget {
    fn new(packed: u64) -> Budget {
        Budget { packed, unpacked: Rc::default(), met: Rc::default() }
    }

    fn take(&self, bytes: u64) -> io::Result<()> {
        let unpacked = self.unpacked.get().saturating_add(bytes);
        self.unpacked.set(unpacked);
        let most = self.packed.saturating_mul(MAX_RATIO).max(RATIO_FREE);
        let met = match unpacked {
            _ if unpacked > MAX_UNPACKED => Met::Size,
            _ if unpacked > most => Met::Ratio,
            _ => return Ok(()),
        };
        self.met.set(Some(met));
        Err(io::Error::other("a cap was met"))
    }

    /// What an error in reading says: a cap that was met, or a damaged archive.
    fn fault(&self, error: &io::Error) -> UploadFault {
        self.over(UploadFault::broken(error))
    }

    /// What the reader of an entry says, unless a cap ended the reading.
    fn over(&self, fault: UploadFault) -> UploadFault {
        match self.met.get() {
            Some(Met::Size) => UploadFault::too_large(),
            Some(Met::Ratio) => UploadFault::too_dense(),
            None => fault,
        }
    }
}

/// Counts what comes out of a decoder.
struct Counted<R> {
    inner: R,
    budget: Budget,
    /// How many of the last bytes were zero.
    zeros: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.budget.take(read as u64)?;
        match buffer[..read].iter().rposition(|byte| *byte != 0) {
            Some(last) => self.zeros.set((read - 1 - last) as u64),
            None => self.zeros.set(self.zeros.get() + read as u64),
        }
        Ok(read)
    }
}

/// Bytes of zero that a tar archive ends with, at least.
const TAR_END: u64 = 512;

/// Hands on every entry of a tar archive that is compressed with gzip, with its path.
pub(super) fn tar_gz(
    file: File,
    mut on_entry: impl FnMut(&[u8], Entry<'_>) -> Result<(), UploadFault>,
) -> Result<(), UploadFault> {
    let budget = Budget::new(file.metadata()?.len());
    let zeros = Rc::default();
    let inner = MultiGzDecoder::new(BufReader::new(file));
    let counted = Counted { inner, budget: budget.clone(), zeros: Rc::clone(&zeros) };
    let mut archive = tar::Archive::new(counted);
    let mut next_path: Option<Vec<u8>> = None;
    let fault = |error: io::Error| budget.fault(&error);
    // Raw: the crate would hold a long path of any length in memory.
    for entry in archive.entries().map_err(fault)?.raw(true) {
        let mut entry = entry.map_err(fault)?;
        let kind = entry.header().entry_type();
        let path = match next_path.take() {
            Some(path) => path,
            None => entry.path_bytes().into_owned(),
        };
        match kind {
            EntryType::Regular | EntryType::Continuous => {
                on_entry(&path, Entry::File(&mut entry)).map_err(|fault| budget.over(fault))?;
            }
            EntryType::Directory => on_entry(&path, Entry::Folder)?,
            EntryType::GNULongName => {
                let mut name = extension(&mut entry, &budget)?;
                while name.last() == Some(&0) {
                    name.pop();
                }
                next_path = Some(name);
            }
            EntryType::XHeader => next_path = pax_path(&extension(&mut entry, &budget)?)?,
            EntryType::XGlobalHeader => _ = extension(&mut entry, &budget)?,
            other => return Err(UploadFault::at(&clean(&path, 200), refused(other))),
        }
    }
    if zeros.get() < TAR_END {
        return Err(UploadFault::Refused("is cut: the tar archive in it has no end".to_string()));
    }
    // Up to the end of the compression too; a second archive there would be passed over.
    let (before, behind) = (zeros.get(), io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(fault)?);
    match zeros.get() == before + behind {
        true => Ok(()),
        false => Err(UploadFault::Refused("holds more behind the end of its tar archive; pack it as one".to_string())),
    }
}

fn refused(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link | EntryType::Symlink | EntryType::GNULongLink => {
            "is a link; pack the file itself (`tar --dereference`), or leave the link out"
        }
        EntryType::Char | EntryType::Block | EntryType::Fifo => "is a device or a pipe; leave it out",
        EntryType::GNUSparse => "is stored as a sparse file; pack without `--sparse`",
        _ => "is neither a file nor a folder",
    }
}

fn extension(entry: &mut impl Read, budget: &Budget) -> Result<Vec<u8>, UploadFault> {
    let mut bytes = Vec::new();
    entry.take(MAX_EXTENSION + 1).read_to_end(&mut bytes).map_err(|error| budget.fault(&error))?;
    if bytes.len() as u64 > MAX_EXTENSION {
        return Err(UploadFault::too_long());
    }
    Ok(bytes)
}

/// The path in an extended header of POSIX: lines of `length key=value`.
fn pax_path(bytes: &[u8]) -> Result<Option<Vec<u8>>, UploadFault> {
    let broken = || UploadFault::Refused("cannot be unpacked: an extended header is damaged".to_string());
    let (mut rest, mut path) = (bytes, None);
    while !rest.is_empty() {
        let blank = rest.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let length = std::str::from_utf8(&rest[..blank]).ok().and_then(|text| text.parse::<usize>().ok());
        let length = length.filter(|length| *length > blank + 1 && *length <= rest.len()).ok_or_else(broken)?;
        let record = &rest[blank + 1..length - 1];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        match &record[..equals] {
            b"path" => path = Some(record[equals + 1..].to_vec()),
            // The next header's own size would be another, and what follows would be read at the wrong place.
            key if key == b"size" || key.starts_with(b"GNU.sparse") => {
                return Err(UploadFault::Refused("holds a sparse or an over-large file".to_string()));
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(path)
}

/// The end of a zip archive, and the most that a comment behind it takes.
const END_BYTES: u64 = 22;
const END_AND_COMMENT: u64 = END_BYTES + 0xffff;
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

/// Hands on every entry of a zip archive, with its path: as its central directory lists them, stored or deflated.
pub(super) fn zip(
    mut file: File,
    mut on_entry: impl FnMut(&[u8], Entry<'_>) -> Result<(), UploadFault>,
) -> Result<(), UploadFault> {
    let size = file.metadata()?.len();
    let budget = Budget::new(size);
    let (count, start, length) = zip_end(&mut file, size)?;
    if u64::from(count) > MAX_ENTRIES {
        return Err(UploadFault::too_many());
    }
    // As many entries of the longest paths are below 100 MiB, and a directory is not larger than its archive.
    let mut directory = BufReader::new(file.try_clone()?);
    directory.seek(SeekFrom::Start(start))?;
    let mut directory = directory.take(length);
    let mut at = start;
    for _ in 0..count {
        let entry = central(&mut directory)?;
        at += entry.bytes;
        let path = entry.path.clone();
        if let Some(reason) = entry.refused() {
            return Err(UploadFault::at(&clean(&path, 200), reason));
        }
        if entry.path.ends_with(b"/") {
            on_entry(&path, Entry::Folder)?;
        } else {
            let mut data = zip_data(file.try_clone()?, &entry, &budget)?;
            on_entry(&path, Entry::File(&mut data)).map_err(|fault| budget.over(fault))?;
        }
        // Both ends of the archive's one file move with every entry.
        directory.get_mut().seek(SeekFrom::Start(at))?;
    }
    // Who cannot count further than 65,535 begins anew, and the entries beyond would be passed over.
    if at != start + length {
        return Err(UploadFault::Refused(
            "cannot be unpacked: its directory holds other entries than it says; pack it anew".to_string(),
        ));
    }
    Ok(())
}

/// Number of entries, and where the central directory begins and how long it is.
fn zip_end(file: &mut File, size: u64) -> Result<(u16, u64, u64), UploadFault> {
    let tail_at = size.saturating_sub(END_AND_COMMENT);
    file.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    file.take(END_AND_COMMENT).read_to_end(&mut tail)?;
    let is_end = |at: &usize| {
        let end = &tail[*at..];
        end.starts_with(b"PK\x05\x06") && end.len() == END_BYTES as usize + usize::from(u16_at(end, 20))
    };
    let Some(at) = (0..(tail.len() + 1).saturating_sub(END_BYTES as usize)).rev().find(is_end) else {
        return Err(UploadFault::Refused("is not a zip archive, or is cut: it has no end".to_string()));
    };
    let end = &tail[at..];
    let (count, length, start) = (u16_at(end, 10), u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
    if u16_at(end, 4) != 0 || count != u16_at(end, 8) || count == 0xffff || start == 0xffff_ffff {
        return Err(UploadFault::Refused("is a zip archive in several parts or of ZIP64; pack it anew".to_string()));
    }
    if start + length > tail_at + at as u64 {
        return Err(UploadFault::Refused("cannot be unpacked: its directory is damaged".to_string()));
    }
    Ok((count, start, length))
}

/// An entry of the central directory.
struct Central {
    path: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    /// Mode of the file on Unix; 0 where the archive has none.
    mode: u32,
    local_at: u64,
    /// Its length in the directory.
    bytes: u64,
}

impl Central {
    fn refused(&self) -> Option<&'static str> {
        if self.flags & 1 != 0 {
            return Some("is encrypted");
        }
        if self.packed == 0xffff_ffff || self.unpacked == 0xffff_ffff || self.local_at == 0xffff_ffff {
            return Some("is stored as ZIP64; pack it anew");
        }
        match self.mode & 0o170_000 {
            0 | 0o100_000 | 0o040_000 => {}
            0o120_000 => return Some("is a link; pack the file itself, or leave the link out"),
            _ => return Some("is a device or a pipe; leave it out"),
        }
        (!matches!(self.method, 0 | 8)).then_some("is compressed in another way than deflate")
    }
}

fn central(directory: &mut impl Read) -> Result<Central, UploadFault> {
    let mut fixed = [0; CENTRAL_BYTES];
    directory.read_exact(&mut fixed).map_err(|error| UploadFault::broken(&error))?;
    let path_bytes = usize::from(u16_at(&fixed, 28));
    if !fixed.starts_with(b"PK\x01\x02") {
        return Err(UploadFault::Refused("cannot be unpacked: its directory is damaged".to_string()));
    }
    if path_bytes > MAX_PATH {
        return Err(UploadFault::too_long());
    }
    let mut path = vec![0; path_bytes];
    directory.read_exact(&mut path).map_err(|error| UploadFault::broken(&error))?;
    let rest = u64::from(u16_at(&fixed, 30)) + u64::from(u16_at(&fixed, 32));
    Ok(Central {
        flags: u16_at(&fixed, 8),
        method: u16_at(&fixed, 10),
        crc: u32_at(&fixed, 16),
        packed: u64::from(u32_at(&fixed, 20)),
        unpacked: u64::from(u32_at(&fixed, 24)),
        mode: u32_at(&fixed, 38) >> 16,
        local_at: u64::from(u32_at(&fixed, 42)),
        bytes: (CENTRAL_BYTES + path_bytes) as u64 + rest,
        path,
    })
}

/// A zip entry's bytes; its length and checksum are those of the directory, or reading fails.
struct ZipData {
    inner: Decoder,
    budget: Budget,
    crc: Crc,
    left: u64,
    expected_crc: u32,
}

enum Decoder {
    Stored(io::Take<BufReader<File>>),
    Deflated(DeflateDecoder<io::Take<BufReader<File>>>),
}

fn zip_data(file: File, entry: &Central, budget: &Budget) -> Result<ZipData, UploadFault> {
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(entry.local_at))?;
    let mut local = [0; LOCAL_BYTES];
    file.read_exact(&mut local).map_err(|error| UploadFault::broken(&error))?;
    if !local.starts_with(b"PK\x03\x04") {
        return Err(UploadFault::Refused("cannot be unpacked: an entry is not where the directory says".to_string()));
    }
    let skip = i64::from(u16_at(&local, 26)) + i64::from(u16_at(&local, 28));
    file.seek_relative(skip)?;
    let packed = file.take(entry.packed);
    let inner = match entry.method {
        8 => Decoder::Deflated(DeflateDecoder::new(packed)),
        _ => Decoder::Stored(packed),
    };
    let crc = Crc::new();
    Ok(ZipData { inner, budget: budget.clone(), crc, left: entry.unpacked, expected_crc: entry.crc })
}

impl Read for ZipData {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Decoder::Stored(reader) => reader.read(buffer)?,
            Decoder::Deflated(reader) => reader.read(buffer)?,
        };
        self.budget.take(read as u64)?;
        self.crc.update(&buffer[..read]);
        let is_end = read == 0 && !buffer.is_empty();
        match self.left.checked_sub(read as u64) {
            Some(left) if !is_end || (left == 0 && self.crc.sum() == self.expected_crc) => {
                self.left = left;
                Ok(read)
            }
            Some(_) | None => Err(io::Error::other("an entry is not as long as the directory says, or damaged")),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
