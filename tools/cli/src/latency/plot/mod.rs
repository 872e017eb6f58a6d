//! The pictures: `latency.html` and `latency.png`, drawn from the same shapes.

mod page;
mod panel;
mod picture;
mod png;

use std::path::Path;

use touchline::latency::compare::Row;
use touchline::latency::log::stage_of;

use super::show::Told;
use crate::exit::Failure;
use crate::out;
use picture::Picture;

/// Tags in a picture at most; more would be too many to look at.
const TAGS_MAX: usize = 12;

/// A tag's pictures.
struct Panels {
    percentiles: Picture,
    /// Absent unless asked for.
    over_time: Option<Picture>,
}

/// Writes both files into a folder that is there. All tags compared are drawn if they were `chosen`; otherwise the
/// stages over all kinds, and tags that are no kind of a stage.
pub(super) fn write(folder: &Path, told: &Told<'_>, chosen: bool, over_time: bool) -> Result<(), Failure> {
    let rows: Vec<&Row<'_>> =
        told.compared.rows.iter().filter(|row| chosen || stage_of(row.tag).is_none()).collect();
    if rows.len() > TAGS_MAX {
        out::remark(&format!(
            "note: only the first {TAGS_MAX} of {} tags are drawn; choose by --tag",
            rows.len()
        ));
    }
    let panels: Vec<Panels> = rows
        .into_iter()
        .take(TAGS_MAX)
        .map(|row| Panels {
            percentiles: panel::percentiles(row),
            over_time: over_time.then(|| panel::over_time(row.tag, told.logs)),
        })
        .collect();
    let failed = |path: &Path, source| Failure::Write { path: path.to_owned(), source };
    let page = folder.join("latency.html");
    std::fs::write(&page, page::page(told, &panels)).map_err(|source| failed(&page, source))?;
    let image = folder.join("latency.png");
    let bytes = png::bytes(told.runs, &panels).map_err(|source| failed(&image, source))?;
    std::fs::write(&image, bytes).map_err(|source| failed(&image, source))?;
    out::remark(&format!("wrote {} and {}", page.display(), image.display()));
    Ok(())
}
