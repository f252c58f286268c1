//! Waiting for several things at once. What `futures-util` has for it keeps a list of who was
//! woken, for thousands; here they are a hundred at most, and asking each costs less than that.

use std::future::{Future, poll_fn};
use std::task::Poll;

/// Waits for all of them; gives what each gave, in their order.
pub async fn together<F: Future>(work: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = work
        .into_iter()
        .map(|each| (Box::pin(each), None))
        .collect();
    poll_fn(|context| {
        for (each, given) in all.iter_mut().filter(|(_, given)| given.is_none()) {
            if let Poll::Ready(output) = each.as_mut().poll(context) {
                *given = Some(output);
            }
        }
        let done = all.iter().all(|(_, given)| given.is_some());
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(_, given)| given).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn each_is_asked_until_it_is_ready_and_all_are_given_in_their_order() {
        let left = |mut rounds: u8| {
            poll_fn(move |_| {
                assert!(rounds < u8::MAX, "asked again after it was ready");
                rounds = rounds.wrapping_sub(1);
                if rounds == u8::MAX {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
        };
        let mut work = pin!(together([2, 0, 1].map(|rounds| async move {
            left(rounds).await;
            rounds
        })));
        let mut context = Context::from_waker(Waker::noop());
        assert!(work.as_mut().poll(&mut context).is_pending());
        assert!(work.as_mut().poll(&mut context).is_pending());
        assert_eq!(work.poll(&mut context), Poll::Ready(vec![2, 0, 1]));
        let mut none = pin!(together(Vec::<std::future::Ready<u8>>::new()));
        assert_eq!(none.as_mut().poll(&mut context), Poll::Ready(Vec::new()));
    }
}
