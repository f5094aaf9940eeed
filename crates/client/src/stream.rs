//! Lists that come in pages, as a stream: a failed page is an error, never the end.

use crate::error::Error;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

/// Items as they come, page after page.
pub type Items<T> = BoxStream<'static, Result<T, Error>>;

/// More pages than any list has; ends a server's circle.
pub(crate) const MAX_PAGES: usize = 100_000;

/// One page, and what to ask for the next one with; `None` after the last.
pub(crate) struct Page<T, S> {
    pub items: Vec<T>,
    pub next: Option<S>,
}

/// The items of every page that `fetch` gives, beginning with `first`. Ends after the first error.
pub(crate) fn pages<T, S, F, Fut>(first: S, fetch: F) -> Items<T>
where
    T: Send + 'static,
    S: Send + 'static,
    F: FnMut(S, usize) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T, S>, Error>> + Send + 'static,
{
    let state = Some((first, 0, fetch));
    futures::stream::try_unfold(state, |state| async move {
        let Some((at, number, mut fetch)) = state else { return Ok(None) };
        let Page { items, next } = fetch(at, number).await?;
        let items = futures::stream::iter(items.into_iter().map(Ok));
        Ok(Some((items, next.map(|next| (next, number + 1, fetch)))))
    })
    .try_flatten()
    .boxed()
}

/// All of them, or the first error.
pub(crate) async fn all<T>(items: Items<T>) -> Result<Vec<T>, Error> {
    items.try_collect().await
}
