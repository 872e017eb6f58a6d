//! A picture as a list of shapes, and that list as SVG.

use std::fmt::Write as _;

/// What a shape is drawn with; the page and the image each have their colours for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ink {
    /// A title.
    Title,
    /// A label on an axis.
    Label,
    /// A line of the grid with a label.
    Major,
    /// A line between those.
    Minor,
    /// A run, by its number.
    Run(usize),
}

impl Ink {
    /// The class of the page's style.
    pub(super) fn class(self) -> String {
        match self {
            Self::Title => "title".to_owned(),
            Self::Label => "label".to_owned(),
            Self::Major => "major".to_owned(),
            Self::Minor => "minor".to_owned(),
            Self::Run(run) => format!("run-{run}"),
        }
    }
}

/// Which point of a text stands where it is put, on its baseline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One thing to draw. Points are x and y from the top left, in pixels of a screen.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A line through points, so wide.
    Line { points: Vec<(f64, f64)>, ink: Ink, width: f64 },
    /// A filled circle.
    Dot { at: (f64, f64), ink: Ink },
    /// Text without markup.
    Text { at: (f64, f64), text: String, anchor: Anchor, ink: Ink },
}

/// A picture of [`WIDTH`] by [`HEIGHT`].
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// What it shows, in words.
    pub(super) title: String,
    pub(super) shapes: Vec<Shape>,
}

/// Pixels.
pub(super) const WIDTH: f64 = 460.0;
/// Pixels.
pub(super) const HEIGHT: f64 = 300.0;
/// The letters' height, in pixels.
pub(super) const FONT: f64 = 13.0;

impl Picture {
    pub(super) fn line(&mut self, points: Vec<(f64, f64)>, ink: Ink, width: f64) {
        self.shapes.push(Shape::Line { points, ink, width });
    }

    pub(super) fn text(&mut self, at: (f64, f64), text: impl Into<String>, anchor: Anchor, ink: Ink) {
        self.shapes.push(Shape::Text { at, text: text.into(), anchor, ink });
    }

    /// The picture as an element of a page.
    pub(super) fn svg(&self) -> String {
        let title = escaped(&self.title);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\" font-size=\"{FONT}\">\n"
        );
        for shape in &self.shapes {
            // Writing to a string cannot fail.
            let _ = match shape {
                Shape::Line { points, ink, width } => {
                    let path = points.iter().fold(String::new(), |mut path, (x, y)| {
                        let _ = write!(path, "{}{x:.1},{y:.1}", if path.is_empty() { 'M' } else { 'L' });
                        path
                    });
                    writeln!(svg, "<path class=\"{}\" stroke-width=\"{width}\" d=\"{path}\"/>", ink.class())
                }
                Shape::Dot { at: (x, y), ink } => {
                    writeln!(svg, "<circle class=\"{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>", ink.class())
                }
                Shape::Text { at: (x, y), text, anchor, ink } => {
                    let anchor = match anchor {
                        Anchor::Start => "start",
                        Anchor::Middle => "middle",
                        Anchor::End => "end",
                    };
                    let (class, text) = (ink.class(), escaped(text));
                    writeln!(
                        svg,
                        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
                    )
                }
            };
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Text as content or attribute value; control characters become the replacement character.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(char::REPLACEMENT_CHARACTER),
            other => safe.push(other),
        }
    }
    safe
}
