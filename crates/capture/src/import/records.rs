//! The second form of cryptofeed's recordings (`"format":2`): one file of JSON for each exchange, a record a line, mostly
//! packed with zstd.
//!
//! ```text
//! {"t":"header","format":2,"exchange":"VENUE","config":{…},…}          what was subscribed to
//! {"t":"connect","conn":"VENUE.ws.1","ts":<seconds>,"addr":"wss://…"}   a connection is opened
//! {"t":"send","conn":"VENUE.ws.1","ts":<seconds>,"addr":"wss://…","data":"…"}
//! {"t":"recv","conn":"VENUE.ws.1","ts":<seconds>,"data":"…"}            a text frame came
//! {"t":"recv","conn":"OTHER.ws.2","ts":<seconds>,"b64":"…"}                a binary frame came
//! {"t":"http","conn":"VENUE.http.0","ts":<seconds>,"url":"https://…","data":"…"}
//! ```
//!
//! The members stand in any order. Connections are told apart by the number that their names end with. The form does not
//! say when one ended: when it is opened anew, the one before is over. The headers of REST responses are left out.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::BadLine;
use super::form::{Parsed, Payload};
use super::stamp::seconds;
use crate::journal::EntryKind;

/// The form that is known here.
const FORMAT: u32 = 2;

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    format: Option<u32>,
    #[serde(borrow)]
    conn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    addr: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    b64: Option<Cow<'a, str>>,
}

/// The entry that a line holds; its payload is put together in `frame`.
pub(super) fn parse(line: &[u8], frame: &mut Vec<u8>) -> Result<Parsed, BadLine> {
    let record: Record<'_> = serde_json::from_slice(line).map_err(|_| BadLine::Record)?;
    if record.t == "header" && record.format == Some(FORMAT) {
        let payload = Payload::Line(0..line.len());
        return Ok(Parsed { stamp: None, kind: EntryKind::Note, payload, connection: None });
    }
    frame.clear();
    let kind = fill(&record, frame).ok_or(BadLine::Record)?;
    let stamp = record.ts.and_then(|ts| seconds(ts.get().as_bytes())).ok_or(BadLine::Stamp)?;
    let number = |conn: &str| conn.rsplit('.').next()?.parse().ok();
    let connection = record.conn.and_then(|conn| number(&conn));
    Ok(Parsed { stamp: Some(stamp), kind, payload: Payload::Frame, connection })
}

/// Fills in the payload. None if the record lacks what its kind must have, or is of no kind.
fn fill(record: &Record<'_>, frame: &mut Vec<u8>) -> Option<EntryKind> {
    let Record { addr, url, data, b64, .. } = record;
    let mut put = |text: &str| frame.extend_from_slice(text.as_bytes());
    match &*record.t {
        "connect" => {
            put(addr.as_deref()?);
            Some(EntryKind::Opened)
        }
        "send" => {
            put(data.as_deref()?);
            Some(EntryKind::Sent)
        }
        "recv" => match (data, b64) {
            (Some(data), None) => {
                put(data);
                Some(EntryKind::Text)
            }
            (None, Some(b64)) => {
                STANDARD.decode_vec(&**b64, frame).ok()?;
                Some(EntryKind::Binary)
            }
            _ => None,
        },
        "http" => {
            put(url.as_deref()?);
            put(" ");
            put(data.as_deref()?);
            Some(EntryKind::Rest)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamp, kind, connection and payload.
    type Line = (Option<u64>, EntryKind, Option<u32>, String);

    fn parsed(line: &str) -> Result<Line, BadLine> {
        let mut frame = b"what was there before".to_vec();
        let parsed = parse(line.as_bytes(), &mut frame)?;
        let payload = match parsed.payload {
            Payload::Line(range) => line.as_bytes()[range].to_vec(),
            Payload::Frame => frame,
        };
        Ok((parsed.stamp, parsed.kind, parsed.connection, String::from_utf8(payload).unwrap()))
    }

    #[test]
    fn every_sort_of_record_becomes_its_entry() {
        // A table of the records that the recorder writes, members in its order and in another, texts with escapes.
        let at = Some(1_618_678_132_368_000_000);
        let header =
            r#"{"t":"header","format":2,"exchange":"VENUE","config":{"trades":["BTC-USD"]},"recorded":1.5}"#;
        for (line, stamp, kind, connection, payload) in [
            (header, None, EntryKind::Note, None, header),
            (
                r#"{"conn":"VENUE.ws.1","ts":1618678132.368,"t":"connect","addr":"wss://h/p"}"#,
                at,
                EntryKind::Opened,
                Some(1),
                "wss://h/p",
            ),
            (
                r#"{"t": "send", "conn": "VENUE.ws.1", "ts": 1618678132.368, "addr": "wss://h", "data": "{\"a\": 1}"}"#,
                at,
                EntryKind::Sent,
                Some(1),
                r#"{"a": 1}"#,
            ),
            (
                r#"{"t":"recv","conn":"VENUE.ws.12","ts":1618678132.368,"data":"[\"\u00e9\",\"\\n\"]"}"#,
                at,
                EntryKind::Text,
                Some(12),
                "[\"é\",\"\\n\"]",
            ),
            (
                r#"{"t":"recv","conn":"X.ws.2","ts":1618678132.368,"data":""}"#,
                at,
                EntryKind::Text,
                Some(2),
                "",
            ),
            (
                r#"{"t":"recv","conn":"OTHER.ws.2","ts":1618678132.368,"b64":"AGFi"}"#,
                at,
                EntryKind::Binary,
                Some(2),
                "\0ab",
            ),
            (
                r#"{"t":"http","conn":"K.http.sync","ts":1618678132.368,"url":"https://h/x?y","data":"[{}, 1]","headers":{"a":"b"}}"#,
                at,
                EntryKind::Rest,
                None,
                "https://h/x?y [{}, 1]",
            ),
        ] {
            assert_eq!(parsed(line), Ok((stamp, kind, connection, payload.to_owned())), "{line}");
        }
    }

    #[test]
    fn odd_records_say_what_they_lack() {
        // Records of another form or of no kind, with a member too few, one too many, or cut; then stamps that are none.
        for line in [
            "{}",
            r#"{"t":"header","format":3}"#,
            r#"{"t":"header"}"#,
            r#"{"t":"hello","ts":1.5,"data":""}"#,
            r#"{"t":"connect","ts":1.5}"#,
            r#"{"t":"send","ts":1.5}"#,
            r#"{"t":"recv","ts":1.5}"#,
            r#"{"t":"recv","ts":1.5,"data":"a","b64":"AA=="}"#,
            r#"{"t":"recv","ts":1.5,"b64":"A"}"#,
            r#"{"t":"recv","ts":1.5,"data":{}}"#,
            r#"{"t":"http","ts":1.5,"url":"https://h"}"#,
            r#"{"t":"recv","ts":1.5,"data":"a""#,
        ] {
            assert_eq!(parsed(line), Err(BadLine::Record), "{line}");
        }
        for ts in ["", r#","ts":null"#, r#","ts":"1.5""#, r#","ts":-1.5"#, r#","ts":1.6e9"#, r#","ts":[]"#] {
            let line = format!(r#"{{"t":"recv","data":"a"{ts}}}"#);
            assert_eq!(parsed(&line), Err(BadLine::Stamp), "{line}");
        }
    }
}
