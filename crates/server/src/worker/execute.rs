//! One run: from the claimed scan to its stored end.

use super::runs::Place;
use crate::App;
use crate::store::claim::Claimed;
use crate::store::finish::Finish;
use crate::store::{StoreError, job};
use crate::upload::{self, Fetched};
use scanyard_contract::ScanStatus;
use scanyard_contract::scan::{FailureReason, ScanAuth};
use scanyard_engines::policy::Refusal;
use scanyard_engines::resolve::ResolveFault;
use scanyard_engines::{Availability, Dns, Job, Options, Outcome, Report, Target};
use std::net::IpAddr;
use std::time::Duration;

/// How long a run looks its target up.
const LOOKUP_BUDGET: Duration = Duration::from_secs(10);

/// How long to wait before the end of a run is written again, when the database did not take it.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Runs a claimed scan to its end and stores it, or gives it back.
pub async fn execute(app: App, claimed: Claimed, place: Place) {
    let report = match prepare(&app, &claimed).await {
        // The file of an upload stays as long as the run.
        // Boxed, because it is large, and would make every task so.
        Ok((job, _upload)) => Box::pin(scanyard_engines::run(job, place.control.clone())).await,
        Err(failed) => *failed,
    };
    let status = match report.outcome {
        Outcome::Completed => ScanStatus::Completed,
        Outcome::Failed(_) => ScanStatus::Failed,
        Outcome::Cancelled => ScanStatus::Cancelled,
        Outcome::Stopped => return give_back(&app, &claimed).await,
    };
    let end = finish_of(&claimed, status, report);
    let scan = &claimed.scan;
    let reason = end.failure.as_ref().map_or("", |failure| failure.reason.as_str());
    let took = scan.started_at.map(|at| crate::metrics::seconds(at, app.store.local_now()));
    while let Err(error) = app.store.guard(store_end(&app, end.clone())).await {
        tracing::warn!(scan = %claimed.scan.id, %error, "storing the end of a scan");
        tokio::select! {
            () = tokio::time::sleep(WRITE_AGAIN) => {}
            () = place.control.stop.cancelled() => return give_back(&app, &claimed).await,
        }
    }
    crate::metrics::ended(scan.scan_type, status, reason);
    if let Some(took) = took {
        metrics::histogram!("scanyard_scan_run_seconds", "scan_type" => scan.scan_type.as_str()).record(took);
    }
    app.wake_workers(None);
    app.webhooks.hint();
}

/// Resolves the target once, checks every address, and puts the job together.
async fn prepare(app: &App, claimed: &Claimed) -> Result<(Job, Option<Fetched>), Box<Report>> {
    let scan = &claimed.scan;
    let fail = |reason, message: String| Box::new(Report::failed(reason, message));
    let target = Target::parse_for(scan.scan_type, &scan.target)
        .map_err(|fault| fail(FailureReason::ResolutionFailed, fault.to_string()))?;
    let refused = |refusal: Refusal| fail(FailureReason::TargetNotAllowed, refusal.to_string());
    let addresses = if crate::scan::looks_up_target(scan.scan_type) {
        let found = resolve(app, &target).await;
        let addresses = found.map_err(|fault| fail(FailureReason::ResolutionFailed, fault.to_string()))?;
        claimed.policy.check_addresses(&target, &addresses).map_err(refused)?;
        addresses
    } else {
        // Others are asked about it, so that the scan's own consent is looked at again before it runs.
        if scan.consent.is_none() {
            let message = format!("{} tells third parties of the target, and the scan has no consent", scan.scan_type);
            return Err(fail(FailureReason::TargetNotAllowed, message));
        }
        claimed.policy.check_name(&target).map_err(refused)?;
        Vec::new()
    };
    if let Target::Image(image) = &target {
        app.config
            .engines
            .trivy
            .refusal(image)
            .map_or(Ok(()), |refusal| Err(fail(FailureReason::TargetNotAllowed, refusal)))?;
    }
    if target.name().is_some() {
        note_addresses(app, claimed, &addresses).await;
    }
    let options = match Options::parse(scan.scan_type, &crate::scan::effective_options(&scan.options, &scan.config)) {
        Some(Ok(options)) => options,
        Some(Err(_)) | None => {
            return Err(fail(FailureReason::EngineFailed, "this version does not take the scan's options".into()));
        }
    };
    let auth = open_auth(app, claimed).map_err(|reason| fail(FailureReason::EngineFailed, reason))?;
    let program = match app.engines.availability(scan.scan_type) {
        Availability::Native => None,
        Availability::Program(path) => Some(path.clone()),
        Availability::Missing { .. } | Availability::NotReady(_) | Availability::NoAdapter => {
            let reason = app.engines.missing(scan.scan_type).unwrap_or_default();
            return Err(fail(FailureReason::EngineMissing, reason));
        }
    };
    let dns = target.name().map(|_| Dns { resolver: app.resolver.clone(), policy: claimed.policy.clone() });
    let upload = match &target {
        Target::Upload(id) => {
            let fetched = upload::fetch(app, &scan.tenant_id, &id.to_string()).await;
            Some(fetched.map_err(|fault| fail(FailureReason::ResolutionFailed, fault.to_string()))?)
        }
        Target::Ip(_) | Target::Network(_) | Target::Host(_) | Target::Url(_) | Target::Image(_) | Target::Files(_) => {
            None
        }
    };
    let job = Job {
        run_id: claimed.run_id,
        target,
        addresses,
        options,
        dns,
        auth,
        upload: upload.as_ref().map(|upload| upload.packed.clone()),
        settings: app.config.engines.settings(),
        timeout: Duration::from_secs(scan.timeout.into()),
        program,
        templates: app.config.engines.nuclei.templates.clone(),
        supervisor: app.supervisor.clone(),
        work_dir: app.config.jobs_dir(),
        user: app.config.engines.run_as(),
        limits: app.config.engines.limits(),
    };
    Ok((job, upload))
}

/// The credentials of the scan, unsealed for this run alone.
fn open_auth(app: &App, claimed: &Claimed) -> Result<Option<ScanAuth>, String> {
    let Some(sealed) = &claimed.auth else { return Ok(None) };
    let text =
        app.vault.open(sealed, &crate::scan::auth_context(claimed.scan.id)).map_err(|error| error.to_string())?;
    // The cause would repeat a part of the text.
    serde_json::from_str(text.expose()).map(Some).map_err(|_| "the scan's credentials cannot be read".to_string())
}

async fn resolve(app: &App, target: &Target) -> Result<Vec<IpAddr>, ResolveFault> {
    match target.name() {
        Some(name) => app.resolver.lookup(name, LOOKUP_BUDGET).await,
        None => Ok(target.literals()),
    }
}

/// Stores which addresses a name had when they were checked, beside the run; a run does not fail for want of the note.
async fn note_addresses(app: &App, claimed: &Claimed, addresses: &[IpAddr]) {
    let text = serde_json::to_string(addresses).unwrap_or_default();
    let (run_id, scan_id) = (claimed.run_id, claimed.scan.id);
    let noted =
        app.store.write(move |conn| Box::pin(async move { job::set_addresses(conn, run_id, scan_id, &text).await }));
    if let Err(error) = noted.await {
        tracing::warn!(scan = %scan_id, %error, "noting the addresses of a run");
    }
}

fn finish_of(claimed: &Claimed, status: ScanStatus, report: Report) -> Finish {
    Finish {
        scan: claimed.scan.clone(),
        run_id: claimed.run_id,
        status,
        failure: match report.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Completed | Outcome::Cancelled | Outcome::Stopped => None,
        },
        coverage: report.coverage,
        records: report.records,
        findings: report.findings,
        report: report.raw,
        engine_version: report.engine_version,
    }
}

async fn store_end(app: &App, end: Finish) -> Result<(), StoreError> {
    let scan_id = end.scan.id;
    let taken = app.store.end(end).await?;
    if !taken {
        tracing::warn!(scan = %scan_id, "the end of a run was refused: its lease was lost");
        metrics::counter!("scanyard_results_refused_total").increment(1);
    }
    app.wake_watchers(scan_id);
    Ok(())
}

async fn give_back(app: &App, claimed: &Claimed) {
    let run = (claimed.scan.id, claimed.run_id);
    let given = async {
        let now = app.store.now().await?;
        app.store.write(move |conn| Box::pin(async move { job::give_back(conn, now, &[run]).await })).await
    };
    if let Err(error) = app.store.guard(given).await {
        tracing::warn!(scan = %run.0, %error, "giving a scan back; its lease will end");
    }
    app.wake_watchers(run.0);
    app.wake_workers(None);
}
