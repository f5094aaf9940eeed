//! Lists that come in pages, as a stream: a failed page is an error, never the end.

use crate::error::Error;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use scanyard_contract::{Contract, Kind};

/// Items as they come, page after page.
pub type Items<T> = BoxStream<'static, Result<T, Error>>;

/// More pages than any list has; ends a server's circle.
pub(crate) const MAX_PAGES: usize = 100_000;

/// One page, and what to ask for the next one with; `None` after the last.
pub(crate) struct Page<T, S> {
    pub items: Vec<T>,
    pub next: Option<S>,
}

/// The items of every page that `fetch` gives, beginning with `first`. Ends after the first error; a list without an end is
/// one.
pub(crate) fn pages<T, S, F, Fut>(contract: Contract, first: S, fetch: F) -> Items<T>
where
    T: Send + 'static,
    S: Send + 'static,
    F: FnMut(S) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T, S>, Error>> + Send + 'static,
{
    let state = Some((first, 0, fetch));
    futures::stream::try_unfold(state, move |state| async move {
        let Some((at, number, mut fetch)) = state else { return Ok(None) };
        if number >= MAX_PAGES {
            return Err(Error::here(contract, Kind::UnexpectedValue, "the list has no end"));
        }
        let Page { items, next } = fetch(at).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_that_reaches_the_most_pages_is_an_error_and_one_that_ends_there_is_not() {
        let list = |last: usize| {
            pages(Contract::Tenable, 1, move |page: usize| async move {
                Ok(Page { items: vec![page], next: (page < last).then_some(page + 1) })
            })
        };
        assert_eq!(all(list(MAX_PAGES)).await.unwrap().len(), MAX_PAGES);
        let error = all(list(MAX_PAGES + 1)).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::UnexpectedValue, "the list has no end"));
    }
}
