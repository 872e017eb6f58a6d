//! `touchline instruments`: what a venue trades.

use serde::Serialize;
use touchline::market::{Decimal, Instrument, InstrumentKind, InstrumentStatus};

use crate::arguments::Instruments;
use crate::exit::{Ending, Failure};
use crate::{live, out, progress, screen};

#[derive(Serialize)]
struct Row {
    name: String,
    symbol: String,
    kind: &'static str,
    tick: Option<String>,
    lot: Option<String>,
    contract: Option<String>,
    status: &'static str,
}

pub(crate) fn run(arguments: &Instruments) -> Result<Ending, Failure> {
    let config = live::reach(&arguments.reach)?;
    config.check()?;
    let asking = format!("asking {} for its instruments", arguments.venue);
    let list = progress::during(&asking, || touchline::instruments(&arguments.venue, &config))?;
    let filter = arguments.filter.as_deref().unwrap_or_default().to_lowercase();
    let wanted = |instrument: &&Instrument| {
        [&instrument.name, &instrument.symbol].iter().any(|text| text.to_lowercase().contains(&filter))
    };
    let mut rows: Vec<_> = list.iter().filter(wanted).map(row).collect();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    if arguments.json {
        out::json(&rows)?;
        return Ok(Ending::Sound);
    }
    if !rows.is_empty() {
        out::result(table(&rows).trim_end())?;
    }
    out::remark(&format!("{} of {} instruments of {}", rows.len(), list.len(), arguments.venue));
    Ok(Ending::Sound)
}

fn row(instrument: &Instrument) -> Row {
    let at = |mantissa: i128, scale| Decimal { mantissa, scale }.to_string();
    Row {
        name: format!("{}:{}", instrument.venue, instrument.name),
        symbol: instrument.symbol.clone(),
        kind: match instrument.kind {
            InstrumentKind::Spot => "spot",
            InstrumentKind::Perpetual => "perpetual",
            InstrumentKind::Future => "future",
            InstrumentKind::Call => "call",
            InstrumentKind::Put => "put",
        },
        tick: instrument.tick_size.map(|tick| at(tick.0.into(), instrument.price_scale)),
        lot: instrument.lot_size.map(|lot| at(lot.0.into(), instrument.qty_scale)),
        contract: instrument.contract.as_ref().map(|contract| format!("{} {}", contract.size, contract.unit)),
        status: match instrument.status {
            InstrumentStatus::Trading => "trading",
            InstrumentStatus::Halted => "halted",
            InstrumentStatus::Unknown => "unknown",
        },
    }
}

fn table(rows: &[Row]) -> String {
    let head = ["instrument", "symbol", "kind", "tick", "lot", "contract", "status"];
    let mut cells = vec![head.map(str::to_owned)];
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    cells.extend(rows.iter().map(|row| {
        let Row { name, symbol, kind, tick, lot, contract, status } = row;
        [
            name.clone(),
            symbol.clone(),
            (*kind).to_owned(),
            or_dash(tick),
            or_dash(lot),
            or_dash(contract),
            (*status).to_owned(),
        ]
    }));
    screen::table(&cells, [false, false, false, true, true, false, false])
}
