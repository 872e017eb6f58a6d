//! A metric's samples as plain values, before they are text.

/// Labels of a sample: names of our own, values of anybody's.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// All samples of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    /// As a query names it, with its unit and, of a counter, `_total` at the end.
    pub(crate) name: &'static str,
    /// What it counts, without a full stop.
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) samples: Vec<(Labels, Value)>,
}

/// What may be done with a metric's numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One number, or the numbers of a histogram.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Whole(u64),
    Real(f64),
    Histogram {
        sum: f64,
        /// How many were at most so large, and larger than the bound before; the last bound is infinite.
        buckets: Vec<(f64, u64)>,
    },
}

impl Family {
    pub(crate) fn counter(name: &'static str, help: &'static str) -> Self {
        debug_assert!(name.ends_with("_total"), "{name}");
        Self { name, help, kind: Kind::Counter, samples: Vec::new() }
    }

    pub(crate) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Gauge, samples: Vec::new() }
    }

    pub(crate) fn histogram(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: Kind::Histogram, samples: Vec::new() }
    }

    /// The family with one sample for each of `items`.
    pub(crate) fn of<'a, T: 'a, V: Into<Value>>(
        mut self,
        items: impl IntoIterator<Item = &'a T>,
        sample: impl Fn(&T) -> (Labels, V),
    ) -> Self {
        let samples = items.into_iter().map(|item| {
            let (labels, value) = sample(item);
            (labels, value.into())
        });
        self.samples.extend(samples);
        self
    }

    /// The family with a single sample that needs no label, if there is one.
    pub(crate) fn alone<V: Into<Value>>(mut self, value: Option<V>) -> Self {
        self.samples.extend(value.map(|value| (Labels::new(), value.into())));
        self
    }
}

impl From<u64> for Value {
    fn from(whole: u64) -> Self {
        Self::Whole(whole)
    }
}

impl From<u32> for Value {
    fn from(whole: u32) -> Self {
        Self::Whole(u64::from(whole))
    }
}

impl From<usize> for Value {
    fn from(whole: usize) -> Self {
        Self::Whole(whole as u64)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Whole(u64::from(truth))
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

/// Labels from names and values.
macro_rules! labels {
    ($($name:ident = $value:expr),* $(,)?) => { vec![$((stringify!($name), $value.to_string())),*] };
}
pub(crate) use labels;
