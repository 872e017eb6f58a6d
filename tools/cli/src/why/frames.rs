//! The frames behind incidents, out of the recording.

use std::collections::BTreeMap;
use std::path::Path;

use touchline::flight::IncidentReport;
use touchline_capture::import::{self, Options, Recording};
use touchline_capture::journal::{Entry, EntryKind, Gap};

/// Characters of a frame that are shown.
const SHOWN: usize = 800;

/// Reads the recording once more, as far as the last incident, and fills in each one's frame. What cannot be read is
/// left out: the replay has told of it.
pub(super) fn fill(path: &Path, incidents: &mut [IncidentReport]) {
    let mut frames: BTreeMap<u64, Option<String>> =
        incidents.iter().filter_map(|incident| incident.line).map(|line| (line, None)).collect();
    let Some(last) = frames.keys().next_back().copied() else { return };
    let Ok(mut recording) = import::open(path, &Options::default()) else { return };
    let mut path = path.to_owned();
    loop {
        match recording.next_numbered() {
            Ok(Some((number, entry))) => {
                if let Some(frame) = frames.get_mut(&number) {
                    *frame = Some(text(&entry));
                }
                if number >= last {
                    break;
                }
            }
            Err(error) if !error.is_final() => {}
            Ok(None) | Err(_) => {
                let Recording::Journal(journal) = &mut recording else { break };
                let Some((next, at)) = journal.next_file(&path) else { break };
                (**journal, path) = (next, at);
            }
        }
    }
    for incident in incidents {
        incident.frame = incident.line.and_then(|line| frames.get(&line).cloned().flatten());
    }
}

/// What an entry holds, for a terminal.
fn text(entry: &Entry<'_>) -> String {
    let payload = entry.payload;
    match entry.kind {
        EntryKind::Opened => format!("connected to {}", shown(payload)),
        EntryKind::Ended => format!("the connection ended: {}", shown(payload)),
        EntryKind::Closed => format!("the connection was closed: {}", shown(payload)),
        EntryKind::Unreadable => format!("a binary frame that cannot be unpacked: {}", shown(payload)),
        EntryKind::Gap => {
            let Gap { entries, bytes, .. } = Gap::from_payload(payload).unwrap_or_default();
            format!("{entries} entries of {bytes} bytes were never written")
        }
        _ => shown(payload),
    }
}

/// The beginning, with everything escaped that a terminal would not show as it is.
fn shown(bytes: &[u8]) -> String {
    // A character has four bytes at most.
    let head = bytes.get(..SHOWN * 4).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let mut shown = String::new();
    for character in text.chars().take(SHOWN) {
        match character {
            ' '..='~' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN).is_some() || head.len() < bytes.len() {
        shown += &format!("... ({} bytes)", bytes.len());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could move a terminal's cursor, colour it or turn its direction is escaped, what is long is cut, and the
    /// rest stays as it came.
    #[test]
    fn frames_are_safe_for_a_terminal() {
        assert_eq!(shown(br#"{"s":"BTC","p":"1\n"}"#), r#"{"s":"BTC","p":"1\n"}"#);
        assert_eq!(shown("\u{1b}[2J\u{202e}ü".as_bytes()), "\\u{1b}[2J\\u{202e}ü");
        assert_eq!(shown(&[0xFF, b'a']), "\u{fffd}a");
        let long = shown("ä".repeat(SHOWN + 1).as_bytes());
        assert_eq!(long, format!("{}... ({} bytes)", "ä".repeat(SHOWN), 2 * (SHOWN + 1)));
        assert_eq!(shown("ä".repeat(SHOWN).as_bytes()).chars().count(), SHOWN);
    }
}
