//! Faults that happen at moments of their own.

use std::time::Duration;

use touchline_simulator::{Command as Order, End, Which};

use crate::plan::Switch;
use crate::random::Random;
use crate::world::{FEW, Happening, World};

/// How connections end.
pub(crate) const ENDS: [End; 8] = [
    End::Fin,
    End::Reset,
    End::MidFrame,
    End::Close(1_000),
    End::Close(1_001),
    End::Close(1_008),
    End::Close(1_012),
    End::Close(1_013),
];

impl World<'_> {
    /// Puts the next occurrence of a timed fault on the agenda.
    pub(crate) fn plan_fault(&mut self, place: usize) {
        let Some(timed) = self.plan.timed.get(place).copied() else { return };
        let wait = self.random.until_next(timed.mean);
        self.agenda.put(self.now + wait, Happening::Fault(place));
    }

    /// A timed fault happens.
    pub(crate) fn fault(&mut self, place: usize) {
        let Some(timed) = self.plan.timed.get(place).copied().filter(|_| !self.healing) else { return };
        self.plan_fault(place);
        let seconds = |random: &mut Random, least, most| {
            random.between(Duration::from_secs_f64(least), Duration::from_secs_f64(most))
        };
        match timed.switch {
            Switch::Disconnect => {
                let how = self.random.one_of(&ENDS, End::Fin);
                self.end_one(how);
            }
            Switch::HalfOpen => self.end_one(End::HalfOpen),
            Switch::Stall => {
                let which = if self.random.chance(0.5) { Some(Which::All) } else { self.one() };
                let Some(which) = which else { return };
                let long = seconds(&mut self.random, 0.5, 25.0);
                self.order(Order::Stall { which, on: true });
                self.later(long, Order::Stall { which: Which::All, on: false });
            }
            Switch::Unreachable => {
                self.mark("unreachable");
                self.order(Order::Refuse(true));
                self.order(Order::End { which: Which::All, how: End::Reset });
                let long = seconds(&mut self.random, 1.0, 30.0);
                self.later(long, Order::Refuse(false));
            }
            Switch::Reset => {
                let place = self.random.below(self.reset.len() as u64) as usize;
                // Once is what sequences can tell apart.
                if let Some(reset) = self.reset.get_mut(place).filter(|reset| !**reset) {
                    *reset = true;
                    let symbol = self.checker().books.get(place).map(|book| book.symbol.clone());
                    self.order(Order::ResetSequence { symbol: symbol.unwrap_or_default() });
                }
            }
            Switch::Builder => {
                self.mark("builder paused");
                self.paused = true;
                let long = seconds(&mut self.random, 0.0, 1.0);
                self.agenda.put(self.now + long, Happening::Build);
            }
            Switch::Shutdown => self.order(Order::Shutdown { which: Which::All }),
            Switch::Quiet => {
                self.mark("quiet market");
                let symbols = self.reset.len() as u64 + 1;
                let place = self.random.below(symbols) as usize;
                // One place more than there are symbols: all of them.
                let symbol = self.checker().books.get(place).map(|book| book.symbol.clone());
                let long = seconds(&mut self.random, 3.0, 40.0);
                self.quiet_until = self.quiet_until.max(self.now + long);
                self.order(Order::Pause { symbol: symbol.clone() });
                self.later(long, Order::Resume { symbol });
            }
            Switch::Kill => self.kill(),
            _ => {}
        }
    }

    /// From here on nothing goes wrong, and every market is brisk.
    pub(crate) fn heal(&mut self) {
        self.healing = true;
        self.paused = false;
        self.order(Order::Heal);
        let brisk = self.reset.len() as f64 * if self.reset.len() > FEW { 3.0 } else { 5.0 };
        self.order(Order::SetRate(self.plan.config.rate.max(brisk)));
    }

    fn later(&mut self, after: Duration, order: Order) {
        self.agenda.put(self.now + after, Happening::Order(Box::new(order)));
    }

    fn one(&mut self) -> Option<Which> {
        let open: Vec<u64> = self.connections.keys().copied().collect();
        open.get(self.random.below(open.len() as u64) as usize).map(|number| Which::Connection(*number))
    }

    fn end_one(&mut self, how: End) {
        if let Some(which) = self.one() {
            self.order(Order::End { which, how });
        }
    }
}
