//! What is to be sent of one symbol, written into memory that is used again.

use touchline_market::Level;
use touchline_venue::exchange::Update;

/// A message of a feed.
#[derive(Debug, Default)]
pub(crate) struct Event {
    /// Its place in [`Pit::feeds`](crate::pit::Pit::feeds).
    pub(crate) feed: usize,
    pub(crate) text: String,
    /// The same with a bid above the best ask; empty where there is none.
    pub(crate) crossed: String,
}

/// Messages, in their order.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Those behind the first `len` wait to be used again.
    events: Vec<Event>,
    len: usize,
    /// Sides with the level above the best ask in front.
    changed: Vec<Level>,
    best: Vec<Level>,
}

impl Events {
    /// Appends a message; none where nothing is written.
    pub(crate) fn push(&mut self, feed: usize, write: impl FnOnce(&mut String)) {
        if self.len == self.events.len() {
            self.events.push(Event::default());
        }
        let Some(event) = self.events.get_mut(self.len) else { return };
        event.feed = feed;
        event.text.clear();
        event.crossed.clear();
        write(&mut event.text);
        self.len += usize::from(!event.text.is_empty());
    }

    /// Appends a change of the book, and with `over` also the same change with this bid more.
    pub(crate) fn push_crossed(
        &mut self,
        feed: usize,
        over: Option<Level>,
        update: &Update<'_>,
        write: impl Fn(&Update<'_>, &mut String),
    ) {
        let before = self.len;
        self.push(feed, |text| write(update, text));
        let Some(over) = over.filter(|_| self.len > before) else { return };
        let (mut changed, mut best) = (std::mem::take(&mut self.changed), std::mem::take(&mut self.best));
        changed.clear();
        changed.extend(update.bids);
        changed.push(over);
        best.clear();
        best.push(over);
        best.extend(update.best_bids);
        best.truncate(update.best_bids.len());
        let crossed = Update { bids: &changed, best_bids: &best, ..*update };
        if let Some(event) = self.events.get_mut(before) {
            write(&crossed, &mut event.crossed);
        }
        (self.changed, self.best) = (changed, best);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().take(self.len)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }
}
