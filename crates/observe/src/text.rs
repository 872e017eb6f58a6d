//! Families as text: OpenMetrics 1.0 by `prometheus-client`, and from that the older format of Prometheus.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::family::{Family, Kind, Value};

/// How metrics are written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Plain,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What an `Accept` header asks for: OpenMetrics only where it is named.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let named = |kind: &str| {
            let mut parts = kind.split(';').map(str::trim);
            let refused = kind.split(';').any(|part| {
                part.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32))
            });
            parts.next() == Some("application/openmetrics-text") && !refused
        };
        if accept.split(',').any(named) { Self::OpenMetrics } else { Self::Plain }
    }

    /// The `Content-Type` of it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes families down.
pub(crate) fn text(families: &Arc<[Family]>, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(Arc::clone(families))));
    let mut text = String::new();
    // Writing into a text fails only where one of the values' own writers does, and these do not.
    let written = encode(&mut text, &registry);
    debug_assert!(written.is_ok());
    match format {
        Format::OpenMetrics => text,
        Format::Plain => plain(&text, families),
    }
}

/// The older format: the same samples; a counter's description bears the name of its samples, and there are neither
/// units nor an end.
fn plain(open: &str, families: &[Family]) -> String {
    let mut text = String::with_capacity(open.len());
    let mut rest = families.iter();
    let mut name = "";
    for line in open.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            // Descriptions come in the order of the families.
            name = rest.next().map_or("", |family| family.name);
            let help = help.split_once(' ').map_or("", |(_, help)| help);
            text.extend(["# HELP ", name, " ", help, "\n"]);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let kind = kind.split_once(' ').map_or("", |(_, kind)| kind);
            text.extend(["# TYPE ", name, " ", kind, "\n"]);
        } else if !line.starts_with("# ") {
            text.extend([line, "\n"]);
        }
    }
    text
}

struct Page(Arc<[Family]>);

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Page").field(&self.0.len()).finish()
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &*self.0 {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let name = family.name.strip_suffix("_total").unwrap_or(family.name);
            let (name, unit) = split_unit(name);
            let mut metric = encoder.encode_descriptor(name, family.help, unit.as_ref(), kind)?;
            for (labels, value) in &family.samples {
                if labels.is_empty() {
                    write(&mut metric, family.kind, value)?;
                } else {
                    write(&mut metric.encode_family(labels)?, family.kind, value)?;
                }
            }
        }
        Ok(())
    }
}

/// The unit at the end of a name, which the encoder puts there again.
fn split_unit(name: &str) -> (&str, Option<Unit>) {
    if let Some(name) = name.strip_suffix("_seconds") {
        (name, Some(Unit::Seconds))
    } else if let Some(name) = name.strip_suffix("_bytes") {
        (name, Some(Unit::Bytes))
    } else {
        (name, None)
    }
}

fn write(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (_, Value::Histogram { sum, buckets }) => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
        }
        (Kind::Counter, Value::Whole(whole)) => metric.encode_counter::<NoLabelSet, u64, u64>(whole, None),
        (Kind::Counter, Value::Real(real)) => metric.encode_counter::<NoLabelSet, f64, u64>(real, None),
        (_, Value::Whole(whole)) => metric.encode_gauge(whole),
        (_, Value::Real(real)) => metric.encode_gauge(real),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::labels;

    fn families() -> Arc<[Family]> {
        let counter = Family::counter("a_frames_total", "Frames")
            .of(&["B\"T\\C\nX"], |name| (labels![instrument = name], 7_u64));
        let mut histogram = Family::histogram("a_took_seconds", "How long it took");
        let buckets = vec![(0.5, 2), (f64::INFINITY, 1)];
        histogram.samples.push((labels![stage = "parse"], Value::Histogram { sum: 2.25, buckets }));
        [counter, Family::gauge("a_age_seconds", "Age").alone(Some(1.5)), histogram].into()
    }

    /// The two formats of the same families, letter by letter: escaped labels, a counter's names, units, cumulative
    /// buckets, the end.
    #[test]
    fn both_formats_are_as_their_specifications_say() {
        let open = text(&families(), Format::OpenMetrics);
        let samples = "a_took_seconds_sum{stage=\"parse\"} 2.25
a_took_seconds_count{stage=\"parse\"} 3
a_took_seconds_bucket{le=\"0.5\",stage=\"parse\"} 2
a_took_seconds_bucket{le=\"+Inf\",stage=\"parse\"} 3
";
        let expected = format!(
            "# HELP a_frames Frames
# TYPE a_frames counter
a_frames_total{{instrument=\"B\\\"T\\\\C\\nX\"}} 7
# HELP a_age_seconds Age
# TYPE a_age_seconds gauge
# UNIT a_age_seconds seconds
a_age_seconds 1.5
# HELP a_took_seconds How long it took
# TYPE a_took_seconds histogram
# UNIT a_took_seconds seconds
{samples}# EOF
"
        );
        assert_eq!(open, expected);
        let plain = text(&families(), Format::Plain);
        let expected = format!(
            "# HELP a_frames_total Frames
# TYPE a_frames_total counter
a_frames_total{{instrument=\"B\\\"T\\\\C\\nX\"}} 7
# HELP a_age_seconds Age
# TYPE a_age_seconds gauge
a_age_seconds 1.5
# HELP a_took_seconds How long it took
# TYPE a_took_seconds histogram
{samples}"
        );
        assert_eq!(plain, expected);
    }

    /// OpenMetrics is for those who name it and do not refuse it.
    #[test]
    fn the_format_is_what_was_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        for accept in ["", "*/*", "text/plain", "application/openmetrics-text;q=0", "application/json"] {
            assert_eq!(Format::accepted(accept), Format::Plain, "{accept}");
        }
    }
}
