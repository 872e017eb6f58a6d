//! What a view is worth, in one word.

use touchline_market::{Reason, State};

use crate::{Checked, Keeper};

/// State, flags, scales and epoch: the first word of every view.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: State,
    pub(super) crossed: bool,
    pub(super) locked: bool,
    pub(super) checksum_ok: bool,
    pub(super) price_scale: u8,
    pub(super) qty_scale: u8,
    pub(super) epoch: u32,
}

const CROSSED: u8 = 1;
const LOCKED: u8 = 2;
const CHECKSUM_OK: u8 = 4;

/// A state in one byte: its number in the upper three bits, the reason's in the lower five.
const fn state_byte(state: State) -> u8 {
    let [state, reason] = state.to_bytes();
    state << 5 | reason
}

const _: () = assert!(Reason::ALL.len() < 32, "five bits hold every reason and none");

impl Verdict {
    #[inline]
    pub(super) fn of(keeper: &Keeper) -> Self {
        Self {
            state: keeper.state(),
            crossed: keeper.is_crossed(),
            locked: keeper.is_locked(),
            checksum_ok: keeper.checked() == Checked::Passed,
            price_scale: keeper.book().price_scale(),
            qty_scale: keeper.book().qty_scale(),
            epoch: keeper.epoch(),
        }
    }

    /// The read met the writer at every attempt.
    pub(super) fn busy() -> Self {
        Self { state: State::Stale(Reason::Busy), ..Self::default() }
    }

    #[inline]
    pub(super) fn to_word(self) -> u64 {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags =
            flag(self.crossed, CROSSED) | flag(self.locked, LOCKED) | flag(self.checksum_ok, CHECKSUM_OK);
        let [e0, e1, e2, e3] = self.epoch.to_le_bytes();
        let bytes = [state_byte(self.state), flags, self.price_scale, self.qty_scale, e0, e1, e2, e3];
        u64::from_le_bytes(bytes)
    }

    /// The verdict of a word; a word that none was made of says that its writer cannot be trusted.
    #[inline]
    pub(super) fn from_word(word: u64) -> Self {
        let [state, flags, price_scale, qty_scale, e0, e1, e2, e3] = word.to_le_bytes();
        Self {
            state: State::from_bytes([state >> 5, state & 31]).unwrap_or(State::Stale(Reason::WriterDead)),
            crossed: flags & CROSSED != 0,
            locked: flags & LOCKED != 0,
            checksum_ok: flags & CHECKSUM_OK != 0,
            price_scale,
            qty_scale,
            epoch: u32::from_le_bytes([e0, e1, e2, e3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state with every flag survives its word, and a word of noise is never LIVE.
    #[test]
    fn verdicts_survive_their_word() {
        let mut states = vec![State::Init, State::Syncing, State::Live];
        states.extend(Reason::ALL.map(State::Stale));
        states.extend(Reason::ALL.map(State::Dead));
        for state in states {
            for flags in 0..8 {
                let (crossed, locked, checksum_ok) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
                let (price_scale, qty_scale, epoch) = (18, 7, u32::MAX - 3);
                let verdict = Verdict { state, crossed, locked, checksum_ok, price_scale, qty_scale, epoch };
                assert_eq!(Verdict::from_word(verdict.to_word()), verdict);
            }
        }
        let live = (0..=u8::MAX).filter(|&byte| Verdict::from_word(u64::from(byte)).state.is_live());
        assert_eq!(live.count(), 1);
    }
}
