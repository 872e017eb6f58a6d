//! The forms of recordings, and how a line of one is read.

use std::ops::Range;

use super::{BadLine, Options, cryptofeed, hftbacktest, own, tardis};
use crate::journal::EntryKind;

/// The form of a recording.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// Touchline's journal (`.tlj`).
    Journal,
    /// Touchline's lines, `<recv_ns> <kind> <payload>` (`.cap.zst`).
    Lines,
    /// A file of hftbacktest's collectors.
    HftBacktest,
    /// A raw file of cryptofeed's, of its first or second form.
    Cryptofeed,
    /// Raw feeds of Tardis's.
    Tardis,
}

/// Where an entry's payload is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Payload {
    /// A part of the line.
    Line(Range<usize>),
    /// In the buffer for what does not stand in the line as it is.
    Frame,
}

/// What a line holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Parsed {
    /// By the wall clock; none if the line has no stamp.
    pub(super) stamp: Option<u64>,
    pub(super) kind: EntryKind,
    pub(super) payload: Payload,
    /// The number of its connection, where the form keeps several apart.
    pub(super) connection: Option<u32>,
}

impl Form {
    /// The forms that are made of lines. No line is of two of them.
    const OF_LINES: [Self; 4] = [Self::Lines, Self::HftBacktest, Self::Cryptofeed, Self::Tardis];

    /// The form that a line is of, if it is of one and not empty.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let (mut frame, options) = (Vec::new(), Options::default());
        Self::OF_LINES
            .into_iter()
            .find(|form| !line.is_empty() && matches!(form.parse(line, &options, &mut frame), Ok(Some(_))))
    }

    /// What a line holds; none if it is empty and that means nothing.
    pub(super) fn parse(
        self,
        line: &[u8],
        options: &Options,
        frame: &mut Vec<u8>,
    ) -> Result<Option<Parsed>, BadLine> {
        match self {
            Self::Journal => Err(BadLine::Stamp),
            Self::Lines => own::parse(line, frame).map(Some),
            Self::HftBacktest => hftbacktest::parse(line, &options.rest_url, frame).map(Some),
            Self::Cryptofeed => cryptofeed::parse(line, frame),
            Self::Tardis => tardis::parse(line).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_one_form_or_of_none() {
        // Lines of each form, and lines of none; each is asked of every form, so that the order does not matter.
        for (line, form) in [
            ("1000 R {}", Some(Form::Lines)),
            ("1000 B AA==", Some(Form::Lines)),
            ("1000 N ", Some(Form::Lines)),
            ("1000 {}", Some(Form::HftBacktest)),
            ("1000 [1]", Some(Form::HftBacktest)),
            ("1000: {}", Some(Form::Cryptofeed)),
            ("1000.5: hello", Some(Form::Cryptofeed)),
            ("configuration: {}", Some(Form::Cryptofeed)),
            ("ws://x <-> 5", Some(Form::Cryptofeed)),
            (r#"{"t":"header","format":2}"#, Some(Form::Cryptofeed)),
            (r#"{"conn":"A.ws.1","ts":5,"t":"recv","data":""}"#, Some(Form::Cryptofeed)),
            ("2019-06-01T00:03:03.1238784Z {}", Some(Form::Tardis)),
            ("", None),
            ("{}", None),
            ("1000", None),
            ("1000 hello", None),
        ] {
            assert_eq!(Form::of(line.as_bytes()), form, "{line}");
            let (mut frame, options) = (Vec::new(), Options::default());
            let fits = |form: &Form| matches!(form.parse(line.as_bytes(), &options, &mut frame), Ok(Some(_)));
            let count = Form::OF_LINES.iter().copied().filter(fits).count();
            assert!(count <= 1 || line.is_empty(), "{line} is of {count} forms");
        }
    }
}
