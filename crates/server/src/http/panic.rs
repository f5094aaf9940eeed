//! A panic in a handler becomes a value, reported once.

use futures::FutureExt;
use std::any::Any;
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;

tokio::task_local! {
    /// Set while a handler runs: where its panic was, once it has.
    static PLACE: RefCell<Option<String>>;
}

/// Makes a panic inside a handler silent, because its answer reports it; other panics are reported as before.
pub fn install_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = || info.location().map(ToString::to_string);
        if PLACE.try_with(|cell| *cell.borrow_mut() = place()).is_err() {
            before(info);
        }
    }));
}

/// Runs a handler; `Err` says what it panicked with and where.
pub async fn caught<T>(handler: impl Future<Output = T>) -> Result<T, anyhow::Error> {
    let guarded = async {
        let outcome = AssertUnwindSafe(handler).catch_unwind().await;
        outcome.map_err(|what| {
            let place = PLACE.with(|cell| cell.borrow_mut().take()).unwrap_or_default();
            anyhow::anyhow!("panicked: {} {place}", message(&*what))
        })
    };
    PLACE.scope(RefCell::new(None), guarded).await
}

fn message(what: &(dyn Any + Send)) -> &str {
    match (what.downcast_ref::<&str>(), what.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "no message",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_value_that_says_where() {
        install_hook();
        let failed = caught(async { panic!("out of cheese {}", 1) }).await.map(|(): ()| ()).unwrap_err();
        let text = failed.to_string();
        assert!(text.starts_with("panicked: out of cheese 1") && text.contains("panic.rs:"), "{text}");
        assert_eq!(caught(async { 7 }).await.unwrap(), 7);
    }
}
