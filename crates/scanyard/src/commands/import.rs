//! `scanyard import`.

use crate::commands::scan::{FailOn, engine_parser, exit, refused};
use crate::exit::{Exit, Failure, SCAN_EXIT_CODES};
use crate::local;
use crate::output::{self, ResultsFormat};
use crate::packing;
use crate::remote::Remote;
use anyhow::{Context, anyhow};
use clap::Args;
use scanyard_client::scan_api::Client;
use scanyard_contract::ScanType;
use scanyard_contract::scan::Results;
use scanyard_engines::Unnamed;
use scanyard_engines::engine::engine;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest report, in bytes: as large as the server takes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Read a report that was made elsewhere, here or into a scan on a server, and print what it says
///
/// The report is the file that the engine itself writes: XML of nmap (-oX), JSON lines of nuclei, and so on. One that is cut
/// short, of another engine, of another target, or of a scan that reached nobody is a failed scan, with what could be read of it.
///
/// Without --target it is what the report names: of nmap the one name or address that was scanned, or the smallest network
/// that holds all of them; of nikto, nuclei, wapiti and zap the one site; of trivy the image, or the name of the folder or file.
/// Reports of the others name none.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:
  scanyard import nmap report.xml
  nmap -oX - 127.0.0.1 | scanyard import nmap - --format sarif
  scanyard import nmap report.xml --target app.example.test --server https://scan.example.test
  scanyard import trivy report.json --target ./project

{SCAN_EXIT_CODES}"))]
pub struct ImportArgs {
    /// The engine that wrote the report
    #[arg(value_parser = engine_parser(|scan_type| scanyard_engines::reader(scan_type).is_some()))]
    engine: ScanType,
    /// The report; `-` is stdin
    file: PathBuf,
    /// What was scanned, as a scan of this engine would name it; of trivy also a path, which is a name alone and not opened
    #[arg(long)]
    target: Option<String>,
    #[arg(long, value_enum, default_value_t = ResultsFormat::Table)]
    format: ResultsFormat,
    /// Exit with 1 at a finding of this severity or above
    #[arg(long, value_enum, default_value_t = FailOn::Medium)]
    fail_on: FailOn,
    #[command(flatten)]
    remote: Remote,
}

impl ImportArgs {
    /// What was scanned; a path that is there is a path, also where it could be the name of an image.
    fn target(&self) -> Option<String> {
        let text = self.target.clone()?;
        match packing::path(self.engine, &text) {
            Some(_) if !text.starts_with(['/', '.', '~']) => Some(format!("./{text}")),
            Some(_) | None => Some(text),
        }
    }
}

/// Reads the report and prints what it says.
pub async fn run(args: ImportArgs) -> Result<Exit, Failure> {
    let results = match args.remote.client()? {
        Some(client) => remotely(&args, &client).await?,
        None => here(&args)?,
    };
    output::print_results(&results, args.format)?;
    Ok(exit(&results, args.fail_on))
}

fn here(args: &ImportArgs) -> Result<Results, Failure> {
    let Some(reader) = scanyard_engines::reader(args.engine) else {
        return Err(Failure::usage(anyhow!("reports of {} are not imported", args.engine)));
    };
    let given = args
        .target()
        .map(|text| engine(args.engine).imported_target(&text).map_err(|details| refused(&text, &details)));
    let given = given.transpose()?;
    let report = read(&args.file)?;
    match reader.import(&report, given) {
        Ok((target, parsed)) => Ok(local::imported(args.engine, &target, parsed)),
        Err(Unnamed::Fault(_, message)) => {
            Err(anyhow!("{}: {message}", output::clean(&args.file.display().to_string())).into())
        }
        Err(Unnamed::NoTarget) => {
            Err(Failure::usage(anyhow!("the report names no target that can be told: give --target")))
        }
    }
}

async fn remotely(args: &ImportArgs, client: &Client) -> Result<Results, Failure> {
    let report = read(&args.file)?;
    let scan = client.import_scan(args.engine, args.target().as_deref(), report).await?;
    eprintln!("imported as scan {}", scan.id);
    Ok(client.results(scan.id, scan.scan_type).await?)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        return whole(std::io::stdin().lock(), "stdin");
    }
    let name = file.display().to_string();
    let opened = std::fs::File::open(file).with_context(|| name.clone()).map_err(Failure::usage)?;
    whole(opened, &name)
}

/// Reads all of it, which must be something and within [`MAX_BYTES`].
fn whole(reader: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("reading {name}"))?;
    match bytes.len() as u64 {
        0 => Err(anyhow!("{name} is empty: the report of a scan never is").into()),
        length if length > MAX_BYTES => Err(anyhow!("{name} is larger than {MAX_BYTES} bytes").into()),
        _ => Ok(bytes),
    }
}
