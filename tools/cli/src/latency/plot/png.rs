//! The pictures as one image: light, two columns, twice as many pixels as the page has.

use std::io;

use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle, register_font};

use super::super::Run;
use super::Panels;
use super::picture::{Anchor, FONT, HEIGHT, Ink, Picture, Shape, WIDTH};

/// Pixels of the image for each of a picture.
const SCALE: f64 = 2.0;

/// Room around the pictures.
const MARGIN: f64 = 16.0;

/// A line of the legend.
const LINE: f64 = FONT * 1.6;

/// The name of the font for the drawing library.
const FACE: &str = "hack";

/// The font's height from its highest to its lowest point, for each of its nominal size.
const FONT_HEIGHT: f64 = 1.164;

/// The runs' colours, those of the light page.
const RUNS: [RGBColor; 8] = [
    RGBColor(0x0b, 0x6f, 0xb8),
    RGBColor(0xc2, 0x50, 0x0a),
    RGBColor(0x0a, 0x7f, 0x5c),
    RGBColor(0xa1, 0x3c, 0x92),
    RGBColor(0x8a, 0x6a, 0x00),
    RGBColor(0xc0, 0x26, 0x4b),
    RGBColor(0x4a, 0x5c, 0x70),
    RGBColor(0x00, 0x8a, 0x9e),
];

fn colour(ink: Ink) -> RGBColor {
    match ink {
        Ink::Title => RGBColor(0x16, 0x20, 0x2c),
        Ink::Label => RGBColor(0x56, 0x63, 0x73),
        Ink::Major => RGBColor(0xd5, 0xdb, 0xe2),
        Ink::Minor => RGBColor(0xec, 0xef, 0xf3),
        Ink::Run(run) => RUNS[run % RUNS.len()],
    }
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// The whole file.
pub(super) fn bytes(runs: &[Run], panels: &[Panels]) -> io::Result<Vec<u8>> {
    register_font(FACE, FontStyle::Normal, epaint_default_fonts::HACK_REGULAR)
        .map_err(|_| io::Error::other("the built-in font cannot be read"))?;
    let pictures: Vec<&Picture> = panels
        .iter()
        .flat_map(|panels| std::iter::once(&panels.percentiles).chain(&panels.over_time))
        .collect();
    let legend = legend(runs);
    let head = legend.shapes.len() as f64 / 2.0 * LINE + MARGIN * 1.5;
    let pixels = |length: f64| (length * SCALE).round() as u32;
    let width = pixels(2.0 * WIDTH + 3.0 * MARGIN);
    let height = pixels(head + pictures.len().div_ceil(2) as f64 * (HEIGHT + MARGIN));
    let mut rgb = vec![0; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut rgb, (width, height)).into_drawing_area();
        area.fill(&RGBColor(0xff, 0xff, 0xff)).map_err(failed)?;
        draw(&area, &legend, (MARGIN, MARGIN))?;
        for (index, picture) in pictures.iter().enumerate() {
            let (column, row) = ((index % 2) as f64, (index / 2) as f64);
            let corner = (MARGIN + column * (WIDTH + MARGIN), head + row * (HEIGHT + MARGIN));
            draw(&area, picture, corner)?;
        }
        area.present().map_err(failed)?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&rgb)).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A line for each run: its colour, its letter and the end of its path.
fn legend(runs: &[Run]) -> Picture {
    let mut legend = Picture { title: String::new(), shapes: Vec::new() };
    let room = (2.0 * WIDTH / (FONT * 0.62)) as usize - 8;
    for (index, run) in runs.iter().enumerate() {
        let y = (index as f64 + 0.7) * LINE;
        legend.line(vec![(6.0, y - FONT * 0.35), (34.0, y - FONT * 0.35)], Ink::Run(index), 4.0);
        let length = run.path.chars().count();
        let end: String = run.path.chars().skip(length.saturating_sub(room)).collect();
        let cut = if length > room { "…" } else { "" };
        legend.text((42.0, y), format!("{}  {cut}{end}", run.letter), Anchor::Start, Ink::Title);
    }
    legend
}

fn draw(area: &Area<'_>, picture: &Picture, corner: (f64, f64)) -> io::Result<()> {
    let pixel = |(x, y): (f64, f64)| {
        (((corner.0 + x) * SCALE).round() as i32, ((corner.1 + y) * SCALE).round() as i32)
    };
    for shape in &picture.shapes {
        let drawn = match shape {
            Shape::Line { points, ink, width } => {
                let stroke_width = (width * SCALE).round() as u32;
                let style = ShapeStyle { color: colour(*ink).to_rgba(), filled: false, stroke_width };
                area.draw(&PathElement::new(points.iter().copied().map(pixel).collect::<Vec<_>>(), style))
            }
            Shape::Dot { at, ink } => area.draw(&Circle::new(pixel(*at), 3.0 * SCALE, colour(*ink).filled())),
            Shape::Text { at, text, anchor, ink } => {
                let place = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let size = FONT * SCALE * FONT_HEIGHT;
                // The library puts a text's baseline half its size below the point.
                let at = pixel((at.0, at.1 - size / 2.0 / SCALE));
                let colour = colour(*ink);
                let style =
                    TextStyle::from((FACE, size).into_font()).color(&colour).pos(Pos::new(place, VPos::Top));
                area.draw(&Text::new(text.as_str(), at, style))
            }
        };
        drawn.map_err(failed)?;
    }
    Ok(())
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> io::Error {
    io::Error::other(error.to_string())
}
