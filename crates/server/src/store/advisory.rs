//! The locks of PostgreSQL that are no table's or row's: their numbers are one space for the whole database, so all are here.

/// Migrations: one node does them, the others wait. Held until [`MIGRATED`], or the connection's end.
pub const MIGRATE: &str = "SELECT pg_advisory_lock(7316024)";
pub const MIGRATED: &str = "SELECT pg_advisory_unlock(7316024)";

/// Claims of scans, until the transaction ends: one worker at a time, so that the caps hold on any number of nodes.
pub const CLAIM: &str = "SELECT CAST(pg_advisory_xact_lock(7316025) AS text)";

/// The turn to send to Kafka, until the transaction ends; `true` for who has it. So the order of a scan's moves holds.
pub const SEND: &str = "SELECT CAST(pg_try_advisory_xact_lock(7316026) AS text)";

/// A copy into this database, until the connection ends; 1 for who has it.
pub const COPY: &str = "SELECT CAST(CASE WHEN pg_try_advisory_lock(7316027) THEN 1 ELSE 0 END AS BIGINT)";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_lock_has_a_number_of_its_own() {
        let number =
            |sql: &str| sql.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 7).map(str::to_string);
        let all = [MIGRATE, CLAIM, SEND, COPY].map(number);
        assert!(all.iter().all(Option::is_some));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(number(MIGRATE), number(MIGRATED));
    }
}
