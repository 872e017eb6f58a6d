//! What a configuration means to the crates that carry it out.

use touchline_feed::Rules;
use touchline_link::{Roots, Transport};

use crate::config::Config;

/// The rules of every connection's life: the defaults, and what the configuration says otherwise.
pub(super) fn rules(config: &Config) -> Rules {
    let (timing, usual) = (&config.timing, Rules::default());
    let stable = timing.stable.unwrap_or(usual.stable);
    Rules {
        // What is stable is not too short.
        short_session: usual.short_session.min(stable),
        connect_timeout: timing.connect_timeout.unwrap_or(usual.connect_timeout),
        ack_timeout: timing.ack_timeout.unwrap_or(usual.ack_timeout),
        idle: timing.idle.unwrap_or(usual.idle),
        probe_timeout: timing.probe_timeout.unwrap_or(usual.probe_timeout),
        stable,
        backoff_first: timing.backoff_first.unwrap_or(usual.backoff_first),
        backoff_max: timing.backoff_max.unwrap_or(usual.backoff_max),
        lifetime: timing.lifetime.or(usual.lifetime),
        ..usual
    }
}

/// How sockets are opened.
pub(super) fn transport(config: &Config) -> Transport {
    let (wanted, usual) = (&config.transport, Transport::default());
    Transport {
        kind: wanted.kind,
        nodelay: wanted.nodelay,
        receive_buffer: wanted.receive_buffer_bytes,
        user_timeout: wanted.user_timeout,
        local_address: wanted.local_address,
        kernel_stamps: wanted.kernel_stamps,
        busy_poll: wanted.busy_poll,
        frame_bytes_max: wanted.frame_bytes_max,
        message_bytes_max: wanted.message_bytes_max,
        roots: Roots { files: wanted.roots.clone() },
        ..usual
    }
}
