//! Names to addresses. The question is asked on another thread; an answer is kept for the time when none comes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use touchline_feed::Refusal;

use crate::address::Address;

/// How long a name may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// What became of a question.
pub(crate) type Found = io::Result<Vec<SocketAddr>>;

/// Asks for a name's addresses.
pub(crate) type Lookup = Box<dyn Fn(&str, u16) -> oneshot::Receiver<Found>>;

/// Remembers each name's last good addresses.
pub(crate) struct Resolver {
    lookup: Lookup,
    known: RefCell<HashMap<(String, u16), Vec<SocketAddr>>>,
}

impl Resolver {
    pub(crate) fn new(lookup: Lookup) -> Self {
        Self { lookup, known: RefCell::default() }
    }

    /// The addresses to try, in order.
    ///
    /// # Errors
    /// [`Refusal::Resolve`] where nobody knows and nobody ever knew; [`Refusal::Forbidden`] for plain text to another
    /// machine.
    pub(crate) async fn resolve(&self, address: &Address) -> Result<Vec<SocketAddr>, Refusal> {
        let found = match address.ip() {
            Some(ip) => vec![SocketAddr::new(ip, address.port)],
            None => self.ask(&address.host, address.port).await?,
        };
        address.check(&found)?;
        Ok(found)
    }

    async fn ask(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        let key = (host.to_owned(), port);
        let cause = match timeout(LOOKUP_LIMIT, (self.lookup)(host, port)).await {
            Ok(Ok(Ok(mut found))) if !found.is_empty() => {
                found.truncate(ADDRESSES_MAX);
                self.known.borrow_mut().insert(key, found.clone());
                return Ok(found);
            }
            Ok(Ok(Ok(_))) => "the name has no address".to_owned(),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the resolver is gone".to_owned(),
            Err(_) => format!("no answer within {} ms", LOOKUP_LIMIT.as_millis()),
        };
        let known = self.known.borrow().get(&key).cloned();
        known.ok_or_else(|| Refusal::Resolve { host: host.to_owned(), cause })
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// A resolver that answers from a script, the last entry first.
    fn scripted(answers: Vec<Option<Found>>) -> Resolver {
        let answers = Rc::new(RefCell::new(answers));
        let silent = RefCell::new(Vec::new());
        Resolver::new(Box::new(move |_, _| {
            let (sender, receiver) = oneshot::channel();
            match answers.borrow_mut().pop().unwrap() {
                Some(answer) => sender.send(answer).unwrap(),
                None => silent.borrow_mut().push(sender),
            }
            receiver
        }))
    }

    fn named(tls: bool) -> Address {
        Address { host: "venue.test".to_owned(), port: 9, tls }
    }

    fn refused(found: Result<Vec<SocketAddr>, Refusal>, expected: &str) {
        match found {
            Err(Refusal::Resolve { host, cause }) if host == "venue.test" && cause.contains(expected) => {}
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_good_addresses_outlive_the_resolver() {
        // First the resolver fails in three ways (none, error, silence: 2 s of virtual time), then it answers, then it
        // fails again: the answer is still there.
        let address = SocketAddr::from(([192, 0, 2, 1], 9));
        let error = || Some(Err(io::Error::other("SERVFAIL")));
        let resolver =
            scripted(vec![None, error(), Some(Ok(vec![address])), None, error(), Some(Ok(vec![]))]);
        refused(resolver.resolve(&named(true)).await, "no address");
        refused(resolver.resolve(&named(true)).await, "SERVFAIL");
        refused(resolver.resolve(&named(true)).await, "no answer within 2000 ms");
        for _ in 0..3 {
            assert_eq!(resolver.resolve(&named(true)).await, Ok(vec![address]));
        }
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver_and_plain_text_no_foreign_one() {
        // The script is empty for the literal address: asking would panic. A plain name with one foreign address of
        // two is forbidden.
        let literal = Address { host: "::1".to_owned(), port: 9, tls: false };
        let here = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 9));
        assert_eq!(scripted(vec![]).resolve(&literal).await, Ok(vec![here]));
        let mixed = vec![here, SocketAddr::from(([192, 0, 2, 1], 9))];
        let outcome = scripted(vec![Some(Ok(mixed))]).resolve(&named(false)).await;
        assert!(matches!(outcome, Err(Refusal::Forbidden(_))), "{outcome:?}");
    }
}
