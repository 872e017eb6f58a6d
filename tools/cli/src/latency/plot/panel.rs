//! One tag's pictures: its runs by percentile, and over time.

use touchline::latency::axis::{STEPS, TEN_PERCENT, curve, percent, step_above, step_below};
use touchline::latency::compare::Row;
use touchline::latency::log::{Log, Moment};

use super::picture::{Anchor, FONT, HEIGHT, Ink, Picture, Shape, WIDTH};
use crate::numbers::time;

const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = HEIGHT - 46.0;

/// A letter's width, at most.
const LETTER: f64 = FONT * 0.62;

/// Steps of a time axis, in seconds; beyond the last, its multiples.
const TIME_STEPS: [f64; 17] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0,
    86_400.0,
];

/// The number of steps that a time axis has at most.
const TIME_LABELS: f64 = 6.0;

/// From what is measured to the picture.
struct Scale {
    x_unit: f64,
    y_low: f64,
    y_high: f64,
}

impl Scale {
    fn new(x_high: f64, lowest: f64, highest: f64) -> Self {
        // Nothing is below 1 ns.
        let (y_low, y_high) = (step_below(lowest).max(0.0), step_above(highest));
        Self { x_unit: (RIGHT - LEFT) / x_high, y_low, y_high }
    }

    fn at(&self, x: f64, log: f64) -> (f64, f64) {
        let height = (log - self.y_low).max(0.0) / (self.y_high - self.y_low);
        (LEFT + x * self.x_unit, BOTTOM - height * (BOTTOM - TOP))
    }
}

/// The runs that have a tag, by percentile.
pub(super) fn percentiles(row: &Row<'_>) -> Picture {
    let mut picture = begin(format!("{}: latency by percentile", row.tag.replace('_', " ")));
    let curves: Vec<(usize, Vec<(f64, f64)>)> = row
        .runs
        .iter()
        .enumerate()
        .filter_map(|(run, histogram)| {
            histogram.filter(|some| !some.is_empty()).map(|some| (run, curve(some)))
        })
        .collect();
    let (mut x_high, mut low, mut high) = (1.0_f64, f64::MAX, f64::MIN);
    for (_, points) in &curves {
        let Some(last) = points.last() else { continue };
        let (_, lowest) = points.iter().find(|(nines, _)| *nines >= TEN_PERCENT).unwrap_or(last);
        (x_high, low, high) = (x_high.max(last.0), low.min(*lowest), high.max(last.1));
    }
    if low > high {
        return nothing(picture);
    }
    let scale = Scale::new(x_high, low, high);
    latencies(&mut picture, &scale);
    nines(&mut picture, &scale, x_high);
    for (run, points) in curves {
        let points: Vec<_> = points.into_iter().map(|(nines, log)| scale.at(nines, log)).collect();
        if let Some(at) = points.last() {
            picture.shapes.push(Shape::Dot { at: *at, ink: Ink::Run(run) });
        }
        picture.line(points, Ink::Run(run), 2.0);
    }
    picture
}

/// A tag's intervals in each run: the 99th percentile bold, the median thin. Where several intervals fall on one
/// column of pixels, their highest is drawn.
pub(super) fn over_time(tag: &str, logs: &[Log]) -> Picture {
    let mut picture = begin(format!("{}: over time, p99 bold, p50 thin", tag.replace('_', " ")));
    let series = || logs.iter().enumerate().filter_map(|(run, log)| Some((run, log.moments.get(tag)?)));
    let moments = || series().flat_map(|(_, moments)| moments);
    if moments().next().is_none() {
        return nothing(picture);
    }
    let log = |nanos: u64| (nanos.max(1) as f64).log10();
    let low = moments().fold(f64::MAX, |low, moment| low.min(log(moment.p50)));
    let high = moments().fold(f64::MIN, |high, moment| high.max(log(moment.p99)));
    let end = moments().fold(0.1_f64, |end, moment| end.max(moment.seconds));
    let scale = Scale::new(end, low, high);
    latencies(&mut picture, &scale);
    seconds(&mut picture, &scale, end);
    for (run, moments) in series() {
        for (figure, width) in [(p50 as fn(&Moment) -> u64, 1.0), (p99, 2.0)] {
            let points = columns(moments.iter().map(|moment| scale.at(moment.seconds, log(figure(moment)))));
            match points.as_slice() {
                [at] => picture.shapes.push(Shape::Dot { at: *at, ink: Ink::Run(run) }),
                _ => picture.line(points, Ink::Run(run), width),
            }
        }
    }
    picture
}

fn p50(moment: &Moment) -> u64 {
    moment.p50
}

fn p99(moment: &Moment) -> u64 {
    moment.p99
}

/// The highest point of each column of pixels, from left to right.
fn columns(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut points: Vec<_> = points.collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut drawn: Vec<(f64, f64)> = Vec::new();
    for (x, y) in points {
        match drawn.last_mut() {
            Some((column, highest)) if column.floor() == x.floor() => *highest = highest.min(y),
            _ => drawn.push((x, y)),
        }
    }
    drawn
}

fn begin(title: String) -> Picture {
    let mut picture = Picture { title: title.clone(), shapes: Vec::new() };
    let room = ((WIDTH - LEFT) / LETTER) as usize;
    let shown: String = if title.chars().count() > room {
        title.chars().take(room - 1).chain(['…']).collect()
    } else {
        title
    };
    picture.text((LEFT, FONT * 1.4), shown, Anchor::Start, Ink::Title);
    picture
}

fn nothing(mut picture: Picture) -> Picture {
    let middle = (f64::midpoint(LEFT, RIGHT), f64::midpoint(TOP, BOTTOM));
    picture.text(middle, "nothing recorded", Anchor::Middle, Ink::Label);
    picture
}

/// The lines and labels of the latency axis: 1, 2 and 5 of each decade, labels at all of them where there is room.
fn latencies(picture: &mut Picture, scale: &Scale) {
    let (mut decade, decades) = (scale.y_low.floor(), scale.y_high - scale.y_low);
    while decade <= scale.y_high {
        for (index, step) in STEPS.iter().take(3).enumerate() {
            let log = decade + step;
            if log < scale.y_low - 1e-9 || log > scale.y_high + 1e-9 {
                continue;
            }
            let (_, y) = scale.at(0.0, log);
            let ink = if index == 0 { Ink::Major } else { Ink::Minor };
            picture.line(vec![(LEFT, y), (RIGHT, y)], ink, 1.0);
            if index == 0 || decades < 3.5 {
                let label = time(10_f64.powf(log).round() as u64).replace("us", "µs");
                let label = label.replace(".00 ", " ").replace(".0 ", " ");
                picture.text((LEFT - 8.0, y + FONT * 0.35), label, Anchor::End, Ink::Label);
            }
        }
        decade += 1.0;
    }
}

/// The lines and labels of the percentile axis: one more nine each, and the median.
fn nines(picture: &mut Picture, scale: &Scale, x_high: f64) {
    let median = 2_f64.log10();
    let mut lines: Vec<f64> = (0_u8..).map(f64::from).take_while(|nines| *nines <= x_high).collect();
    lines.insert(1, median);
    let mut end = 0.0;
    for nines in lines {
        let (x, _) = scale.at(nines, 0.0);
        let ink = if nines == median { Ink::Minor } else { Ink::Major };
        picture.line(vec![(x, TOP), (x, BOTTOM)], ink, 1.0);
        let label = percent(nines);
        let half = label.len() as f64 * LETTER / 2.0;
        let fits = x - half > end && x + half < WIDTH;
        // The median's label gives way to its neighbour's.
        if fits && (ink == Ink::Major || scale.x_unit * (1.0 - median) > 5.0 * LETTER) {
            end = x + half + LETTER / 2.0;
            picture.text((x, BOTTOM + FONT * 1.4), label, Anchor::Middle, Ink::Label);
        }
    }
    picture.text((f64::midpoint(LEFT, RIGHT), HEIGHT - FONT * 0.6), "percentile", Anchor::Middle, Ink::Label);
}

/// The lines and labels of a time axis that begins with the log.
fn seconds(picture: &mut Picture, scale: &Scale, end: f64) {
    let days = (end / TIME_LABELS / 86_400.0).ceil() * 86_400.0;
    let step = TIME_STEPS.into_iter().find(|step| end / step <= TIME_LABELS).unwrap_or(days);
    let (unit, name) = match step {
        _ if step < 60.0 => (1.0, "seconds"),
        _ if step < 3_600.0 => (60.0, "minutes"),
        _ => (3_600.0, "hours"),
    };
    let decimals = usize::from(step < 1.0);
    let count = (end / step) as usize;
    for index in 0..=count {
        let at = index as f64 * step;
        let (x, _) = scale.at(at, 0.0);
        picture.line(vec![(x, TOP), (x, BOTTOM)], Ink::Major, 1.0);
        let label = format!("{:.decimals$}", at / unit);
        picture.text((x, BOTTOM + FONT * 1.4), label, Anchor::Middle, Ink::Label);
    }
    let title = format!("{name} since the first interval");
    picture.text((f64::midpoint(LEFT, RIGHT), HEIGHT - FONT * 0.6), title, Anchor::Middle, Ink::Label);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hdrhistogram::Histogram;

    use super::*;

    /// So many values with a long tail.
    fn histogram(count: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        for n in 1..=count {
            histogram.record(500 + 1_000_000 / n).unwrap();
        }
        histogram
    }

    fn log(moments: Vec<Moment>) -> Log {
        Log { moments: BTreeMap::from([("parse".to_owned(), moments)]), ..Log::default() }
    }

    /// Everything lies in the picture, nothing is infinite, and no two labels of an axis meet.
    fn sound(picture: &Picture) {
        let inside = |(x, y): (f64, f64)| (0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y);
        let mut labels: Vec<(f64, f64, f64)> = Vec::new();
        for shape in &picture.shapes {
            match shape {
                Shape::Line { points, .. } => assert!(points.iter().copied().all(inside), "{shape:?}"),
                Shape::Dot { at, .. } => assert!(inside(*at), "{shape:?}"),
                Shape::Text { at: (x, y), text, anchor, .. } => {
                    let width = text.chars().count() as f64 * LETTER;
                    let left = match anchor {
                        Anchor::Start => *x,
                        Anchor::Middle => x - width / 2.0,
                        Anchor::End => x - width,
                    };
                    assert!(inside((left, *y)) && inside((left + width, *y)), "{shape:?}");
                    for (from, to, height) in &labels {
                        let apart = left >= *to || left + width <= *from || (y - height).abs() >= FONT * 0.8;
                        assert!(apart, "{shape:?} meets another label");
                    }
                    labels.push((left, left + width, *y));
                }
            }
        }
    }

    /// Histograms of one value to a million: pictures with a curve for each run, labels apart.
    #[test]
    fn percentiles_fit_whatever_was_recorded() {
        let sizes = [1, 2, 10, 1_000, 100_000, 1_000_000].map(histogram);
        for small in &sizes {
            for large in &sizes {
                let picture =
                    percentiles(&Row { tag: "end_to_end", runs: vec![Some(small), None, Some(large)] });
                sound(&picture);
                let drawn =
                    |run| move |s: &&Shape| matches!(s, Shape::Dot { ink, .. } if *ink == Ink::Run(run));
                assert_eq!([0, 1, 2].map(|run| picture.shapes.iter().filter(drawn(run)).count()), [1, 0, 1]);
            }
        }
    }

    /// From one interval to a week of seconds: labels apart, at most a point for each column of pixels.
    #[test]
    fn time_fits_however_long_it_was() {
        for count in [1, 2, 59, 600, 7_200, 604_800] {
            let moment =
                |n: u32| Moment { seconds: f64::from(n) + 0.5, p50: 800, p99: 9_000 + u64::from(n % 977) };
            let picture = over_time("parse", &[log((0..count).map(moment).collect()), Log::default()]);
            sound(&picture);
            let points = picture.shapes.iter().map(|shape| match shape {
                Shape::Line { points, .. } => points.len(),
                _ => 1,
            });
            assert!(points.max().unwrap() as f64 <= WIDTH, "{count}");
        }
    }

    /// A spike of one second among a day's is drawn at its height.
    #[test]
    fn a_spike_is_not_lost() {
        let points =
            columns((0..86_400).map(|n| (f64::from(n) / 200.0, if n == 4_321 { 7.0 } else { 90.0 })));
        assert_eq!(points.iter().filter(|(_, y)| *y == 7.0).count(), 1);
        assert_eq!(points.len(), 432);
    }

    /// Nothing recorded: a picture that says so.
    #[test]
    fn nothing_is_said_to_be_nothing() {
        for picture in
            [over_time("parse", &[Log::default()]), percentiles(&Row { tag: "x", runs: vec![None] })]
        {
            sound(&picture);
            assert!(picture.svg().contains("nothing recorded"));
        }
    }
}
