//! What is timed: the stages of the journey and the kinds of message.

/// A stretch of the journey between two stamps.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// The kernel had a frame's last bytes, to the read that brought them. Only from sockets whose kernel stamps what it
    /// receives.
    Receive,
    /// Frame in hand to updates written.
    Parse,
    /// Updates committed by the reader to updates taken by the book thread. Empty where there is no ring.
    Ring,
    /// Updates taken to book changed and judged. Only snapshots and deltas have it.
    Apply,
    /// Book changed, or, for what changes no book, updates taken, to view published.
    Publish,
    /// Frame in hand (or, in a paced replay, due) to view published.
    EndToEnd,
}

impl Stage {
    /// Every stage, in the order of the journey.
    pub const ALL: [Self; 6] =
        [Self::Receive, Self::Parse, Self::Ring, Self::Apply, Self::Publish, Self::EndToEnd];

    /// The name used in files and tags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Parse => "parse",
            Self::Ring => "ring",
            Self::Apply => "apply",
            Self::Publish => "publish",
            Self::EndToEnd => "end_to_end",
        }
    }

    /// The name a person reads.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::EndToEnd => "end to end",
            other => other.name(),
        }
    }
}

/// What a timed message was.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MessageKind {
    /// A full book, in the stream or by REST.
    Snapshot,
    /// A change to a book.
    Delta,
    /// A best bid and offer.
    Bbo,
    /// A trade.
    Trade,
    /// Anything else: tickers, acknowledgements, heartbeats, unknown events.
    Other,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Snapshot, Self::Delta, Self::Bbo, Self::Trade, Self::Other];

    /// The name used in files, tags and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Delta => "delta",
            Self::Bbo => "bbo",
            Self::Trade => "trade",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_stand_in_the_order_of_the_enums() {
        // The recorder's table uses the discriminant as index, the writers walk the lists: both must agree.
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
        }
        for (index, kind) in MessageKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }

    #[test]
    fn every_pair_of_names_is_a_valid_log_tag() {
        // Interval log tags may hold no comma, space or newline.
        for stage in Stage::ALL {
            for kind in MessageKind::ALL {
                let tag = format!("{}.{}", stage.name(), kind.name());
                assert!(hdrhistogram::serialization::interval_log::Tag::new(&tag).is_some(), "{tag}");
            }
        }
    }
}
