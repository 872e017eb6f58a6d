//! Names of streams: `<symbol>@<kind>[@<speed>]`.

/// Which depth a stream carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StreamKind {
    /// Changes of the whole book; also taken where the stream is not named.
    Diff,
    /// The best 5, 10 or 20 levels, whole each time.
    Partial,
    /// The book with retail price improvement orders: another book under the same event name.
    RetailPriceImprovement,
}

/// What a stream's name says of its depth: `btcusdt@depth@100ms` is a diff, `btcusdt@depth5@100ms` partial.
#[inline]
pub(crate) fn stream_kind(stream: &str) -> StreamKind {
    // Bytes, not characters: this is looked at once a depth message, and a symbol holds no '@' in any alphabet.
    let kind = stream
        .as_bytes()
        .iter()
        .position(|&byte| byte == b'@')
        .and_then(|at| stream.as_bytes().get(at + 1..));
    match kind {
        Some([b'd', b'e', b'p', b't', b'h', b'0'..=b'9', ..]) => StreamKind::Partial,
        Some([b'r', b'p', b'i', b'D', ..]) => StreamKind::RetailPriceImprovement,
        _ => StreamKind::Diff,
    }
}

/// The symbol of a stream, in lower case as it stands there.
pub(crate) fn stream_symbol(stream: &str) -> Option<&str> {
    stream.split_once('@').map(|(symbol, _)| symbol).filter(|symbol| !symbol.is_empty())
}

/// The one stream of a raw connection (`…/ws/<stream>`).
pub(crate) fn raw_stream(url: &str) -> Option<&str> {
    let (_, stream) = url.split_once("/ws/")?;
    let stream = stream.split('?').next()?;
    Some(stream).filter(|stream| !stream.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams are told apart by their names.
    #[test]
    fn stream_names_tell_the_depth() {
        for (stream, kind) in [
            ("btcusdt@depth@100ms", StreamKind::Diff),
            ("btcusdt@depth", StreamKind::Diff),
            ("btcusdt@depth5@100ms", StreamKind::Partial),
            ("btcusdt@depth20", StreamKind::Partial),
            ("btcusdt@rpiDepth@500ms", StreamKind::RetailPriceImprovement),
            ("", StreamKind::Diff),
        ] {
            assert_eq!(stream_kind(stream), kind, "{stream}");
        }
        assert_eq!(stream_symbol("btcusdt@depth5"), Some("btcusdt"));
        assert_eq!(stream_symbol("!ticker@arr").map(str::len), Some(7));
        assert_eq!(stream_symbol("nothing"), None);
    }

    /// Only a raw URL with a single stream names it for its frames.
    #[test]
    fn raw_connections_name_their_stream() {
        let url = "wss://stream.binance.com:9443/ws/btcusdt@depth5?timeUnit=MICROSECOND";
        assert_eq!(raw_stream(url), Some("btcusdt@depth5"));
        assert_eq!(raw_stream("wss://stream.binance.com/stream?streams=a@depth"), None);
        assert_eq!(raw_stream("wss://stream.binance.com/ws/a@trade/b@trade"), None);
    }
}
