//! What became of a frame: updates, nothing, or an error.

use touchline_json::{DecimalError, JsonError};
use touchline_market::{Channel, InstrumentId, UpdateError};

/// A frame that was understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// This many updates went into the sink.
    Updates(u32),
    /// Nothing for a book in it, for this reason.
    Ignored(Ignored),
}

/// Why an understood frame gave no update. None of these is an error of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ignored {
    /// The venue confirms a request.
    Ack,
    /// The venue refuses a request.
    ErrorReply,
    /// The venue announces something about the connection.
    Notice,
    /// A sign of life.
    Heartbeat,
    /// An event this version does not read.
    UnknownEvent,
    /// An instrument or channel nobody subscribed to.
    Unsubscribed,
    /// Of another product line that shares the connection.
    OtherProduct,
    /// A print outside the book (insurance fund, auto-deleveraging).
    OffBook,
    /// What happened before the subscription.
    History,
    /// By the connection's counter it came before.
    Repeated,
}

impl Ignored {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Ack,
        Self::ErrorReply,
        Self::Notice,
        Self::Heartbeat,
        Self::UnknownEvent,
        Self::Unsubscribed,
        Self::OtherProduct,
        Self::OffBook,
        Self::History,
        Self::Repeated,
    ];

    /// The reason in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ack => "acknowledgement",
            Self::ErrorReply => "error reply",
            Self::Notice => "notice",
            Self::Heartbeat => "heartbeat",
            Self::UnknownEvent => "unknown event",
            Self::Unsubscribed => "not subscribed",
            Self::OtherProduct => "other product",
            Self::OffBook => "off-book print",
            Self::History => "history",
            Self::Repeated => "repeated",
        }
    }
}

/// Why a message was rejected. It changed nothing; the book it belongs to must be resynchronised.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// The frame is no JSON. The connection's books cannot be trusted.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The frame is JSON of a shape the venue never sends.
    #[error("neither an event nor a reply")]
    Shape,
    /// A field the venue always sends is not there.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field stands there twice.
    #[error("field `{0}` stands twice")]
    Duplicate(&'static str),
    /// A field holds another type than the venue sends.
    #[error("field `{0}` has the wrong type")]
    WrongType(&'static str),
    /// A number is malformed, too precise for the instrument or out of range. Refresh the instrument's scales.
    #[error("field `{0}`: {1}")]
    Number(&'static str, DecimalError),
    /// A price that must be above zero is not.
    #[error("field `{0}`: a price must be above zero")]
    NotPositive(&'static str),
    /// The connection's own counter shows that messages before this one are missing, of whichever instruments: every
    /// book of the connection must hear so before anything else. Said once; handed in again, the frame is taken.
    #[error("the connection lost messages: {found} came where {expected} was due")]
    Lost {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The update does not fit its limits or its ring.
    #[error(transparent)]
    Update(#[from] UpdateError),
}

impl ParseError {
    /// Every reason a message is rejected for, as counted.
    pub const REASONS: [&'static str; 12] = [
        "malformed JSON",
        "unknown shape",
        "missing field",
        "duplicate field",
        "wrong type",
        "malformed number",
        "number too precise",
        "number out of range",
        "price not positive",
        "too many levels",
        "message larger than its ring",
        "messages lost before it",
    ];

    /// The place of this error's reason in [`REASONS`](Self::REASONS).
    #[must_use]
    pub const fn reason_index(&self) -> usize {
        match self {
            Self::Json(_) => 0,
            Self::Shape => 1,
            Self::Missing(_) => 2,
            Self::Duplicate(_) => 3,
            Self::WrongType(_) => 4,
            Self::Number(_, DecimalError::Malformed | DecimalError::WrongType) => 5,
            Self::Number(_, DecimalError::TooPrecise { .. }) => 6,
            Self::Number(..) => 7,
            Self::NotPositive(_) => 8,
            Self::Update(UpdateError::TooManyLevels) => 9,
            Self::Update(UpdateError::SinkFull) => 10,
            Self::Lost { .. } => 11,
        }
    }

    /// The error's reason in words.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        Self::REASONS.get(self.reason_index()).copied().unwrap_or_default()
    }
}

/// A rejected message, as far as it could be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Rejected {
    /// What is wrong with it.
    pub error: ParseError,
    /// Whose message it was; `None` if that could not be read.
    pub instrument: Option<InstrumentId>,
    /// Which channel's; `None` if that could not be read.
    pub channel: Option<Channel>,
}

impl From<ParseError> for Rejected {
    fn from(error: ParseError) -> Self {
        Self { error, instrument: None, channel: None }
    }
}

const _: () = assert!(size_of::<Rejected>() <= 64, "errors on the hot path stay small");
