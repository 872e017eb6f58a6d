//! What to do when a connection cannot be had: the one place that decides.

use std::time::Duration;

use touchline_market::{Bug, Reason, planted};

use super::{Connection, Socket};
use crate::gate::Gate;
use crate::{Action, Moment, Refusal, Report, Rules};

impl Connection {
    /// The socket could not be opened.
    ///
    /// | refusal | the books say | next attempt |
    /// | --- | --- | --- |
    /// | 429, 418 | rate limited | when `Retry-After` has passed, for every connection to the host |
    /// | 403, 451 | blocked, dead | after [`Rules::blocked_retry`] |
    /// | wrong identity, 401, 404, redirects, forbidden by us | config, dead | after [`Rules::identity_retry`] |
    /// | all others | disconnected | by back-off; not before a `Retry-After` |
    pub fn refused(&mut self, refusal: Refusal, now: Moment, gate: &mut Gate) {
        if !matches!(self.socket, Socket::Connecting { .. }) {
            return;
        }
        gate.done(&self.host, false);
        let backoff = self.backoff.next(None, false);
        let (reason, dead, wait) = if let Some(hold) = refusal.hold(&self.rules, self.limited) {
            self.limited = self.limited.saturating_add(1);
            gate.hold(&self.host, now + hold, now);
            (Reason::RateLimited, false, hold)
        } else {
            match refusal {
                Refusal::Status { status: 403 | 451, .. } => {
                    (Reason::Blocked, true, self.rules.blocked_retry)
                }
                Refusal::Identity { .. }
                | Refusal::Forbidden(_)
                | Refusal::Status { status: 300..=399 | 401 | 404, .. } => {
                    (Reason::Config, true, self.rules.identity_retry)
                }
                Refusal::Status { retry_after: Some(asked), .. } => {
                    (Reason::Disconnected, false, backoff.max(asked))
                }
                _ => (Reason::Disconnected, false, backoff),
            }
        };
        self.break_all(reason, dead);
        let next = now + wait;
        self.actions.push_back(Action::Report(Report::Refused { refusal, next }));
        self.wait_until(next);
    }
}

impl Refusal {
    /// How long the whole host wants to hear nothing from us (429, 418), sockets and REST alike; `None` if it did not
    /// say anything of the kind. `before`: how many times in a row it had said so already.
    #[must_use]
    pub fn hold(&self, rules: &Rules, before: u32) -> Option<Duration> {
        let Self::Status { status: status @ (418 | 429), retry_after } = *self else { return None };
        Some(retry_after.filter(|_| !planted(Bug::RetryAfterUnheard)).unwrap_or_else(|| {
            if status == 418 {
                rules.banned_default
            } else {
                rules.limited_default.saturating_mul(2_u32.saturating_pow(before)).min(rules.blocked_retry)
            }
        }))
    }
}
