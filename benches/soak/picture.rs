//! The run as a picture: memory above, latencies below.

use std::error::Error;
use std::path::Path;

use plotters::element::PathElement;
use plotters::prelude::{
    BLACK, BitMapBackend, ChartBuilder, DrawingArea, IntoDrawingArea, IntoLogRange, RGBColor, WHITE,
};
use plotters::style::{FontStyle, register_font};

use crate::Second;

const SIZE: (u32, u32) = (1_600, 1_000);

/// The curves of the latencies.
const CURVES: [(&str, RGBColor); 3] = [
    ("p50", RGBColor(0x0b, 0x6f, 0xb8)),
    ("p99", RGBColor(0xc2, 0x50, 0x0a)),
    ("p99.9", RGBColor(0x8a, 0x6a, 0x00)),
];

type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

/// Draws the picture as a PNG.
pub(crate) fn draw(path: &Path, seconds: &[Second], books: usize) -> Result<(), Box<dyn Error>> {
    register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::HACK_REGULAR)
        .map_err(|_| "the built-in font cannot be read")?;
    let mut rgb = vec![0; SIZE.0 as usize * SIZE.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut rgb, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (memory, latency) = area.split_vertically(SIZE.1 * 2 / 5);
        draw_memory(&memory, seconds)?;
        draw_latency(&latency, seconds, books)?;
        area.present()?;
    }
    let file = std::fs::File::create(path)?;
    let mut encoder = png::Encoder::new(file, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(())
}

fn minutes(seconds: &[Second]) -> f64 {
    seconds.last().map_or(1.0, |second| second.at / 60.0)
}

fn draw_memory(area: &Area<'_>, seconds: &[Second]) -> Result<(), Box<dyn Error>> {
    let highest = seconds.iter().map(|second| second.resident_mb).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("memory of exchange and feed in one process, MB resident", ("sans-serif", 26))
        .margin(16)
        .margin_right(48)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..minutes(seconds), 0.0..highest * 1.2)?;
    let mesh = &mut chart.configure_mesh();
    mesh.label_style(("sans-serif", 20)).x_desc("minutes").max_light_lines(1);
    mesh.x_label_formatter(&|minute| format!("{minute:.0}")).draw()?;
    let points: Vec<_> = seconds.iter().map(|second| (second.at / 60.0, second.resident_mb)).collect();
    chart.draw_series([PathElement::new(points, BLACK)])?;
    Ok(())
}

fn draw_latency(area: &Area<'_>, seconds: &[Second], books: usize) -> Result<(), Box<dyn Error>> {
    let all = || seconds.iter().flat_map(|second| second.latency[..3].iter().copied());
    let (lowest, highest) = (all().fold(f64::MAX, f64::min).max(0.1), all().fold(1.0, f64::max));
    let caption = format!(
        "end to end, microseconds, second by second: p50 (blue), p99 (orange), p99.9 (brown); {books} books"
    );
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 26))
        .margin(16)
        .margin_right(48)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..minutes(seconds), (lowest / 1.5..highest * 1.5).log_scale())?;
    let mesh = &mut chart.configure_mesh();
    mesh.label_style(("sans-serif", 20)).x_desc("minutes").max_light_lines(1);
    mesh.x_label_formatter(&|minute| format!("{minute:.0}")).draw()?;
    // The tail first, so that the others lie upon it.
    for (index, (_, colour)) in CURVES.iter().enumerate().rev() {
        let points: Vec<_> =
            seconds.iter().map(|second| (second.at / 60.0, second.latency[index].max(0.1))).collect();
        chart.draw_series([PathElement::new(points, *colour)])?;
    }
    Ok(())
}
