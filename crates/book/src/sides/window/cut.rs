//! A side that is kept to its best levels, as a venue keeps it that sends no more.

use touchline_market::Qty;

use super::Window;
use crate::sides::Ladder;

impl Window {
    /// Drops the levels beyond the `count` best ones. From then on every level that is there counts as proven: such a
    /// venue names each level that enters its best ones, and what it dropped is not there.
    ///
    /// The worst levels are taken one by one: as a rule a message pushes out as many as it brings in.
    pub fn cut(&mut self, count: usize) {
        while self.len() > count {
            if self.far.pop_worst().is_some() {
                continue;
            }
            let Some(worst) = self.ring.lowest() else { break };
            let key = self.key_of(worst);
            self.set(key, Qty(0));
        }
        self.bound = 0;
        self.proven = self.len();
    }
}
