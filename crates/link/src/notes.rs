//! What did not go as asked and is no error: a core that could not be had, an option the kernel refused.

use std::sync::{Arc, Mutex, PoisonError};

/// The most notes kept.
const NOTES_MAX: usize = 64;

/// The notes of one reader, written by its thread and read by anybody. Rare by nature, so a lock does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    /// Keeps a note, unless it is there already.
    pub(crate) fn add(&self, note: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES_MAX && !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_kept_once_and_many_are_cut() {
        // The same note twice, then more than fit.
        let notes = Notes::default();
        notes.add("a".to_owned());
        notes.add("a".to_owned());
        assert_eq!(notes.all(), ["a"]);
        (0..2 * NOTES_MAX).for_each(|n| notes.add(n.to_string()));
        assert_eq!(notes.all().len(), NOTES_MAX);
    }
}
