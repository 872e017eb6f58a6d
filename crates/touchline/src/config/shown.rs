//! What a program around a feed shows of it. The library hands this on: it serves nothing and starts no log itself.

/// Levels of a log, the loudest last.
pub(super) const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What a program logs of a feed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogsConfig {
    /// A level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or levels by target with a comma between:
    /// `info,touchline::book=debug`. Default: whatever the program does without.
    pub level: Option<String>,
    /// Each line is an object of JSON. Default: no.
    pub json: bool,
}

/// The part of a filter that is no level and names none.
pub(super) fn wrong_level(filter: &str) -> Option<&str> {
    let right = |part: &&str| {
        let (target, level) = part.split_once('=').unwrap_or(("all", part));
        !target.trim().is_empty() && LEVELS.contains(&level.trim())
    };
    filter.split(',').find(|part| !right(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels alone and by target are right; of anything else the wrong part is found.
    #[test]
    fn a_filter_is_levels() {
        for right in ["off", "trace", "info,touchline::book=debug", "touchline=off, warn"] {
            assert_eq!(wrong_level(right), None, "{right}");
        }
        for (filter, part) in
            [("loud", "loud"), ("info,a=b=warn", "a=b=warn"), ("=info", "=info"), ("", ""), ("info,", "")]
        {
            assert_eq!(wrong_level(filter), Some(part), "{filter}");
        }
    }
}
