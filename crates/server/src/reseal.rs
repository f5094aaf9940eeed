//! Sealing what is stored anew with the first master key, so that older ones can be thrown away.

use crate::bootstrap::TENANT;
use crate::scan::auth_context;
use crate::store::audit::{self, Actor, AuditRecord};
use crate::store::{Store, master_key, sealed, tenant};
use crate::vault::Vault;
use anyhow::Context;

/// What was sealed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    pub webhooks: usize,
    /// Scans that wait or run and have credentials for their target.
    pub scans: usize,
    /// Ids of the keys that nothing is sealed with any more.
    pub retired: Vec<String>,
}

/// Seals every stored secret with the vault's first key and forgets the others' ids, all or nothing. Every node must have
/// that key first before: one that has not would go on sealing with an older one.
pub async fn reseal(store: &Store, vault: &Vault) -> anyhow::Result<Resealed> {
    let mut conn = store.read().await?;
    let (webhooks, scans) = (sealed::webhooks(&mut conn).await?, sealed::scans(&mut conn).await?);
    let known = master_key::ids(&mut conn).await?;
    let house =
        tenant::by_name(&mut conn, TENANT).await?.context("the server has not been started on this database yet")?;
    drop(conn);
    let anew = |text: &str, context: &str| -> anyhow::Result<String> {
        let plain = vault.open(text, context).with_context(|| format!("opening a secret of {context}"))?;
        Ok(vault.seal(plain.expose(), context)?)
    };
    let first = vault.first_id().to_string();
    let mut changes = Vec::new();
    let is_old = |text: &str| !vault.is_sealed_with_first(text);
    for secret in webhooks.into_iter().filter(|secret| is_old(&secret.text)) {
        changes.push((anew(&secret.text, &secret.id)?, secret));
    }
    let of_webhooks = changes.len();
    for secret in scans.into_iter().filter(|secret| is_old(&secret.text)) {
        let id = secret.id.parse().context("the id of a scan")?;
        changes.push((anew(&secret.text, &auth_context(id))?, secret));
    }
    let done = Resealed {
        webhooks: of_webhooks,
        scans: changes.len() - of_webhooks,
        retired: known.into_iter().filter(|id| *id != first).collect(),
    };
    let record =
        AuditRecord::new(store.now().await?, &house.id, Actor::operator(), "master_key.resealed", first.as_str());
    let write = store.write(move |conn| {
        Box::pin(async move {
            for (text, secret) in &changes {
                sealed::replace(conn, secret, text).await?;
            }
            master_key::retire_all_but(conn, &first).await?;
            audit::insert(conn, &record).await
        })
    });
    write.await?;
    Ok(done)
}
