//! The terminal as a whole screen: taken over, and given back on every way out.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};

use crate::exit::Failure;

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What a person asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    Quit,
    Interrupt,
    Next,
    Previous,
    Pause,
    /// Another size, or a key without a meaning.
    Other,
}

/// A terminal that shows one whole screen; given back when this is dropped, and by a panic too.
#[derive(Debug)]
pub(crate) struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal over.
    pub(crate) fn open() -> Result<Self, Failure> {
        TAKEN.store(true, SeqCst);
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                restore();
                Err(failed(error))
            }
        }
    }

    /// Draws.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        self.0.draw(draw).map(drop).map_err(failed)
    }

    /// Waits for a key, but not longer than this.
    pub(crate) fn key(&mut self, wait: Duration) -> Result<Option<Key>, Failure> {
        if !event::poll(wait).map_err(failed)? {
            return Ok(None);
        }
        Ok(Some(match event::read().map_err(failed)? {
            Event::Key(key) if key.kind != KeyEventKind::Release => meaning(key),
            _ => Key::Other,
        }))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, if it was taken.
pub(crate) fn restore() {
    if TAKEN.swap(false, SeqCst) {
        // There is nobody to tell: what follows is printed on whatever is there.
        let _ = ratatui::try_restore();
    }
}

fn failed(source: io::Error) -> Failure {
    Failure::Write { path: "to the terminal".into(), source }
}

fn meaning(key: KeyEvent) -> Key {
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Interrupt,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Char('p' | ' ') => Key::Pause,
        KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => Key::Next,
        KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => Key::Previous,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every documented key, and one that means nothing.
    #[test]
    fn keys_have_their_meaning() {
        let key = |code| meaning(KeyEvent::new(code, KeyModifiers::NONE));
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!((meaning(ctrl_c), key(KeyCode::Char('c'))), (Key::Interrupt, Key::Other));
        assert_eq!([KeyCode::Char('q'), KeyCode::Esc].map(key), [Key::Quit; 2]);
        assert_eq!([KeyCode::Down, KeyCode::Tab].map(key), [Key::Next; 2]);
        assert_eq!([KeyCode::Up, KeyCode::BackTab].map(key), [Key::Previous; 2]);
        assert_eq!((key(KeyCode::Char('p')), key(KeyCode::Char('x'))), (Key::Pause, Key::Other));
    }
}
