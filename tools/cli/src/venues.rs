//! `touchline venues`.

use serde::Serialize;

use crate::arguments::Venues;
use crate::exit::{Ending, Failure};
use crate::out;

#[derive(Serialize)]
struct Row {
    name: String,
    title: &'static str,
    channels: Vec<&'static str>,
    continuity: String,
    docs: &'static str,
}

pub(crate) fn run(arguments: &Venues) -> Result<Ending, Failure> {
    let rows: Vec<_> = touchline_venue::all()
        .iter()
        .map(|facts| Row {
            name: facts.name.to_string(),
            title: facts.title,
            channels: facts.channels.iter().map(|channel| channel.name()).collect(),
            continuity: format!("{:?}", facts.continuity).to_lowercase(),
            docs: facts.docs,
        })
        .collect();
    if arguments.json {
        out::json(&rows)?;
        return Ok(Ending::Sound);
    }
    let mut text = format!("{:<15} {:<23} {:<12} {}\n", "name", "venue", "continuity", "channels");
    for row in &rows {
        let channels = row.channels.join(" ");
        text += &format!("{:<15} {:<23} {:<12} {channels}\n", row.name, row.title, row.continuity);
    }
    out::result(text.trim_end())?;
    Ok(Ending::Sound)
}
