//! The percentile plot as an inline SVG.
//!
//! The horizontal axis is log10(1/(1-p)): every gridline is one more nine, so the rare slow messages get as much room
//! as the common fast ones. The vertical axis is log10 of the latency. Each curve ends at the 1-in-its-count percentile,
//! where its largest value stands. Curves of all kinds of message lie in the same picture, each kind in a group of
//! its own, and the page's style shows one group at a time; so axes stay still when a reader switches kinds.
//!
//! A logarithm has no zero, and the fastest few values say more about the clock's step than about a stage: the
//! vertical axis begins below what the lowest curve shows at 10 %, and what is lower runs along its edge.

use std::f64::consts::LOG10_2;
use std::fmt::Write as _;

use super::axis::{STEPS, TEN_PERCENT, curve, percent, step_above, step_below};
use super::summary::readable;
use super::{MessageKind, Report, Stage};

/// A picture's size and what fits in it, in user units: about one pixel where it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    width: f64,
    height: f64,
    font: f64,
    /// Room right of the plot, for the curves' names.
    right: f64,
    /// The class by which the page's style picks the picture for its screen.
    class: &'static str,
}

impl Size {
    /// For screens of 760 pixels and more.
    pub(super) const WIDE: Self =
        Self { width: 920.0, height: 460.0, font: 13.0, right: 86.0, class: "wide" };
    /// For phones.
    pub(super) const NARROW: Self =
        Self { width: 360.0, height: 400.0, font: 12.0, right: 74.0, class: "narrow" };
}

/// A kind of message, or all, with the curve of each stage that has values.
struct Group {
    name: &'static str,
    curves: Vec<(Stage, Vec<(f64, f64)>)>,
}

/// The name of the group of a kind; the page's switches use it too.
pub(super) fn group_name(kind: Option<MessageKind>) -> &'static str {
    kind.map_or("all", MessageKind::name)
}

/// The whole picture; an empty text if there is nothing to draw.
pub(super) fn svg(report: &Report, size: Size) -> String {
    let groups = groups(report);
    let curves = groups.iter().flat_map(|group| &group.curves).map(|(_, points)| points.as_slice());
    let Some(scale) = Scale::around(curves, size) else {
        return String::new();
    };
    let mut svg = format!(
        "<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Latency by percentile, one line for each \
         stage\" font-size=\"{}\" data-plot=\"{:.3},{:.3},{:.3},{:.3},{:.3},{:.3}\">\n",
        size.class,
        size.width,
        size.height,
        size.font,
        scale.left,
        scale.x_unit,
        scale.bottom,
        scale.y_unit,
        scale.y_low,
        scale.right
    );
    grid(&mut svg, &scale, size);
    for group in &groups {
        draw(&mut svg, group, &scale, size);
    }
    let _ = writeln!(
        svg,
        "<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{:.1}\" y2=\"{:.1}\" visibility=\"hidden\"/>\n</svg>",
        scale.top, scale.bottom
    );
    svg
}

fn groups(report: &Report) -> Vec<Group> {
    let mut groups = Vec::new();
    for kind in std::iter::once(None).chain(MessageKind::ALL.map(Some)) {
        let mut curves = Vec::new();
        for (stage, all) in report.stages() {
            let histogram = kind.map_or(all, |kind| report.recorder.histogram(stage, kind));
            if !histogram.is_empty() {
                curves.push((stage, curve(histogram)));
            }
        }
        if !curves.is_empty() {
            groups.push(Group { name: group_name(kind), curves });
        }
    }
    groups
}

/// From percentile and latency to the picture.
struct Scale {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x_unit: f64,
    x_high: f64,
    y_unit: f64,
    y_low: f64,
    y_high: f64,
}

impl Scale {
    /// A scale for these curves, each rising: at least one nine wide.
    fn around<'a>(curves: impl Iterator<Item = &'a [(f64, f64)]>, size: Size) -> Option<Self> {
        let (mut x_high, mut y_low, mut y_high) = (1.0_f64, f64::MAX, f64::MIN);
        for curve in curves {
            let last = curve.last()?;
            let (_, low) = curve.iter().find(|(nines, _)| *nines >= TEN_PERCENT).unwrap_or(last);
            x_high = x_high.max(last.0);
            y_low = y_low.min(*low);
            y_high = y_high.max(last.1);
        }
        if y_low > y_high {
            return None;
        }
        // Steps of 1, 2 and 5 below and above, so that a narrow range fills the picture; nothing is below 1 ns.
        let (y_low, y_high) = (step_below(y_low).max(0.0), step_above(y_high));
        let (left, right) = (size.font * 4.6, size.width - size.right);
        let (top, bottom) = (size.font, size.height - size.font * 3.4);
        let x_unit = (right - left) / x_high;
        let y_unit = (bottom - top) / (y_high - y_low);
        Some(Self { left, right, top, bottom, x_unit, x_high, y_unit, y_low, y_high })
    }

    fn x(&self, nines: f64) -> f64 {
        self.left + nines * self.x_unit
    }

    fn y(&self, log: f64) -> f64 {
        self.bottom - (log - self.y_low).max(0.0) * self.y_unit
    }
}

fn grid(svg: &mut String, scale: &Scale, size: Size) {
    let Scale { left, right, top, bottom, .. } = *scale;
    let mut decade = scale.y_low.floor();
    while decade <= scale.y_high {
        for (index, step) in STEPS.iter().take(3).enumerate() {
            let log = decade + step;
            if log < scale.y_low - 1e-9 || log > scale.y_high + 1e-9 {
                continue;
            }
            let y = scale.y(log);
            let class = if index == 0 { "major" } else { "minor" };
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{left:.1},{y:.1}H{right:.1}\"/>");
            if index == 0 || scale.y_high - scale.y_low < 2.5 {
                let label = readable(10_f64.powf(log).round(), "µs").replace(".00 ", " ").replace(".0 ", " ");
                let (x, y) = (left - 8.0, y + size.font * 0.35);
                let _ = writeln!(
                    svg,
                    "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>"
                );
            }
        }
        decade += 1.0;
    }
    let mut nines: Vec<f64> = (0_u8..).map(f64::from).take_while(|nines| *nines <= scale.x_high).collect();
    // The median has a line of its own.
    nines.insert(1, LOG10_2);
    let mut label_end = 0.0;
    for nines in nines {
        let (x, y) = (scale.x(nines), bottom + size.font * 1.5);
        let class = if nines.fract() > 0.0 { "minor" } else { "major" };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x:.1},{top:.1}V{bottom:.1}\"/>");
        let label = percent(nines);
        // A digit is some 0.6 of the font wide. A label is left out where it would meet the one before it; the
        // median's also where it would crowd out the next.
        let half = label.len() as f64 * size.font * 0.3;
        if x - half > label_end && (class == "major" || scale.x_unit > 100.0) {
            label_end = x + half + size.font * 0.3;
            let _ = writeln!(
                svg,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>"
            );
        }
    }
    let (x, y) = (f64::midpoint(left, right), size.height - size.font * 0.5);
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">percentile</text>"
    );
}

fn draw(svg: &mut String, group: &Group, scale: &Scale, size: Size) {
    let _ = writeln!(svg, "<g class=\"kind k-{}\">", group.name);
    let mut labels = Vec::new();
    for (stage, points) in &group.curves {
        let name = stage.name();
        let mut path = String::new();
        for (index, (nines, log)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.2},{:.2}", scale.x(*nines), scale.y(*log));
        }
        let _ =
            writeln!(svg, "<path class=\"curve s-{name}\" data-stage=\"{}\" d=\"{path}\"/>", stage.title());
        if let Some((nines, log)) = points.last() {
            let (x, y) = (scale.x(*nines), scale.y(*log));
            let _ = writeln!(svg, "<circle class=\"end s-{name}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            // A single value has no curve to read it from.
            let value = match points.len() {
                1 if *log > 0.0 => readable(10_f64.powf(*log), "µs"),
                1 => "≤ 1 ns".to_owned(),
                _ => String::new(),
            };
            labels.push(Label { x, y, stage: *stage, value });
        }
    }
    spread(&mut labels, size.font, scale);
    for Label { x, y, stage, value } in labels {
        let (x, y) = (x + 8.0, y + size.font * 0.35);
        let (name, title) = (stage.name(), stage.title());
        let text = format!("{title} {value}");
        let text = text.trim_end();
        let _ = writeln!(svg, "<text class=\"name s-{name}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }
    svg.push_str("</g>\n");
}

/// A curve's name, at its end.
#[derive(Clone, Debug)]
struct Label {
    x: f64,
    y: f64,
    stage: Stage,
    value: String,
}

/// Would these two overlap if they stood on one line? A letter is some 0.6 of the font wide.
fn meet(a: &Label, b: &Label, font: f64) -> bool {
    let (left, right) = if a.x < b.x { (a, b) } else { (b, a) };
    let letters = left.stage.title().len() + left.value.chars().count() + 1;
    right.x - left.x < letters as f64 * 0.6 * font
}

/// Moves labels apart until each has its line's height, from the top down, then from the bottom up. Labels that do not
/// stand above one another do not disturb each other.
fn spread(labels: &mut [Label], font: f64, scale: &Scale) {
    let gap = font * 1.2;
    labels.sort_by(|a, b| a.y.total_cmp(&b.y));
    for index in 0..labels.len() {
        let (above, rest) = labels.split_at_mut(index);
        let Some(label) = rest.first_mut() else { continue };
        label.y = above
            .iter()
            .filter(|other| meet(other, label, font))
            .fold(label.y.max(scale.top), |y, other| y.max(other.y + gap));
    }
    for index in (0..labels.len()).rev() {
        let (rest, below) = labels.split_at_mut(index + 1);
        let Some(label) = rest.last_mut() else { continue };
        label.y = below
            .iter()
            .filter(|other| meet(other, label, font))
            .fold(label.y.min(scale.bottom - gap * 0.5), |y, other| y.min(other.y - gap));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, Report, samples};
    use super::*;

    #[test]
    fn every_point_lies_inside_the_plot() {
        // All curves of the sample, at both sizes.
        let report = samples::report();
        for size in [Size::WIDE, Size::NARROW] {
            let groups = groups(&report);
            let curves = || groups.iter().flat_map(|g| &g.curves).map(|(_, points)| points.as_slice());
            let scale = Scale::around(curves(), size).unwrap();
            for (nines, log) in curves().flatten() {
                let (x, y) = (scale.x(*nines), scale.y(*log));
                assert!(x >= scale.left && x <= scale.right + 1e-6, "{x}");
                assert!(y >= scale.top - 1e-6 && y <= scale.bottom + 1e-6, "{y}");
            }
        }
    }

    #[test]
    fn labels_never_overlap_and_stay_inside() {
        // Five labels at one height in the middle, at the top and at the bottom; and one that stands far to the left.
        let scale = Scale::around([[(0.0, 1.0), (4.0, 5.0)].as_slice()].into_iter(), Size::WIDE).unwrap();
        let label = |x, y, stage| Label { x, y, stage, value: String::new() };
        for height in [scale.top, 200.0, scale.bottom] {
            let mut labels = Stage::ALL.map(|stage| label(0.0, height, stage));
            spread(&mut labels, 10.0, &scale);
            assert!(labels.windows(2).all(|pair| pair[1].y - pair[0].y >= 12.0 - 1e-9), "{labels:?}");
            assert!(labels[0].y >= scale.top && labels[4].y <= scale.bottom, "{labels:?}");
        }
        let mut apart = [label(0.0, 200.0, Stage::Apply), label(500.0, 201.0, Stage::Ring)];
        spread(&mut apart, 10.0, &scale);
        assert_eq!((apart[0].y, apart[1].y), (200.0, 201.0));
    }

    #[test]
    fn a_few_zeros_do_not_stretch_the_axis() {
        // A thousand values of 40 ns and three of 0: the axis begins at 20 ns, and the zeros stand on its edge.
        let mut recorder = Recorder::new();
        for nanos in std::iter::repeat_n(40, 1_000).chain([0; 3]) {
            recorder.record(Stage::Publish, MessageKind::Bbo, nanos);
        }
        let points = curve(&recorder.stage(Stage::Publish));
        let scale = Scale::around([points.as_slice()].into_iter(), Size::WIDE).unwrap();
        assert!((scale.y_low - 20_f64.log10()).abs() < 1e-9, "{}", scale.y_low);
        assert!((scale.y(points[0].1) - scale.bottom).abs() < 1e-9);
    }

    #[test]
    fn one_value_draws_and_none_draws_nothing() {
        // The two smallest runs.
        let mut recorder = Recorder::new();
        assert_eq!(svg(&Report::new(samples::info(), recorder.clone()), Size::WIDE), "");
        recorder.record(Stage::Parse, MessageKind::Trade, 0);
        let text = svg(&Report::new(samples::info(), recorder), Size::WIDE);
        assert!(text.contains("<circle") && !text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(text.contains(">parse ≤ 1 ns</text>"), "{text}");
    }
}
